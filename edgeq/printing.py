"""Names of files as messages show them."""

from __future__ import annotations

from pathlib import Path


def printable(path: Path) -> str:
    """A path for messages, in one line: bytes that are no UTF-8 and characters that steer a terminal are escaped."""
    return "".join(map(_printable_character, str(path)))


def _printable_character(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":
        # How Python keeps a byte of a name that is no UTF-8.
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
