"""Tables and paragraphs as aligned lines of text, by the width that characters take on a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from edgeq.report.columns import GAP
from edgeq.report.plain_characters import display_width

Cell = tuple[str, ...]
"""The lines of a cell."""

_NARROWEST = 8
"""Columns of text are never folded to less."""


@dataclass(frozen=True)
class TextColumn:
    """One column.

    Attributes:
        heading: its lines.
        is_number: whether cells are aligned to the right and never folded.
    """

    heading: Cell
    is_number: bool


def table_lines(
    columns: Sequence[TextColumn],
    rows: Sequence[Sequence[Cell]],
    *,
    width: int,
    rule: str = "─",
    ends: Collection[int] = (),
) -> list[str]:
    """A heading, a rule, and the rows; columns of text are folded until the table fits.

    Args:
        columns: of the table.
        rows: as many cells as columns each.
        width: of the terminal; numbers alone may be wider.
        rule: the character of the line below the heading.
        ends: indices of rows that a blank line follows.

    Returns:
        Lines without spaces at their ends.
    """
    widths = _widths(columns, rows, width)
    headings = [_folded(column.heading, wide) for column, wide in zip(columns, widths, strict=True)]
    tallest = max(map(len, headings), default=0)
    headings = [("",) * (tallest - len(heading)) + heading for heading in headings]
    lines = _row_lines(columns, headings, widths)
    lines.append(rule * (sum(widths) + GAP * (len(widths) - 1)))
    for place, row in enumerate(rows):
        cells = [_folded(cell, wide) for cell, wide in zip(row, widths, strict=True)]
        lines += _row_lines(columns, cells, widths)
        if place in ends:
            lines.append("")
    return lines


def paragraph(text: str, width: int, *, indent: int = 0) -> list[str]:
    """A text broken at spaces; lines after the first begin with an indent."""
    lines: list[str] = []
    rest = text
    while rest or not lines:
        room = max(_NARROWEST, width - (indent if lines else 0))
        line, rest = _broken(rest, room)
        lines.append(" " * (indent if lines else 0) + line)
    return lines


def _broken(text: str, width: int) -> tuple[str, str]:
    """As much of a text as fits, and the rest: broken at the last space, within a word where there is none."""
    if display_width(text) <= width:
        return text, ""
    used, end = 0, 0
    while end < len(text) and used + display_width(text[end]) <= width:
        used += display_width(text[end])
        end += 1
    end = max(end, 1)
    space = end if text[end : end + 1] == " " else text.rfind(" ", 0, end)
    if space > 0:
        return text[:space].rstrip(), text[space:].lstrip()
    return text[:end], text[end:]


def _folded(cell: Cell, width: int) -> Cell:
    return tuple(line for text in cell or ("",) for line in paragraph(text, width))


def _widths(columns: Sequence[TextColumn], rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    widths = [
        max(
            display_width(text)
            for cell in (column.heading, *(row[place] for row in rows))
            for text in (*cell, "")
        )
        for place, column in enumerate(columns)
    ]
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    # The widest text gives way first.
    while excess > 0:
        foldable = [place for place, column in enumerate(columns) if not column.is_number]
        widest = max(foldable, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            break
        less = min(excess, widths[widest] - _NARROWEST)
        widths[widest] -= less
        excess -= less
    return widths


def _row_lines(columns: Sequence[TextColumn], cells: Sequence[Cell], widths: Sequence[int]) -> list[str]:
    lines = []
    for turn in range(max(map(len, cells), default=0)):
        parts = []
        for column, cell, wide in zip(columns, cells, widths, strict=True):
            text = cell[turn] if turn < len(cell) else ""
            space = " " * (wide - display_width(text))
            parts.append(space + text if column.is_number else text + space)
        lines.append((" " * GAP).join(parts).rstrip())
    return lines
