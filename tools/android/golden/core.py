#!/usr/bin/env python3
"""Golden vectors for the app's bundle, tensors, parity and classes: what edgeq computes, for the Kotlin tests.

    .venv/bin/python tools/android/golden/core.py android_demo/core/src/test/resources/golden/core

Numbers are written as their little-endian bytes in hexadecimal, so that tests compare bits.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.benchmark.prediction import Predictions
from edgeq.bundle import read_bundle
from edgeq.report.predictions import to_json
from edgeq.runtime.quantization import Quantization, dequantize, quantize
from tools.android.golden.parity import made_up_cases, parity_cases
from tools.android.golden.parity import to_hex as _hex

Array = npt.NDArray[Any]

DEMO_BUNDLE = Path(__file__).resolve().parents[3] / "edgeq" / "demo" / "bundle"

_SEED = 20240607

_SCALES = (
    (1.0, -128),
    (1.0, 0),
    (0.00390625, -128),
    (0.007843137718737125, 127),
    (0.1, 3),
    (3.0517578125e-05, 0),
    (1 / 3, -7),
    (123.456, 255),
    (1.17549435e-38, 0),
    (3.0e38, 1),
)
"""Scales and zero points: powers of two, of which halves are ties, fractions that round, and both ends of float32."""


def write(folder: Path) -> None:
    """Writes the vectors.

    Args:
        folder: where; it is made where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundle = read_bundle(DEMO_BUNDLE)
    for name, cases in {
        "quantization": quantization_cases(),
        "top": top_cases(),
        "sqnr": sqnr_cases(),
        "sqnr_drawn": drawn_sqnr_cases(),
        "parity": parity_cases(bundle),
        "parity_made_up": made_up_cases(bundle),
        "arrays": [array_case(name, array) for name, array in arrays().items()],
    }.items():
        lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
        (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    np.savez(folder / "stored.npz", **arrays())  # type: ignore[arg-type]
    np.savez_compressed(folder / "compressed.npz", **arrays())  # type: ignore[arg-type]


def quantization_cases() -> Iterator[dict[str, Any]]:
    """Real numbers as integers of each type, and integers as real numbers."""
    generator = np.random.default_rng(_SEED)
    for dtype in (np.int8, np.uint8, np.int16):
        for scale, zero_point in _SCALES:
            how = Quantization(float(np.float32(scale)), zero_point)
            real = _real_numbers(generator, how)
            stored = quantize(real, how, dtype)
            every = _integers(dtype)
            with np.errstate(over="ignore"):
                meant = dequantize(every, how)
            yield {
                "dtype": np.dtype(dtype).name,
                "scale": _hex(np.float32(how.scale)),
                "zero_point": zero_point,
                "real": _hex(real),
                "stored": _hex(stored),
                "integers": _hex(every),
                "meant": _hex(meant),
            }


def _real_numbers(generator: np.random.Generator, how: Quantization) -> npt.NDArray[np.float32]:
    """Ties and their neighbours, numbers all over the range and beyond it, and the ends of float32."""
    scale = np.float32(how.scale)
    with np.errstate(over="ignore"):
        ties = (np.arange(-6, 7, dtype=np.float32) + np.float32(0.5)) * scale
        edges = (
            np.array([-32768.5, -129, -128.5, 127.5, 255.5, 32767.5], np.float32) - how.zero_point
        ) * scale
        drawn = generator.uniform(-300, 300, 24).astype(np.float32) * scale
        wide = generator.uniform(-40_000, 40_000, 12).astype(np.float32) * scale
    ends = np.array([0.0, -0.0, np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45, -1e-45, 1.2e-38], np.float32)
    near = np.concatenate([ties, edges])
    neighbours = [np.nextafter(near, np.float32(side)) for side in (-np.inf, np.inf)]
    return np.concatenate([near, *neighbours, drawn, wide, ends]).astype(np.float32)


def _integers(dtype: npt.DTypeLike) -> Array:
    """Every integer of 8 bits; of 16 bits the ends and some between."""
    info = np.iinfo(np.dtype(dtype))
    step = 1 if info.bits == 8 else 1021
    return np.array([*range(info.min, info.max, step), info.max], dtype)


def top_cases() -> Iterator[dict[str, Any]]:
    """The classes that ``edgeq run`` shows of scores, with ties, NaN and too few labels."""
    nan, inf = math.nan, math.inf
    labels = ("cat", "dog", "größe", "", "fish")
    for scores, top in (
        ([0.1, 0.7, 0.2, 0.0, 0.0], 3),
        ([0.5, 0.5, 0.5, 0.5, 0.5], 5),
        ([0.0, -0.0, 0.0, -0.0, 1.0], 5),
        ([nan, 1.0, nan, 2.0, 0.0], 5),
        ([nan, nan, nan], 5),
        ([-inf, inf, 0.0, inf, -inf], 4),
        ([0.1, 0.9, 0.9, 0.3, 0.9, 0.9, 0.2, 0.3], 5),
        ([1e-45, 0.0, -1e-45, 3.4e38], 2),
        ([0.25, 0.75], 10),
    ):
        row = np.array(scores, np.float32)
        predictions = Predictions(("x",), {"v": {"class": row[None]}}, {})
        (shown,) = to_json(predictions, labels, top)
        yield {
            "scores": _hex(row),
            "labels": list(labels),
            "k": top,
            "top": [
                {"index": one["class"], "label": one["label"], "score": _hex(np.float32(one["score"]))}
                for one in shown["variants"]["v"]["top"]
            ],
        }


def sqnr_cases() -> Iterator[dict[str, Any]]:
    """Ratios at the borders: equal outputs, zeros, numbers whose squares leave float64, and such as are none."""
    nan, inf = math.nan, math.inf
    for reference, value in (
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [1.1, 1.9, 3.2]),
        ([0.0, 0.0], [0.0, -0.0]),
        ([0.0, 0.0], [0.0, 1.0]),
        ([1.0, 1.0], [0.0, 0.0]),
        ([1e300, -1e300], [1.01e300, -1e300]),
        ([1e-300, 1e-305], [1.01e-300, 0.0]),
        ([1.0, 2.0], [1.0, nan]),
        ([1.0, 2.0], [-inf, 2.0]),
        ([nan, 2.0, inf, 4.0], [1.0, 2.5, 7.0, 4.0]),
        ([nan, 2.0], [nan, 2.0]),
        ([1.0], [1.0 + 2e-16]),
        ([1e-12], [1.0]),
    ):
        theirs, ours = np.array(reference), np.array(value)
        yield {
            "reference": _hex(theirs),
            "value": _hex(ours),
            "sqnr_db": _hex(np.float64(sqnr_db(theirs, ours))),
        }


def drawn_sqnr_cases() -> Iterator[dict[str, Any]]:
    """Ratios of many numbers, which both sides draw: sums of every size must be added in one order."""
    for count in (1, 2, 7, 8, 9, 16, 127, 128, 129, 136, 144, 255, 256, 257, 1000, 1001, 4099, 50_021):
        reference = drawn(count, count)
        value = reference + drawn(count, count + 1) / 64
        yield {
            "count": count,
            "sum": _hex(np.float64(np.sum(reference**2))),
            "sqnr_db": _hex(np.float64(sqnr_db(reference, value))),
        }


def drawn(count: int, seed: int) -> npt.NDArray[np.float64]:
    """Numbers from -1 to 1 from Knuth's linear congruential generator (MMIX), which Kotlin has in three lines."""
    numbers = []
    state = seed
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        numbers.append((state >> 11) / (1 << 52) - 1.0)
    return np.array(numbers)


def arrays() -> dict[str, Array]:
    """Arrays of every type as parity.npz may hold them, with names that tensors may have."""
    dtypes = ("<f4", "<f8", "|i1", "|u1", "<i2", "<i4", "<i8", "|b1")
    whole = np.array([[[0, 1, 127]], [[-128, 2, -1]]])
    result: dict[str, Array] = {
        "input/image": np.arange(6, dtype="<f4").reshape(2, 1, 3) / 3,
        "input//größe:0": whole.astype("<i8"),
        "float/class": np.array([[1.5, -2.5], [0.0, np.inf]], "<f4"),
        "variant/unknown/class": np.zeros((2, 2), "<f4"),
    }
    return result | {f"variant/int8/{dtype[1:]}": whole.astype(dtype) for dtype in dtypes}


def array_case(name: str, array: Array) -> dict[str, Any]:
    """What an entry of the archives holds."""
    return {"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "values": _hex(array)}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
