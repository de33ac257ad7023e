"""Checks the style of the app's Kotlin with ktlint.

usage: lint.py [--format]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.android.commands import java, reported, run
from tools.android.parts import maven_parts
from tools.android.project import APP

_PATTERNS = ("**/*.kt", "**/*.kts", "!build/**", "!**/build/**")


def lint(folder: Path = APP, *, write: bool = False) -> None:
    """Checks all Kotlin files of a folder by its ``.editorconfig``.

    Args:
        folder: with the files.
        write: correct what can be corrected.

    Raises:
        BuildError: a file has another style; the message names the lines and the rules.
        JavaMissingError: there is no JDK.
    """
    options = ["--relative", "--log-level=error", *(["--format"] if write else [])]
    command = java("com.pinterest.ktlint.Main", *options, *_PATTERNS, classpath=maven_parts("ktlint"))
    run(command, what="ktlint", folder=folder)


def main() -> int:
    """Checks or corrects the app."""
    parser = argparse.ArgumentParser(description="Checks the style of the app's Kotlin with ktlint.")
    parser.add_argument("--format", action="store_true", help="correct what can be corrected")
    lint(write=parser.parse_args().format)
    print("ktlint: no finding")
    return 0


if __name__ == "__main__":
    sys.exit(reported(main))
