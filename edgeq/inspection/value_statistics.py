"""What the values of a tensor are, in real values: extremes, moments and a histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.inspection.value_histogram import quantile, share_outside


@dataclass(frozen=True, eq=False)
class ValueStatistics:
    """The values of weights or of an activation, dequantized where they are quantized.

    Attributes:
        tensor: its name.
        index: of the tensor in its subgraph.
        dtype: as stored.
        count: of finite values.
        not_finite: of NaN and infinite values.
        minimum: of the finite values; 0 where there is none.
        maximum: likewise.
        mean: likewise.
        deviation: standard deviation, likewise.
        counts: int64[bins], a histogram of the finite values, of at most 2,048 bins; empty where there is none.
        edges: float64[bins + 1], its bins, equally wide. Each integer that 8 bits store has one, in whose middle it is.
    """

    tensor: str
    index: int
    dtype: str
    count: int
    not_finite: int
    minimum: float
    maximum: float
    mean: float
    deviation: float
    counts: npt.NDArray[np.int64]
    edges: npt.NDArray[np.float64]

    def quantile(self, share: float) -> float:
        """The value that this share of the values is below, as nearly as the histogram tells: within one bin.

        Args:
            share: 0 for the minimum to 1 for the maximum.

        Returns:
            The value; 0 where there is none.
        """
        return quantile(self.counts, self.edges, self.minimum, self.maximum, share)

    def share_outside(self, low: float, high: float) -> float:
        """Share of the values that are below `low` or above `high`, as nearly as the histogram tells.

        Values are taken as evenly spread within each of the two bins that the limits are in.
        """
        return share_outside(self.counts, self.edges, self.minimum, self.maximum, low, high)
