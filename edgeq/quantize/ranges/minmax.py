"""The smallest and the largest value of all items: what TensorFlow Lite's converter takes."""

from __future__ import annotations

from edgeq.quantize.ranges.including_zero import including_zero
from edgeq.quantize.recipe import Range
from edgeq.quantize.statistics import TensorStatistics


def range_of(statistics: TensorStatistics) -> Range:
    """From the smallest to the largest value; nothing of the calibration items is clipped.

    Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: A whitepaper", 2018, section 2.

    Raises:
        ModelError: the tensor has no finite value.
    """
    return including_zero(statistics.minimum, statistics.maximum)
