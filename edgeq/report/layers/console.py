"""The analysis on a terminal: layers ranked by damage, what can be done about the worst, what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable

from edgeq.layers.structure import LayerAnalysis, LayerCost
from edgeq.report import wording
from edgeq.report.inspection.wording import visible_sentence
from edgeq.report.layers.columns import Column, columns, order
from edgeq.report.layers.layer_sums import SUMS_TITLE, sum_columns, summed_layers
from edgeq.report.layers.sentences import (
    advices,
    kept,
    loss,
    measured_on,
    next_step,
    problems,
    timed_with,
    title,
)
from edgeq.report.literal_text import literal

TOP = 15
"""Layers that the table shows by default."""

_GAP = 2
_LONGEST_NAME = 40
_SHORTEST_NAME = 12
"""Below which a name says nothing: a narrower terminal loses columns on the right."""
_MOST_PROBLEMS = 3
_MOST_SUMS = 8


def print_analysis(analysis: LayerAnalysis, console: Console, *, target: str, top: int | None = TOP) -> None:
    """Prints the analysis; what to do next is the last line.

    Args:
        analysis: what to show.
        console: where to; its width decides which columns there is room for.
        target: the bundle or file as it was named on the command line.
        top: how many layers; None for all.
    """
    console.print(literal(console, title(analysis), "bold"))
    for line in filter(None, [loss(analysis), measured_on(analysis), timed_with(analysis)]):
        console.print(literal(console, line, "dim"))
    layers = order(analysis)
    shown = layers if top is None else layers[:top]
    fitting, hidden = _fitting(columns(analysis), shown, console.width)
    if shown:
        console.print(_table(shown, fitting, console))
        rows = (len(shown), len(layers), _noun(analysis))
        console.print(literal(console, _footnote(fitting, hidden, rows), "dim"))
    for note in analysis.notes:
        console.print(literal(console, f"note: {visible_sentence(note)}", "yellow"))
    _print_problems(analysis, console)
    _print_sums(analysis, console)
    _print_remedies(shown, console)
    _print_kept(analysis, console)
    console.print()
    console.print(literal(console, next_step(analysis, target), "bold green"))


def _fitting(
    every: Sequence[Column], layers: Sequence[LayerCost], width: int
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The columns that fit a width, and those that are left out, the least important ones first to go."""
    used = _rank_width(layers) + sum(_widths(layers)) + _GAP
    kept_keys = set()
    for column in sorted(every, key=lambda column: column.priority):
        used += _GAP + _column_width(column, layers)
        if column.priority and used > width:
            break
        kept_keys.add(column.key)
    return (
        tuple(column for column in every if column.key in kept_keys),
        tuple(column for column in every if column.key not in kept_keys),
    )


def _rank_width(layers: Sequence[LayerCost]) -> int:
    """What the column of ranks takes, with the gap behind it."""
    return max((cell_len(_rank(layer)) + _GAP for layer in layers if layer.rank is not None), default=0)


def _widths(layers: Sequence[LayerCost]) -> tuple[int, int]:
    """What the columns of names and of operators would take."""
    names = [_name(layer) for layer in layers]
    operators = [_operator(layer) for layer in layers]
    return (
        max(map(cell_len, ("layer", *names))),
        max(map(cell_len, ("operator", *operators))),
    )


def _room(layers: Sequence[LayerCost], shown: Sequence[Column], width: int) -> tuple[int, int]:
    """How wide names and operators may be, so that no row needs a second line."""
    names, operators = _widths(layers)
    taken = sum(_GAP + _column_width(column, layers) for column in shown)
    room = max(2 * _SHORTEST_NAME, width - _rank_width(layers) - _GAP - taken)
    operators = min(operators, max(_SHORTEST_NAME, room - min(names, max(_SHORTEST_NAME, room // 2))))
    return min(names, room - operators), operators


def _column_width(column: Column, layers: Sequence[LayerCost]) -> int:
    return max(
        cell_len(text) for text in (column.header, column.unit, *(column.text(layer) for layer in layers))
    )


def _table(layers: Sequence[LayerCost], shown: Sequence[Column], console: Console) -> RichTable:
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    ranks = any(layer.rank is not None for layer in layers)
    if ranks:
        table.add_column(literal(console, "#"), justify="right", vertical="bottom", no_wrap=True)
    for heading in ("layer", "operator"):
        table.add_column(literal(console, heading), vertical="bottom", no_wrap=True)
    for column in shown:
        head = f"{column.header}\n{column.unit}" if column.unit else column.header
        table.add_column(literal(console, head), justify="right", vertical="bottom", no_wrap=True)
    names, operators = _room(layers, shown, console.width)
    for layer in layers:
        rank = [literal(console, _rank(layer))] if ranks else []
        name = [
            literal(console, _end(text, width))
            for text, width in ((_name(layer), names), (_operator(layer), operators))
        ]
        style = "bold" if layer.remedies else None
        table.add_row(*rank, *name, *(literal(console, column.text(layer)) for column in shown), style=style)
    return table


def _name(layer: LayerCost) -> str:
    return _end(wording.visible(layer.name)) or "(no name)"


def _operator(layer: LayerCost) -> str:
    return _end(wording.visible(layer.operator))


def _rank(layer: LayerCost) -> str:
    return "" if layer.rank is None else f"{layer.rank:,}"


def _end(name: str, most: int = _LONGEST_NAME) -> str:
    """The end of a long name says more than its beginning, which all layers share."""
    if cell_len(name) <= most:
        return name
    while cell_len(name) > most - 1:
        name = name[1:]
    return f"…{name}"


def _noun(analysis: LayerAnalysis) -> str:
    """What the rows are."""
    if not summed_layers(analysis):
        return "layers"
    return "operators and inputs" if any(layer.index is None for layer in analysis.layers) else "operators"


def _footnote(shown: Sequence[Column], hidden: Sequence[Column], rows: tuple[int, int, str]) -> str:
    count, total, noun = rows
    explained: dict[str, str] = {}
    for column in shown:
        explained.setdefault(column.header, column.explanation)
    parts = [f"{header}: {text}" for header, text in explained.items()]
    if hidden:
        names = dict.fromkeys(f"{column.header} in {column.unit or 'bytes'}" for column in hidden)
        parts.append(f"not shown at this width: {wording.enumeration(list(names))}")
    if count < total:
        parts.append(f"{count} of {total} {noun}; --top {total} shows all")
    return "; ".join(parts)


def _print_problems(analysis: LayerAnalysis, console: Console) -> None:
    found = problems(analysis)
    for name, problem in found[:_MOST_PROBLEMS]:
        console.print(literal(console, f"damage not measured: {name}: {problem}", "yellow"))
    if len(found) > _MOST_PROBLEMS:
        console.print(
            literal(console, f"damage not measured: {len(found) - _MOST_PROBLEMS} more layers", "yellow")
        )


def _print_sums(analysis: LayerAnalysis, console: Console) -> None:
    """Layers of several operators, whose rows a reader would have to add up."""
    sums = summed_layers(analysis)
    if not sums:
        return
    shown = sorted(sums, key=lambda one: -(one.error_share or one.latency_share or 0.0))[:_MOST_SUMS]
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(literal(console, "layer"), vertical="bottom", no_wrap=True)
    headings = sum_columns(analysis)
    for column in headings:
        head = f"{column.header}\n{column.unit}" if column.unit else column.header
        table.add_column(literal(console, head), justify="right", vertical="bottom", no_wrap=True)
    cells = [(column.header, column.unit, *map(column.text, shown)) for column in headings]
    taken = sum(_GAP + max(map(cell_len, texts)) for texts in cells)
    for one in shown:
        name = _end(wording.visible(one.name), max(_SHORTEST_NAME, console.width - taken))
        table.add_row(literal(console, name), *(literal(console, column.text(one)) for column in headings))
    console.print(literal(console, f"\n{SUMS_TITLE}", "bold"))
    console.print(table)
    if len(shown) < len(sums):
        console.print(literal(console, f"{len(shown)} of {len(sums)} such layers", "dim"))


def _print_remedies(shown: Sequence[LayerCost], console: Console) -> None:
    rows = [
        ("" if position else _end(name), said.text)
        for name, group in advices(shown)
        for position, said in enumerate(group)
    ]
    if rows:
        console.print(literal(console, "\nwhat can be done, tried with all other layers quantized", "bold"))
        _print_hanging(console, rows)


def _print_kept(analysis: LayerAnalysis, console: Console) -> None:
    if analysis.kept_float:
        console.print(literal(console, "\nthe most harmful layers in float, all others quantized", "bold"))
        _print_hanging(console, [kept(one) for one in analysis.kept_float])


def _print_hanging(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Labels and texts whose further lines begin below their first."""
    grid = RichTable.grid(padding=(0, 2))
    width = max(cell_len(label) for label, _ in rows)
    # A hostile name must not push the text off the screen.
    grid.add_column(width=min(width, console.width // 3), overflow="fold")
    grid.add_column()
    for label, text in rows:
        grid.add_row(literal(console, label), literal(console, text))
    console.print(grid)
