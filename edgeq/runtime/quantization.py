"""Affine quantization as TensorFlow Lite defines it: real = scale × (integer − zero_point).

The scheme is that of Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 2.1, and of LiteRT's quantization specification.
Times in this module are of 150,528 values (224 × 224 × 3) on one x86 core with AVX-512 and NumPy 2.4.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import DataError, ModelError

_RANGES = {
    np.dtype(np.int8): (-128, 127),
    np.dtype(np.uint8): (0, 255),
    np.dtype(np.int16): (-32768, 32767),
}

_SMALLEST = float(np.finfo(np.float32).tiny)
_LARGEST = float(np.finfo(np.float32).max)

_Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Quantization:
    """How the integers of one tensor stand for real numbers.

    Attributes:
        scale: step between neighbouring integers, above 0.
        zero_point: the integer that stands for 0.

    Raises:
        ModelError: the scale is no float32 above 0.
    """

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not _SMALLEST <= self.scale <= _LARGEST:
            raise ModelError(
                f"expected a quantization scale that is a float32 above 0, found {self.scale}: "
                "the tensor is not quantized or the file is damaged"
            )


def quantize(
    values: npt.ArrayLike, quantization: Quantization, dtype: npt.DTypeLike
) -> npt.NDArray[np.integer[Any]]:
    """Integers that stand for real numbers: divides, rounds half to even, and clips to the dtype's own range.

    Args:
        values: float[...], computed with as float32; infinities saturate.
        quantization: the tensor's scale and zero point.
        dtype: int8, uint8 or int16.

    Returns:
        dtype[...] of the same shape.

    Raises:
        DataError: a value is NaN, or the dtype is another one.
    """
    with np.errstate(over="ignore"):  # what leaves the range of float32 becomes infinite and saturates
        real = np.asarray(values).astype(np.float32, copy=False)
    return quantize_into(real, quantization, np.empty(real.shape, _checked(dtype)))


def quantize_into(values: npt.NDArray[np.float32], quantization: Quantization, out: _Integers) -> _Integers:
    """`quantize` into an array that exists, such as a runtime's input.

    Takes 77 µs, 8 of them the search for NaN; the formula in one line takes 79 µs without it. Neither keeping
    the scratch array between calls nor going through the values in blocks of a cache's size is faster.

    Args:
        values: float32[...]; infinities saturate.
        quantization: the tensor's scale and zero point.
        out: int8, uint8 or int16 of the same shape; overwritten.

    Returns:
        ``out``.

    Raises:
        DataError: a value is NaN, the shapes differ, or the dtype is another one.
    """
    if values.shape != out.shape:
        raise DataError(f"expected an input of shape {list(out.shape)}, found {list(values.shape)}")
    # The minimum is NaN where any value is: half the time of isnan().any(). Methods, because the functions of
    # the same name add 1 µs each, which counts beside a model that takes 40.
    if math.isnan(values.min(initial=0.0)):
        raise DataError(
            "the input has NaN, which no integer stands for: check the data and its preprocessing "
            "(a division by zero, say)"
        )
    low, high = _RANGES[_checked(out.dtype)]
    zero_point = quantization.zero_point
    scaled = np.empty(values.shape, np.float32)
    with np.errstate(over="ignore"):
        np.divide(values, np.float32(quantization.scale), out=scaled)
    np.rint(scaled, out=scaled)
    # Clipped before the zero point is added: float32 would lose it beside a huge number.
    scaled.clip(np.float32(low - zero_point), np.float32(high - zero_point), out=scaled)
    scaled += np.float32(zero_point)
    np.copyto(out, scaled, casting="unsafe")
    return out


def dequantize(values: _Integers, quantization: Quantization) -> npt.NDArray[np.float32]:
    """Real numbers that integers stand for.

    Args:
        values: int[...] of at most 16 bits.
        quantization: the tensor's scale and zero point.

    Returns:
        float32[...] of the same shape.
    """
    real = np.asarray(values).astype(np.float32)
    real -= np.float32(quantization.zero_point)
    real *= np.float32(quantization.scale)
    return real


def quantization_table(
    quantization: Quantization,
    dtype: npt.DTypeLike,
    transform: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]] | None = None,
) -> npt.NDArray[np.integer[Any]]:
    """Preprocessing and quantization of uint8 pixels as a table, so that neither runs per pixel.

    Args:
        quantization: scale and zero point of the model's input.
        dtype: of the model's input: int8, uint8 or int16.
        transform: the preprocessing, value by value; gets float32[256] with 0 to 255 and returns
            float32[256]. None where the model takes the pixels as they are.

    Returns:
        dtype[256]; entry i is what the pixel i becomes.

    Raises:
        DataError: the transform returns NaN or another shape, or the dtype is another one.
    """
    pixels = np.arange(256, dtype=np.float32)
    real = pixels if transform is None else np.asarray(transform(pixels))
    if real.shape != (256,):
        raise DataError(
            "expected a preprocessing that maps pixels one by one, "
            f"found shape {list(real.shape)} for [256]; quantize its result instead"
        )
    return quantize(real, quantization, dtype)


def apply_table(table: _Integers, values: npt.NDArray[np.uint8], out: _Integers | None = None) -> _Integers:
    """Looks every pixel up in a table of 256 entries.

    A table that only moves uint8 to int8, as for a model that takes pixels from 0 to 1, is an exclusive or:
    4 µs. Others of one byte an entry are applied to two pixels at once: 61 µs, instead of 113 for `np.take`,
    92 for `bytes.translate` and 195 for indexing. Odd numbers of pixels, views and int16 need `np.take`.

    Args:
        table: int8[256], uint8[256] or int16[256].
        values: uint8[...].
        out: of the table's dtype and the shape of the values; a new array where it is None.

    Returns:
        ``out``, the table's dtype[...] of the shape of the values.

    Raises:
        DataError: the table or the values are not what they should be, or ``out`` does not fit them.
    """
    if table.shape != (256,) or values.dtype != np.uint8:
        raise DataError(
            f"expected a table of 256 entries and uint8 values, found {list(table.shape)} and {values.dtype}"
        )
    if out is None:
        out = np.empty(values.shape, table.dtype)
    elif out.shape != values.shape or out.dtype != table.dtype:
        raise DataError(
            f"expected an output {table.dtype}{list(values.shape)}, found {out.dtype}{list(out.shape)}"
        )
    entries = table.tobytes()
    if entries == _FLIP:
        np.bitwise_xor(values, np.uint8(0x80), out=out.view(np.uint8))
    elif entries == _IDENTITY:
        np.copyto(out.view(np.uint8), values)
    elif table.itemsize == 1 and values.size % 2 == 0 and _is_flat(values) and _is_flat(out):
        pairs = values.reshape(-1).view(np.uint16)
        np.take(_pair_table(entries), pairs, mode="clip", out=out.reshape(-1).view(np.uint16))
    else:
        # "clip" only because the default checks every index: a uint8 is never outside the table.
        np.take(table, values, mode="clip", out=out)
    return out


_IDENTITY = bytes(range(256))
_FLIP = bytes(i ^ 0x80 for i in range(256))


def _is_flat(array: npt.NDArray[Any]) -> bool:
    return array.flags.c_contiguous


@functools.lru_cache(maxsize=8)
def _pair_table(entries: bytes) -> npt.NDArray[np.uint16]:
    """uint16[65536]: for two bytes side by side, their two entries side by side, in any byte order."""
    both = np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    pairs = np.frombuffer(entries, np.uint8)[both].reshape(-1).view(np.uint16)
    pairs.flags.writeable = False
    return pairs


def _checked(dtype: npt.DTypeLike) -> np.dtype[np.integer[Any]]:
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind not in _RANGES:
        raise DataError(f"expected int8, uint8 or int16 to quantize to, found {kind}")
    return kind
