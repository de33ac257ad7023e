"""Layers that have several rows in the table of an analysis, for each is an operator: what they cost together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeq.layers.structure import LayerAnalysis
from edgeq.layers.sums import LayerSum, by_layer
from edgeq.report import wording
from edgeq.report.layers.columns import percent, time_unit, work, work_unit

SUMS_TITLE = "by layer, where one has several operators"


@dataclass(frozen=True)
class SumColumn:
    """A column of sums.

    Attributes:
        header: its first line.
        unit: its second; may be empty.
        text: of a cell; empty where nothing was measured.
    """

    header: str
    unit: str
    text: Callable[[LayerSum], str]


def summed_layers(analysis: LayerAnalysis) -> tuple[LayerSum, ...]:
    """The layers of several operators, in order of execution."""
    return tuple(one for one in by_layer(analysis.layers) if len(one.operators) > 1)


def sum_columns(analysis: LayerAnalysis) -> tuple[SumColumn, ...]:
    """The columns that have something to show."""
    sums = summed_layers(analysis)
    size = sum(layer.size_bytes for layer in analysis.layers)
    (time, milliseconds) = time_unit(analysis)
    unit, factor = work_unit(max((one.macs for one in sums), default=0))
    every = (
        SumColumn("operators", "", lambda one: f"{len(one.operators):,}"),
        SumColumn("damage", "%", lambda one: percent(one.error_share)),
        SumColumn("time", "%", lambda one: percent(one.latency_share)),
        SumColumn(
            "time",
            time,
            lambda one: (
                "" if one.latency_us is None else wording.significant(one.latency_us * milliseconds / 1e3)
            ),
        ),
        SumColumn("size", "%", lambda one: percent(one.size_bytes / size) if size else ""),
        SumColumn("size", "", lambda one: wording.size(one.size_bytes) if one.size_bytes else ""),
        SumColumn("work", unit, lambda one: work(one.macs, factor)),
    )
    return tuple(column for column in every if any(column.text(one) for one in sums))
