"""The files of an emulated machine and the emulator, fetched once and kept."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from debian_packages import Archive, host_architecture, unpack
from kept_folders import made_once
from machines import Machine

from edgeq.scratch import scratch_folder

PIP = Path("opt", "pip")
"""Where the distribution's pip lies, unpacked."""

_OLDEST_EMULATOR = 9
"""LiteRT 2.2 crashes in qemu-user 7.2; 10.0 runs it."""

_EMULATORS = ("qemu-aarch64", "qemu-arm")

# What the system's package scripts would have linked.
_ALTERNATIVES = ("blas/libblas.so.3", "lapack/liblapack.so.3")


def interpreter(root: Path, machine: Machine) -> Path:
    """Python itself, which this machine's kernel cannot start."""
    return root / "usr" / "bin" / f"python{machine.python}"


def sysroot(machine: Machine) -> Path:
    """The machine's files and a ``usr/bin/python3`` that this machine's kernel can start."""
    emulator = emulator_folder() / machine.emulator
    # The emulator's path is in the script.
    made_from = hashlib.sha256(f"{machine.digest} {emulator}".encode()).hexdigest()[:12]
    name = f"{machine.archive.codename}-{machine.archive.architecture}-{made_from}"
    with made_once(name) as (root, new):
        if new is not None:
            unpack(machine.archive, machine.packages, new)
            _complete(new)
            write_starter(new / "usr" / "bin" / "python3", [str(emulator)], root, machine)
            (wheel,) = (new / "usr" / "share" / "python-wheels").glob("pip-*.whl")
            shutil.unpack_archive(wheel, new / PIP, "zip")
    return root


def write_starter(path: Path, emulator: Sequence[str], root: Path, machine: Machine) -> None:
    """Writes a script that is Python there; from $0, the name that it was called by, Python finds its packages."""
    start, program = (
        shlex.join([*emulator, "-L", str(root), "-0"]),
        shlex.quote(str(interpreter(root, machine))),
    )
    path.unlink(missing_ok=True)
    path.write_text(f'#!/bin/sh\nexec {start} "$0" {program} "$@"\n', "utf-8")
    path.chmod(0o755)


def _complete(root: Path) -> None:
    """Links that are made when packages are set up, which nobody does here."""
    for name in ("bin", "lib", "sbin"):
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for library in _ALTERNATIVES:
        for path in (root / "usr" / "lib").glob(f"*-linux-*/{library}"):
            (path.parents[1] / path.name).symlink_to(library)


def emulator_folder() -> Path:
    """A folder with qemu-user's programs: this machine's own where they are new enough."""
    found = shutil.which(_EMULATORS[0])
    if found and all((Path(found).parent / name).exists() for name in _EMULATORS):
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"version (\d+)", told)
        if version and int(version[1]) >= _OLDEST_EMULATOR:
            return Path(found).parent
    archive = Archive("trixie", host_architecture())
    with made_once(f"qemu-user-{archive.codename}-{archive.architecture}") as (folder, new):
        if new is not None:
            with scratch_folder("qemu") as unpacked:
                # They are linked statically and depend on nothing.
                unpack(archive, ["qemu-user"], unpacked, with_dependencies=False)
                for name in _EMULATORS:
                    shutil.copy2(unpacked / "usr" / "bin" / name, new)
    return folder
