"""A night of measurements as a Raspberry Pi 4 writes them, by hand: five variants at two thread counts."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import (
    Accuracy,
    Estimate,
    Latency,
    Measurement,
    Metric,
    RuntimeInfo,
    VariantInfo,
)

ITEMS = 4000
ROUNDS = 8
RUNS_A_ROUND = 12


@dataclass(frozen=True)
class Shape:
    """What distinguishes a variant: sizes, medians at 1 and 4 threads, and how many answers flipped."""

    scheme: str
    io: str
    size: int
    gzip: int
    median_ms: tuple[float, float]
    ratio: tuple[float | None, float | None]
    verdict: tuple[str | None, str | None]
    nodes: tuple[int, int]
    lost: int
    gained: int
    top1: Estimate
    drop: Estimate | None
    p_value: float | None
    agreement: Estimate | None
    sqnr_db: float | None
    memory: int


SAME = "no significant difference"
SHAPES = {
    "float32": Shape(
        "float32", "float32", 13_978_596, 12_911_734, (61.42, 22.71), (None, None), (None, None), (64, 65),
        0, 0, Estimate(0.822, 0.8098, 0.8335, ITEMS), None, None, None, None, 71_204_864,
    ),
    "float16": Shape(
        "float16", "float32", 7_017_492, 6_488_120, (61.57, 22.78), (1.002, 1.003), (SAME, SAME), (64, 65),
        1, 2, Estimate(0.82225, 0.8101, 0.8338, ITEMS), Estimate(-0.025, -0.1595, 0.0954, ITEMS), 1.0,
        Estimate(0.99925, 0.9978, 0.9997, ITEMS), 68.4, 78_643_200,
    ),
    "dynamic": Shape(
        "dynamic", "float32", 3_906_312, 3_310_477, (74.83, 41.90), (1.218, 1.845), ("slower", "slower"), (50, 65),
        14, 12, Estimate(0.8215, 0.8093, 0.8331, ITEMS), Estimate(0.05, -0.2142, 0.3205, ITEMS), 0.845,
        Estimate(0.991, 0.9876, 0.9935, ITEMS), 31.2, 62_914_560,
    ),
    "int8": Shape(
        "int8", "int8", 3_938_896, 3_226_004, (27.94, 10.83), (0.455, 0.477), ("faster", "faster"), (64, 65),
        38, 22, Estimate(0.818, 0.8057, 0.8297, ITEMS), Estimate(0.4, 0.0211, 0.8019, ITEMS), 0.0519,
        Estimate(0.9825, 0.9779, 0.9861, ITEMS), 21.7, 48_234_496,
    ),
    "int8-io-float32": Shape(
        "int8", "float32", 3_939_360, 3_226_251, (28.02, 10.88), (0.456, 0.479), ("faster", "faster"), (66, 67),
        39, 22, Estimate(0.81775, 0.8055, 0.8294, ITEMS), Estimate(0.425, 0.0437, 0.8304, ITEMS), 0.0396,
        Estimate(0.98225, 0.9777, 0.9859, ITEMS), 21.7, 48_758_784,
    ),
}  # fmt: skip


def night(
    *,
    session: str = "6f0c2d",
    started_at: str = "2026-11-21T03:11:07+00:00",
    threads: Iterable[int] = (1, 4),
    variants: Iterable[str] = tuple(SHAPES),
    slowdown: float = 1.0,
) -> list[Measurement]:
    """Every variant at every thread count, as one session measured them."""
    return [
        _measurement(name, SHAPES[name], count, session, started_at, slowdown)
        for count in threads
        for name in variants
    ]


def change(measurement: Measurement, **paths: Any) -> Measurement:
    """The measurement with other values; ``variant__name`` is the variant's name."""
    for path, value in paths.items():
        measurement = _replaced(measurement, path.split("__"), value)
    return measurement


def without_labels(measurements: Iterable[Measurement]) -> list[Measurement]:
    """The same on data without labels: only the agreement is known."""
    return [change(one, accuracy__metrics=(), accuracy__correct=None) for one in measurements]


def with_drop(measurement: Measurement, drop: Estimate | None) -> Measurement:
    """The measurement with another drop of its primary metric."""
    assert measurement.accuracy is not None
    primary, *further = measurement.accuracy.metrics
    return change(measurement, accuracy__metrics=(dataclasses.replace(primary, drop=drop), *further))


def lone_file(measurement: Measurement, name: str) -> Measurement:
    """The measurement as one of a file outside a bundle: nothing to compare with."""
    return change(
        measurement,
        baseline=None,
        variant__model=name,
        variant__name=name,
        variant__file=f"{name}.tflite",
        latency__ratio=None,
        latency__verdict=None,
        accuracy=None,
        provenance={},
    )


def each(measurements: Iterable[Measurement], edit: Callable[[Measurement], Any]) -> list[Measurement]:
    """Applies an edit to all of them."""
    return [edit(one) for one in measurements]


def _replaced(value: Any, names: list[str], new: Any) -> Any:
    if len(names) == 1:
        return dataclasses.replace(value, **{names[0]: new})
    return dataclasses.replace(value, **{names[0]: _replaced(getattr(value, names[0]), names[1:], new)})


def _measurement(
    name: str, shape: Shape, threads: int, session: str, started_at: str, slowdown: float
) -> Measurement:
    at = 0 if threads == 1 else 1
    return Measurement(
        session=session,
        variant=VariantInfo(
            model="mobilenet_v2",
            name=name,
            file=f"mobilenet_v2.{name}.tflite",
            scheme=shape.scheme,
            io=shape.io,
            sha256=f"{abs(shape.size * 2654435761) % 16**16:016x}" * 4,
            size_bytes=shape.size,
            gzip_bytes=shape.gzip,
        ),
        baseline="float32",
        threads=threads,
        inputs={"image": f"{shape.io}[1, 224, 224, 3]"},
        runtime=RuntimeInfo(
            name="litert",
            version="2.3.0",
            kernel_path="litert 2.3.0 XNNPACK cortex-a72",
            delegate="XNNPACK",
            nodes_delegated=shape.nodes[0],
            nodes=shape.nodes[1],
        ),
        environment=Environment(
            device="Cortex-A72, 4 cores",
            device_id="b3d1c9a04e5f7788",
            started_at=started_at,
            cpu="Cortex-A72",
            cores=4,
            architecture="aarch64",
            governor="powersave",
            frequency_mhz=1500.0,
            load_1m=0.31,
            os="Linux 6.6.51",
            python="3.11.2",
            numpy="2.4.6",
            edgeq="0.1.0",
            warnings=(
                "the CPU governor is 'powersave', which slows short runs: sudo cpupower frequency-set -g performance",
            ),
        ),
        latency=_latency(shape, at, slowdown),
        accuracy=_accuracy(shape),
        peak_memory_bytes=shape.memory,
        provenance={
            "edgeq": "0.1.0",
            "tensorflow": "2.21.0",
            "keras": "3.15.1",
            "source": {"file": "mobilenet_v2.keras", "sha256": "5b1f" * 16},
            "options": {"seed": 0, "schemes": ["float32", "float16", "dynamic", "int8"], "calibration": 200},
        },
    )


def _latency(shape: Shape, at: int, slowdown: float) -> Latency:
    median = shape.median_ms[at] * slowdown
    ratio = shape.ratio[at]
    return Latency(
        load_ms=round(median * 0.9, 2),
        first_ms=round(median * 1.8, 2),
        median=Estimate(round(median, 3), round(median * 0.9962, 3), round(median * 1.0041, 3), 96),
        p90_ms=round(median * 1.031, 2),
        p95_ms=round(median * 1.058, 2),
        min_ms=round(median * 0.985, 2),
        mean_ms=round(median * 1.009, 2),
        chunks_ms=_chunks(median, shape.size % 89 + 31 * at),
        ratio=None
        if ratio is None
        else Estimate(ratio, round(ratio * 0.995, 4), round(ratio * 1.006, 4), ROUNDS),
        verdict=shape.verdict[at],
    )


def _chunks(median: float, phase: int) -> tuple[tuple[float, ...], ...]:
    """Runs with a steady middle and a tail to the right, spread evenly by the golden ratio: no chance in it."""
    chunks = []
    for turn in range(ROUNDS):
        drift = 0.002 * ((turn * 0.618) % 1 - 0.5)
        places = ((turn * RUNS_A_ROUND + run + phase) * 0.6180339887 % 1 for run in range(RUNS_A_ROUND))
        spread = (
            0.985 + 0.03 * place + (0.005 * (phase % 7 + 3)) * (max(0.0, place - 0.8) * 5) ** 3
            for place in places
        )
        chunks.append(tuple(round(median * (one + drift), 3) for one in spread))
    return tuple(chunks)


def _accuracy(shape: Shape) -> Accuracy:
    top5 = Estimate(shape.top1.value + 0.12, shape.top1.low + 0.12, shape.top1.high + 0.11, ITEMS)
    return Accuracy(
        n=ITEMS,
        excluded=200,
        data_digest="9c1e6a5b77d04f21",
        task="classification",
        metrics=(
            Metric("top1", "top-1", shape.top1, drop=shape.drop, p_value=shape.p_value),
            Metric("top5", "top-5", top5),
        ),
        agreement=shape.agreement,
        sqnr_db=shape.sqnr_db,
        correct=packed(correct_items(shape.lost, shape.gained)),
    )


def correct_items(lost: int, gained: int) -> np.ndarray:
    """bool[ITEMS]: 82.2 % right, then so many of them wrong and so many of the others right."""
    right = np.arange(ITEMS) * 7919 % 1000 < 822
    before = right.copy()
    was_right, was_wrong = np.flatnonzero(before), np.flatnonzero(~before)
    right[was_right[np.arange(lost) * 37 % was_right.size]] = False
    right[was_wrong[np.arange(gained) * 13 % was_wrong.size]] = True
    return right


def packed(correct: np.ndarray) -> str:
    """The bits as a measurement holds them."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode("ascii")
