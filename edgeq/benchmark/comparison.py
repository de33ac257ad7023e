"""A number of one measurement, alone, against the FP32 of its session, or against an earlier result.

Results are compared only where what the number depends on is equal: size for one model; quality also on one
runtime and the same data; latency and memory also with the same threads, device, inputs, cores that the inferences
were tied to, and power supply. Times of an emulated CPU or of a throttled one are compared with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.benchmark.latency_statistics import independent_ratio
from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import Accuracy, Estimate, Measurement, Metric
from edgeq.benchmark.metric_change import metric_change
from edgeq.errors import ResultsError

AMOUNTS = ("size", "latency", "memory")
CLOSENESS = ("agreement", "sqnr", "cosine")
"""How close the outputs are to FP32's, which needs no labels."""

# What has to be equal for two results to be comparable, as `_key` has it.
_KEYS = {
    "size": "model",
    "drop": "model and runtime",
    "latency": "model, runtime, threads, device and inputs, on the same cores and power supply",
    "memory": "model, runtime, threads, device and inputs, on the same cores and power supply",
}


class DoubtfulTimesError(ResultsError):
    """Times that must be compared with nothing."""


@dataclass(frozen=True)
class Drop:
    """How much worse the primary metric is than the reference's.

    Attributes:
        estimate: in `unit`; positive is worse.
        unit: ``pp`` for rates, ``%`` of the reference's value for amounts.
        is_paired: whether item by item; else the interval is wider than it need be.
    """

    estimate: Estimate
    unit: str
    is_paired: bool


def conditions(environment: Environment) -> tuple[object, ...]:
    """What has to be equal beside the device for two times to be compared: cores in use, and power supply.

    A machine that does not say how it is powered counts as one on mains: before schema 3 none said it.
    """
    return tuple(sorted(set(environment.cpus))), environment.power == "battery"


def check_times(measurement: Measurement) -> None:
    """Makes sure that times may be compared.

    Raises:
        DoubtfulTimesError: they may not; says why.
    """
    emulator = measurement.environment.emulator
    if emulator is not None:
        raise DoubtfulTimesError(
            f"its CPU was emulated ({emulator}), and such times mean nothing: measure on the device itself"
        )
    if measurement.invalid is not None:
        raise DoubtfulTimesError(f"its times are invalid: {measurement.invalid}")


def amount(name: str, measurement: Measurement) -> Estimate:
    """Size and peak memory in bytes, which are single numbers, or the median latency in milliseconds.

    Args:
        name: one of `AMOUNTS`.
        measurement: of one variant.

    Returns:
        The amount; n is 1 and the interval has no width for bytes.

    Raises:
        ResultsError: it was not measured.
        DoubtfulTimesError: a latency that may not be compared, or memory that is the emulator's too.
    """
    if name == "size":
        return _exact(float(measurement.variant.size_bytes))
    if name == "memory":
        if measurement.environment.emulator is not None:
            raise DoubtfulTimesError("its memory is the emulator's too: measure on the device itself")
        if measurement.peak_memory_bytes is None:
            raise ResultsError("memory was not measured")
        return _exact(float(measurement.peak_memory_bytes))
    if measurement.latency is None:
        raise ResultsError("latency was not measured")
    check_times(measurement)
    return measurement.latency.median


def closeness(name: str, measurement: Measurement) -> Estimate:
    """Agreement with FP32 between 0 and 1, SQNR in decibels, or the cosine of the worst output.

    Args:
        name: one of `CLOSENESS`.
        measurement: of one variant.

    Returns:
        The number; n is 1 and the interval has no width for SQNR and cosine.

    Raises:
        ResultsError: it was not measured; says what it needs.
    """
    accuracy = measurement.accuracy
    if accuracy is None:
        raise ResultsError(f"{name} was not measured (it needs data)")
    found: Estimate | float | None = accuracy.agreement
    if name != "agreement":
        found = accuracy.sqnr_db if name == "sqnr" else worst_cosine(accuracy)
    if found is None:
        needs = "FP32, and outputs that are answers" if name == "agreement" else "FP32"
        raise ResultsError(f"{name} was not measured (it needs {needs})")
    return found if isinstance(found, Estimate) else _exact(found)


def worst_cosine(accuracy: Accuracy) -> float | None:
    """The lowest cosine of all outputs; None where none was measured."""
    return min((one.cosine for one in accuracy.fidelity if one.cosine is not None), default=None)


def metric(key: str, measurement: Measurement) -> Metric:
    """A metric of the task.

    Args:
        key: such as ``top1``.
        measurement: of one variant.

    Raises:
        ResultsError: it was not measured.
    """
    accuracy = measurement.accuracy
    found = accuracy.metric(key) if accuracy is not None else None
    if found is None:
        raise ResultsError(f"{key} was not measured (it needs data with labels)")
    return found


def drop(measurement: Measurement, old: Sequence[Measurement] | None = None) -> Drop:
    """How much worse the primary metric is.

    Args:
        measurement: of one variant.
        old: an earlier result to compare with instead of the session's FP32.

    Returns:
        The drop against FP32, paired by item; against an earlier result paired where `metric_change` can.

    Raises:
        ResultsError: it was not measured, or the earlier result has no counterpart or was measured on other
            data or with another metric.
    """
    accuracy = measurement.accuracy
    if old is None:
        if measurement.baseline is None:
            raise ResultsError(_NO_FP32)
        primary = accuracy.primary if accuracy is not None else None
        if primary is None or primary.drop is None:
            if accuracy is None and measurement.environment.reached_by.startswith("adb:"):
                raise ResultsError(
                    "drop was not measured (nothing is measured over adb but times and memory)"
                )
            if accuracy is None and measurement.environment.reached_by.startswith("app:"):
                raise ResultsError("drop was not measured (the app measures times and parity alone)")
            raise ResultsError("drop was not measured (it needs labels and an FP32 that is above chance)")
        return Drop(primary.drop, primary.drop_unit, is_paired=True)
    then = earlier("drop", measurement, old)
    before = then.accuracy
    if accuracy is None or not accuracy.metrics or before is None or not before.metrics:
        raise ResultsError("drop was not measured (it needs labels, now and in the earlier result)")
    if (accuracy.data_digest, accuracy.n) != (before.data_digest, before.n):
        raise ResultsError(
            f"the earlier result was measured on other data ({before.n:,} items, now {accuracy.n:,})"
        )
    change = metric_change(measurement, then)
    if change is None:
        raise ResultsError(f"{accuracy.metrics[0].key!r} was 0 before, and nothing is a percentage of that")
    return Drop(change.drop, change.metric.drop_unit, change.is_paired)


def ratio(
    name: str,
    measurement: Measurement,
    measurements: Sequence[Measurement],
    old: Sequence[Measurement] | None = None,
) -> Estimate:
    """Size, latency or memory divided by the reference's.

    Args:
        name: one of `AMOUNTS`.
        measurement: of one variant.
        measurements: what it was measured with, to find its FP32.
        old: an earlier result to compare with instead of the session's FP32.

    Returns:
        The ratio, below 1 where the variant is smaller or faster; latencies of one session are paired by
        round.

    Raises:
        ResultsError: it was not measured, or there is no reference to compare with.
        DoubtfulTimesError: its latency or its reference's may not be compared.
    """
    reference = fp32_of(measurement, measurements) if old is None else earlier(name, measurement, old)
    if name != "latency":
        base = amount(name, reference).value
        if base <= 0:
            raise ResultsError(f"its reference has a {name} of {base:g} bytes; measure it again")
        return _exact(amount(name, measurement).value / base)
    if measurement.latency is None or reference.latency is None:
        raise ResultsError("latency was not measured, or its reference's was not")
    check_times(measurement)
    try:
        check_times(reference)
    except DoubtfulTimesError as reason:
        raise DoubtfulTimesError(f"its reference cannot be used: {reason}") from reason
    if old is not None:
        return independent_ratio(measurement.latency.chunks_ms, reference.latency.chunks_ms)
    if measurement.latency.ratio is None:
        raise ResultsError("latency was not compared with FP32 in its session")
    return measurement.latency.ratio


def fp32_of(measurement: Measurement, measurements: Sequence[Measurement]) -> Measurement:
    """The measurement of the baseline that was made together with this one.

    Args:
        measurement: of one variant.
        measurements: where to look.

    Returns:
        The baseline's, of the same session, model, runtime and threads.

    Raises:
        ResultsError: there is none.
    """
    if measurement.baseline is None:
        raise ResultsError(_NO_FP32)
    for other in measurements:
        if other.variant.name == measurement.baseline and _together(other) == _together(measurement):
            return other
    raise ResultsError("its FP32 is missing from the results; measure the bundle or give an earlier result")


def earlier(name: str, measurement: Measurement, old: Sequence[Measurement]) -> Measurement:
    """The measurement of the same variant in an earlier result.

    Args:
        name: one of `AMOUNTS`, or ``drop``; decides what has to be equal.
        measurement: of one variant.
        old: the earlier result; where it has several that fit, the last one counts, as results are appended.

    Returns:
        The counterpart.

    Raises:
        ResultsError: there is none; says what is there or what differs.
    """
    same = [other for other in old if _key(name, other) == _key(name, measurement)]
    if same:
        return same[-1]
    names = sorted({other.variant.name for other in old})
    if measurement.variant.name not in names:
        raise ResultsError(f"the earlier result has no such variant, only {', '.join(names) or 'nothing'}")
    raise ResultsError(f"the earlier result has no measurement of it with the same {_KEYS[name]}")


_NO_FP32 = "no FP32 was measured with it; measure the bundle or give an earlier result"


def _key(name: str, measurement: Measurement) -> tuple[object, ...]:
    variant = (measurement.variant.model, measurement.variant.name)
    if name == "size":
        return variant
    if name == "drop":
        return (*variant, measurement.runtime.name)
    environment = measurement.environment
    place = (measurement.runtime.name, measurement.threads, environment.device_id, *conditions(environment))
    return (*variant, *place, *sorted(measurement.inputs.items()))


def _together(measurement: Measurement) -> tuple[object, ...]:
    model, runtime, environment = measurement.variant.model, measurement.runtime.name, measurement.environment
    place = (environment.device_id, environment.reached_by)
    return measurement.session, place, model, runtime, measurement.threads


def _exact(value: float) -> Estimate:
    return Estimate(value, value, value, 1)
