"""Golden vectors for the app's parity check: outputs right and wrong, and edgeq's verdict on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import Parity
from edgeq.benchmark.parity import check_parity
from edgeq.bundle import Bundle, Tensor, Variant
from edgeq.bundle import Parity as Recorded
from edgeq.runtime.interpreter import TensorInfo
from edgeq.runtime.quantization import Quantization

Array = npt.NDArray[Any]

_SEED = 20240607
_OTHER_KERNELS = "tensorflow-lite 2.16.1, XNNPACK, aarch64+dotprod"


def to_hex(values: Any) -> str:
    """Numbers as their little-endian bytes in hexadecimal."""
    array = np.asarray(values)
    return array.astype(array.dtype.newbyteorder("<")).tobytes().hex()


def parity_cases(bundle: Bundle) -> Iterator[dict[str, Any]]:
    """The demo's recorded outputs, disturbed as right and wrong devices disturb them, and the verdict on them."""
    recorded = bundle.parity()
    for variant in bundle.manifest.variants:
        if variant.name not in ("float32", "float16", "int8", "int16x8"):
            continue
        before = recorded.stored[variant.name]
        for what, disturb in _disturbances().items():
            if what == "nan" and variant.io != "float32":
                continue
            generator = np.random.default_rng(_SEED)
            stored = {name: disturb(array, generator) for name, array in before.items()}
            for path in (variant.check.kernel_path, _OTHER_KERNELS):
                result = check_parity(bundle, recorded, variant.name, _infos(variant.outputs), stored, path)
                yield _parity_case(variant, what, stored, path, result)


def _disturbances() -> Mapping[str, Callable[[Array, np.random.Generator], Array]]:
    return {
        "nothing": lambda array, _: array,
        "one step": lambda array, _: _moved(array, np.arange(array.size) == 3),
        "every fifth": lambda array, _: _moved(array, np.arange(array.size) % 5 == 0),
        "noise": lambda array, generator: _moved(array, generator.integers(-6, 7, array.size)),
        "two swapped classes": lambda array, _: array[..., [1, 0, *range(2, array.shape[-1])]],
        "rolled classes": lambda array, _: np.roll(array, 1, axis=-1),
        "zeros": lambda array, _: np.zeros_like(array),
        "nan": lambda array, _: np.where(
            np.arange(array.size).reshape(array.shape) == 5, np.nan, array
        ).astype(array.dtype),
    }


def _moved(array: Array, steps: Array) -> Array:
    """Moved by so many steps, which are 1/256 for floats, within the dtype's range."""
    shaped = steps.astype(np.int64).reshape(array.shape)
    if array.dtype.kind == "f":
        return (array + shaped / 256).astype(array.dtype)
    info = np.iinfo(array.dtype)
    return np.clip(array.astype(np.int64) + shaped, info.min, info.max).astype(array.dtype)


def made_up_cases(bundle: Bundle) -> Iterator[dict[str, Any]]:
    """Models that the demo is not: two outputs, a batch of two, no classes, types and floats that are rare.

    Args:
        bundle: whose manifest gets the variant that is made up.
    """
    generator = np.random.default_rng(_SEED)
    for what, n, tensors in (
        (
            "boxes and scores",
            5,
            (_tensor("boxes", (1, 4, 2), "int16", 2e-5, 0), _tensor("scores", (1, 4), "uint8", 1 / 255, 0)),
        ),
        ("batch of two", 9, (_tensor("class", (2, 3), "int8", 0.02, 5),)),
        ("one class", 4, (_tensor("score", (1, 1), "float32"),)),
        ("regression", 6, (_tensor("depth", (1, 5, 3, 1), "uint8", 0.01, 128),)),
        ("integers and floats", 3, (_tensor("count", (1, 4), "int64"), _tensor("mean", (1, 2), "float32"))),
        ("truth values", 3, (_tensor("mask", (1, 6), "bool"),)),
    ):
        infos = _infos(tensors)
        variant = dataclasses.replace(bundle.manifest.variants[0], name="made up", outputs=tensors)
        manifest = dataclasses.replace(bundle.manifest, variants=(variant,))
        reference = {one.name: _real(one, n, generator) for one in infos}
        values = {name: array.copy() for name, array in reference.items()}
        before = {one.name: _disturbed(one, reference[one.name], 0.01, generator) for one in infos}
        reference[infos[0].name].reshape(-1)[:2] = (np.nan, np.inf)
        recorded = Recorded({}, reference, {"made up": before})
        for noise in (0.0, 0.012, 0.2):
            stored = {
                one.name: _disturbed(one, values[one.name], noise, generator) if noise else before[one.name]
                for one in infos
            }
            for path in (variant.check.kernel_path, _OTHER_KERNELS):
                result = check_parity(
                    dataclasses.replace(bundle, manifest=manifest), recorded, "made up", infos, stored, path
                )
                yield {
                    **_parity_case(variant, f"{what}, noise {noise}", stored, path, result),
                    "n": n,
                    "outputs": [dataclasses.asdict(one) for one in tensors],
                    "reference": {name: to_hex(array) for name, array in reference.items()},
                    "before": {name: to_hex(array) for name, array in before.items()},
                }


def _tensor(
    name: str, shape: tuple[int, ...], dtype: str, scale: float | None = None, zero_point: int | None = None
) -> Tensor:
    exact = None if scale is None else float(np.float32(scale))
    return Tensor(name, shape, dtype, exact, zero_point)


def _real(info: TensorInfo, n: int, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    return generator.uniform(0, 0.5, (n, *info.shape)).astype(np.float32)


def _disturbed(info: TensorInfo, real: Array, noise: float, generator: np.random.Generator) -> Array:
    """As the tensor stores it; what is not quantized is a count of about 50 or true above a quarter."""
    moved = (real + generator.normal(0, 1, real.shape) * noise).astype(np.float32)
    if info.dtype == "bool":
        return moved > 0.25
    if info.dtype == "int64":
        return np.rint(moved * 200).astype(np.int64)
    return np.stack([info.encode(item) for item in moved])


def _infos(tensors: Sequence[Tensor]) -> list[TensorInfo]:
    return [
        TensorInfo(
            name=one.name,
            index=index,
            shape=one.shape,
            dtype=one.dtype,
            quantization=None
            if one.scale is None or one.zero_point is None
            else Quantization(one.scale, one.zero_point),
        )
        for index, one in enumerate(tensors)
    ]


def _parity_case(
    variant: Variant, what: str, stored: Mapping[str, Array], path: str, result: Parity | None
) -> dict[str, Any]:
    fields = {} if result is None else dataclasses.asdict(result)
    return {
        "variant": variant.name,
        "disturbed": what,
        "kernel_path": path,
        "stored": {name: to_hex(array) for name, array in stored.items()},
        "result": {
            key: to_hex(np.float64(value)) if isinstance(value, float) else value
            for key, value in fields.items()
        },
    }
