"""A comparison of two nights as headings and cells, the same on the console, in Markdown and in HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgeq.benchmark.latency_statistics import FASTER, SLOWER
from edgeq.benchmark.measurement import Metric
from edgeq.report import metric_wording, wording
from edgeq.report.compare import Change, Comparison
from edgeq.report.summary import started


def explanation(comparison: Comparison) -> str:
    """What a reader needs to read the cells."""
    parts = ["size and latency are new against old"]
    parts += [_meaning(metric, comparison.changes) for metric in _metrics(comparison)]
    return f"{', '.join(parts)}; […] are 95 % intervals of the noise within each night"


def _meaning(metric: Metric, changes: Sequence[Change]) -> str:
    own = [
        change for change in changes if change.new_metric is not None and change.new_metric.key == metric.key
    ]
    how = "new minus old in percentage points" if metric.is_rate else "new against old in percent"
    paired = ", paired by item" if all(change.is_paired is not False for change in own) else ""
    direction = "" if metric.higher_is_better else " (lower is better)"
    return f"{metric.label} is {how}{direction}{paired}"


def comparison_title(comparison: Comparison) -> str:
    """``Changes since 2026-11-20 03:11 UTC``."""
    return f"Changes since {started(comparison.old_started)}"


def change_headings(comparison: Comparison) -> tuple[str, ...]:
    """Column headings; device and threads only where they differ, accuracy only where it was measured."""
    return tuple(heading for heading, _ in _columns(comparison))


def change_cells(comparison: Comparison, change: Change) -> tuple[str, ...]:
    """The cells of one change, in the order of the headings."""
    return tuple(cell(change) for _, cell in _columns(comparison))


def _columns(comparison: Comparison) -> list[tuple[str, Callable[[Change], str]]]:
    changes = comparison.changes
    columns: list[tuple[str, Callable[[Change], str]]] = [("variant", lambda change: change.variant)]
    if len({change.device for change in changes}) > 1:
        columns.append(("device", lambda change: change.device))
    if len({change.threads for change in changes}) > 1:
        columns.append(("threads", lambda change: str(change.threads)))
    columns += [("size", _size), ("latency", _latency), ("new/old", _speed)]
    columns += [(f"{metric.label} {metric.drop_unit}", _changed(metric)) for metric in _metrics(comparison)]
    return columns


def _size(change: Change) -> str:
    if change.is_same_file:
        return "same file"
    return f"{_signed(wording.decimal(100 * change.size_change, 1))} %"


def _latency(change: Change) -> str:
    if change.refusal is not None:
        return "not compared"
    if change.old_latency is None or change.new_latency is None:
        return "not measured"
    old, new = change.old_latency.value, change.new_latency.value
    unit, factor = wording.time_unit(max(old, new))
    return f"{wording.significant(old * factor)} → {wording.significant(new * factor)} {unit}"


def _speed(change: Change) -> str:
    if change.latency_ratio is None:
        return ""
    # The words of the main table: which of the three it is, not how the ratio looks.
    word = change.latency_verdict if change.latency_verdict in (FASTER, SLOWER) else "n.s."
    return f"{wording.bracketed(change.latency_ratio, 3)} {word}"


def _changed(metric: Metric) -> Callable[[Change], str]:
    def cell(change: Change) -> str:
        if change.metric_change is None or change.new_metric is None or change.new_metric.key != metric.key:
            return ""
        return _signed(metric_wording.drop_cell(change.metric_change))

    return cell


def _metrics(comparison: Comparison) -> list[Metric]:
    """The primary metrics that changed, each once; several where several models are compared."""
    found = {
        change.new_metric.key: change.new_metric
        for change in comparison.changes
        if change.metric_change is not None and change.new_metric is not None
    }
    return list(found.values())


def _signed(text: str) -> str:
    """With a plus where the number is above zero."""
    digits = text.split(" ")[0]
    return text if digits.startswith("−") or not digits.strip("0.") else f"+{text}"
