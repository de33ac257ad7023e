"""What a measurement keeps of each item, for paired comparisons of two results: packed bits, or float32 values."""

from __future__ import annotations

import base64
import binascii

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import Accuracy
from edgeq.errors import ResultsError

_VALUE = np.dtype("<f4")


def pack_bits(correct: npt.NDArray[np.bool_]) -> str:
    """Base64 of the packed bits of bool[n], which items were right, for ``Accuracy.correct``."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode("ascii")


def pack_values(values: npt.NDArray[np.floating]) -> str:
    """Base64 of float[n] as little-endian float32, for ``Accuracy.item_values``."""
    return base64.b64encode(np.asarray(values).astype(_VALUE).tobytes()).decode("ascii")


def correct_items(accuracy: Accuracy | None) -> npt.NDArray[np.bool_] | None:
    """bool[n], which items were right; None where items are not right or wrong.

    Raises:
        ResultsError: the bits are damaged or too few.
    """
    if accuracy is None or accuracy.correct is None:
        return None
    packed = _decoded(accuracy.correct, "correct")
    if len(packed) != (accuracy.n + 7) // 8:
        raise ResultsError(
            f"accuracy.correct of a measurement is damaged: expected {accuracy.n} bits, "
            f"found {8 * len(packed)}; measure again"
        )
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=accuracy.n).astype(bool)


def item_values(accuracy: Accuracy | None) -> npt.NDArray[np.float64] | None:
    """float64[n], the first metric of each item; None where that is no mean over items.

    Raises:
        ResultsError: the values are damaged or too few.
    """
    if accuracy is None or accuracy.item_values is None:
        return None
    packed = _decoded(accuracy.item_values, "item_values")
    if len(packed) != _VALUE.itemsize * accuracy.n:
        raise ResultsError(
            f"accuracy.item_values of a measurement is damaged: expected {_VALUE.itemsize * accuracy.n} bytes, "
            f"found {len(packed)}; measure again"
        )
    values = np.frombuffer(packed, dtype=_VALUE).astype(np.float64)
    if not np.isfinite(values).all():
        raise ResultsError(
            "accuracy.item_values of a measurement is damaged: it holds what is no number; measure again"
        )
    return values


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ResultsError(
            f"accuracy.{name} of a measurement is damaged: it is no base64; measure again"
        ) from error
