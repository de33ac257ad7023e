"""Rounding that feeds each weight's error back into the weights that are not rounded yet.

This is GPTQ (Frantar et al. 2022, arXiv:2210.17323, section 3), for every layer that is a matrix product: dense
layers, convolutions, and depthwise convolutions channel by channel. It is computed in the equal form of Chee et al.
2023 (QuIP, arXiv:2307.13304, section 3 and theorem 6), which needs one Cholesky factor of the second moments and no
inverse: with H = (U + I) D (U + I)ᵀ, U strictly upper triangular, weight k is rounded after U's column k times the
errors of the weights before has been added to it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

DAMPING = 0.01
"""Of the mean of the diagonal, added to it: GPTQ's own, section 3.3 of the paper."""

_BLOCK = 64
"""Weights whose errors are fed on one by one before one matrix product takes them to all others."""


def round_with_feedback(
    target: Doubles, second: Doubles, scales: Doubles, limit: int, damping: float = DAMPING
) -> Doubles:
    """Integers for weights, channel by channel of the output, all channels at once.

    Weights with the largest inputs come first, when most others can still make up for them.

    Args:
        target: weights, [groups, row length, outputs].
        second: second moments of the inputs, [groups, row length, row length].
        scales: step of each output's weights, [groups, outputs].
        limit: the largest integer; the smallest is its negative.
        damping: of the diagonal, in parts of its mean.

    Returns:
        float64[groups, row length, outputs], whole numbers.
    """
    diagonal = np.diagonal(second, axis1=1, axis2=2)
    order = np.argsort(-diagonal, axis=1, kind="stable")
    sorted_second = np.take_along_axis(
        np.take_along_axis(second, order[:, :, None], axis=1), order[:, None, :], axis=2
    )
    feedback = _feedback(sorted_second, damping)
    integers = _rounded(np.take_along_axis(target, order[:, :, None], axis=1), feedback, scales, limit)
    restored = np.empty_like(integers)
    np.put_along_axis(restored, order[:, :, None], integers, axis=1)
    return restored


def _feedback(second: Doubles, damping: float) -> Doubles:
    """U of the factors above, [groups, row length, row length]; of damped second moments."""
    length = second.shape[1]
    mean = np.trace(second, axis1=1, axis2=2) / length
    # Inputs that are always 0 leave all roundings equal; the identity then rounds to the nearest.
    added = np.where(mean > 0, damping * mean, 1.0)
    damped = second + added[:, None, None] * np.eye(length)
    # Cholesky makes the lower factor first: turned round, it makes the upper one.
    upper = np.linalg.cholesky(damped[:, ::-1, ::-1])[:, ::-1, ::-1]
    unit: Doubles = upper / np.diagonal(upper, axis1=1, axis2=2)[:, None, :]
    return unit


def _rounded(target: Doubles, feedback: Doubles, scales: Doubles, limit: int) -> Doubles:
    length = target.shape[1]
    steps = np.where(scales > 0, scales, 1.0)
    integers, errors = np.zeros_like(target), np.zeros_like(target)
    for start in range(0, length, _BLOCK):
        stop = min(start + _BLOCK, length)
        from_before = np.matmul(feedback[:, :start, start:stop].transpose(0, 2, 1), errors[:, :start])
        for place in range(start, stop):
            here = np.matmul(feedback[:, None, start:place, place], errors[:, start:place])[:, 0]
            wanted = target[:, place] + from_before[:, place - start] + here
            integers[:, place] = np.clip(np.rint(wanted / steps), -limit, limit)
            errors[:, place] = target[:, place] - integers[:, place] * scales
    return integers
