"""The range whose quantized distribution tells least apart from the tensor's own: least Kullback-Leibler divergence."""

from __future__ import annotations

import math

import numpy as np

from edgeq.quantize.ranges import minmax
from edgeq.quantize.ranges.including_zero import including_zero
from edgeq.quantize.ranges.squared_error import STEPS, Numbers
from edgeq.quantize.recipe import INT8, Range
from edgeq.quantize.statistics import TensorStatistics

_CANDIDATES = 64
"""Places that each end is tried at in one round; a place is at most 28 of 2,047 bins from the next one."""

_ROUNDS = 8
"""Of moving one end and then the other; most tensors stop after two."""

_MOST_EMPTY = 32_768
"""Bins between zero and values far from it: with 2,047 bins of values, 15 levels are left for those."""

_ABSENT = 0.5
"""Counts added to each bin of the quantized distribution: half of one, Jeffreys' prior. Where clipped values are all
that there is in a bin, the divergence would be infinite without it."""


def range_of(statistics: TensorStatistics, precision: str = INT8) -> Range:
    """The range of least divergence between the histogram, clipped, and itself in as many levels as there are integers.

    Migacz, "8-bit Inference with TensorRT", GPU Technology Conference 2017, does this for magnitudes, 128 levels and
    one limit: values beyond the limit count in the last bin of the reference, and each level spreads over those of
    its bins that hold anything. Here there are two ends, moved in turn, and 256 levels. Zeros are taken out of the
    reference before: any range holds them exactly, and half of a ReLU's values would otherwise ask for narrow levels.

    Args:
        statistics: of the tensor.
        precision: of the layer that writes it. A histogram has fewer bins than int16 has levels, so that nothing is
            to be told apart and the range is that of the extremes.

    Raises:
        ModelError: the tensor has no finite value.
    """
    widest, levels = minmax.range_of(statistics), STEPS[precision] + 1
    counts, edges = _without_zeros(statistics)
    if len(counts) <= levels or not counts.any():
        return widest
    # The bin that holds zero stays in every range, and so do levels enough.
    zero = int(np.clip(np.searchsorted(edges, 0.0, side="right") - 1, 0, len(counts) - 1))
    first, last = 0, len(counts)
    best = _divergence(counts, first, last, levels)
    for _ in range(_ROUNDS):
        before = best
        for end in _spread(max(zero + 1, first + levels), len(counts)):
            found = _divergence(counts, first, end, levels)
            if found < best:
                best, last = found, end
        for begin in _spread(0, min(zero, last - levels)):
            found = _divergence(counts, begin, last, levels)
            if found < best:
                best, first = found, begin
        if best == before:
            break
    low = widest[0] if first == 0 else float(edges[first])
    high = widest[1] if last == len(counts) else float(edges[last])
    return including_zero(low, high)


def _without_zeros(statistics: TensorStatistics) -> tuple[Numbers, Numbers]:
    """Counts but for zeros, and edges; with empty bins up to zero where all values are on one side of it.

    No counts where those would be too many: the values then are so near each other that one level holds them.
    """
    counts, edges = statistics.counts.astype(np.float64), statistics.edges
    if not len(counts):
        return counts, edges
    width = float(edges[1] - edges[0])
    before, behind = (math.ceil(max(0.0, gap) / width) for gap in (edges[0], -edges[-1]))
    if before + behind > _MOST_EMPTY:
        return np.zeros(0), edges
    counts = np.concatenate([np.zeros(before), counts, np.zeros(behind)])
    edges = edges[0] + (np.arange(len(counts) + 1) - before) * width
    place = int(np.searchsorted(edges, 0.0, side="right")) - 1
    if 0 <= place < len(counts):
        counts[place] = max(counts[place] - statistics.zeros, 0.0)
    return counts, edges


def _spread(first: int, last: int) -> list[int]:
    """Whole numbers from the first to the last, evenly spread."""
    if last < first:
        return []
    return sorted({round(float(place)) for place in np.linspace(first, last, _CANDIDATES)})


def _divergence(counts: Numbers, first: int, last: int, levels: int) -> float:
    """Of the clipped histogram from its form in levels, in nats."""
    inside = counts[first:last]
    reference = inside.copy()
    reference[0] += counts[:first].sum()
    reference[-1] += counts[last:].sum()
    held = reference > 0
    level = np.arange(len(inside)) * levels // len(inside)
    sums = np.bincount(level, weights=inside, minlength=levels)
    sharing = np.bincount(level, weights=held, minlength=levels)
    spread = (sums / np.maximum(sharing, 1.0))[level][held] + _ABSENT
    wanted = reference[held] / reference.sum()
    return float(np.sum(wanted * np.log(wanted / (spread / spread.sum()))))
