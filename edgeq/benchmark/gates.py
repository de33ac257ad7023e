"""Gates: conditions such as ``drop>1pp`` under which a build shall fail.

`edgeq.benchmark.gate_expressions` says how they are written. A change and a drop are against the session's FP32, or,
where an earlier result is given, against the same variant there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeq.benchmark import comparison
from edgeq.benchmark.gate_expressions import METRICS, OTHER_NAMES, Gate, parse_gate
from edgeq.benchmark.gate_messages import ERROR, FAILED, PASSED, UNDECIDED, label, message, printable
from edgeq.benchmark.measurement import Estimate, Measurement, Metric
from edgeq.errors import ResultsError, UsageError
from edgeq.printing import workflow_command

__all__ = [
    "ERROR",
    "FAILED",
    "METRICS",
    "PASSED",
    "UNDECIDED",
    "Gate",
    "GateResult",
    "evaluate",
    "parse_gate",
    "to_github",
]


@dataclass(frozen=True)
class GateResult:
    """What became of a gate on one measurement.

    Attributes:
        gate: the gate.
        variant: name of the measured variant.
        threads: of the interpreter.
        observed: the metric in the limit's unit; None where it was not measured or cannot be compared.
        limit: in the gate's unit; bytes and milliseconds for those of bytes and time.
        outcome: `PASSED`, `FAILED`, `UNDECIDED`, or `ERROR` where times were to be judged that must not be compared.
        message: one line that says so with its numbers.
    """

    gate: Gate
    variant: str
    threads: int
    observed: Estimate | None
    limit: float
    outcome: str
    message: str


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
    not fail, where the interval contains the limit. Size and memory are single numbers and always decided. Times of an
    emulated CPU or a throttled one decide nothing, and a gate that asks for them is an error and not undecided: such a
    build would otherwise go through without its gate ever having been checked.

    A drop against an earlier result is paired by item where both results keep what came of each item. A metric of all
    items at once (mean IoU, mAP) is compared by its two intervals instead of being refused: that interval is too wide
    and never too narrow, so such a gate cannot fail a build by mistake; the message says so.

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
        UsageError: a variant does not exist, nothing is left to compare with FP32, no task of the results has
            the metric, or the limit has the unit of another kind of metric.
        ResultsError: none of the measurements has the metric, or none can be compared.
    """
    gate = _known(gate, measurements)
    chosen = _chosen(gate, measurements, old, variants)
    _check_unit(gate, chosen)
    results: list[GateResult] = []
    missing: list[str] = []
    for measurement in chosen:
        try:
            observed, is_paired = _observed(gate, measurement, measurements, old)
        except comparison.DoubtfulTimesError as reason:
            text = f"{label(measurement, measurements)}: {gate} cannot be checked: {printable(str(reason))}"
            results.append(_result(gate, measurement, None, ERROR, text))
            continue
        except ResultsError as reason:
            missing.append(f"{label(measurement, measurements)}: {reason}")
            text = f"{missing[-1]}; {gate} was not checked"
            results.append(_result(gate, measurement, None, UNDECIDED, text))
            continue
        outcome = _outcome(gate, observed, strict=strict)
        text = message(
            gate,
            measurement,
            measurements,
            observed,
            outcome,
            against_old=old is not None,
            is_paired=is_paired,
        )
        results.append(_result(gate, measurement, observed, outcome, text))
    if len(missing) == len(chosen):
        raise ResultsError(f"the gate {gate} applies to no measurement: {'; '.join(dict.fromkeys(missing))}")
    return tuple(results)


def to_github(results: Iterable[GateResult]) -> str:
    """Annotations for GitHub Actions: an error for each gate that failed or is one, a warning for each undecided one.

    Args:
        results: of any number of gates.

    Returns:
        One workflow command a line; empty where all passed.
    """
    commands = {FAILED: "error", ERROR: "error", UNDECIDED: "warning"}
    return "\n".join(
        workflow_command(commands[result.outcome], f"edgeq: {result.gate} ({result.variant})", result.message)
        for result in results
        if result.outcome in commands
    )


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
    return gate.metric in comparison.CLOSENESS or (gate.needs_reference and old is None)


def _known(gate: Gate, measurements: Sequence[Measurement]) -> Gate:
    """The gate, if a task of the results has its metric: else its name is a mistake, and not just not measured."""
    if not gate.is_of_task or not measurements:
        return gate
    keys = dict.fromkeys(
        metric.key for one in measurements if one.accuracy is not None for metric in one.accuracy.metrics
    )
    if gate.metric not in keys:
        gate = dataclasses.replace(gate, metric=OTHER_NAMES.get(gate.metric, gate.metric))
    if gate.metric in keys:
        return gate
    if not keys:
        raise ResultsError(
            f"the gate {gate} applies to no measurement: no metric was measured, which needs data with labels; "
            f"without them there are {', '.join(METRICS[1:])}"
        )
    raise UsageError(
        f"the gate {gate}: no metric {gate.metric!r}; these results have {', '.join((*map(printable, keys), *METRICS))}"
    )


def _check_unit(gate: Gate, chosen: Sequence[Measurement]) -> None:
    """A rate is limited in percent and its drop in pp, an amount by a plain number and its drop in percent."""
    found = [metric for one in chosen if (metric := _metric(gate, one)) is not None]
    if not found or any(_fits(gate, metric) for metric in found):
        return
    metric = found[0]
    kind = "a rate" if metric.is_rate else "an amount"
    if gate.metric == "drop":
        right = f"drop{gate.operator}{gate.number:f}{metric.drop_unit}"
        raise UsageError(
            f"the gate {gate}: {printable(metric.key)} is {kind}, whose drop is in {metric.drop_unit}: write {right}"
        )
    number = 100 * gate.number if metric.is_rate and abs(gate.number) <= 1 else gate.number
    right = f"{metric.key}{gate.operator}{number.normalize():f}{'%' if metric.is_rate else ''}"
    expected = "in %" if metric.is_rate else "as a plain number"
    raise UsageError(
        f"the gate {gate}: {metric.key} is {kind}, whose limit is given {expected}: write {right}"
    )


def _metric(gate: Gate, measurement: Measurement) -> Metric | None:
    """What the gate's unit has to fit; None for what has one unit in every task."""
    if measurement.accuracy is None or not gate.needs_labels:
        return None
    if gate.metric == "drop":
        return measurement.accuracy.primary
    return measurement.accuracy.metric(gate.metric)


def _fits(gate: Gate, metric: Metric) -> bool:
    if gate.metric == "drop":
        return gate.unit == metric.drop_unit
    return (gate.unit == "%") == metric.is_rate


def _observed(
    gate: Gate,
    measurement: Measurement,
    measurements: Sequence[Measurement],
    old: Sequence[Measurement] | None,
) -> tuple[Estimate, bool]:
    """The metric in the limit's unit, and whether it is paired; a ResultsError says why there is none."""
    metric = _metric(gate, measurement)
    if metric is not None and not _fits(gate, metric):
        raise ResultsError(
            f"{printable(metric.key)} is {'a rate' if metric.is_rate else 'an amount'}, which has another unit"
        )
    if gate.metric == "drop":
        drop = comparison.drop(measurement, old)
        return _scaled(drop.estimate, 1.0), drop.is_paired
    if gate.is_of_task:
        value = comparison.metric(gate.metric, measurement).value
        return _scaled(value, 100.0) if gate.unit == "%" else value, True
    if gate.metric in comparison.CLOSENESS:
        value = comparison.closeness(gate.metric, measurement)
        return _scaled(value, 100.0) if gate.unit == "%" else value, True
    if gate.is_change:
        return _change(comparison.ratio(gate.metric, measurement, measurements, old)), True
    return comparison.amount(gate.metric, measurement), True


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
    gate: Gate, measurement: Measurement, observed: Estimate | None, outcome: str, text: str
) -> GateResult:
    name, threads = measurement.variant.name, measurement.threads
    return GateResult(gate, name, threads, observed, gate.limit, outcome, text)
