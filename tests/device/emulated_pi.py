"""A Raspberry Pi that is emulated: its Python, its packages and programs that run there, without root.

Alone: ``python tests/device/emulated_pi.py --machine bookworm64 -- python3 demo.pyz`` runs the packed bundle there, and
``… -- edgeq inspect model.tflite`` this checkout's edgeq. `--list` names the machines.

qemu-user translates one process; files are this machine's, but for those of the emulated system. A process that the
kernel is to start must be of this machine, so that Python there is a script that starts qemu-user: its
``sys.executable`` is the script, and what it starts by that is emulated too.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian_packages import UnavailableError, last_words
from kept_folders import made_once
from machines import Machine, machines
from sysroots import PIP, emulator_folder, interpreter, sysroot, write_starter

from edgeq.scratch import scratch_folder

RUNTIME, COMMANDS = "runtime", "commands"
"""Sets of packages: all that a packed bundle needs, and what edgeq's own commands need beside them."""

_COMMANDS = ("click", "rich", "markdown-it-py", "mdurl", "pygments", "tflite", "flatbuffers")
_TIMEOUT_S = 600.0


class PipError(Exception):
    """pip on the machine refuses what it is to install; one line."""


@dataclass(frozen=True)
class EmulatedPi:
    """A machine with a virtual environment and a home folder.

    Attributes:
        machine: which one.
        environment: the virtual environment, which sees the system's packages.
        home: working directory of what runs there.
    """

    machine: Machine
    environment: Path
    home: Path

    @property
    def python(self) -> Path:
        """The virtual environment's interpreter."""
        return self.environment / "bin" / "python3"

    @property
    def site_packages(self) -> Path:
        """The virtual environment's own packages."""
        return self.environment / "lib" / f"python{self.machine.python}" / "site-packages"

    def run(
        self, *command: str | Path, timeout_s: float = _TIMEOUT_S, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``python3`` or a program of the virtual environment and takes what it prints.

        Args:
            *command: a program's name and its arguments.
            timeout_s: after which it is ended.
            **variables: of its environment.
        """
        return subprocess.run(
            self.command(*command),
            cwd=self.home,
            env=self.variables(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
        )

    def command(self, *command: str | Path) -> list[str]:
        """How this machine starts a command of that one."""
        program, *arguments = map(str, command)
        path = self.environment / "bin" / program
        if not path.exists():
            raise FileNotFoundError(f"{program} is not installed on {self.machine.name}")
        # A script's first line may name an interpreter by 255 bytes at most, and pip's names this one.
        start = [] if path.name.startswith("python") else [str(self.python)]
        return [*start, str(path), *arguments]

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process there; nothing of this machine's is in it."""
        return {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": str(self.environment / "bin"),
            "TMPDIR": str(self.home),
            "COLUMNS": "200",
            **more,
        }

    def pip(self, *arguments: str | Path) -> None:
        """Runs pip there, as the distribution has it; it reaches no index.

        Raises:
            PipError: it fails.
        """
        root = _root(self.environment)
        start = _PIP_START
        if self.machine.emulator == "qemu-arm":
            # What it takes a wheel for 32-bit ARM for is in the header of this file, which else is our script.
            start = f"import sys; sys.executable = {str(interpreter(root, self.machine))!r}; {start}"
        command = ("python3", "-c", start, *arguments)
        done = self.run(*command, PYTHONPATH=str(root / PIP), PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1")
        if done.returncode != 0:
            told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise PipError(f"pip on {self.machine.name}: {last_words(' '.join(told) or done.stderr)}")

    def install(self, wheels: Path) -> None:
        """Installs edgeq: pip takes the wheel that fits, and what that asks for there must be there already.

        Args:
            wheels: folder with the wheels of a release.

        Raises:
            PipError: nothing fits, or something is missing.
        """
        self.pip("install", "--quiet", "--no-compile", "--find-links", wheels, "edgeq")


def boot(machine: Machine, folder: Path, *sets: str) -> EmulatedPi:
    """A machine with a new virtual environment; what has to be fetched is kept for the next time.

    Args:
        machine: which one.
        folder: for the virtual environment and the home folder.
        *sets: of packages that are installed there, `RUNTIME` and `COMMANDS`.

    Raises:
        UnavailableError: something cannot be fetched.
    """
    root = sysroot(machine)
    packages = [_packages(machine, root, name) for name in sets]
    return _with_environment(machine, root, folder, packages)


def _with_environment(machine: Machine, root: Path, folder: Path, packages: Sequence[Path]) -> EmulatedPi:
    home = folder / "home"
    home.mkdir(parents=True)
    made = EmulatedPi(machine, folder / "environment", home)
    base = EmulatedPi(machine, root / "usr", home)
    done = base.run("python3", "-m", "venv", "--system-site-packages", "--without-pip", made.environment)
    if done.returncode != 0:
        raise UnavailableError(f"{machine.name} makes no virtual environment: {last_words(done.stderr)}")
    write_starter(
        made.python, [str(emulator_folder() / machine.emulator), "-cpu", machine.cpu], root, machine
    )
    lines = [str(path) for path in packages]
    if machine.uname_machine is not None:
        (made.site_packages / "device_kernel.py").write_text(_KERNEL.format(machine.uname_machine), "utf-8")
        lines.append("import device_kernel")
    (made.site_packages / "device.pth").write_text("\n".join(lines) + "\n", "utf-8")
    return made


# qemu-user's 32-bit side always tells a 32-bit kernel, and has no option for another.
_KERNEL = """\
import os

_told = os.uname
os.uname = lambda: os.uname_result((*_told()[:4], {!r}))
"""

_PIP_START = "import runpy; runpy.run_module('pip', run_name='__main__')"


def _root(environment: Path) -> Path:
    """The system that a virtual environment belongs to."""
    text = (environment / "pyvenv.cfg").read_text("utf-8")
    match = re.search(r"^home = (.+)/usr/bin$", text, re.MULTILINE)
    assert match is not None, text
    return Path(match[1])


def _packages(machine: Machine, root: Path, name: str) -> Path:
    """A folder with a set of Python packages, installed by the machine's own pip."""
    needs = [_packages(machine, root, RUNTIME)] if name == COMMANDS else []
    wanted = machine.runtime if name == RUNTIME else _COMMANDS + (() if machine.system else ("pillow",))
    versions = "-".join(re.findall(r"==([\w.]+)", " ".join(wanted)))
    with made_once("-".join(filter(None, [root.name, name, versions]))) as (folder, new):
        if new is not None:
            with scratch_folder("wheels") as scratch:
                _download(machine, wanted, scratch / "wheels")
                # The kernel's name is no part of the files, so that both kinds of a 32-bit machine share them.
                there = _with_environment(machine, root, scratch / "machine", needs)
                there.pip("install", "--quiet", "--no-compile", "--find-links", scratch / "wheels", *wanted)
                ours = shutil.ignore_patterns("device.pth", "device_kernel.py")
                shutil.copytree(there.site_packages, new, dirs_exist_ok=True, ignore=ours)
    return folder


def _download(machine: Machine, wanted: Sequence[str], folder: Path) -> None:
    """Fetches wheels for the machine with this machine's pip, which is quick."""
    platforms = [f"--platform={platform}" for platform in machine.platforms]
    # The distribution's own packages have no wheels that pip could find.
    alone = ["--no-deps"] if machine.system else []
    fits = [*platforms, *alone, f"--python-version={machine.python}", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), *fits, *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"pip here fetches no wheels for {machine.name}: {last_words(done.stderr)}")


def _main() -> int:
    parser = argparse.ArgumentParser(description="Runs a command on an emulated Raspberry Pi.")
    parser.add_argument("--machine", default="bookworm64", help="bookworm64 by default")
    parser.add_argument("--list", action="store_true", help="name the machines")
    parser.add_argument("command", nargs="*", help="python3 or edgeq, and its arguments, after --")
    given = parser.parse_args()
    known = machines(importlib.metadata.version("ai-edge-litert"))
    if given.list:
        for machine in known.values():
            print(f"{machine.name:18}{machine.archive.codename}, Python {machine.python}, {machine.cpu}")  # noqa: T201
        return 0
    if given.machine not in known:
        parser.error(f"unknown machine {given.machine!r}: expected one of {', '.join(known)}")
    program, *arguments = given.command or ["python3"]
    try:
        with scratch_folder("machine") as folder:
            there = boot(known[given.machine], folder, RUNTIME, *([COMMANDS] if program == "edgeq" else []))
            if program == "edgeq":
                shutil.copytree(Path(__file__).parents[2] / "edgeq", there.site_packages / "edgeq")
                program, arguments = "python3", ["-m", "edgeq", *arguments]
            return subprocess.call(there.command(program, *arguments), env=there.variables({}))
    except (UnavailableError, PipError) as error:
        print(f"emulated_pi: {error}", file=sys.stderr)  # noqa: T201
        return 2


if __name__ == "__main__":
    sys.exit(_main())
