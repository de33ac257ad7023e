"""Starting the programs that the build is made of, and what it says where one of them fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

_TIMEOUT_S = 900.0
"""For one program; a tenth of it is usual on two busy cores."""

_JDK = "sudo apt-get install default-jdk-headless, or set JAVA_HOME to a JDK of version 17 or newer"


class BuildError(Exception):
    """A step of the build or a check failed; the message is what to show."""


class JavaMissingError(BuildError):
    """This machine has no JDK, without which nothing can be built."""


def jdk_program(name: str) -> Path:
    """A program of the JDK: of ``JAVA_HOME`` where that is set, otherwise the one on the path.

    Args:
        name: of the program, such as ``javac``.

    Raises:
        JavaMissingError: it is not there.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(name, path=str(Path(home) / "bin") if home else None)
    if found is None:
        raise JavaMissingError(f"{name} is not installed: {_JDK}")
    return Path(found)


def jdk_home() -> Path:
    """The folder of the JDK that programs are taken from.

    Raises:
        JavaMissingError: there is no JDK.
    """
    return jdk_program("javac").resolve().parents[1]


def java(*arguments: object, classpath: Sequence[Path] = (), memory_mb: int = 1024) -> list[str]:
    """A command that starts a short-lived Java program: little memory, and only the compiler that starts fast.

    Args:
        arguments: of ``java`` behind its own options.
        classpath: jars and folders.
        memory_mb: the largest heap.

    Raises:
        JavaMissingError: there is no JDK.
    """
    options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Xmx{memory_mb}m", "-Dfile.encoding=UTF-8"]
    path = ["-cp", joined(classpath)] if classpath else []
    return [str(jdk_program("java")), *options, *path, *map(str, arguments)]


def joined(classpath: Sequence[Path]) -> str:
    """A class path as Java's programs take it."""
    return os.pathsep.join(map(str, classpath))


def run(
    command: Sequence[object], *, what: str, folder: Path | None = None, results: Collection[int] = (0,)
) -> str:
    """Runs a program and returns what it prints.

    Args:
        command: the program and its arguments.
        what: it does, for the message where it fails.
        folder: it runs in; None for the current one.
        results: exit codes with which it has done what it should.

    Raises:
        BuildError: it cannot be started, fails or takes far too long; the message holds what it printed.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{what} failed: {error}") from error
    if done.returncode not in results:
        raise BuildError(f"{what} failed with exit code {done.returncode}:\n{done.stdout.strip()}")
    return done.stdout


def reported(main: Callable[[], int]) -> int:
    """Runs a script's work; failures become lines on standard error.

    Args:
        main: returns the exit code.

    Returns:
        The exit code: 0 also where Java is missing, which the line says, unless ``EDGEQ_REQUIRE_ALL=1``; 3 where a
        step failed.
    """
    try:
        return main()
    except JavaMissingError as error:
        if os.environ.get("EDGEQ_REQUIRE_ALL") == "1":
            print(f"error: {error}", file=sys.stderr)
            return 3
        print(f"skipped: {error}", file=sys.stderr)
        return 0
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
