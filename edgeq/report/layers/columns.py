"""The columns of the table of layers; the terminal and the HTML heat map show the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgeq.benchmark.accuracy_statistics import SQNR_LIMIT_DB
from edgeq.layers.structure import LayerAnalysis, LayerCost
from edgeq.report import wording


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: of the column.
        header: its first line.
        unit: its second; may be empty.
        explanation: a sentence, for a footnote or a tooltip.
        text: of a cell; empty where nothing was measured.
        sort: a number to sort by; None where nothing was measured.
        heat: 0 to 1, how hot a cell is; None where the column has no colours, or nothing was measured.
        priority: 0 is always shown, larger ones are the first to go where there is no room.
    """

    key: str
    header: str
    unit: str
    explanation: str
    text: Callable[[LayerCost], str]
    sort: Callable[[LayerCost], float | None]
    heat: Callable[[LayerCost], float | None]
    priority: int = 0


def columns(analysis: LayerAnalysis) -> tuple[Column, ...]:
    """The number columns of an analysis: those that have something to show."""
    size = sum(layer.size_bytes for layer in analysis.layers)
    unit, factor = time_unit(analysis)
    work = work_unit(max((layer.macs for layer in analysis.layers), default=0))
    every = (*_damage_columns(), *_time_columns(unit, factor), *_size_columns(size, work))
    return tuple(
        column for column in every if any(column.sort(layer) is not None for layer in analysis.layers)
    )


def time_unit(analysis: LayerAnalysis) -> tuple[str, float]:
    """The unit of the times of an analysis, and how many of it are a millisecond."""
    return wording.time_unit(max((layer.latency_us or 0.0 for layer in analysis.layers), default=0.0) / 1e3)


def work_unit(most: int) -> tuple[str, float]:
    """The unit in which multiply-accumulates up to so many read best, and how many of them it is."""
    # 999,600 would be written as 1000 kMAC.
    return next(((unit, factor) for unit, factor in _WORK_UNITS if most >= factor * 0.9995), ("MAC", 1.0))


def work(macs: int, factor: float) -> str:
    """Multiply-accumulates in a unit; ``<0.001`` for what would have more zeros than digits, empty for none."""
    if not macs:
        return ""
    if factor == 1:
        return f"{macs:,}"
    return wording.significant(macs / factor) if macs >= factor / 1e3 else "<0.001"


_WORK_UNITS = (("GMAC", 1e9), ("MMAC", 1e6), ("kMAC", 1e3))


def _damage_columns() -> tuple[Column, ...]:
    return (
        Column(
            "damage",
            "damage",
            "%",
            "share of the noise that the layers add at the model's outputs, each quantized alone",
            lambda layer: percent(layer.error_share),
            lambda layer: layer.error_share,
            lambda layer: layer.error_share,
        ),
        Column(
            "sqnr",
            "alone",
            "dB",
            "SQNR of the model's outputs with only this layer quantized",
            lambda layer: decibels(layer.sqnr_db),
            lambda layer: layer.sqnr_db,
            lambda layer: None,
        ),
        Column(
            "interval",
            "interval",
            "dB",
            "95 % interval of that over the items",
            lambda layer: interval(layer.sqnr_interval_db),
            lambda layer: None if layer.sqnr_interval_db is None else layer.sqnr_interval_db[0],
            lambda layer: None,
            priority=3,
        ),
        Column(
            "own",
            "own",
            "dB",
            "SQNR of the layer's own output",
            lambda layer: decibels(layer.own_sqnr_db),
            lambda layer: layer.own_sqnr_db,
            lambda layer: None,
            priority=2,
        ),
        Column(
            "changed",
            "changed",
            "items",
            "items whose top-1 changes then",
            lambda layer: "" if layer.changed is None else f"{layer.changed:,}",
            lambda layer: layer.changed,
            lambda layer: None,
            priority=4,
        ),
        Column(
            "saturation",
            "clipped",
            "%",
            "values of the layer's output beyond its integers' range",
            lambda layer: percent(layer.saturation),
            lambda layer: layer.saturation,
            # A tenth of all values clipped is as bad as can be: a calibrated range clips well below a hundredth.
            lambda layer: None if layer.saturation is None else min(1.0, 10 * layer.saturation),
            priority=1,
        ),
    )


def _time_columns(unit: str, factor: float) -> tuple[Column, ...]:
    return (
        Column(
            "share",
            "time",
            "%",
            "share of all operators' time",
            lambda layer: percent(layer.latency_share),
            lambda layer: layer.latency_share,
            lambda layer: layer.latency_share,
        ),
        Column(
            "latency",
            "time",
            unit,
            "of the operator in the variant",
            lambda layer: (
                "" if layer.latency_us is None else wording.significant(layer.latency_us * factor / 1e3)
            ),
            lambda layer: layer.latency_us,
            lambda layer: None,
            priority=5,
        ),
    )


def _size_columns(total: int, unit_of_work: tuple[str, float]) -> tuple[Column, ...]:
    def share(layer: LayerCost) -> float | None:
        return layer.size_bytes / total if total and layer.index is not None else None

    unit, factor = unit_of_work

    return (
        Column(
            "size",
            "size",
            "%",
            "share of the bytes of weights and other constants",
            lambda layer: percent(share(layer)),
            share,
            share,
        ),
        Column(
            "bytes",
            "size",
            "",
            "of the layer's weights and other constants",
            lambda layer: wording.size(layer.size_bytes) if layer.size_bytes else "",
            lambda layer: None if layer.index is None else layer.size_bytes,
            lambda layer: None,
            priority=6,
        ),
        Column(
            "macs",
            "work",
            unit,
            "multiply-accumulates",
            lambda layer: work(layer.macs, factor),
            lambda layer: layer.macs or None,
            lambda layer: None,
            priority=7,
        ),
    )


def percent(share: float | None) -> str:
    """A share with one decimal, and ``<0.1`` for what would be rounded to nothing."""
    if share is None or math.isnan(share):
        return ""
    if 0 < share < 0.0005:
        return "<0.1"
    return wording.decimal(100 * share, 1)


def decibels(value: float | None) -> str:
    """A ratio with one decimal; ``∞`` for no noise at all, where measuring ends at `SQNR_LIMIT_DB`."""
    if value is None or math.isnan(value):
        return ""
    if abs(value) >= SQNR_LIMIT_DB:
        return "∞" if value > 0 else "−∞"
    return wording.decimal(value, 1)


def interval(values: tuple[float, float] | None) -> str:
    """Two ratios as ``31.9 to 33.8``; empty where there are none."""
    ends = [decibels(value) for value in values or ()]
    return " to ".join(ends) if all(ends) else ""


def order(analysis: LayerAnalysis) -> tuple[LayerCost, ...]:
    """Layers as the terminal lists them: by damage; where none was measured, by time; else by size.

    Layers whose damage could not be measured follow those whose could be.
    """

    def key(layer: LayerCost) -> tuple[float, float, float]:
        rank = math.inf if layer.rank is None else layer.rank
        return rank, -(layer.latency_us or 0.0), -layer.size_bytes

    return tuple(sorted(analysis.layers, key=key))
