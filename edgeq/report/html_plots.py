"""What the HTML report's two plots draw, as plain data for the script in the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.report.columns import baseline_name, columns, table_time_unit
from edgeq.report.pareto import pareto_front
from edgeq.report.recommend import MAX_DROP_PP
from edgeq.report.tables import Row, Table

MOST_DOTS = 300
"""Dots a row in the plot of latencies: more cannot be told apart, and slow a phone down."""

METRICS = {"top1": "top-1 (%)", "agreement": "agreement (%)", "sqnr_db": "SQNR (dB)"}
"""What may stand on the vertical axis, the best first, and how the axis is called."""

_TO_PERCENT = 100.0


def plot_data(table: Table) -> dict[str, Any]:
    """Points, fronts and samples of one table.

    Returns:
        ``points`` with names, latency in ``unit``, ``metric`` in percent or None, size in bytes and what
        to show on hovering; ``fronts`` with indices into points, one front a thread count, because latencies
        are compared only there; ``metric`` and ``budget``, the label and the lower limit of the metric.
    """
    name = metric_name(table)
    points = [_point(row, table, name) for row in table.rows if row.latency is not None]
    return {
        "unit": table_time_unit(table)[0],
        "metric": METRICS[name] if name else None,
        "budget": _budget(table, name),
        "budgetLabel": f"{baseline_name(table)} − {MAX_DROP_PP:g} pp",
        "points": points,
        "fronts": [_front(points, count) for count in table.thread_counts],
        "variants": list(table.variants),
        "manyThreads": len(table.thread_counts) > 1,
    }


def metric_name(table: Table) -> str | None:
    """``top1``, else ``agreement``, else ``sqnr_db``; None where none of them was measured."""
    for name in METRICS:
        if any(getattr(row, name) is not None for row in table.rows):
            return name
    return None


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


def _point(row: Row, table: Table, name: str | None) -> dict[str, Any]:
    latency = row.latency
    assert latency is not None and row.source.latency is not None  # noqa: S101, PT018 - narrows the type
    known = latency.high < UNBOUNDED
    _, factor = table_time_unit(table)
    value, low, high = _metric(row, name)
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


def _metric(row: Row, name: str | None) -> tuple[float | None, float | None, float | None]:
    """The metric in percent with its interval.

    Of top-1 it is the drop's interval: paired, it shows how far a variant is from the baseline, where the
    interval of top-1 itself would mostly show how many items there are. The baseline then has none.
    """
    estimate = getattr(row, name) if name else None
    if estimate is None and row.is_baseline and name == "agreement":
        return _TO_PERCENT, None, None  # the baseline agrees with itself
    if estimate is None:
        return None, None, None
    if isinstance(estimate, float):
        return estimate, None, None  # the noise has no interval
    value = _TO_PERCENT * estimate.value
    if name == "agreement":
        return value, _TO_PERCENT * estimate.low, _TO_PERCENT * estimate.high
    if row.drop_pp is None:
        return value, None, None
    drop = row.drop_pp
    return value, value - (drop.high - drop.value), value + (drop.value - drop.low)


def _budget(table: Table, name: str | None) -> float | None:
    base = next((row.top1 for row in table.rows if row.is_baseline and row.top1 is not None), None)
    if name == "top1" and base is not None:
        return _TO_PERCENT * base.value - MAX_DROP_PP
    return None


def _front(points: Sequence[dict[str, Any]], threads: int) -> list[int]:
    chosen = [
        index
        for index, point in enumerate(points)
        if point["threads"] == threads and point["metric"] is not None
    ]
    front = pareto_front([(points[index]["latency"], points[index]["metric"]) for index in chosen])
    return [chosen[position] for position in front]
