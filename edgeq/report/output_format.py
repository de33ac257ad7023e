"""The formats of a report's file: which one a suffix asks for, and text as a pipe gets it."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from pathlib import PurePath
from typing import TYPE_CHECKING

from edgeq.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

_TEXT_COLUMNS = 120
"""Width of a text file, that of a pipe."""


def format_of_suffix(path: str | PurePath, formats: Collection[str], *, kind: str = "format") -> str:
    """The format that a file's suffix asks for.

    Args:
        path: of the file.
        formats: that there are; their names are also the suffixes.
        kind: what they are called in the error.

    Raises:
        UsageError: no format has that suffix.
    """
    suffix = PurePath(path).suffix.lower().lstrip(".")
    if suffix not in formats:
        known = _alternatives([f".{name}" for name in formats])
        raise UsageError(f"{path}: unknown {kind} {suffix!r}: expected a file that ends in {known}")
    return suffix


def unknown_format(name: str, formats: Collection[str], *, kind: str = "format") -> UsageError:
    """The error for a format that there is not."""
    return UsageError(f"unknown {kind} {name!r}: expected {_alternatives(list(formats))}")


def _alternatives(names: list[str]) -> str:
    """``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def as_text(print_it: Callable[[Console], None]) -> str:
    """What is printed on a console without colours, 120 columns wide; no line ends in spaces."""
    from rich.console import Console

    stream = io.StringIO()
    print_it(
        Console(file=stream, width=_TEXT_COLUMNS, highlight=False, force_terminal=False, color_system=None)
    )
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
