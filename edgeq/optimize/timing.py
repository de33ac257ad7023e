"""How fast candidates are: all of them in one run with float32, on the device that was named."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from edgeq.benchmark.measurement import Measurement
from edgeq.benchmark.session import Progress
from edgeq.benchmark.targets import find_targets
from edgeq.devices.job_options import JobOptions
from edgeq.devices.measuring import DeviceAccess, DeviceJob, measure_on_devices
from edgeq.devices.specs import LOCAL, DeviceSpec
from edgeq.errors import DeviceError
from edgeq.optimize.findings import Speed
from edgeq.schemes import BASELINE


@dataclasses.dataclass(frozen=True)
class TimingPlan:
    """How candidates are timed.

    Attributes:
        on: the device.
        job: the first of its thread counts, 1 where there is none; how long; which runtime there.
        access: how hosts and phones are used.
    """

    on: DeviceSpec = dataclasses.field(default_factory=lambda: DeviceSpec(LOCAL))
    job: JobOptions = dataclasses.field(default_factory=JobOptions)
    access: DeviceAccess = dataclasses.field(default_factory=DeviceAccess)


def time_bundle(
    folder: Path, plan: TimingPlan, *, progress: Progress | None = None
) -> tuple[dict[str, Speed | str], tuple[str, ...]]:
    """Times the variants of a bundle against each other.

    Args:
        folder: of the bundle, with float32.
        plan: how.
        progress: called as it goes on.

    Returns:
        By variant how fast it is, or why that is not known; and what to know of the run, one sentence each.

    Raises:
        EdgeqError: nothing could be timed.
    """
    threads = plan.job.threads[:1] or (1,)
    options = dataclasses.replace(
        plan.job, variants=(), threads=threads, baseline=BASELINE, latency=True, accuracy=False
    )
    phone = dataclasses.replace(plan.access.phone, threads=threads, baseline=BASELINE)
    session = measure_on_devices(
        [plan.on],
        DeviceJob(find_targets([folder]), options),
        dataclasses.replace(plan.access, phone=phone),
        progress=None if progress is None else lambda _: progress,
    )
    speeds: dict[str, Speed | str] = dict(session.failures)
    for measurement in session.measurements:
        speeds[measurement.variant.name] = _speed(measurement)
    if isinstance(speeds.get(BASELINE), str):
        raise DeviceError(f"{plan.on}: float32 could not be timed: {speeds[BASELINE]}")
    return speeds, (*session.notes, *_warnings(session.measurements))


def _speed(measurement: Measurement) -> Speed | str:
    if not measurement.times_are_comparable:
        return (
            measurement.invalid
            or f"times of an emulated CPU mean nothing ({measurement.environment.emulator})"
        )
    latency = measurement.latency
    if latency is None or (latency.ratio is None and not measurement.is_baseline):
        return "it was not timed against float32"
    ratio = latency.ratio
    runtime = measurement.runtime
    return Speed(
        latency_ms=latency.median.value,
        ratio=1.0 if ratio is None else ratio.value,
        low=1.0 if ratio is None else ratio.low,
        high=1.0 if ratio is None else ratio.high,
        device=measurement.environment.device,
        threads=measurement.threads,
        runtime=f"{runtime.name} {runtime.version}",
    )


def _warnings(measurements: Sequence[Measurement]) -> tuple[str, ...]:
    """What makes the times less trustworthy, each once."""
    found = [warning for one in measurements for warning in one.environment.warnings]
    return tuple(dict.fromkeys(found))
