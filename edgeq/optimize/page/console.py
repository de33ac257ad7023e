"""A search on a terminal: the front as a table, a sentence for each decision, what to ship and the next command."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable

from edgeq.optimize.page.columns import Column, columns
from edgeq.optimize.page.sentences import conclusion, decisions, effort, next_step, title
from edgeq.optimize.page.view import View
from edgeq.optimize.result import Outcome
from edgeq.report import wording
from edgeq.report.inspection.wording import visible_sentence
from edgeq.report.literal_text import literal

_GAP = 2
_LONGEST_NAME = 48
_PLAIN = ("size", "share", "n", "latency")
"""Columns whose heading says it all."""


def print_view(view: View, console: Console) -> None:
    """Prints what was found; what to do next is the last line.

    Args:
        view: what to show.
        console: where to; its width decides which columns there is room for.
    """
    console.print(literal(console, title(view), "bold"))
    console.print(literal(console, effort(view), "dim"))
    if view.front:
        _print_front(view, console)
    for note in view.notes:
        console.print(literal(console, visible_sentence(note), "dim"))
    for warning in view.warnings:
        console.print(literal(console, f"warning: {visible_sentence(warning)}", "yellow"))
    console.print()
    for text in decisions(view):
        console.print(literal(console, text))
    console.print()
    met = view.result.meets
    console.print(literal(console, conclusion(view), "bold green" if met else "bold yellow"))
    if step := next_step(view):
        # A command that was broken into lines could not be copied.
        console.print(literal(console, step), soft_wrap=True)


def _print_front(view: View, console: Console) -> None:
    front = view.front
    shown, hidden = _fitting(view, columns(view, front), front, console.width)
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(literal(console, "variant"), vertical="bottom", overflow="fold")
    for column in shown:
        head = f"{column.header}\n{column.unit}" if column.unit else column.header
        table.add_column(literal(console, head), justify="right", vertical="bottom", no_wrap=True)
    for outcome in front:
        cells = (literal(console, column.text(outcome)) for column in shown)
        style = "bold" if outcome.key == view.result.chosen else None
        table.add_row(literal(console, view.name(outcome)), *cells, style=style)
    console.print(table)
    console.print(literal(console, _footnote(view, shown, hidden), "dim"))


def _fitting(
    view: View, every: Sequence[Column], front: Sequence[Outcome], width: int
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The columns that fit a width, and those that are left out, the least important ones first to go."""
    names = max(cell_len(view.name(one)) for one in front)
    used = min(names, _LONGEST_NAME) + _GAP
    kept = set()
    for column in sorted(every, key=lambda column: column.priority):
        used += _GAP + max(
            cell_len(text) for text in (column.header, column.unit, *(column.text(one) for one in front))
        )
        if column.priority and used > width:
            break
        kept.add(column.key)
    return (
        tuple(column for column in every if column.key in kept),
        tuple(column for column in every if column.key not in kept),
    )


def _footnote(view: View, shown: Sequence[Column], hidden: Sequence[Column]) -> str:
    cost = "latency" if view.is_about_latency else "size"
    parts = [
        f"the front: no other candidate is better in {cost} and accuracy",
        *(f"{column.header}: {column.explanation}" for column in shown if column.key not in _PLAIN),
    ]
    if hidden:
        parts.append(f"not shown at this width: {wording.enumeration([one.header for one in hidden])}")
    return "; ".join(parts)
