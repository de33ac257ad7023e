"""Gates: conditions such as ``drop>1pp`` under which a build shall fail.

A gate is ``METRIC OPERATOR LIMIT`` and states what is *not* allowed. The operators are ``>``, ``>=``, ``<``
and ``<=``; the limit depends on the metric:

* ``drop``: percentage points, ``drop>1pp``
* ``size``, ``memory``: a change with its sign, ``size>-60%``, or bytes, ``memory>64MB`` or, in 2²⁰, ``64MiB``
* ``latency``: a change with its sign, ``latency>+5%``, or a time, ``latency>=5ms``, ``latency>800us``
* ``agreement``, ``top1``, ``top5``: a share, ``agreement<99%``

A change and a drop are against the session's FP32, or, where an earlier result is given, against the same
variant there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from edgeq.benchmark import comparison
from edgeq.benchmark.accuracy_statistics import items_needed, rounded_up
from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate, Measurement
from edgeq.errors import ResultsError, UsageError

PASSED = "passed"
FAILED = "failed"
UNDECIDED = "undecided"

_BYTES = {"B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_ABSOLUTE_UNITS = {"size": _BYTES, "latency": _MILLISECONDS, "memory": _BYTES}
METRICS = ("drop", *_ABSOLUTE_UNITS, *comparison.SHARES)

_ALIASES = {"accuracy": "top1", "top-1": "top1", "top-5": "top5"}
_EXAMPLES = {
    "drop": "drop>1pp",
    "size": "size>+5% or size>2MB",
    "memory": "memory>+10% or memory>64MB",
    "latency": "latency>+5% or latency>5ms",
    **{metric: f"{metric}<90%" for metric in comparison.SHARES},
}
_GATE = re.compile(
    r"\s*(?P<metric>[A-Za-z][A-Za-z0-9-]*)\s*(?P<operator>[<>]=?)"
    r"\s*(?P<sign>[+-]?)(?P<number>[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?P<unit>[A-Za-zµμ%]*)\s*",
)
_WORDS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}


@dataclass(frozen=True)
class Gate:
    """A condition under which a build fails.

    Attributes:
        metric: one of `METRICS`.
        operator: ``>``, ``>=``, ``<`` or ``<=``.
        number: the limit in its unit; signed for a change.
        unit: ``pp``, ``%``, a unit of bytes or a unit of time.
    """

    metric: str
    operator: str
    number: Decimal
    unit: str

    @property
    def is_change(self) -> bool:
        """Whether the limit is a change against a reference in percent."""
        return self.unit == "%" and self.metric in _ABSOLUTE_UNITS

    @property
    def needs_reference(self) -> bool:
        """Whether the metric only exists against FP32 or an earlier result."""
        return self.is_change or self.metric in ("drop", "agreement")

    @property
    def limit(self) -> float:
        """The limit in percentage points, percent, bytes or milliseconds."""
        return float(self.number) * _ABSOLUTE_UNITS.get(self.metric, {}).get(self.unit, 1.0)

    def __str__(self) -> str:
        sign = "+" if self.is_change else ""
        return f"{self.metric}{self.operator}{self.number:{sign}f}{self.unit}"


@dataclass(frozen=True)
class GateResult:
    """What became of a gate on one measurement.

    Attributes:
        gate: the gate.
        variant: name of the measured variant.
        threads: of the interpreter.
        observed: the metric in the limit's unit; None where it was not measured or cannot be compared.
        limit: in percentage points, percent, bytes or milliseconds.
        outcome: `PASSED`, `FAILED` or `UNDECIDED`.
        message: one line that says so with its numbers.
    """

    gate: Gate
    variant: str
    threads: int
    observed: Estimate | None
    limit: float
    outcome: str
    message: str


def parse_gate(text: str) -> Gate:
    """Reads a gate such as ``latency>+5%``.

    Args:
        text: the expression.

    Returns:
        The gate.

    Raises:
        UsageError: it is none; the message says what is wrong and shows an example.
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is no gate: expected METRIC OPERATOR LIMIT such as drop>1pp, size>2MB or latency>+5%"
        )
    written = match["metric"].lower()
    metric = _ALIASES.get(written, written)
    if metric not in METRICS:
        raise UsageError(f"{text!r}: no metric {match['metric']!r}; expected one of {', '.join(METRICS)}")
    unit = _unit(metric, match["unit"], text)
    gate = Gate(metric, match["operator"], Decimal(match["sign"] + match["number"]), unit)
    _check_sign(gate, match["sign"], text)
    return gate


def evaluate(
    gate: Gate,
    measurements: Sequence[Measurement],
    *,
    old: Sequence[Measurement] | None = None,
    variants: Iterable[str] | None = None,
    strict: bool = False,
) -> tuple[GateResult, ...]:
    """Holds measurements against a gate.

    A gate fails where the whole 95 % interval is on the wrong side of the limit, and is undecided, which does
    not fail, where the interval contains the limit. Size and memory are single numbers and always decided.

    Args:
        gate: the condition.
        measurements: of one or more sessions.
        old: an earlier result that changes and drops refer to instead of the session's FP32. Where it holds
            the same variant several times, the last one counts.
        variants: names of the variants to look at; all where it is None.
        strict: decide by the value alone, so that nothing that was measured stays undecided.

    Returns:
        One result for each measurement that the gate applies to, at least one. FP32 is not held against
        itself. Where a measurement lacks the metric or its counterpart and another has them, it is undecided.

    Raises:
        UsageError: a variant does not exist, or nothing is left to compare with FP32.
        ResultsError: none of the measurements has the metric, or none can be compared.
    """
    chosen = _chosen(gate, measurements, old, variants)
    results: list[GateResult] = []
    missing: list[str] = []
    for measurement in chosen:
        label = _label(measurement, measurements)
        try:
            observed = _observed(gate, measurement, measurements, old)
        except ResultsError as reason:
            missing.append(f"{label}: {reason}")
            message = f"{missing[-1]}; {gate} was not checked"
            results.append(_result(gate, measurement, None, UNDECIDED, message))
            continue
        outcome = _outcome(gate, observed, strict=strict)
        message = _message(gate, label, observed, outcome, against_old=old is not None)
        results.append(_result(gate, measurement, observed, outcome, message))
    if len(missing) == len(chosen):
        raise ResultsError(f"the gate {gate} applies to no measurement: {'; '.join(dict.fromkeys(missing))}")
    return tuple(results)


def to_github(results: Iterable[GateResult]) -> str:
    """Annotations for GitHub Actions: an error for each failed gate and a warning for each undecided one.

    Args:
        results: of any number of gates.

    Returns:
        One workflow command a line, escaped as in ``command.ts`` of GitHub's actions/toolkit; empty where all
        passed.
    """
    commands = {FAILED: "error", UNDECIDED: "warning"}
    return "\n".join(
        f"::{commands[result.outcome]} title={_escaped_property(f'edgeq: {result.gate} ({result.variant})')}"
        f"::{_escaped(result.message)}"
        for result in results
        if result.outcome in commands
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _unit(metric: str, written: str, text: str) -> str:
    """The unit in its usual spelling, whatever its case, if the metric has it."""
    allowed = ["pp"] if metric == "drop" else ["%", *_ABSOLUTE_UNITS.get(metric, ())]
    folded = written.lower().replace("µ", "u").replace("μ", "u")
    for unit in allowed:
        if unit.lower() == folded:
            return unit
    found = repr(written) if written else "none"
    raise UsageError(
        f"{text!r}: expected {metric} in {', '.join(allowed)}, found {found}; write {_EXAMPLES[metric]}"
    )


def _check_sign(gate: Gate, sign: str, text: str) -> None:
    """A change has a sign, so that ``size>5%`` is not taken for a share; shares and amounts have none."""
    if gate.is_change and not sign:
        raise UsageError(
            f"{text!r}: a change needs its sign; write {gate.metric}{gate.operator}+{gate.number}% for "
            f"{gate.number}% more than the reference, or -{gate.number}% for less"
        )
    if gate.metric != "drop" and not gate.is_change and sign:
        raise UsageError(f"{text!r}: {gate.metric} has no sign; write {_EXAMPLES[gate.metric]}")
    if gate.metric in comparison.SHARES and gate.number > 100:
        raise UsageError(f"{text!r}: a share is at most 100%; write {_EXAMPLES[gate.metric]}")


def _chosen(
    gate: Gate,
    measurements: Sequence[Measurement],
    old: Sequence[Measurement] | None,
    variants: Iterable[str] | None,
) -> list[Measurement]:
    """The measurements that the gate applies to, at least one."""
    there = sorted({measurement.variant.name for measurement in measurements})
    if not there:
        raise ResultsError(f"the gate {gate} has nothing to check: there are no measurements")
    wanted = there if variants is None else list(variants)
    unknown = [name for name in wanted if name not in there]
    if unknown:
        raise UsageError(f"no variant {', '.join(map(repr, unknown))} to check; there are {', '.join(there)}")
    chosen = [measurement for measurement in measurements if measurement.variant.name in wanted]
    if _refers_to_fp32(gate, old):
        chosen = [measurement for measurement in chosen if not measurement.is_baseline]
    if not chosen:
        raise UsageError(
            f"the gate {gate} compares with FP32 and applies to nothing in {', '.join(wanted) or 'no variant'}; "
            f"choose another of {', '.join(there)} or give an earlier result"
        )
    return chosen


def _refers_to_fp32(gate: Gate, old: Sequence[Measurement] | None) -> bool:
    return gate.metric == "agreement" or (gate.needs_reference and old is None)


def _observed(
    gate: Gate,
    measurement: Measurement,
    measurements: Sequence[Measurement],
    old: Sequence[Measurement] | None,
) -> Estimate:
    """The metric in the limit's unit, or a ResultsError that says why there is none."""
    if gate.metric == "drop":
        return _scaled(comparison.drop(measurement, old), 1.0)
    if gate.metric in comparison.SHARES:
        return _scaled(comparison.share(gate.metric, measurement), 100.0)
    if gate.is_change:
        return _change(comparison.ratio(gate.metric, measurement, measurements, old))
    return comparison.amount(gate.metric, measurement)


def _change(ratio: Estimate) -> Estimate:
    """A ratio as a change in percent."""
    return _scaled(Estimate(ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.n), 100.0)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    # Rounded, so that 105 against 100 bytes is a change of 5 % and not of 5.000000000000004 %.
    value, low, high = (round(factor * number, 9) for number in (estimate.value, estimate.low, estimate.high))
    return Estimate(value, low, high, estimate.n)


def _outcome(gate: Gate, observed: Estimate, *, strict: bool) -> str:
    low, high = (observed.value, observed.value) if strict else (observed.low, observed.high)
    outcomes = {_holds(gate, end) for end in (low, high)}
    if len(outcomes) == 2:
        return UNDECIDED
    return FAILED if outcomes.pop() else PASSED


def _holds(gate: Gate, value: float) -> bool:
    """Whether a value meets the failing condition."""
    if gate.operator.endswith("=") and value == gate.limit:
        return True
    return value > gate.limit if gate.operator.startswith(">") else value < gate.limit


def _result(
    gate: Gate, measurement: Measurement, observed: Estimate | None, outcome: str, message: str
) -> GateResult:
    name, threads = measurement.variant.name, measurement.threads
    return GateResult(gate, name, threads, observed, gate.limit, outcome, message)


def _message(gate: Gate, label: str, observed: Estimate, outcome: str, *, against_old: bool) -> str:
    reference = ""
    if gate.needs_reference:
        reference = " against before" if against_old and gate.metric != "agreement" else " against FP32"
    verb = {FAILED: "is", PASSED: "is not", UNDECIDED: "may be"}[outcome]
    limit = str(gate).removeprefix(gate.metric + gate.operator)
    said = (
        f"{label}: {gate.metric} {_numbers(gate, observed)}{reference} {verb} {_WORDS[gate.operator]} {limit}"
    )
    return said + (_hint(gate, observed, against_old=against_old) if outcome == UNDECIDED else "")


def _numbers(gate: Gate, observed: Estimate) -> str:
    """The value, and its interval and n where it has any, in the gate's unit."""
    if gate.metric in _ABSOLUTE_UNITS and not gate.is_change:
        scale = _ABSOLUTE_UNITS[gate.metric][gate.unit]
        # Four digits, whatever the unit.
        digits = max(0, 3 - math.floor(math.log10(max(observed.value / scale, 1e-9))))
    else:
        scale, digits = 1.0, 2
    sign = "+" if gate.is_change else ""

    def written(number: float) -> str:
        if gate.metric == "latency" and number >= UNBOUNDED:
            return "∞"
        return f"{number / scale:{sign},.{digits}f}"

    unit = gate.unit if gate.unit == "%" else f" {gate.unit}"
    if observed.low == observed.high:
        return written(observed.value) + unit
    interval = f"{written(observed.low)} to {written(observed.high)}"
    return f"{written(observed.value)}{unit} ({interval}, n = {observed.n:,})"


def _hint(gate: Gate, observed: Estimate, *, against_old: bool) -> str:
    """Roughly how much to measure for the interval to leave the limit out, if the value stays."""
    distance = abs(observed.value - gate.limit)
    half = (observed.high - observed.low) / 2
    if gate.metric == "latency" and gate.is_change and against_old:
        # More rounds narrow the interval within a session only.
        return "; measure both files in one session"
    if distance == 0 or observed.high >= UNBOUNDED:
        return "; measure more"
    if gate.metric in ("drop", *comparison.SHARES):
        needed = items_needed(distance, _disagreement(half / 100, observed.n))
        what = "items"
    else:
        needed = math.ceil(min(1e15, observed.n * (half / distance) ** 2))
        what = "rounds" if gate.is_change else "runs"
    if needed >= 1e9:
        return "; they are too close to tell apart"
    return f"; about {rounded_up(max(needed, observed.n + 1)):,} {what} would decide"


def _disagreement(half: float, n: int) -> float:
    """The share of disagreeing items that an interval shows: the equation of `items_needed` solved for p."""
    z = 1.96
    return min(1.0, max(0.0, n * (half / z) ** 2 - z**2 / n))


def _label(measurement: Measurement, measurements: Sequence[Measurement]) -> str:
    """The variant and its threads, with whatever else tells it from the others; always one line."""
    parts = [measurement.variant.name, f"{measurement.threads} thread{'s' * (measurement.threads != 1)}"]
    details = [_details(other) for other in measurements]
    for position, detail in enumerate(_details(measurement)):
        if any(other[position] != detail for other in details):
            parts.append(detail)
    return "".join(character if character.isprintable() else "?" for character in ", ".join(parts))


def _details(measurement: Measurement) -> tuple[str, ...]:
    return measurement.variant.model, measurement.runtime.name, measurement.environment.device
