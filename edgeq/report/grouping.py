"""Which measurements may stand in one table.

Latencies are compared on one device, with one power supply, on the same cores, with one runtime, version and input
shape; quality on one validation set and primary metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgeq.benchmark.comparison import conditions
from edgeq.benchmark.measurement import Accuracy, Measurement

_Quality = tuple[object, ...]


def comparable(measurements: Sequence[Measurement]) -> tuple[tuple[Measurement, ...], ...]:
    """Groups of measurements that may be compared, in the order in which they come."""
    groups: dict[tuple[object, ...], list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault(_latency_key(measurement), []).append(measurement)
    return tuple(tuple(same) for group in groups.values() for same in _by_quality(group))


def newest(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """The newest measurement of each variant and thread count, in the order of first appearance."""
    latest: dict[tuple[object, ...], Measurement] = {}
    for measurement in measurements:
        variant = measurement.variant
        # Two lone files may have one name in two folders.
        identity = (variant.model, variant.name) if measurement.baseline is not None else variant.sha256
        key = (identity, measurement.threads)
        rival = latest.get(key)
        if rival is None or measurement.environment.started_at >= rival.environment.started_at:
            latest[key] = measurement
    return tuple(latest.values())


def input_shapes(measurement: Measurement) -> tuple[str, ...]:
    """The shapes of the inputs without names and dtypes: a full-integer file has other dtypes than FP32."""
    return tuple(sorted(text.partition("[")[2] for text in measurement.inputs.values()))


def _latency_key(measurement: Measurement) -> tuple[object, ...]:
    # Lone files have no baseline and share a table, whatever their models are called.
    family = None if measurement.baseline is None else measurement.variant.model
    runtime, environment = measurement.runtime, measurement.environment
    # Two boards of one kind have one device_id; how they are reached tells them apart. Times of an emulator say
    # nothing about those beside them.
    place = (environment.device_id, environment.reached_by, environment.emulator, *conditions(environment))
    return family, place, runtime.name, runtime.version, input_shapes(measurement)


def _by_quality(group: Sequence[Measurement]) -> list[list[Measurement]]:
    """Splits by validation set and primary metric; what has none goes where the rest of its session is."""
    labelled = {
        (one.session, one.accuracy.data_digest): _quality(one.accuracy)
        for one in group
        if one.accuracy is not None and one.accuracy.metrics
    }
    of_session = {
        one.session: labelled.get((one.session, one.accuracy.data_digest), _quality(one.accuracy))
        for one in group
        if one.accuracy is not None
    }
    split: dict[_Quality | None, list[Measurement]] = {}
    for one in group:
        if one.accuracy is None:
            quality = of_session.get(one.session)
        elif one.accuracy.metrics:
            quality = _quality(one.accuracy)
        else:
            quality = labelled.get((one.session, one.accuracy.data_digest), _quality(one.accuracy))
        split.setdefault(quality, []).append(one)
    if None in split and len(split) > 1:
        without = split.pop(None)
        next(iter(split.values())).extend(without)
    return list(split.values())


def _quality(accuracy: Accuracy) -> _Quality:
    primary = accuracy.primary
    kind = (primary.key, primary.is_rate, primary.higher_is_better) if primary is not None else ()
    return (accuracy.data_digest, *kind)
