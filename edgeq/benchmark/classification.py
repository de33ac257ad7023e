"""Reading the outputs of a model that classifies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def classifies(output_shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether outputs look like one score a class: a single output [batch, classes] with two classes or more.

    Args:
        output_shapes: of the outputs, with batch axis.
    """
    return len(output_shapes) == 1 and len(output_shapes[0]) == 2 and output_shapes[0][1] >= 2


def top1(scores: Array) -> npt.NDArray[np.int64]:
    """The class with the largest score; the first of equals, as the runtime's ARG_MAX takes it.

    Args:
        scores: [..., classes].

    Returns:
        int64[...].
    """
    result: npt.NDArray[np.int64] = scores.argmax(axis=-1)
    return result


def in_top(scores: Array, labels: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.bool_]:
    """Whether the label is among the k largest scores; equal scores are taken in class order.

    Integer outputs have many equal scores: counting how many are larger, or equal with a smaller index,
    gives a definite answer.

    Args:
        scores: [N, classes].
        labels: int64[N].
        k: how many.

    Returns:
        bool[N].
    """
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    before = np.arange(scores.shape[1])[None, :] < labels[:, None]
    rank = ((scores > own) | ((scores == own) & before)).sum(axis=1)
    result: npt.NDArray[np.bool_] = rank < k
    return result
