"""The mean of the items' own extremes: one unusual item widens the range by its share only."""

from __future__ import annotations

import math

import numpy as np

from edgeq.quantize.local_run import Floats
from edgeq.quantize.ranges.including_zero import including_zero
from edgeq.quantize.recipe import Range
from edgeq.quantize.statistics import TensorStatistics


def range_of(statistics: TensorStatistics) -> Range:
    """From the mean of the items' minima to that of their maxima.

    Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR
    2018, section 3.1, take a moving average of batches' extremes. That depends on their order; the mean does not.

    Raises:
        ModelError: the tensor has no finite value.
    """
    # For the error where there is no value at all.
    low, high = statistics.minimum, statistics.maximum
    low, high = max(low, _mean(statistics.minima)), min(high, _mean(statistics.maxima))
    return including_zero(low, high)


def _mean(extremes: Floats) -> float:
    """Of the items that have a value, whatever their order: the sum is exact."""
    finite = extremes[np.isfinite(extremes)]
    return math.fsum(finite.tolist()) / finite.size
