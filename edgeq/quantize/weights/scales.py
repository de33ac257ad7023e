"""The step between neighbouring integers of a channel's weights.

``max`` lets the largest weight be the largest integer, as every converter does: nothing is clipped. ``mse`` takes the
step of the least squared error of the layer's outputs, with the weights rounded as they will be. At four bits clipping
one large weight often gives the others half the error (Nagel et al. 2021, "A White Paper on Neural Network
Quantization", arXiv:2106.08295, section 3.1.1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgeq.quantize.weights.moments import distance

Doubles = npt.NDArray[np.float64]

Rounding = Callable[[Doubles, Doubles, Doubles, int], Doubles]
"""Integers for weights, second moments, steps and the largest integer, as `error_feedback.round_with_feedback`."""

_FRACTIONS = np.linspace(1.0, 0.4, 13)
"""Of the largest weight, that the largest integer may stand for."""

_SMALLEST = 1e-30
"""A step that float32 and a runtime's multiplier still hold, for channels whose weights are all 0."""


def largest_scales(weights: Doubles, limit: int, shared: bool) -> Doubles:
    """Steps with which the largest weight is the largest integer.

    Args:
        weights: [groups, row length, outputs].
        limit: the largest integer.
        shared: whether all channels have the same one.

    Returns:
        float64[groups, outputs], values of float32; 0 for a channel of zeros.
    """
    largest = np.abs(weights).max(axis=1)
    return as_stored(_together(largest, shared) / limit)


def least_error_scales(
    weights: Doubles, second: Doubles, limit: int, shared: bool, rounding: Rounding
) -> Doubles:
    """Steps of the least error in the layer's outputs after rounding, out of a grid.

    Args:
        weights: [groups, row length, outputs].
        second: second moments of the inputs, [groups, row length, row length].
        limit: the largest integer.
        shared: whether all channels have the same one.
        rounding: that will be used.

    Returns:
        float64[groups, outputs], values of float32; 0 for a channel of zeros.
    """
    start = largest_scales(weights, limit, shared)
    best = start
    least = np.full(start.shape, np.inf)
    for fraction in _FRACTIONS:
        scales = as_stored(start * fraction)
        error = distance(rounding(weights, second, scales, limit) * scales[:, None, :], weights, second)
        if shared:
            error = np.full_like(error, error.sum())
        better = error < least
        best, least = np.where(better, scales, best), np.where(better, error, least)
    return best


def refitted_scales(
    integers: Doubles, target: Doubles, second: Doubles, scales: Doubles, shared: bool
) -> Doubles:
    """The best steps for integers that are given: a least-squares fit of one number a channel.

    Args:
        integers: [groups, row length, outputs].
        target: weights that are wanted, likewise.
        second: second moments of the inputs, [groups, row length, row length].
        scales: that a channel keeps where the fit is no positive number, [groups, outputs].
        shared: whether all channels have the same one.
    """
    pulled = np.matmul(second, integers)
    above, below = np.sum(pulled * target, axis=1), np.sum(pulled * integers, axis=1)
    if shared:
        above, below = np.full_like(above, above.sum()), np.full_like(below, below.sum())
    usable = (below > 0) & (above > 0)
    fitted = np.divide(above, below, out=np.zeros_like(above), where=usable)
    return as_stored(np.where(usable & (fitted > _SMALLEST), fitted, scales))


def nearest(weights: Doubles, scales: Doubles, limit: int) -> Doubles:
    """Integers nearest to weights, clipped to ±limit, as float64; 0 where the step is 0."""
    steps = scales[:, None, :]
    scaled = np.divide(weights, steps, out=np.zeros_like(weights), where=steps > 0)
    return np.clip(np.rint(scaled), -limit, limit)


def as_stored(scales: Doubles) -> Doubles:
    """Rounded to float32, as a file has them."""
    return scales.astype(np.float32).astype(np.float64)


def _together(values: Doubles, shared: bool) -> Doubles:
    return np.full_like(values, values.max()) if shared else values
