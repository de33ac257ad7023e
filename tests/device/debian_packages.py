"""Debian packages of another architecture or release, fetched and unpacked without root and apart from apt's own state.

apt does the work (signatures, digests, dependencies) in a folder of its own. The mirror is the one that this machine's
apt is set up with; on another distribution ``EDGEQ_DEBIAN_MIRROR`` names one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeq.scratch import scratch_folder

MIRROR_VARIABLE = "EDGEQ_DEBIAN_MIRROR"
"""Address of a mirror of Debian, for machines whose apt has none."""

_CODENAMES = ("bookworm", "trixie", "forky", "sid")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_INDEX = re.compile(r"'(?P<mirror>\S+)/dists/(?P<codename>[^/']+)/InRelease'")

_TIMEOUT_S = 300.0
"""For one call of apt; 10 s are usual."""


class UnavailableError(Exception):
    """What is needed cannot be had here; one line with what to do."""


@dataclass(frozen=True)
class Archive:
    """One release for one architecture.

    Attributes:
        codename: of the release, such as ``bookworm``.
        architecture: as Debian calls it, such as ``arm64``.
    """

    codename: str
    architecture: str


def host_architecture() -> str:
    """This machine's, as Debian calls it."""
    return _output(["dpkg", "--print-architecture"]).strip()


def require_debian() -> None:
    """Checks that packages can be fetched at all.

    Raises:
        UnavailableError: a tool, the archive's keys or a mirror is missing.
    """
    for tool in ("apt-get", "dpkg", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UnavailableError(
                f"{tool} is not installed: it is in the packages apt and dpkg, of other distributions too"
            )
    if not _KEYRING.exists():
        raise UnavailableError(f"{_KEYRING} is missing: sudo apt-get install debian-archive-keyring")
    mirror()


def mirror() -> str:
    """Address of a mirror of Debian: the variable's, or the first that apt is set up with.

    Raises:
        UnavailableError: there is none.
    """
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        return named.rstrip("/")
    # The addresses are told without fetching anything, so that no list need be there yet.
    told = _output(["apt-get", "-o", "Debug::NoLocking=true", "update", "--print-uris"])
    for match in _INDEX.finditer(told):
        if match["codename"] in _CODENAMES:
            return match["mirror"]
    raise UnavailableError(
        f"apt here has no mirror of Debian ({', '.join(_CODENAMES)}): set {MIRROR_VARIABLE} to the address of one"
    )


def unpack(
    archive: Archive, packages: Sequence[str], folder: Path, *, with_dependencies: bool = True
) -> None:
    """Unpacks packages into a folder; their scripts are not run.

    Args:
        archive: where they come from.
        packages: names.
        folder: to unpack into; what is there stays.
        with_dependencies: also all that they depend on, down to the C library.

    Raises:
        UnavailableError: the mirror does not answer, or has not got them.
    """
    require_debian()
    with _private_apt(archive) as (apt, downloads):
        _output([*apt, "update"])
        if with_dependencies:
            _output([*apt, "--yes", "--download-only", "install", *packages])
        else:
            _output([*apt, "download", *packages], downloads)
        for package in sorted(downloads.glob("*.deb")):
            _output(["dpkg-deb", "--extract", str(package), str(folder)])


@contextmanager
def _private_apt(archive: Archive) -> Iterator[tuple[list[str], Path]]:
    """A command of apt with a state of its own in which nothing is installed, and the folder that it downloads to."""
    with scratch_folder("apt") as folder:
        lists, downloads, nothing = folder / "lists", folder / "archives", folder / "nothing"
        for made in (lists, downloads):
            (made / "partial").mkdir(parents=True)
        nothing.mkdir()
        (folder / "status").touch()
        (folder / "sources.list").write_text(
            f"deb [signed-by={_KEYRING}] {mirror()} {archive.codename} main\n", encoding="utf-8"
        )
        options = folder / "apt.conf"
        options.write_text(
            _OPTIONS.format(folder=folder, architecture=archive.architecture), encoding="utf-8"
        )
        # Read behind the machine's own options, whose proxies and certificates hold here too.
        yield ["apt-get", "--quiet", f"--config-file={options}"], downloads


# NoLocking: nobody else uses these folders. Sandbox: apt's own user may not enter a private folder.
_OPTIONS = """\
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}";
Dir::Cache::archives "{folder}/archives";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/nothing";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{folder}/nothing";
Dir::Log "{folder}";
#clear APT::Architectures;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::CNF;
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Debug::NoLocking "true";
"""


def _output(command: Sequence[str], folder: Path | None = None) -> str:
    """What a command prints.

    Raises:
        UnavailableError: it is not there, fails, or takes far too long.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]} cannot be used: {error}") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb"))]
        raise UnavailableError(f"{command[0]} failed: {last_words(' '.join(lines) or done.stderr)}")
    return done.stdout


def last_words(text: str) -> str:
    """What a program printed last, on one line."""
    return " ".join(text.split())[-500:]
