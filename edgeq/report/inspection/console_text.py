"""Paragraphs, tables and bars on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from edgeq.report.inspection.bars import bar_heights
from edgeq.report.literal_text import BARS, literal

_GAP = 2
"""Columns of space between two columns of a table."""


@dataclass(frozen=True)
class Column:
    """A column of a table that may not fit.

    Attributes:
        heading: above it.
        is_number: whether it is aligned to the right.
        priority: 0 is always shown; of the others the largest go first.
        widest: characters of a cell that are shown in a line; 0 for all.
        folds: whether a longer cell goes on in the next line, instead of being cut.
    """

    heading: str
    is_number: bool = False
    priority: int = 0
    widest: int = 0
    folds: bool = False


@dataclass(frozen=True)
class Cells:
    """A row, with the style of all of it."""

    cells: tuple[str, ...]
    style: str = ""


def print_text(console: Console, text: str, style: str = "") -> None:
    """Prints a line or a paragraph."""
    console.print(literal(console, text, style))


def print_parts(console: Console, parts: Sequence[str]) -> None:
    """Prints parts with dots between them; a line breaks between parts where it can."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]} · {part}" if lines else part
        if lines and cell_len(longer) > console.width:
            lines[-1] += " ·"
            lines.append(part)
        else:
            lines[-1:] = [longer]
    for line in lines:
        print_text(console, line)


def print_heading(console: Console, text: str, remark: str = "") -> None:
    """Prints what the next table is about, after an empty line."""
    console.print()
    heading = literal(console, text, "bold")
    if remark:
        heading.append_text(literal(console, f"  {remark}", "not bold dim"))
    console.print(heading)


def print_pairs(console: Console, pairs: Sequence[tuple[str, str]]) -> None:
    """Prints labels and texts whose further lines begin below their first."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=max((cell_len(label) for label, _ in pairs), default=0))
    grid.add_column(overflow="fold")
    for label, text in pairs:
        grid.add_row(literal(console, label, "dim"), literal(console, text))
    console.print(grid)


def print_table(console: Console, columns: Sequence[Column], rows: Sequence[Cells]) -> tuple[str, ...]:
    """Prints the columns that there is room for.

    Returns:
        Headings of those that are left out although they say something.
    """
    shown = fitting(columns, rows, console.width)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for index in shown:
        column = columns[index]
        table.add_column(
            literal(console, column.heading),
            justify="right" if column.is_number else "left",
            no_wrap=not column.folds,
            overflow="fold" if column.folds else "ellipsis",
            min_width=_width(column, index, rows) if column.is_number else None,
            max_width=column.widest or None,
        )
    for row in rows:
        table.add_row(*(literal(console, row.cells[index]) for index in shown), style=row.style or None)
    console.print(table)
    return tuple(
        column.heading
        for index, column in enumerate(columns)
        if index not in shown and any(row.cells[index] for row in rows)
    )


def fitting(columns: Sequence[Column], rows: Sequence[Cells], width: int) -> list[int]:
    """Positions of the columns that fit a width, the least important ones first to go; empty ones never fit."""
    filled = [index for index in range(len(columns)) if any(row.cells[index] for row in rows)]
    kept = {index for index in filled if columns[index].priority == 0}
    used = sum(_width(columns[index], index, rows) + _GAP for index in kept) - _GAP
    for index in sorted(set(filled) - kept, key=lambda index: columns[index].priority):
        used += _width(columns[index], index, rows) + _GAP
        if used > width:
            break
        kept.add(index)
    return sorted(kept)


def _width(column: Column, index: int, rows: Sequence[Cells]) -> int:
    longest = max((cell_len(row.cells[index]) for row in rows), default=0)
    if column.widest:
        longest = min(longest, column.widest)
    return max(longest, cell_len(column.heading))


def sparkline(counts: Sequence[int], bars: int, *, logarithmic: bool = False) -> str:
    """A histogram as a row of bars; any value at all is seen.

    Args:
        counts: of each bin.
        bars: characters; bins are added up where there are more.
        logarithmic: whether heights are: a ReLU's zeros leave nothing to see of the other values.
    """
    steps = len(BARS) - 1
    heights = bar_heights(counts, bars, logarithmic=logarithmic)
    return "".join(BARS[0 if height <= 0 else max(1, round(steps * height))] for height in heights)
