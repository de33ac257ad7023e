"""Learned rounding: each weight goes up or down, whichever makes the layer's error least together with all others.

AdaRound (Nagel et al. 2020, arXiv:2004.10568, sections 3.3 and 4): rounding up is relaxed to a number from 0 to 1, a
rectified sigmoid of a variable, and a regularizer, first weak then strong and ever steeper, drives it to an end. The
layer's error is here the quadratic form of its inputs' second moments, so that each step has the gradient of all rows
at once instead of a batch's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeq.quantize.weights.moments import distance

Doubles = npt.NDArray[np.float64]

# Of the rectified sigmoid (Louizos et al. 2018, arXiv:1712.01312; the values are those of section 4 of AdaRound).
_ZETA, _GAMMA = 1.1, -0.1

# Of the regularizer and its steepness, which falls after a fifth of the steps: AdaRound's published settings.
_REGULARIZER, _STEEPEST, _FLATTEST, _WARM_UP = 0.01, 20.0, 2.0, 0.2

# Of Adam (Kingma and Ba 2014, arXiv:1412.6980), with AdaRound's learning rate.
_RATE, _FIRST, _SECOND, _EPSILON = 1e-2, 0.9, 0.999, 1e-8

_MOST_STEPS, _FEWEST_STEPS = 1000, 100

_MOST_WORK = 2e11
"""Multiplications of one layer, about 10 s on a core: the steps of larger layers become fewer."""


def learned_rounding(
    integers: Doubles, target: Doubles, second: Doubles, scales: Doubles, limit: int
) -> Doubles:
    """Integers next to the wanted weights, no worse in any output than those given.

    Args:
        integers: that the result is compared with, [groups, row length, outputs].
        target: weights that are wanted, likewise.
        second: second moments of the inputs, [groups, row length, row length].
        scales: step of each output's weights, [groups, outputs].
        limit: the largest integer; the smallest is its negative.

    Returns:
        float64[groups, row length, outputs], whole numbers.
    """
    steps = scales[:, None, :]
    scaled = np.divide(target, steps, out=np.zeros_like(target), where=steps > 0)
    scaled = np.clip(scaled, -limit, limit)
    low = np.minimum(np.floor(scaled), limit - 1)
    up = _learned(scaled - low, _normalised(second), _step_count(target.shape))
    learned = low + (up >= 0.5)
    better = distance(learned * steps, target, second) < distance(integers * steps, target, second)
    return np.where(better[:, None, :], learned, integers)


def _step_count(shape: tuple[int, ...]) -> int:
    groups, length, outputs = shape
    work = groups * length * length * outputs
    return int(np.clip(_MOST_WORK / max(1, work), _FEWEST_STEPS, _MOST_STEPS))


def _normalised(second: Doubles) -> Doubles:
    """With a diagonal of mean 1, so that the regularizer has the same weight in every layer."""
    mean = np.trace(second, axis1=1, axis2=2) / second.shape[1]
    return second / np.where(mean > 0, mean, 1.0)[:, None, None]


def _learned(fractions: Doubles, second: Doubles, count: int) -> Doubles:
    """Relaxed roundings, 0 to 1, after all steps.

    Args:
        fractions: of a step that each weight lies above the integer below it.
        second: normalised second moments.
        count: of steps.
    """
    inside = np.clip((fractions - _GAMMA) / (_ZETA - _GAMMA), 1e-6, 1 - 1e-6)
    variables = np.log(inside / (1 - inside))
    momentum, spread = np.zeros_like(variables), np.zeros_like(variables)
    for step in range(1, count + 1):
        sigmoid = 1 / (1 + np.exp(-variables))
        stretched = sigmoid * (_ZETA - _GAMMA) + _GAMMA
        up = np.clip(stretched, 0.0, 1.0)
        slope = 2 * np.matmul(second, up - fractions) + _push(up, step / count)
        # Where the clipping is at work its slope is 0.
        slope *= sigmoid * (1 - sigmoid) * (_ZETA - _GAMMA) * ((stretched > 0) & (stretched < 1))
        momentum = _FIRST * momentum + (1 - _FIRST) * slope
        spread = _SECOND * spread + (1 - _SECOND) * slope * slope
        corrected = np.sqrt(spread / (1 - _SECOND**step)) + _EPSILON
        variables -= _RATE * momentum / (1 - _FIRST**step) / corrected
    return np.clip((_ZETA - _GAMMA) / (1 + np.exp(-variables)) + _GAMMA, 0.0, 1.0)


def _push(up: Doubles, progress: float) -> Doubles:
    """Slope of the regularizer 1 − |2h − 1|^β; 0 while the error alone decides."""
    if progress < _WARM_UP:
        return np.zeros_like(up)
    done = (progress - _WARM_UP) / (1 - _WARM_UP)
    # Annealed along half a cosine, from the steepest to the flattest.
    beta = _FLATTEST + (_STEEPEST - _FLATTEST) * 0.5 * (1 + np.cos(np.pi * done))
    apart = 2 * up - 1
    push: Doubles = -_REGULARIZER * 2 * beta * np.sign(apart) * np.abs(apart) ** (beta - 1)
    return push
