"""Two files compared, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from edgeq.inspection.difference import Difference
from edgeq.inspection.structure import Layer
from edgeq.report.inspection import changes, wording
from edgeq.report.inspection.changes import Row
from edgeq.report.inspection.console_text import (
    Cells,
    Column,
    print_heading,
    print_pairs,
    print_table,
    print_text,
)


def print_difference(difference: Difference, console: Console, *, most: int | None = None) -> None:
    """Prints what differs; the verdict first.

    Args:
        difference: of two files.
        console: where to.
        most: layers of each kind of change that are listed; None for all.
    """
    old, new = difference.old, difference.new
    print_text(console, f"{wording.visible(old.name)} → {wording.visible(new.name)}", "bold")
    print_text(console, changes.verdict(difference))
    if difference.same_bytes:
        return
    _print_rows(console, "File", changes.values(difference), "")
    _print_rows(console, "Inputs and outputs", changes.tensors(difference), "tensor")
    _print_rows(console, "Operators", changes.operators(difference), "operator")
    _print_layers(console, difference, most)
    _print_lone(console, f"Only in {wording.visible(old.name)}", difference.removed, most)
    _print_lone(console, f"Only in {wording.visible(new.name)}", difference.added, most)


def _print_rows(console: Console, title: str, rows: Sequence[Row], heading: str) -> None:
    if not rows:
        return
    print_heading(console, title)
    widest = max(20, (console.width - 38) // 2)
    columns = (
        Column(heading, widest=22, folds=True),
        Column("first file", widest=widest, folds=True),
        Column("second file", widest=widest, folds=True),
        Column("change", is_number=True, priority=1),
    )
    print_table(console, columns, [Cells((row.what, row.old, row.new, row.change)) for row in rows])


def _print_layers(console: Console, difference: Difference, most: int | None) -> None:
    rows = changes.layers(difference, most)
    if not rows:
        return
    print_heading(console, "Layers that differ", f"{difference.unchanged:,} are the same")
    widest = max(20, (console.width - 36) // 2)
    columns = (
        Column("layer", widest=max(20, console.width // 4)),
        Column("first file", widest=widest, folds=True),
        Column("second file", widest=widest, folds=True),
        Column("differs", priority=1, widest=30),
    )
    print_table(console, columns, [Cells((row.what, row.old, row.new, row.change)) for row in rows])
    _print_hidden(console, len(difference.changed), most)


def _print_lone(console: Console, title: str, layers: Sequence[Layer], most: int | None) -> None:
    if not layers:
        return
    print_heading(console, title, wording.count(len(layers), "operator"))
    rows = [changes.lone_layer(layer) for layer in layers[:most]]
    print_pairs(console, [(row.what, row.old) for row in rows])
    _print_hidden(console, len(layers), most)


def _print_hidden(console: Console, count: int, most: int | None) -> None:
    if most is not None and count > most:
        print_text(console, f"and {count - most:,} more: --layers shows them all", "dim")
