"""Bars of shares and histograms as plain values, drawn by the page without a plotting library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeq.inspection.structure import Inspection, Layer
from edgeq.report.inspection import wording
from edgeq.report.inspection.bars import bar_heights
from edgeq.report.inspection.document import ACTIVATION, Histogram

MOST_HISTOGRAMS = 300
"""Histograms of a kind on a page."""

_MOST_SEGMENTS = 24
"""Parts of a bar that are shown one by one: narrower ones cannot be pointed at."""

_MOST_KINDS = 7
"""Kinds of operators with a colour of their own; the eighth is of all others."""

_BAR_WIDTH, _BAR_HEIGHT = 240.0, 64.0
_MOST_BARS = 48


@dataclass(frozen=True)
class Segment:
    """A part of a bar: its share in percent, its colour and what it is."""

    share: float
    color: int
    text: str


@dataclass(frozen=True)
class Bar:
    """Where a quantity is, layer by layer in order of execution."""

    title: str
    total: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Plot:
    """A histogram as rectangles (x, y, width, height) in a box of 240 by 64, and its figures."""

    name: str
    rectangles: tuple[tuple[float, float, float, float], ...]
    low: str
    high: str
    facts: str


def colors(inspection: Inspection) -> list[tuple[str, int]]:
    """Names of the kinds of operators that weigh or compute most, each with its colour."""
    uses = sorted(inspection.operators, key=lambda use: (-use.macs, -use.size_bytes, -use.count))
    heavy = [use.operator for use in uses if use.macs or use.size_bytes]
    return [(operator, index + 1) for index, operator in enumerate(heavy[:_MOST_KINDS])]


def bars(inspection: Inspection) -> list[Bar]:
    """Where bytes and multiply-accumulates are."""
    by_kind = dict(colors(inspection))
    found = []
    if inspection.weight_bytes:
        sizes = [layer.size_bytes for layer in inspection.layers]
        segments = _segments(inspection.layers, sizes, by_kind, wording.size)
        found.append(Bar("size", wording.size(inspection.weight_bytes), segments))
    if inspection.macs:
        macs = [layer.macs for layer in inspection.layers]
        found.append(
            Bar(
                "MACs",
                wording.macs(inspection),
                _segments(inspection.layers, macs, by_kind, wording.amount),
            )
        )
    return found


def _segments(
    layers: Sequence[Layer], values: Sequence[int], by_kind: dict[str, int], show: Callable[[int], str]
) -> tuple[Segment, ...]:
    total = sum(values)
    if total <= 0:
        return ()
    largest = set(sorted(range(len(values)), key=lambda index: -values[index])[:_MOST_SEGMENTS])
    found = [
        Segment(
            100 * values[index] / total,
            by_kind.get(layers[index].operator, 0),
            f"{wording.visible(layers[index].name)}, {wording.operator(layers[index])}: {show(values[index])}, "
            f"{wording.percent(values[index], total)}",
        )
        for index in sorted(largest)
        if values[index] > 0
    ]
    rest = [value for index, value in enumerate(values) if index not in largest and value > 0]
    if rest:
        share = wording.percent(sum(rest), total)
        found.append(
            Segment(100 * sum(rest) / total, 0, f"{wording.count(len(rest), 'other layer')}: {share}")
        )
    return tuple(found)


def plot(one: Histogram) -> Plot:
    """A histogram as rectangles; heights of activations are logarithmic, or a ReLU's zeros would hide the rest."""
    shares = bar_heights(one.counts, _MOST_BARS, logarithmic=one.kind == ACTIVATION)
    step = _BAR_WIDTH / max(1, len(shares))
    heights = [max(1.0, _BAR_HEIGHT * share) if share > 0 else 0.0 for share in shares]
    rectangles = tuple(
        (round(i * step, 2), round(_BAR_HEIGHT - height, 2), round(step * 0.9, 2), round(height, 2))
        for i, height in enumerate(heights)
        if height
    )
    return Plot(
        wording.visible(one.layer or one.tensor),
        rectangles,
        *_ends(one),
        " · ".join(filter(None, _plot_facts(one))),
    )


def _ends(one: Histogram) -> tuple[str, str]:
    if one.count <= 0:
        return "", ""
    return wording.number(one.minimum, 3), wording.number(one.maximum, 3)


def _plot_facts(one: Histogram) -> list[str]:
    low, high = (wording.percent(share or 0.0, 1.0) for share in (one.clipped_low, one.clipped_high))
    known = one.count > 0
    return [
        wording.visible(one.dtype),
        wording.count(one.count, "value"),
        f"mean {wording.number(one.mean, 3)}, deviation {wording.number(one.deviation, 3)}" if known else "",
        f"{low} at the lowest integer" if low else "",
        f"{high} at the highest" if high else "",
        f"{wording.percent(one.zeros, 1.0)} zeros" if one.zeros else "",
        f"channels 1 : {wording.number(one.channel_spread, 2)}" if one.channel_spread is not None else "",
        f"{one.not_finite:,} NaN or infinite" if one.not_finite else "",
    ]
