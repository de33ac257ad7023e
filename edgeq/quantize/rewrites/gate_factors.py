"""Factors for channels on both sides of a gate, by the noise that eight bits are predicted to make.

In `edgeq.quantize.rewrites.equalization` no range grows. Here the shorter side of a range may, for what comes out of a
gate is large on one side and next to nothing on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edgeq.quantize.local_run import Floats
from edgeq.quantize.rewrites.equalization import LIMIT
from edgeq.quantize.rewrites.spaces import ChannelSpaces

_SIDES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""How much the shorter side of a range may grow."""

_INTEGERS = 127
"""The constants of an int8 product have one scale and are multiples of it: other factors would be rounded to them."""

Factors = npt.NDArray[np.float64]


def best_factors(
    spaces: ChannelSpaces,
    tensors: Sequence[int],
    ranges: Mapping[int, tuple[Floats, Floats]],
    least: Mapping[int, float],
) -> tuple[Factors, float]:
    """Factors of least predicted noise, and the part of the noise that they take away.

    The noise of a channel is that of its tensor's step divided by the channel's factor; channels and tensors count the
    same.

    Args:
        spaces: which channels share a factor.
        tensors: indices of those that do.
        ranges: smallest and largest value of each channel, by tensor.
        least: value of a tensor below which others count no more, where there is one.

    Returns:
        float64[channels of all activations], and a share.
    """
    spans = {}
    for tensor in tensors:
        low, high = (np.nan_to_num(side.astype(np.float64)) for side in ranges[tensor])
        spans[tensor] = -np.maximum(low, least.get(tensor, -np.inf)), high
    sides = dict.fromkeys(tensors, 1.0)
    best = _factors(spaces, spans, sides)
    noise = _noise(spaces, spans, best)
    for tensor in (*tensors, *tensors):
        for side in _SIDES:
            tried = _factors(spaces, spans, {**sides, tensor: side})
            other = _noise(spaces, spans, tried)
            if other < noise:
                best, noise, sides = tried, other, {**sides, tensor: side}
    best = _representable(spaces, tensors, best)
    return best, 1 - _noise(spaces, spans, best) / len(tensors)


def _factors(
    spaces: ChannelSpaces, spans: Mapping[int, tuple[Factors, Factors]], sides: Mapping[int, float]
) -> Factors:
    """The largest factors with which the longer side of no range grows, and the shorter one by `sides` at most."""
    used = np.zeros(len(spaces.classes))
    for tensor, (below, above) in spans.items():
        limits = np.array([below.max(), above.max()], np.float64)
        shorter = int(np.argmin(limits))
        limits[shorter] = min(limits[shorter] * sides[tensor], limits.max())
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.fmax(below / limits[0], above / limits[1])
        np.maximum.at(used, spaces.classes[spaces.numbers(tensor)], np.nan_to_num(share))
    share = used[spaces.classes]
    free = spaces.free & (share > 0)
    return np.minimum(1 / np.where(free, share, 1.0), LIMIT)


def _noise(spaces: ChannelSpaces, spans: Mapping[int, tuple[Factors, Factors]], factors: Factors) -> float:
    """Of all tensors together, in parts of what one has without factors."""
    total = 0.0
    for tensor, (below, above) in spans.items():
        own = factors[spaces.numbers(tensor)]
        before = float(below.max() + above.max())
        growth = float((below * own).max() + (above * own).max()) / before if before > 0 else 1.0
        total += growth**2 * float(np.mean(1 / own**2))
    return total


def _representable(spaces: ChannelSpaces, tensors: Sequence[int], factors: Factors) -> Factors:
    """The next smaller factors whose inverses are multiples of one scale."""
    shared = np.concatenate([np.arange(len(factors))[spaces.numbers(tensor)] for tensor in tensors])
    scale = float((1 / factors[shared]).max()) / _INTEGERS
    found = factors.copy()
    found[shared] = np.where(
        spaces.free[shared], 1 / (np.ceil(1 / (factors[shared] * scale) - 1e-9) * scale), factors[shared]
    )
    return found
