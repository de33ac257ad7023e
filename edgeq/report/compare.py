"""What changed between two nights: size, latency and the primary metric of the same variants, old against new.

Only what may be compared is: the same variant on the same device with the same runtime, threads, cores, power supply
and inputs, and quality only by one metric on the same items. Everything else is refused, and the message names what
differs. Times of an emulated CPU or a throttled one are not compared, and a note says why; size and quality are.

The latency interval covers the noise within each night, not what differs between nights (temperature, clock,
where memory happens to lie). A file that did not change is therefore taken as a control: where even that is
faster or slower, a note says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.benchmark.comparison import DoubtfulTimesError, check_times
from edgeq.benchmark.latency_statistics import NO_DIFFERENCE, independent_ratio, verdict
from edgeq.benchmark.measurement import Estimate, Measurement, Metric
from edgeq.benchmark.metric_change import MetricChange, metric_change
from edgeq.errors import ResultsError
from edgeq.report import wording
from edgeq.report.device_names import device_names
from edgeq.report.grouping import input_shapes
from edgeq.report.matching import matched, why_nothing_matches


@dataclass(frozen=True)
class Change:
    """One variant, old against new.

    Attributes:
        variant: its name.
        threads: of the interpreter.
        device: a short name for the machine.
        is_same_file: whether the file is the same byte by byte.
        old_size_bytes: size then.
        new_size_bytes: size now.
        old_latency: median then, in milliseconds.
        new_latency: median now.
        latency_ratio: new divided by old; None where one of the two was not measured or must not be compared.
        latency_verdict: ``faster``, ``slower`` or ``no significant difference`` than before.
        old_metric: the primary metric then; None without labels or where it was not measured.
        new_metric: the primary metric now.
        metric_change: new minus old, in percentage points for a rate and in percent of the old value for an amount;
            which sign is better is the metric's matter. None where one of the two is missing.
        is_paired: whether that is so item by item; None likewise.
        refusal: why the latencies are not compared; None where they are, or were not measured.
    """

    variant: str
    threads: int
    device: str
    is_same_file: bool
    old_size_bytes: int
    new_size_bytes: int
    old_latency: Estimate | None
    new_latency: Estimate | None
    latency_ratio: Estimate | None
    latency_verdict: str | None
    old_metric: Metric | None
    new_metric: Metric | None
    metric_change: Estimate | None
    is_paired: bool | None
    refusal: str | None = None

    @property
    def size_change(self) -> float:
        """Growth of the file as a share of its old size: 0.1 is ten percent larger."""
        return self.new_size_bytes / self.old_size_bytes - 1 if self.old_size_bytes else 0.0


@dataclass(frozen=True)
class Comparison:
    """What changed between two sets of measurements.

    Attributes:
        old_started: when the old ones were measured, ISO 8601.
        changes: one for each variant, device and thread count that both have.
        notes: what to know when reading them, one sentence each.
    """

    old_started: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def compare(new: Sequence[Measurement], old: Sequence[Measurement]) -> Comparison:
    """Compares two sets of measurements.

    Args:
        new: of now.
        old: of then; where a variant was measured several times, the newest counts, on both sides.

    Raises:
        ResultsError: a set is empty, nothing in one matches anything in the other, or what matches may not
            be compared; the message says why.
    """
    for name, side in (("new", new), ("old", old)):
        if not side:
            raise ResultsError(f"there are no {name} measurements to compare")
    renamed = _renamed(new, old)
    now, then = matched(new, old, by_model=not renamed)
    shared = [key for key in now if key in then]
    if not shared:
        raise ResultsError(f"nothing to compare: {why_nothing_matches(new, old)}")
    environments = [one.environment for one in (*now.values(), *then.values())]
    name_of = dict(zip(map(id, environments), device_names(environments), strict=True))
    several = len(set(name_of.values())) > 1

    def device(one: Measurement) -> str:
        return wording.visible(name_of[id(one.environment)])

    def label(one: Measurement) -> str:
        where = f" on {device(one)}" if several else ""
        return f"{wording.visible(one.variant.name)} ({wording.threads(one.threads)}){where}"

    changes = tuple(_change(now[key], then[key], device(now[key])) for key in shared)
    pairs = [(now[key], then[key]) for key in shared]
    notes = (
        *renamed,
        *_runtime_notes(pairs),
        *_refusal_notes(changes),
        *_control_notes(pairs, changes),
        *_unpaired_notes(changes),
        *_unmatched_notes([label(now[key]) for key in now if key not in then], "not measured before"),
        *_unmatched_notes([label(then[key]) for key in then if key not in now], "not measured any more"),
    )
    started = max(measurement.environment.started_at for _, measurement in pairs)
    return Comparison(started, changes, notes)


def _renamed(new: Sequence[Measurement], old: Sequence[Measurement]) -> tuple[str, ...]:
    """A note where both sides have one model and it has another name now; several cannot be told apart so."""
    now, then = ({wording.visible(one.variant.model) for one in side} for side in (new, old))
    if now == then or len(now) > 1 or len(then) > 1:
        return ()
    return (f"the model is called {now.pop()} now and was called {then.pop()}",)


def _change(new: Measurement, old: Measurement, device: str) -> Change:
    label = f"{wording.visible(new.variant.name)} ({wording.threads(new.threads)})"
    if input_shapes(new) != input_shapes(old):
        raise ResultsError(
            f"{label} cannot be compared: it now takes {_inputs(new)} and took {_inputs(old)}: "
            "measure both with the same input shapes"
        )
    found = _metric_change(new, old, label)
    ratio, refusal = _latency_ratio(new, old)
    return Change(
        variant=wording.visible(new.variant.name),
        threads=new.threads,
        device=device,
        is_same_file=new.variant.sha256 == old.variant.sha256,
        old_size_bytes=old.variant.size_bytes,
        new_size_bytes=new.variant.size_bytes,
        old_latency=old.latency.median if old.latency else None,
        new_latency=new.latency.median if new.latency else None,
        latency_ratio=ratio,
        latency_verdict=verdict(ratio) if ratio is not None else None,
        old_metric=_printable(old.accuracy.primary) if old.accuracy else None,
        new_metric=_printable(new.accuracy.primary) if new.accuracy else None,
        metric_change=found.change if found is not None else None,
        is_paired=found.is_paired if found is not None else None,
        refusal=refusal,
    )


def _latency_ratio(new: Measurement, old: Measurement) -> tuple[Estimate | None, str | None]:
    """New divided by old, or why that is refused; neither where one was not measured."""
    if new.latency is None or old.latency is None:
        return None, None
    for when, one in (("now", new), ("before", old)):
        try:
            check_times(one)
        except DoubtfulTimesError as reason:
            return None, wording.visible(f"{when} {reason}")
    return independent_ratio(new.latency.chunks_ms, old.latency.chunks_ms), None


def _metric_change(new: Measurement, old: Measurement, label: str) -> MetricChange | None:
    if new.accuracy is None or old.accuracy is None:
        return None
    if new.accuracy.data_digest != old.accuracy.data_digest:
        raise ResultsError(
            f"{label} cannot be compared: its accuracy was measured on different data "
            f"(digest {wording.visible(new.accuracy.data_digest)[:12]} now, "
            f"{wording.visible(old.accuracy.data_digest)[:12]} before): measure both on the same --data"
        )
    try:
        return metric_change(new, old)
    except ResultsError as error:
        raise ResultsError(f"{label} cannot be compared: {wording.visible(str(error))}") from error


def _printable(metric: Metric | None) -> Metric | None:
    if metric is None:
        return None
    return dataclasses.replace(metric, key=wording.visible(metric.key), label=wording.visible(metric.label))


def _inputs(measurement: Measurement) -> str:
    return wording.enumeration([wording.visible(text) for text in measurement.inputs.values()])


def _runtime_notes(pairs: Sequence[tuple[Measurement, Measurement]]) -> tuple[str, ...]:
    notes = dict.fromkeys(
        f"{wording.visible(new.runtime.name)} is {wording.visible(new.runtime.version)} now and was "
        f"{wording.visible(old.runtime.version)}: part of a change may come from the runtime"
        for new, old in pairs
        if new.runtime.version != old.runtime.version
    )
    return tuple(notes)


def _control_notes(
    pairs: Sequence[tuple[Measurement, Measurement]], changes: Sequence[Change]
) -> tuple[str, ...]:
    """Unchanged files on an unchanged runtime whose latency changed all the same."""
    ratios: dict[str, list[float]] = {}
    for (new, old), change in zip(pairs, changes, strict=True):
        if not change.is_same_file or new.runtime.version != old.runtime.version:
            continue
        if change.latency_ratio is not None and change.latency_verdict not in (None, NO_DIFFERENCE):
            ratios.setdefault(str(change.latency_verdict), []).append(change.latency_ratio.value)
    return tuple(
        f"{wording.count(len(found), 'measurement')} of files that did not change came out {word} "
        f"({_span(found)} of the old latency): the machine or its load differed between the two nights by "
        "about as much"
        for word, found in ratios.items()
    )


def _refusal_notes(changes: Sequence[Change]) -> tuple[str, ...]:
    """Why latencies were not compared, one note for each reason."""
    refused: dict[str, list[str]] = {}
    for change in changes:
        if change.refusal is not None:
            label = f"{change.variant} ({wording.threads(change.threads)}) on {change.device}"
            refused.setdefault(change.refusal, []).append(label)
    return tuple(
        f"latency of {wording.enumeration(labels)} is not compared: {reason}"
        for reason, labels in refused.items()
    )


def _unpaired_notes(changes: Sequence[Change]) -> tuple[str, ...]:
    """Metrics of all items at once, which cannot be compared item by item."""
    labels = dict.fromkeys(
        change.new_metric.label
        for change in changes
        if change.new_metric is not None and change.is_paired is False
    )
    if not labels:
        return ()
    return (
        f"{wording.enumeration(list(labels))} cannot be paired by item: the interval is wider than it need be, so "
        "small changes stay unseen",
    )


def _span(ratios: Sequence[float]) -> str:
    least, most = (wording.decimal(ratio, 3) for ratio in (min(ratios), max(ratios)))
    return f"{least}×" if least == most else f"{least} to {most}×"


def _unmatched_notes(unmatched: Sequence[str], what: str) -> tuple[str, ...]:
    return (f"{what}: {wording.enumeration(unmatched)}",) if unmatched else ()
