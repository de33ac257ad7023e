"""Histograms on a terminal: a row of bars for each constant and each activation."""

from __future__ import annotations

from rich.console import Console

from edgeq.report.inspection import wording
from edgeq.report.inspection.console_text import (
    Cells,
    Column,
    print_heading,
    print_table,
    print_text,
    sparkline,
)
from edgeq.report.inspection.document import ACTIVATION, WEIGHTS, FileView, Histogram

_BARS = 24
_NARROW = 100
"""Below this width the bars take half the room."""

_MOST_SHOWN = 200
"""Rows of a table: the JSON and the page have them all."""

CLIPPING = (
    "lowest, highest: values stored as the smallest and the largest integer; a ReLU ends at the smallest, too"
)


def print_histograms(view: FileView, console: Console) -> None:
    """Prints the histograms of weights, and those of activations where they were measured."""
    weights = [one for one in view.histograms if one.kind == WEIGHTS]
    activations = [one for one in view.histograms if one.kind == ACTIVATION]
    if weights:
        _print(weights, console, "Weights", "distribution of values, from the smallest to the largest")
    if activations:
        remark = f"on {wording.count(view.items, 'item')}; bars are logarithmic"
        _print(activations, console, "Activations", remark)


def _print(histograms: list[Histogram], console: Console, title: str, remark: str) -> None:
    print_heading(console, title, remark)
    bars = _BARS if console.width >= _NARROW else _BARS // 2
    columns = (
        Column("layer", widest=max(20, console.width // 3)),
        Column("type", priority=2),
        Column("values", is_number=True, priority=5),
        Column("min", is_number=True),
        Column("distribution"),
        Column("max", is_number=True),
        Column("mean", is_number=True, priority=4),
        Column("deviation", is_number=True, priority=3),
        Column("lowest", is_number=True, priority=1),
        Column("highest", is_number=True, priority=1),
        Column("zeros", is_number=True, priority=6),
        Column("channels", is_number=True, priority=1),
    )
    print_table(console, columns, [Cells(_row(one, bars)) for one in histograms[:_MOST_SHOWN]])
    if len(histograms) > _MOST_SHOWN:
        print_text(console, f"and {len(histograms) - _MOST_SHOWN:,} more, which --json lists", "dim")
    if any(one.channel_spread is not None for one in histograms):
        print_text(console, "channels: range of the narrowest to that of the widest", "dim")
    if any(one.clipped_low or one.clipped_high for one in histograms):
        print_text(console, CLIPPING, "dim")
    broken = sum(one.not_finite for one in histograms)
    if broken:
        print_text(console, f"warning: {broken:,} values are NaN or infinite", "yellow")


def _row(one: Histogram, bars: int) -> tuple[str, ...]:
    known = one.count > 0
    return (
        wording.visible(one.layer or one.tensor),
        wording.visible(one.dtype),
        f"{one.count:,}",
        wording.number(one.minimum, 3) if known else "",
        sparkline(one.counts, bars, logarithmic=one.kind == ACTIVATION) if known else "no finite value",
        wording.number(one.maximum, 3) if known else "",
        wording.number(one.mean, 3) if known else "",
        wording.number(one.deviation, 3) if known else "",
        wording.percent(one.clipped_low or 0.0, 1.0),
        wording.percent(one.clipped_high or 0.0, 1.0),
        "" if one.zeros is None else wording.percent(one.zeros, 1.0),
        channel_spread(one),
    )


def channel_spread(one: Histogram) -> str:
    """How much wider the widest channel is than the narrowest, as ``1 : 12``; empty without channels."""
    if one.channel_spread is None:
        return ""
    return f"1 : {wording.number(one.channel_spread, 2)}"
