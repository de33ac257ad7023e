"""Text on a terminal of rich: taken literally, and readable where there is no Unicode."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from edgeq.report.plain_characters import BARS, encodable

__all__ = ["BARS", "in_encoding", "literal"]


def literal(console: Console, text: str, style: str = "") -> Text:
    """Text that rich takes literally: a name like ``[red]`` is no markup.

    Args:
        console: where it is printed; its encoding decides about Unicode.
        text: to print.
        style: of rich.
    """
    return Text(in_encoding(console, text), style)


def in_encoding(console: Console, text: str) -> str:
    """The text with what the console's encoding lacks replaced."""
    return encodable(text, console.encoding)
