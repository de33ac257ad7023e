"""The mean squared error that a quantized tensor has of its values, as its histogram tells it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.quantize.recipe import INT8, INT8X4, INT16X8, Range
from edgeq.quantize.statistics import TensorStatistics

Numbers = npt.NDArray[np.float64]

STEPS = {INT8: 255, INT8X4: 255, INT16X8: 65534}
"""From the smallest integer of an activation to the largest: int8 uses all of its 256, int16 is symmetric and leaves
-32768 out (TensorFlow Lite's quantization specification)."""


class SquaredError:
    """The expected error of one tensor for any range.

    Values within the range are off by up to half a step, evenly spread: step² / 12 in the mean. Zeros are exact.
    Values outside are as far off as the end of the range is away. This is the sum that Banner, Nahshan and Soudry,
    "Post training 4-bit quantization of convolutional networks for rapid-deployment", NeurIPS 2019, section 3, write
    for a Laplace distribution, and Sakr et al., "Optimal Clipping and Magnitude-aware Differentiation for Improved
    Quantization-aware Training", ICML 2022, section 3, for any, on values that they have at hand; both for one limit
    of magnitudes. Here it has two limits and takes the histogram.
    """

    def __init__(self, statistics: TensorStatistics, precision: str) -> None:
        """Adds up the histogram.

        Args:
            statistics: of the tensor.
            precision: of the layer that writes it, one of `STEPS`.

        Raises:
            ModelError: the tensor has no finite value.
        """
        self._steps, self._symmetric = STEPS[precision], precision == INT16X8
        edges = np.clip(statistics.edges, statistics.minimum, statistics.maximum)
        # Each bin counts in its middle.
        self._values = (edges[:-1] + edges[1:]) / 2
        shares = statistics.counts / max(1, statistics.counted)
        self._mass, self._first, self._second = (
            np.concatenate([[0.0], np.cumsum(shares * self._values**power)]) for power in range(3)
        )
        self._zeros = statistics.zeros / max(1, statistics.counted)

    def __call__(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Numbers:
        """The error of ranges that hold zero, in the square of the tensor's unit.

        Args:
            low: lower ends, of any shape.
            high: upper ends, of a shape that goes with it.
        """
        lower, upper = np.asarray(low, np.float64), np.asarray(high, np.float64)
        below = np.searchsorted(self._values, lower, side="left")
        above = np.searchsorted(self._values, upper, side="right")
        width = 2 * np.maximum(-lower, upper) if self._symmetric else upper - lower
        inside = np.maximum(self._mass[above] - self._mass[below] - self._zeros, 0.0)
        rounding = inside * (width / self._steps) ** 2 / 12
        clipped = self._distance(lower, (0.0, 0.0, 0.0), self._sums(below))
        clipped = clipped + self._distance(upper, self._sums(above), self._sums(len(self._values)))
        error: Numbers = rounding + clipped
        return error

    def of(self, chosen: Range) -> float:
        """The error of one range."""
        return float(self(*chosen))

    @property
    def power(self) -> float:
        """Mean square of the values."""
        return float(self._second[-1])

    def _sums(self, place: Any) -> tuple[Any, Any, Any]:
        return self._mass[place], self._first[place], self._second[place]

    @staticmethod
    def _distance(limit: Numbers, start: tuple[Any, Any, Any], stop: tuple[Any, Any, Any]) -> Numbers:
        """Mean squared distance from a limit of the values between two places."""
        mass, first, second = (after - before for before, after in zip(start, stop, strict=True))
        distance: Numbers = np.maximum(second - 2 * limit * first + limit**2 * mass, 0.0)
        return distance
