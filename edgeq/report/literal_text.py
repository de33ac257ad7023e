"""Text on a terminal: taken literally, and readable where there is no Unicode."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

BARS = " ▁▂▃▄▅▆▇█"
"""Of a chart in a line, from nothing to full."""

# What a terminal without Unicode shows instead; Windows consoles and LC_ALL=C still meet users.
_PLAIN = str.maketrans(
    {"×": "x", "−": "-", "±": "+-", "·": "-", "…": "...", "→": "->", "–": "-", "÷": "/", "µ": "u", "∞": "inf"}
    | {"✓": "yes", "✗": "no", "├": "|", "└": "`", "│": "|", "─": "-"}
    | dict(zip(BARS, " .:-=+*#@", strict=True))
)


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
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
    return text
