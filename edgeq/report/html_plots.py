"""What the HTML report's two plots draw, as plain data for the script in the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate, Metric
from edgeq.report import metric_wording, wording
from edgeq.report.columns import baseline_name, columns, table_time_unit
from edgeq.report.pareto import pareto_front
from edgeq.report.recommend import Budget
from edgeq.report.tables import Row, Table

MOST_DOTS = 300
"""Dots a row in the plot of latencies: more cannot be told apart, and slow a phone down."""

_TO_PERCENT = 100.0


@dataclass(frozen=True)
class QualityAxis:
    """What stands on the vertical axis.

    Attributes:
        name: in a sentence.
        title: with its unit.
        metric: the primary metric; None for agreement and noise.
    """

    name: str
    title: str
    metric: Metric | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether it grows upwards; else the axis is turned, so that further up is always better."""
        return self.metric is None or self.metric.higher_is_better


AGREEMENT = QualityAxis("agreement", "agreement (%)")
NOISE = QualityAxis("SQNR", "SQNR (dB)")

_Point = tuple[float | None, float | None, float | None]


def plot_data(table: Table) -> dict[str, Any]:
    """Points, fronts and samples of one table.

    Returns:
        ``points`` with names, latency in ``unit``, ``metric`` with its interval or None, size in bytes and what
        to show on hovering; ``fronts`` with indices into points, one front a thread count, because latencies
        are compared only there; ``metric``, ``isTurned`` and ``budget``, the vertical axis' title, whether less
        is better of it, and the limit of what may be lost.
    """
    axis = quality_axis(table)
    points = [_point(row, table, axis) for row in table.rows if row.latency is not None]
    budget, label = _budget(table, axis)
    return {
        "unit": table_time_unit(table)[0],
        "metric": axis.title if axis else None,
        "isTurned": axis is not None and not axis.higher_is_better,
        "budget": budget,
        "budgetLabel": label,
        "points": points,
        "fronts": [_front(points, count, axis) for count in table.thread_counts],
        "variants": list(table.variants),
        "manyThreads": len(table.thread_counts) > 1,
    }


def quality_axis(table: Table) -> QualityAxis | None:
    """The primary metric, else agreement, else the noise; None where none of them was measured."""
    if table.metrics:
        metric = table.metrics[0]
        return QualityAxis(metric.label, metric_wording.axis_title(metric), metric)
    if any(row.agreement is not None for row in table.rows):
        return AGREEMENT
    return NOISE if any(row.sqnr_db is not None for row in table.rows) else None


def thinned(chunks: Sequence[Sequence[float]], factor: float = 1.0, most: int = MOST_DOTS) -> list[float]:
    """At most that many samples with the distribution of all, the fastest and the slowest among them.

    Args:
        chunks: latencies in milliseconds.
        factor: what they are multiplied with.
        most: how many to keep.

    Returns:
        Rising latencies in the new unit with four significant digits.
    """
    samples = np.sort([sample for chunk in chunks for sample in chunk])
    if samples.size > most:
        samples = samples[np.linspace(0, samples.size - 1, most).round().astype(int)]
    return [float(f"{sample * factor:.4g}") for sample in samples]


def _point(row: Row, table: Table, axis: QualityAxis | None) -> dict[str, Any]:
    latency = row.latency
    assert latency is not None and row.source.latency is not None  # noqa: S101, PT018 - narrows the type
    known = latency.high < UNBOUNDED
    _, factor = table_time_unit(table)
    value, low, high = map(_finite, _quality(row, table, axis))
    return {
        "variant": row.variant,
        "index": table.variants.index(row.variant),
        "threads": row.threads,
        "latency": latency.value * factor,
        "latencyLow": latency.low * factor if known else None,
        "latencyHigh": latency.high * factor if known else None,
        "metric": value,
        "metricLow": low,
        "metricHigh": high,
        "size": row.size_bytes,
        "details": [
            [column.heading, column.text(row)]
            for column in columns(table)
            if column.key != "variant" and column.text(row)
        ],
        "samples": thinned(row.source.latency.chunks_ms, factor),
    }


def _quality(row: Row, table: Table, axis: QualityAxis | None) -> _Point:
    """The value on the vertical axis with its interval."""
    if axis is None:
        return None, None, None
    if axis is NOISE:
        return row.sqnr_db, None, None  # the noise has no interval
    if axis is AGREEMENT:
        if row.agreement is None:
            # The baseline agrees with itself.
            return (_TO_PERCENT if row.is_baseline else None), None, None
        value, low, high = (_TO_PERCENT * end for end in _ends(row.agreement))
        return value, low, high
    return (None, None, None) if row.primary is None else _primary(row.primary, table)


def _primary(metric: Metric, table: Table) -> _Point:
    """The primary metric with the drop's interval around it.

    Paired, that shows how far a variant is from the baseline, where the interval of the metric itself would mostly
    show how many items there are. The baseline then has none.
    """
    value = _scale(metric) * metric.value.value
    of_one = _of_one(table)
    if metric.drop is None or of_one is None or not wording.is_bounded(metric.drop):
        return value, None, None
    _, low, high = _ends(metric.drop)
    worse, better = (of_one * (end - metric.drop.value) for end in (high, low))
    return value, min(value - worse, value - better), max(value - worse, value - better)


def _of_one(table: Table) -> float | None:
    """What a drop of 1 pp or 1 % takes from the metric on the axis; negative where less is better."""
    base = table.baseline
    if base is None or base.primary is None:
        return None
    metric = base.primary
    size = 1.0 if metric.is_rate else abs(metric.value.value) / _TO_PERCENT
    return size if metric.higher_is_better else -size


def _budget(table: Table, axis: QualityAxis | None) -> tuple[float | None, str | None]:
    """The limit on the axis, and what it is called."""
    base, of_one = table.baseline, _of_one(table)
    if axis is None or axis.metric is None or base is None or base.primary is None or of_one is None:
        return None, None
    most = Budget().max_drop(base.primary)
    sign = "−" if of_one > 0 else "+"
    label = f"{baseline_name(table)} {sign} {most:g} {base.primary.drop_unit}"
    return _finite(_scale(base.primary) * base.primary.value.value - most * of_one), label


def _finite(value: float | None) -> float | None:
    """What JSON can hold: a hostile number may have left the range of floats on the way."""
    return value if value is not None and math.isfinite(value) else None


def _scale(metric: Metric) -> float:
    return _TO_PERCENT if metric.is_rate else 1.0


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _front(points: Sequence[dict[str, Any]], threads: int, axis: QualityAxis | None) -> list[int]:
    chosen = [
        index
        for index, point in enumerate(points)
        if point["threads"] == threads and point["metric"] is not None
    ]
    sign = 1 if axis is None or axis.higher_is_better else -1
    front = pareto_front([(points[index]["latency"], sign * points[index]["metric"]) for index in chosen])
    return [chosen[position] for position in front]
