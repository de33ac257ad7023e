"""The range of least mean squared error: what clipping costs against what finer steps gain."""

from __future__ import annotations

import numpy as np

from edgeq.quantize.ranges.including_zero import including_zero
from edgeq.quantize.ranges.squared_error import Numbers, SquaredError
from edgeq.quantize.recipe import INT8, Range
from edgeq.quantize.statistics import TensorStatistics

_COARSE = 64
"""Ends of the first, complete grid, a side."""


def range_of(statistics: TensorStatistics, precision: str = INT8) -> Range:
    """The range whose expected squared error is least, of all whose ends are edges of the histogram's bins.

    Ends are searched on a coarse grid of both, and then, one by one, among all edges until neither gets better. That
    clipping pays at few bits is shown by Banner et al. 2019 and Sakr et al. 2022 (see
    `edgeq.quantize.ranges.squared_error`), and that the error of a whole tensor is to be minimized by Choukroun et
    al., "Low-bit Quantization of Neural Networks for Efficient Inference", ICCV workshops 2019, section 3.
    A tensor without negative values keeps 0 for its low end.

    Args:
        statistics: of the tensor.
        precision: of the layer that writes it: more bits clip less.

    Raises:
        ModelError: the tensor has no finite value.
    """
    error = SquaredError(statistics, precision)
    widest = including_zero(statistics.minimum, statistics.maximum)
    lows, highs = _ends(statistics.edges, widest[0], -1), _ends(statistics.edges, widest[1], 1)
    low, high = widest
    best = error.of(widest)
    coarse_lows, coarse_highs = _thinned(lows), _thinned(highs)
    grid = error(coarse_lows[:, None], coarse_highs[None, :])
    row, column = np.unravel_index(int(np.argmin(grid)), grid.shape)
    if grid[row, column] < best:
        low, high, best = float(coarse_lows[row]), float(coarse_highs[column]), float(grid[row, column])
    while True:
        along_high, along_low = error(low, highs), error(lows, high)
        if along_high.min() < best and along_high.min() <= along_low.min():
            high, best = float(highs[np.argmin(along_high)]), float(along_high.min())
        elif along_low.min() < best:
            low, best = float(lows[np.argmin(along_low)]), float(along_low.min())
        else:
            return including_zero(low, high)


def _ends(edges: Numbers, extreme: float, sign: int) -> Numbers:
    """An extreme, the edges between it and zero, and zero."""
    within = edges[(edges * sign > 0) & (edges * sign < extreme * sign)]
    return np.concatenate([[extreme], within, [0.0]])


def _thinned(ends: Numbers) -> Numbers:
    """Some of them, evenly spread, the first one too."""
    return ends[:: max(1, -(-len(ends) // _COARSE))]
