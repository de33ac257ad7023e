"""The parts that the app is built from: pinned by version and SHA-256, fetched once into the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tomllib

from edgeq.cache import cache_folder
from edgeq.scratch import scratch_folder
from tools.android.commands import BuildError
from tools.kept_folders import made_once

PINNED = Path(__file__).with_name("parts.toml")

_AT_ONCE = 4
_TRIES = 3
_CONNECT_TIMEOUT_S = 60

REPOSITORY_VARIABLE = "EDGEQ_MAVEN_REPOSITORY"
"""Address of one more Maven repository to look in, where Central or its mirror lacks a part: AndroidX has its own."""


class PartMissingError(BuildError):
    """A part cannot be fetched."""


@dataclass(frozen=True)
class Section:
    """Parts that are used together.

    Attributes:
        name: as in ``parts.toml``.
        digests: SHA-256 of each part, by its name.
    """

    name: str
    digests: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Of all its parts, in hexadecimal: it changes with each of them."""
        return hashlib.sha256(repr(sorted(self.digests.items())).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """Where its parts are kept."""
        return cache_folder("android-parts") / f"{self.name}-{self.digest[:12]}"


def section(name: str) -> Section:
    """One section of ``parts.toml``.

    Args:
        name: of the section.

    Raises:
        KeyError: there is none with this name.
    """
    return Section(name, tomllib.loads(PINNED.read_text("utf-8"))[name])


def maven_parts(name: str) -> list[Path]:
    """The files of a section that come from Maven, in its order; those not in the cache are fetched.

    Args:
        name: of the section.

    Raises:
        BuildError: a part cannot be fetched, or is not the one that was pinned.
    """
    wanted = section(name)
    with made_once(wanted.folder) as (folder, new):
        if new is not None:
            say(f"fetching {name} ({len(wanted.digests)} files) into {folder}")
            with scratch_folder("maven") as scratch, ThreadPoolExecutor(_AT_ONCE) as pool:
                found = pool.map(lambda part: fetched_from_maven(part, scratch), wanted.digests)
                for part, path in zip(wanted.digests, found, strict=True):
                    _check_digest(path, wanted.digests[part])
                    shutil.move(path, new / file_name(part))
    return [folder / file_name(part) for part in wanted.digests]


def maven_part(name: str, artifact: str) -> Path:
    """The file of one artifact of a section.

    Args:
        name: of the section.
        artifact: without its group and version.

    Raises:
        BuildError: see `maven_parts`.
    """
    parts = dict(zip(section(name).digests, maven_parts(name), strict=True))
    (found,) = (path for part, path in parts.items() if part.split(":")[1] == artifact)
    return found


def file_name(part: str) -> str:
    """Name of a part's file; the group is in it, because two groups may use one artifact's name."""
    group, artifact, version, *packaging = part.split(":")
    return f"{group}.{artifact}-{version}.{packaging[0] if packaging else 'jar'}"


def fetched_from_maven(part: str, folder: Path) -> Path:
    """Fetches one file of Maven Central.

    Args:
        part: its coordinates, ``group:artifact:version`` or with ``:packaging`` behind.
        folder: to keep it in, as a local Maven repository.

    Raises:
        BuildError: the client is not installed.
        PartMissingError: it cannot be fetched.
    """
    try:
        from jgo.maven import MavenContext
    except ImportError as error:
        raise BuildError(f'{error}: pip install "edgeq[test]", which has jgo, a client of Maven') from error
    group, artifact, version, *packaging = part.split(":")
    context = MavenContext(repo_cache=folder, timeout=_CONNECT_TIMEOUT_S)
    if os.environ.get(REPOSITORY_VARIABLE):
        context.remote_repos["named"] = os.environ[REPOSITORY_VARIABLE]
    wanted = (
        context.project(group, artifact).at_version(version).artifact(packaging=(packaging or ["jar"])[0])
    )
    for left in range(_TRIES - 1, -1, -1):
        try:
            return Path(wanted.resolve())
        # The client raises RuntimeError for an answer that is no file, and OSError and its kin for the network.
        except (RuntimeError, OSError, AssertionError) as error:
            if not left:
                raise PartMissingError(
                    f"{part} cannot be fetched from Maven Central: {error}; {REPOSITORY_VARIABLE} may hold the address "
                    "of another repository"
                ) from error
            # A file that came half is not taken for the whole.
            if wanted.cached_path is not None:
                wanted.cached_path.unlink(missing_ok=True)
            time.sleep(1)
    raise AssertionError("the last try returns or raises")


def wheel_of(name: str, folder: Path) -> Path:
    """Fetches the wheel of a section with pip.

    Args:
        name: of the section.
        folder: to put it into.

    Raises:
        BuildError: it cannot be fetched, or is not the one that was pinned.
    """
    ((requirement, digest),) = section(name).digests.items()
    say(f"fetching {requirement}")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        requirement,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BuildError(f"{requirement} cannot be fetched from PyPI: {reason}")
    _check_digest(wheels[0], digest)
    return wheels[0]


def _check_digest(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise BuildError(
            f"{path.name} has SHA-256 {found}, expected {sha256}, which parts.toml pins: fetch it again"
        )


def say(line: str) -> None:
    """Prints what is being done, at once."""
    print(line, file=sys.stderr, flush=True)
