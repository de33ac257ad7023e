"""The items that a variant got right, as stored in a measurement: base64 of packed bits."""

from __future__ import annotations

import base64
import binascii

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import Accuracy
from edgeq.errors import ResultsError


def pack(correct: npt.NDArray[np.bool_]) -> str:
    """Base64 of the packed bits of bool[n]."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode("ascii")


def correct_items(accuracy: Accuracy | None) -> npt.NDArray[np.bool_] | None:
    """bool[n], which items were right; None where there are no labels.

    Raises:
        ResultsError: the bits are damaged or too few.
    """
    if accuracy is None or accuracy.correct is None:
        return None
    try:
        packed = base64.b64decode(accuracy.correct, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ResultsError(
            "accuracy.correct of a measurement is damaged: it is no base64; measure again"
        ) from error
    if len(packed) != (accuracy.n + 7) // 8:
        raise ResultsError(
            f"accuracy.correct of a measurement is damaged: expected {accuracy.n} bits, "
            f"found {8 * len(packed)}; measure again"
        )
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=accuracy.n).astype(bool)
