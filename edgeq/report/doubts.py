"""Times that must be compared with nothing: which they are, how they are marked, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.benchmark.measurement import Measurement
from edgeq.report.wording import enumeration, threads, visible

EMULATED = "emulated"
INVALID = "invalid"


def mark_of(measurement: Measurement) -> str | None:
    """The word that stands at times that must not be compared; None where they may."""
    if measurement.environment.emulator is not None:
        return EMULATED
    return INVALID if measurement.invalid is not None else None


def doubts(measurement: Measurement, others: Sequence[Measurement]) -> str | None:
    """Why a measurement has no ratio to its baseline: its own mark, or that of the baseline measured with it.

    Args:
        measurement: of one variant.
        others: where its baseline is looked for.
    """
    own = mark_of(measurement)
    if own is not None or measurement.baseline is None:
        return own
    return next(
        (mark for one in others if _is_baseline_of(measurement, one) and (mark := mark_of(one))), None
    )


def doubt_notes(measurements: Sequence[Measurement]) -> tuple[str, ...]:
    """What the marks of a table mean, one sentence for each reason with the rows that it is about."""
    with_times = [one for one in measurements if one.latency is not None]
    reasons: dict[str, list[Measurement]] = {}
    for one in with_times:
        if mark_of(one) is not None:
            reasons.setdefault(_reason(one), []).append(one)
    notes = []
    for reason, found in reasons.items():
        rows = "" if len(found) == len(with_times) else f" ({enumeration(_names(found))})"
        notes.append(f"{mark_of(found[0])}{rows}: {reason}; its times are compared with nothing")
    halves = [one for one in with_times if mark_of(one) is None and doubts(one, with_times) is not None]
    if halves:
        notes.append(f"no ratio for {enumeration(_names(halves))}: the times of the baseline are marked")
    return tuple(notes)


def _reason(measurement: Measurement) -> str:
    if measurement.environment.emulator is not None:
        emulator = visible(measurement.environment.emulator)
        return f"the CPU was emulated by {emulator}, which says nothing about the speed of a real one"
    return visible(measurement.invalid or "")


def _names(measurements: Sequence[Measurement]) -> list[str]:
    several = len({one.threads for one in measurements}) > 1
    return [
        f"{visible(one.variant.name)} on {threads(one.threads)}" if several else visible(one.variant.name)
        for one in measurements
    ]


def _is_baseline_of(measurement: Measurement, other: Measurement) -> bool:
    return (
        other.variant.name == measurement.baseline
        and other.variant.model == measurement.variant.model
        and (other.session, other.threads) == (measurement.session, measurement.threads)
    )
