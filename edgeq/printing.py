"""Foreign text as messages show it: names of files and tensors, and what goes into annotations of a workflow."""

from __future__ import annotations

from pathlib import Path


def printable(text: Path | str) -> str:
    """A path or a name in one line: bytes that are no UTF-8 and characters that steer a terminal are escaped."""
    return "".join(map(_printable_character, str(text)))


def workflow_command(kind: str, title: str, message: str, file: Path | None = None) -> str:
    """An annotation for GitHub Actions, escaped as in ``command.ts`` of GitHub's actions/toolkit.

    Args:
        kind: ``error`` or ``warning``.
        title: of the annotation.
        message: its text.
        file: that it is shown at; None for none.
    """
    properties = [f"title={_property(title)}"]
    if file is not None:
        properties.insert(0, f"file={_property(str(file))}")
    return f"::{kind} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _printable_character(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":
        # How Python keeps a byte of a name that is no UTF-8.
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
