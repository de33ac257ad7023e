"""Text for terminals without Unicode, and how many columns of a terminal a text takes."""

from __future__ import annotations

import unicodedata

BARS = " ▁▂▃▄▅▆▇█"
"""Of a chart in a line, from nothing to full."""

# What a terminal without Unicode shows instead; Windows consoles and LC_ALL=C still meet users.
_PLAIN = str.maketrans(
    {"×": "x", "−": "-", "±": "+-", "·": "-", "…": "...", "→": "->", "–": "-", "÷": "/", "µ": "u", "∞": "inf"}
    | {"✓": "yes", "✗": "no", "★": "*", "°": "", "├": "|", "└": "`", "│": "|", "─": "-"}
    | dict(zip(BARS, " .:-=+*#@", strict=True))
)

_NO_WIDTH = ("Mn", "Me", "Cf")


def encodable(text: str, encoding: str) -> str:
    """The text with what the encoding lacks replaced.

    Args:
        text: to print.
        encoding: of the stream; an unknown one counts as ASCII.
    """
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
    return text


def display_width(text: str) -> int:
    """Columns that a text takes: two of a wide character, none of an accent (Unicode Standard Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
