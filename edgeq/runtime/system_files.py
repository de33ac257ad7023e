"""Reading of /proc and /sys, where a file may be missing, refuse, or hold anything."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path("/")
"""Where the system's own files are; tests give made-up trees instead."""

_MOST_BYTES = 4 << 20
"""/proc/cpuinfo has 1.4 kB a core on x86: this is enough for 2,900 cores, and no file of a driver fills the memory."""

_MOST_CHARACTERS = 200
"""Of a line that is shown: a board's or a system's name is shorter."""


def read_text(path: Path) -> str | None:
    """What a file holds, without white space and NUL around it; None where it is not readable or empty."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES)
    except (OSError, ValueError):
        return None
    return content.decode("utf-8", "replace").strip(" \t\r\n\0") or None


def read_line(path: Path) -> str | None:
    """The first line of a file as it can be shown in one line; None where there is none."""
    text = read_text(path)
    return None if text is None else shown(text.splitlines()[0])


def read_integer(path: Path) -> int | None:
    """The decimal number in a file; None where there is none."""
    text = read_text(path)
    # Python refuses to read more than 4,300 digits, and no file here holds more than 64 bits.
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,20}", text) else None


def folders(parent: Path, pattern: str) -> list[Path]:
    """What matches in a folder, in the order of the numbers in its names; empty where it is not readable."""
    try:
        found = list(parent.glob(pattern))
    except OSError:
        return []
    return sorted(found, key=lambda path: (_number(path), path.name))


def shown(text: str) -> str | None:
    """Text from a file as one line without characters that steer a terminal; None where nothing is left."""
    words = "".join(char if char.isprintable() else " " for char in text).split()
    return " ".join(words)[:_MOST_CHARACTERS] or None


def _number(path: Path) -> int:
    found = re.search(r"[0-9]{1,9}", path.name)
    return int(found.group()) if found else -1
