"""The analysis on a terminal: layers ranked by damage, what can be done about the worst, what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from edgeq.layers.structure import LayerAnalysis, LayerCost
from edgeq.report import wording
from edgeq.report.inspection.wording import visible_sentence
from edgeq.report.layers.columns import Column, columns, order
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

TOP = 15
"""Layers that the table shows by default."""

_GAP = 2
_LONGEST_NAME = 40
_MOST_PROBLEMS = 3

# What a terminal without Unicode shows instead; Windows consoles and LC_ALL=C still meet users.
_PLAIN = str.maketrans({"×": "x", "−": "-", "±": "+-", "·": "-", "…": "...", "–": "-", "µ": "u", "∞": "inf"})


def print_analysis(analysis: LayerAnalysis, console: Console, *, target: str, top: int | None = TOP) -> None:
    """Prints the analysis; what to do next is the last line.

    Args:
        analysis: what to show.
        console: where to; its width decides which columns there is room for.
        target: the bundle or file as it was named on the command line.
        top: how many layers; None for all.
    """
    console.print(_text(console, title(analysis), "bold"))
    for line in filter(None, [loss(analysis), measured_on(analysis), timed_with(analysis)]):
        console.print(_text(console, line, "dim"))
    layers = order(analysis)
    shown = layers if top is None else layers[:top]
    fitting, hidden = _fitting(columns(analysis), shown, console.width)
    if shown:
        console.print(_table(analysis, shown, fitting, console))
        console.print(_text(console, _footnote(fitting, hidden, len(shown), len(layers)), "dim"))
    for note in analysis.notes:
        console.print(_text(console, f"note: {visible_sentence(note)}", "yellow"))
    _print_problems(analysis, console)
    _print_remedies(shown, console)
    _print_kept(analysis, console)
    console.print()
    console.print(_text(console, next_step(analysis, target), "bold green"))


def _fitting(
    every: Sequence[Column], layers: Sequence[LayerCost], width: int
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The columns that fit a width, and those that are left out, the least important ones first to go."""
    names = max((cell_len(_name(layer)) + cell_len(_end(layer.operator)) for layer in layers), default=0)
    used = len("00") + _GAP + names + _GAP
    kept_keys = set()
    for column in sorted(every, key=lambda column: column.priority):
        used += _GAP + max(
            cell_len(text) for text in (column.header, column.unit, *(column.text(layer) for layer in layers))
        )
        if column.priority and used > width:
            break
        kept_keys.add(column.key)
    return (
        tuple(column for column in every if column.key in kept_keys),
        tuple(column for column in every if column.key not in kept_keys),
    )


def _table(
    analysis: LayerAnalysis, layers: Sequence[LayerCost], shown: Sequence[Column], console: Console
) -> RichTable:
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    ranks = any(layer.rank is not None for layer in layers)
    if ranks:
        table.add_column(_text(console, "#"), justify="right", vertical="bottom", no_wrap=True)
    for heading in ("layer", "operator"):
        table.add_column(_text(console, heading), vertical="bottom", overflow="fold")
    for column in shown:
        head = f"{column.header}\n{column.unit}" if column.unit else column.header
        table.add_column(_text(console, head), justify="right", vertical="bottom", no_wrap=True)
    for layer in layers:
        rank = [_text(console, "" if layer.rank is None else f"{layer.rank:,}")] if ranks else []
        name = [_text(console, _name(layer)), _text(console, _end(wording.visible(layer.operator)))]
        style = "bold" if layer.remedies else None
        table.add_row(*rank, *name, *(_text(console, column.text(layer)) for column in shown), style=style)
    return table


def _name(layer: LayerCost) -> str:
    return _end(wording.visible(layer.name)) or "(no name)"


def _end(name: str) -> str:
    """The end of a long name says more than its beginning, which all layers share."""
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def _footnote(shown: Sequence[Column], hidden: Sequence[Column], count: int, total: int) -> str:
    explained: dict[str, str] = {}
    for column in shown:
        explained.setdefault(column.header, column.explanation)
    parts = [f"{header}: {text}" for header, text in explained.items()]
    if hidden:
        names = dict.fromkeys(f"{column.header} in {column.unit or 'bytes'}" for column in hidden)
        parts.append(f"not shown at this width: {wording.enumeration(list(names))}")
    if count < total:
        parts.append(f"{count} of {total} layers; --top {total} shows all")
    return "; ".join(parts)


def _print_problems(analysis: LayerAnalysis, console: Console) -> None:
    found = problems(analysis)
    for name, problem in found[:_MOST_PROBLEMS]:
        console.print(_text(console, f"damage not measured: {name}: {problem}", "yellow"))
    if len(found) > _MOST_PROBLEMS:
        console.print(
            _text(console, f"damage not measured: {len(found) - _MOST_PROBLEMS} more layers", "yellow")
        )


def _print_remedies(shown: Sequence[LayerCost], console: Console) -> None:
    rows = [
        ("" if position else _end(name), said.text)
        for name, group in advices(shown)
        for position, said in enumerate(group)
    ]
    if rows:
        console.print(_text(console, "\nwhat can be done, tried with all other layers quantized", "bold"))
        _print_hanging(console, rows)


def _print_kept(analysis: LayerAnalysis, console: Console) -> None:
    if analysis.kept_float:
        console.print(_text(console, "\nthe most harmful layers in float, all others quantized", "bold"))
        _print_hanging(console, [kept(one) for one in analysis.kept_float])


def _print_hanging(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Labels and texts whose further lines begin below their first."""
    grid = RichTable.grid(padding=(0, 2))
    width = max(cell_len(label) for label, _ in rows)
    # A hostile name must not push the text off the screen.
    grid.add_column(width=min(width, console.width // 3), overflow="fold")
    grid.add_column()
    for label, text in rows:
        grid.add_row(_text(console, label), _text(console, text))
    console.print(grid)


def _text(console: Console, text: str, style: str = "") -> Text:
    """Text that rich takes literally: a name like ``[red]`` is no markup."""
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        text = text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
    return Text(text, style)
