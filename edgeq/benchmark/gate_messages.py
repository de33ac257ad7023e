"""What a gate came to, in one line with its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgeq.benchmark.accuracy_statistics import items_needed, rounded_up
from edgeq.benchmark.gate_expressions import ABSOLUTE_UNITS, Gate
from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate, Measurement

PASSED = "passed"
FAILED = "failed"
UNDECIDED = "undecided"
ERROR = "error"
"""The gate asks for times that must not be compared."""

_WORDS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}
_VERBS = {FAILED: "is", PASSED: "is not", UNDECIDED: "may be"}
_TOO_MANY = 1e9  # items or runs that nobody will measure


def message(
    gate: Gate,
    measurement: Measurement,
    measurements: Sequence[Measurement],
    observed: Estimate,
    outcome: str,
    *,
    against_old: bool,
    is_paired: bool = True,
) -> str:
    """Says how a gate came out on one measurement.

    Args:
        gate: the condition.
        measurement: what it was held against.
        measurements: what it was measured with, to name what tells it from the others.
        observed: the metric in the limit's unit.
        outcome: `PASSED`, `FAILED` or `UNDECIDED`.
        against_old: whether changes and drops are against an earlier result.
        is_paired: whether a drop was found item by item.
    """
    reference = ""
    if gate.needs_reference:
        is_old = against_old and (gate.is_change or gate.metric == "drop")
        reference = " against before" if is_old else " against FP32"
    limit = str(gate).removeprefix(gate.metric + gate.operator)
    text = (
        f"{label(measurement, measurements)}: {_metric_name(gate, measurement)} {_numbers(gate, observed)}{reference} "
        f"{_VERBS[outcome]} {_WORDS[gate.operator]} {limit}"
    )
    if not is_paired:
        text += "; not paired by item, so the interval is wider than it need be"
    return text + (_hint(gate, measurement, observed, against_old) if outcome == UNDECIDED else "")


def printable(text: str) -> str:
    """Foreign text on one line: names and keys come from files."""
    return "".join(character if character.isprintable() else "?" for character in text)


def label(measurement: Measurement, measurements: Sequence[Measurement]) -> str:
    """The variant and its threads, with whatever else tells it from the others; always one line."""
    parts = [measurement.variant.name, f"{measurement.threads} thread{'s' * (measurement.threads != 1)}"]
    details = [_details(other) for other in measurements]
    for position, detail in enumerate(_details(measurement)):
        if detail and any(other[position] != detail for other in details):
            parts.append(detail)
    return printable(", ".join(parts))


def _details(measurement: Measurement) -> tuple[str, ...]:
    environment = measurement.environment
    reached = "" if environment.reached_by == "local" else environment.reached_by
    return measurement.variant.model, measurement.runtime.name, environment.device, reached


def _metric_name(gate: Gate, measurement: Measurement) -> str:
    """The metric, and of a drop in which one, unless it is top-1."""
    primary = measurement.accuracy.primary if measurement.accuracy is not None else None
    if gate.metric != "drop" or primary is None or primary.key == "top1":
        return gate.metric
    return f"drop ({printable(primary.key)})"


def _numbers(gate: Gate, observed: Estimate) -> str:
    """The value, and its interval and n where it has any, in the gate's unit."""
    unit = gate.unit if gate.unit in ("%", "") else f" {gate.unit}"
    if observed.low == observed.high:
        return _number(gate, observed, observed.value) + unit
    low, high = (_number(gate, observed, end) for end in (observed.low, observed.high))
    return f"{_number(gate, observed, observed.value)}{unit} ({low} to {high}, n = {observed.n:,})"


def _number(gate: Gate, observed: Estimate, number: float) -> str:
    if abs(number) == UNBOUNDED or (gate.metric == "latency" and number > UNBOUNDED):
        return "∞" if number > 0 else "-∞"
    if gate.unit == "":
        return f"{number:.4g}"
    if gate.metric in ABSOLUTE_UNITS and not gate.is_change:
        scale = ABSOLUTE_UNITS[gate.metric][gate.unit]
        # Four digits, whatever the unit.
        digits = max(0, 3 - math.floor(math.log10(max(observed.value / scale, 1e-9))))
        return f"{number / scale:,.{digits}f}"
    return f"{number:{'+' if gate.is_change else ''},.2f}"


def _hint(gate: Gate, measurement: Measurement, observed: Estimate, against_old: bool) -> str:
    """Roughly how much to measure for the interval to leave the limit out, if the value stays."""
    distance = abs(observed.value - gate.limit)
    half = (observed.high - observed.low) / 2
    if gate.metric == "latency" and gate.is_change and against_old:
        # More rounds narrow the interval within a session only.
        return "; measure both files in one session"
    if distance == 0 or observed.high >= UNBOUNDED:
        return "; measure more"
    n, what = observed.n, "rounds" if gate.is_change else "runs"
    if gate.needs_data:
        what = "items"
    if _is_share_of_items(gate, measurement):
        needed: float = items_needed(distance, _disagreement(half / 100, n))
    else:
        if gate.needs_data and measurement.accuracy is not None:
            n = measurement.accuracy.n  # what the estimate counts may be objects or pixels
        # Bounded first: a distance of next to nothing would need more than a number can say.
        needed = n * min(half / distance, _TOO_MANY) ** 2
    if needed >= _TOO_MANY:
        return "; they are too close to tell apart"
    return f"; about {rounded_up(max(math.ceil(round(needed, 6)), n + 1)):,} {what} would decide"


def _is_share_of_items(gate: Gate, measurement: Measurement) -> bool:
    """Whether single items are right or wrong, and the interval is that of a share."""
    accuracy = measurement.accuracy
    if gate.metric == "agreement":
        return True
    if accuracy is None or accuracy.correct is None or accuracy.primary is None:
        return False
    return gate.metric in ("drop", accuracy.primary.key)


def _disagreement(half: float, n: int) -> float:
    """The share of disagreeing items that an interval shows: the equation of `items_needed` solved for p."""
    z = 1.96
    return min(1.0, max(0.0, n * (half / z) ** 2 - z**2 / n))
