"""Turns class files into Android's bytecode with D8."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tools.android.commands import java, run
from tools.android.parts import section
from tools.android.sdk import LEAST_API, d8_jar, least_framework

COMPILER = section("sdk-programs").digest
"""Changes with D8."""


def to_dex(
    inputs: Sequence[Path], into: Path, *, classpath: Sequence[Path] = (), intermediate: bool = False
) -> None:
    """Writes ``classes.dex``, and more files where one cannot hold everything.

    Args:
        inputs: jars, or what an earlier call wrote.
        into: folder for the files, or the name of a zip.
        classpath: what the inputs refer to and is not written.
        intermediate: the files are to be merged with others by another call.

    Raises:
        BuildError: D8 refuses something.
    """
    # The oldest Android is what the code has to run on, and this D8 cannot read class files of the newest.
    options: list[object] = ["--release", "--min-api", LEAST_API, "--lib", least_framework()]
    options += ["--intermediate"] if intermediate else []
    for one in classpath:
        options += ["--classpath", one]
    command = java("com.android.tools.r8.D8", *options, "--output", into, *inputs, classpath=[d8_jar()])
    run(command, what="D8")
