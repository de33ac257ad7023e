"""A metric of one measurement, alone, against the FP32 of its session, or against an earlier result.

Results are compared only where what the metric depends on is equal: size for one model; accuracy also on one
runtime and the same data; latency and memory also with the same threads, device and inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.benchmark.accuracy_statistics import drop_pp
from edgeq.benchmark.correct_items import correct_items
from edgeq.benchmark.latency_statistics import independent_ratio
from edgeq.benchmark.measurement import Estimate, Measurement
from edgeq.errors import ResultsError

AMOUNTS = ("size", "latency", "memory")
SHARES = ("agreement", "top1", "top5")

# What has to be equal for two results to be comparable, as `_key` has it.
_KEYS = {
    "size": "model",
    "drop": "model and runtime",
    "latency": "model, runtime, threads, device and inputs",
    "memory": "model, runtime, threads, device and inputs",
}


def amount(metric: str, measurement: Measurement) -> Estimate:
    """Size and peak memory in bytes, which are single numbers, or the median latency in milliseconds.

    Args:
        metric: one of `AMOUNTS`.
        measurement: of one variant.

    Returns:
        The amount; n is 1 and the interval has no width for bytes.

    Raises:
        ResultsError: it was not measured.
    """
    if metric == "size":
        return _exact(float(measurement.variant.size_bytes))
    if metric == "memory":
        if measurement.peak_memory_bytes is None:
            raise ResultsError("memory was not measured")
        return _exact(float(measurement.peak_memory_bytes))
    if measurement.latency is None:
        raise ResultsError("latency was not measured")
    return measurement.latency.median


def share(metric: str, measurement: Measurement) -> Estimate:
    """Agreement with FP32, top-1 or top-5, between 0 and 1.

    Args:
        metric: one of `SHARES`.
        measurement: of one variant.

    Returns:
        The share.

    Raises:
        ResultsError: it was not measured; says what it needs.
    """
    accuracy = measurement.accuracy
    if accuracy is None:
        raise ResultsError(f"{metric} was not measured (it needs data)")
    found = {"agreement": accuracy.agreement, "top1": accuracy.top1, "top5": accuracy.top5}[metric]
    if found is None:
        needs = {"agreement": "FP32", "top1": "labels", "top5": "labels and more than five classes"}
        raise ResultsError(f"{metric} was not measured (it needs {needs[metric]})")
    return found


def drop(measurement: Measurement, old: Sequence[Measurement] | None = None) -> Estimate:
    """Top-1 lost, in percentage points, paired by item.

    Args:
        measurement: of one variant.
        old: an earlier result to compare with instead of the session's FP32.

    Returns:
        The reference's top-1 minus this one's.

    Raises:
        ResultsError: it was not measured, or the earlier result has no counterpart or was measured on other
            data.
    """
    accuracy = measurement.accuracy
    if old is None:
        if measurement.baseline is None:
            raise ResultsError(_NO_FP32)
        if accuracy is None or accuracy.drop_pp is None:
            raise ResultsError("drop was not measured (it needs labels and an FP32 that is above chance)")
        return accuracy.drop_pp
    before = earlier("drop", measurement, old).accuracy
    correct, correct_before = correct_items(accuracy), correct_items(before)
    if accuracy is None or correct is None or before is None or correct_before is None:
        raise ResultsError("drop was not measured (it needs labels, now and in the earlier result)")
    if (accuracy.data_digest, accuracy.n) != (before.data_digest, before.n):
        raise ResultsError(
            f"the earlier result was measured on other data ({before.n:,} items, now {accuracy.n:,})"
        )
    return drop_pp(correct, correct_before)


def ratio(
    metric: str,
    measurement: Measurement,
    measurements: Sequence[Measurement],
    old: Sequence[Measurement] | None = None,
) -> Estimate:
    """Size, latency or memory divided by the reference's.

    Args:
        metric: one of `AMOUNTS`.
        measurement: of one variant.
        measurements: what it was measured with, to find its FP32.
        old: an earlier result to compare with instead of the session's FP32.

    Returns:
        The ratio, below 1 where the variant is smaller or faster; latencies of one session are paired by
        round.

    Raises:
        ResultsError: it was not measured, or there is no reference to compare with.
    """
    reference = fp32_of(measurement, measurements) if old is None else earlier(metric, measurement, old)
    if metric != "latency":
        base = amount(metric, reference).value
        if base <= 0:
            raise ResultsError(f"its reference has a {metric} of {base:g} bytes; measure it again")
        return _exact(amount(metric, measurement).value / base)
    if measurement.latency is None or reference.latency is None:
        raise ResultsError("latency was not measured, or its reference's was not")
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


def earlier(metric: str, measurement: Measurement, old: Sequence[Measurement]) -> Measurement:
    """The measurement of the same variant in an earlier result.

    Args:
        metric: one of `AMOUNTS`, or ``drop``; decides what has to be equal.
        measurement: of one variant.
        old: the earlier result; where it has several that fit, the last one counts, as results are appended.

    Returns:
        The counterpart.

    Raises:
        ResultsError: there is none; says what is there or what differs.
    """
    same = [other for other in old if _key(metric, other) == _key(metric, measurement)]
    if same:
        return same[-1]
    names = sorted({other.variant.name for other in old})
    if measurement.variant.name not in names:
        raise ResultsError(f"the earlier result has no such variant, only {', '.join(names) or 'nothing'}")
    raise ResultsError(f"the earlier result has no measurement of it with the same {_KEYS[metric]}")


_NO_FP32 = "no FP32 was measured with it; measure the bundle or give an earlier result"


def _key(metric: str, measurement: Measurement) -> tuple[object, ...]:
    variant = (measurement.variant.model, measurement.variant.name)
    if metric == "size":
        return variant
    if metric == "drop":
        return (*variant, measurement.runtime.name)
    place = (measurement.runtime.name, measurement.threads, measurement.environment.device_id)
    return (*variant, *place, *sorted(measurement.inputs.items()))


def _together(measurement: Measurement) -> tuple[object, ...]:
    model, runtime = measurement.variant.model, measurement.runtime.name
    return measurement.session, model, runtime, measurement.threads


def _exact(value: float) -> Estimate:
    return Estimate(value, value, value, 1)
