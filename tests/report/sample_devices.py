"""One model on several devices, by hand: a Pi over ssh, a phone over adb, a desktop, and an emulated Pi."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from sample_measurements import SAME, change, each, night

from edgeq.benchmark.measurement import Estimate, Measurement, Parity, SustainedMinute
from edgeq.runtime.host_state import CoreState, HostState

RECORDED_ON = "litert 2.3.0, XNNPACK, x86_64+avx512_vnni"
ROUNDS = 8
PI_MINUTES = {
    "float32": (61.4, 61.9, 63.0, 64.2, 64.8),
    "float16": (61.6, 62.0, 63.1, 64.4, 65.0),
    "dynamic": (74.8, 75.1, 75.9, 76.2, 76.4),
    "int8": (27.9, 29.4, 33.0, 35.9, 36.2),
    "int8-io-float32": (30.5, 31.0, 31.8, 32.1, 32.4),
}


def state(
    moment: str, elapsed_s: float, mhz: float, temperature_c: float | None, throttled: int | None = 0
) -> HostState:
    """Four equal cores at one moment."""
    cores = tuple(CoreState(number, "ondemand", mhz) for number in range(4))
    return HostState(moment, elapsed_s, cores, temperature_c, throttled, 0.31, 3_221_225_472)


PI_STATES = (
    state("before", 0.0, 600.0, 47.2),
    *(state("during", 20.0 * turn, 1800.0, 50.0 + 5.5 * turn) for turn in range(1, 6)),
    state("during", 120.0, 1500.0, 81.3, 0x80008),
    state("after", 140.0, 600.0, 74.9, 0x80000),
)


def bit_exact(measurement: Measurement) -> Measurement:
    """Checked on the recorded kernels."""
    sqnr = (measurement.accuracy.sqnr_db if measurement.accuracy else None) or 120.0
    return change(measurement, parity=Parity(16, True, True, RECORDED_ON, 0.0, 0, sqnr, 20.0, 1.0, 0.9))


def near(measurement: Measurement, *, passed: bool = True) -> Measurement:
    """Checked on other kernels; where it fails, by SQNR and agreement."""
    is_float = measurement.variant.scheme in ("float32", "float16")
    sqnr, agreement = (120.4 if is_float else 41.2, 1.0) if passed else (12.1, 0.8125)
    parity = Parity(
        n=16,
        passed=passed,
        same_kernels=False,
        recorded_kernel_path=RECORDED_ON,
        differing=0.0312 if passed else 0.74,
        largest_difference=None if is_float else 1 if passed else 93,
        sqnr_db=sqnr,
        least_sqnr_db=20.0,
        agreement=agreement,
        least_agreement=0.9,
    )
    return change(measurement, parity=parity)


def raspberry(
    variants: Iterable[str] = tuple(PI_MINUTES), *, reached_by: str = "ssh:pi@raspberrypi"
) -> list[Measurement]:
    """A Raspberry Pi 4 over ssh with states, sustained minutes, and parity on other kernels."""
    return each(
        night(session="pi", threads=(1,), variants=variants),
        lambda one: change(
            near(one),
            environment__device="Raspberry Pi 4, 4 cores",
            environment__device_id="b3d1c9a04e5f7788",
            environment__reached_by=reached_by,
            environment__features=("asimd", "crc32", "fp"),
            environment__memory_bytes=3_976_658_944,
            environment__power="mains",
            environment__states=PI_STATES,
            environment__warnings=(),
            latency__sustained=_minutes(PI_MINUTES[one.variant.name]),
        ),
    )


def phone(variants: Iterable[str] = ("float32", "int8", "float16")) -> list[Measurement]:
    """A phone over adb, whose tool tells one median a run and knows no accuracy."""
    speeds = {"float32": (14.2, None), "float16": (6.1, 0.43), "int8": (7.9, 0.556)}
    return each(
        night(session="phone", threads=(4,), variants=variants),
        lambda one: _phone(one, *speeds[one.variant.name]),
    )


def _phone(one: Measurement, median: float, ratio: float | None) -> Measurement:
    return change(
        one,
        accuracy=None,
        peak_memory_bytes=None,
        runtime__name="benchmark_model",
        runtime__version="2.20.0",
        runtime__kernel_path="benchmark_model 2.20.0, XNNPACK, arm64-v8a",
        environment__device="Pixel 8, 9 cores",
        environment__device_id="77aa10c0ffee0001",
        environment__cpu="Tensor G3",
        environment__cores=9,
        environment__python="",
        environment__numpy="",
        environment__os="Android 14",
        environment__governor=None,
        environment__cpus=(4, 5, 6, 7, 8),
        environment__features=("asimddp", "i8mm", "fphp"),
        environment__power="battery",
        environment__reached_by="adb:8A1X0PQ",
        environment__warnings=("the phone runs on battery: plug it in",),
        latency__load_ms=None,
        latency__first_ms=21.3,
        latency__median=Estimate(median, median * 0.98, median * 1.02, ROUNDS),
        latency__p90_ms=None,
        latency__p95_ms=None,
        latency__chunks_ms=tuple((round(median * (0.99 + 0.0025 * turn), 4),) for turn in range(ROUNDS)),
        latency__ratio=None if ratio is None else Estimate(ratio, ratio * 0.97, ratio * 1.03, ROUNDS),
        latency__verdict=None if ratio is None else "faster",
        latency__statistic="median",
    )


def desktop() -> list[Measurement]:
    """A desktop on which the bundle was made; there no variant is faster, so that another is shipped."""
    return each(
        night(session="desk", threads=(1,)),
        lambda one: change(
            bit_exact(one),
            environment__device="Ryzen 9 7950X, 32 cores",
            environment__device_id="5ca1ab1e5ca1ab1e",
            environment__cpu="Ryzen 9 7950X",
            environment__cores=32,
            environment__architecture="x86_64",
            environment__governor="performance",
            environment__warnings=(),
            runtime__kernel_path=RECORDED_ON,
            **(
                {}
                if one.is_baseline
                else {
                    "latency__ratio": Estimate(1.001, 0.996, 1.006, ROUNDS),
                    "latency__verdict": SAME,
                    "latency__median": Estimate(61.46, 61.2, 61.7, 96),
                }
            ),
        ),
    )


def three_devices() -> list[Measurement]:
    """The Pi, the phone and the desktop."""
    return [*raspberry(), *phone(), *desktop()]


def emulated() -> list[Measurement]:
    """A Raspberry Pi that qemu pretends to be."""
    return each(
        night(session="qemu", threads=(1,)),
        lambda one: change(
            near(one),
            environment__device="Cortex-A76 (emulated)",
            environment__device_id="0e0e0e0e0e0e0e0e",
            environment__emulator="qemu-user",
            environment__warnings=(),
        ),
    )


def throttled(variants: Iterable[str] = ("int8",)) -> list[Measurement]:
    """The Pi, of which some variants were measured while it throttled."""
    return each(
        raspberry(),
        lambda one: (
            change(
                one,
                invalid="under-voltage and throttled during the run: use a better power supply, and measure again",
                environment__states=(*PI_STATES[:-1], dataclasses.replace(PI_STATES[-1], throttled=0x50005)),
            )
            if one.variant.name in variants
            else one
        ),
    )


def _minutes(medians: tuple[float, ...]) -> tuple[SustainedMinute, ...]:
    return tuple(
        SustainedMinute(
            minute=number,
            median_ms=median,
            n=int(60_000 / median),
            temperature_c=52.0 + 7.5 * number - 0.6 * number**2,
            frequency_mhz=1800.0 if number < 4 else 1500.0,
            throttled=0 if number < 4 else 0x80008,
        )
        for number, median in enumerate(medians, start=1)
    )
