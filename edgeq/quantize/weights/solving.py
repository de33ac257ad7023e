"""One layer's integers, steps and bias by a method, from the moments of its inputs and wanted outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.quantize.recipe import ADAROUND, MSE, NEAREST, WeightMethod
from edgeq.quantize.weights.adaround import learned_rounding
from edgeq.quantize.weights.bias import corrected_bias, least_scales
from edgeq.quantize.weights.coordinate_descent import polish
from edgeq.quantize.weights.error_feedback import round_with_feedback
from edgeq.quantize.weights.moments import Moments, Quadratic, distance
from edgeq.quantize.weights.scales import (
    Rounding,
    as_stored,
    largest_scales,
    least_error_scales,
    nearest,
    refitted_scales,
)
from edgeq.quantize.weights.targets import RIDGES, compensated_weights

Doubles = npt.NDArray[np.float64]

_REFITS = 4
"""Rounds of new steps and new integers for them; each makes the error smaller or ends."""

_MOST_WORK = 4e9
"""Multiplications of a pass over a layer's weights, times the rounds: layers from a 3 × 3 convolution of 256 channels
on get fewer rounds, those of more than twice as many none."""

_ANY_SCALE = 2.0**-20
"""Of a layer whose weights are all 0 and whose file has no steps for them either; any number does."""


@dataclass(frozen=True, eq=False)
class FloatWeights:
    """A float layer, and what its file can store of it.

    Attributes:
        weights: [groups, row length, outputs].
        bias: [groups, outputs].
        limit: the largest integer.
        shared_scale: whether all channels have one step.
        file_scales: steps of the file, which channels of zeros keep, [groups, outputs].
        input_scale: of the quantized layer.
        bias_dtype: as the schema names it.
    """

    weights: Doubles
    bias: Doubles
    limit: int
    shared_scale: bool
    file_scales: Doubles
    input_scale: float
    bias_dtype: str


@dataclass(frozen=True, eq=False)
class Solution:
    """What a layer stores.

    Attributes:
        integers: [groups, row length, outputs], whole numbers.
        scales: [groups, outputs], values of float32.
        bias: in real values, [groups, outputs].
    """

    integers: Doubles
    scales: Doubles
    bias: Doubles

    @property
    def weights(self) -> Doubles:
        """What the integers stand for."""
        return self.integers * self.scales[:, None, :]


def solve(layer: FloatWeights, learned: Moments, judged: Moments | None, method: WeightMethod) -> Solution:
    """The integers, steps and bias of a layer.

    Args:
        layer: as it is in float.
        learned: moments of rows that the method may fit.
        judged: of rows held back, on which the strength of the compensation is chosen; None where there are none:
            then nothing is compensated.
        method: to use.
    """
    every = learned if judged is None else learned + judged
    target = layer.weights
    if method.compensate and judged is not None:
        ridge = _best_ridge(layer, learned, judged, method)
        if ridge is not None:
            target = compensated_weights(layer.weights, _quadratic(layer, every, method), ridge)
    return _solved(layer, target, every, method)


def _best_ridge(layer: FloatWeights, learned: Moments, judged: Moments, method: WeightMethod) -> float | None:
    """The ridge of the least error on rows that the weights were not fitted to; None for the plain weights."""
    quadratic = _quadratic(layer, learned, method)
    rounding = _rounding(method)
    # The targets differ by little, their best steps by less.
    scales = _first_scales(layer, layer.weights, quadratic.second, method)
    candidates: list[float | None] = [None, *RIDGES]
    errors = []
    for ridge in candidates:
        target = layer.weights if ridge is None else compensated_weights(layer.weights, quadratic, ridge)
        integers = rounding(target, quadratic.second, scales, layer.limit)
        solution = _with_bias(layer, integers, scales, learned, method)
        errors.append(float(judged.about_bias(solution.bias).error(solution.weights).sum()))
    return candidates[int(np.argmin(errors))]


def _quadratic(layer: FloatWeights, moments: Moments, method: WeightMethod) -> Quadratic:
    """The error as a function of the weights, with the bias that the method gives them."""
    return moments.centred() if method.correct_bias else moments.about_bias(layer.bias)


def _solved(layer: FloatWeights, target: Doubles, moments: Moments, method: WeightMethod) -> Solution:
    """Integers for a target."""
    second = _quadratic(layer, moments, method).second
    scales = _first_scales(layer, target, second, method)
    integers = _rounding(method)(target, second, scales, layer.limit)
    if method.rounding == ADAROUND:
        integers = learned_rounding(integers, target, second, scales, layer.limit)
    if method.rounding != NEAREST:
        integers = polish(integers, target, second, scales, layer.limit)
        if method.scales == MSE:
            integers, scales = _refitted(layer, integers, scales, target, second)
    return _with_bias(layer, integers, scales, moments, method)


def _with_bias(
    layer: FloatWeights, integers: Doubles, scales: Doubles, moments: Moments, method: WeightMethod
) -> Solution:
    plain = Solution(integers, scales, layer.bias)
    if not method.correct_bias:
        return plain
    return Solution(integers, scales, corrected_bias(moments, plain.weights))


def _rounding(method: WeightMethod) -> Rounding:
    return _nearest if method.rounding == NEAREST else round_with_feedback


def _first_scales(layer: FloatWeights, target: Doubles, second: Doubles, method: WeightMethod) -> Doubles:
    """Steps above 0 beside which the bias fits into its integers."""
    scales = (
        least_error_scales(target, second, layer.limit, layer.shared_scale, _rounding(method))
        if method.scales == MSE
        else largest_scales(target, layer.limit, layer.shared_scale)
    )
    kept = np.where(layer.file_scales > 0, layer.file_scales, max(float(scales.max()), _ANY_SCALE))
    return as_stored(np.maximum(np.where(scales > 0, scales, kept), _least(layer)))


def _least(layer: FloatWeights) -> Doubles:
    # A corrected bias is near the plain one: twice that always fits.
    least = 2 * least_scales(layer.bias, layer.input_scale, layer.bias_dtype)
    return np.full_like(least, least.max()) if layer.shared_scale else least


def _nearest(target: Doubles, second: Doubles, scales: Doubles, limit: int) -> Doubles:
    return nearest(target, scales, limit)


def _refitted(
    layer: FloatWeights, integers: Doubles, scales: Doubles, target: Doubles, second: Doubles
) -> tuple[Doubles, Doubles]:
    """Integers and steps of no more error than those given: better steps for the integers, better integers for them."""
    groups, length, outputs = target.shape
    for _ in range(min(_REFITS, int(_MOST_WORK / (groups * length * length * outputs)))):
        refitted = refitted_scales(integers, target, second, scales, layer.shared_scale)
        refitted = as_stored(np.maximum(refitted, _least(layer)))
        moved = polish(integers, target, second, refitted, layer.limit)
        before = distance(integers * scales[:, None, :], target, second)
        after = distance(moved * refitted[:, None, :], target, second)
        if layer.shared_scale:
            before, after = np.full_like(before, before.sum()), np.full_like(after, after.sum())
        better = after < before
        if not better.any():
            break
        integers = np.where(better[:, None, :], moved, integers)
        scales = np.where(better, refitted, scales)
    return integers, scales
