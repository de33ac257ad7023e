"""The table across devices as lines of text, in as many blocks as the width needs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from edgeq.report.columns import GAP
from edgeq.report.plain_characters import display_width, encodable
from edgeq.report.side_by_side import SideBySide
from edgeq.report.side_by_side_text import entry_text, line_label
from edgeq.report.text_table import Cell, TextColumn, table_lines

_WIDEST_NAME = 30
"""Of a device in a heading; longer ones are folded."""


def side_lines(side: SideBySide, width: int, encoding: str) -> list[str]:
    """Variants as rows and devices as columns; devices for which there is no room follow in a block below.

    Args:
        side: what to show.
        width: of the terminal.
        encoding: of the terminal; what it lacks is replaced.
    """

    def shown(text: str) -> str:
        return encodable(text, encoding)

    labels = [(shown(line_label(side, line)),) for line in side.lines]
    columns = [
        [
            tuple(map(shown, text.lines)) if (text := entry_text(line.entries[place])) else ()
            for line in side.lines
        ]
        for place in range(len(side.devices))
    ]
    names = [shown(name) for name in side.devices]
    label_width = max(min(_widest(labels), width // 3), display_width("variant"))
    lines: list[str] = []
    for block in _blocks(names, columns, width - label_width - GAP):
        headings = [TextColumn(("variant",), False), *(TextColumn((names[place],), False) for place in block)]
        there = [number for number in range(len(labels)) if any(columns[place][number] for place in block)]
        rows = [(labels[number], *(columns[place][number] or ("-",) for place in block)) for number in there]
        ends = [
            place
            for place, (number, after) in enumerate(itertools.pairwise(there))
            if side.lines[number].threads != side.lines[after].threads
        ]
        if lines:
            lines.append("")
        lines += table_lines(headings, rows, width=width, rule=shown("─"), ends=ends)
    return lines


def _blocks(names: Sequence[str], columns: Sequence[Sequence[Cell]], room: int) -> Iterator[list[int]]:
    """Devices that stand beside one another, at least one in each block."""
    block: list[int] = []
    used = 0
    for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
        needed = max(min(display_width(name), _WIDEST_NAME), _widest(cells)) + GAP
        if block and used + needed - GAP > room:
            yield block
            block, used = [], 0
        block.append(place)
        used += needed
    yield block


def _widest(cells: Sequence[Cell]) -> int:
    return max((display_width(text) for cell in cells for text in cell), default=0)
