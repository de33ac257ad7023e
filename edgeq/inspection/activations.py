"""What the activations of a file do on real items: ranges, histograms, clipped values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.data.feeding import Feed


@dataclass(frozen=True, eq=False)
class ActivationStatistics:
    """An input or a result of an operator, over all items that were run.

    Real values: dequantized where the tensor is quantized.

    Attributes:
        tensor: its name.
        index: in the first subgraph.
        dtype: as stored.
        count: of finite values seen.
        not_finite: of NaN and infinite values seen.
        minimum: of the finite values; 0 where there is none.
        maximum: likewise.
        mean: likewise.
        deviation: standard deviation, likewise.
        counts: int64[bins], a histogram of the finite values.
        edges: float64[bins + 1], its bins, equally wide.
        clipped_low: share of values that are stored as the smallest integer of the dtype; 0 for floats.
        clipped_high: likewise for the largest integer.
        item_ranges: float32[n, 2], minimum and maximum of each item.
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
    clipped_low: float
    clipped_high: float
    item_ranges: npt.NDArray[np.float32]

    def quantile(self, share: float) -> float:
        """The value that this share of the values is below, as nearly as the histogram tells."""
        raise NotImplementedError

    def share_outside(self, low: float, high: float) -> float:
        """Share of the values that are below `low` or above `high`, as nearly as the histogram tells."""
        raise NotImplementedError


def activation_statistics(
    file: Path,
    feed: Feed,
    indices: Sequence[int],
    *,
    runtime: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, ActivationStatistics]:
    """Runs items through a file, keeping every activation of its first subgraph long enough to count its values.

    Args:
        file: of any scheme.
        feed: bound to its inputs, in real values.
        indices: which items.
        runtime: which runtime; None for the best installed.
        progress: called with the number of items measured and their total.

    Returns:
        Statistics of each input and each operator's result that holds numbers, by tensor index.

    Raises:
        DataError: items cannot be read.
        ModelError: the runtime refuses the file, fails or crashes.
    """
    raise NotImplementedError
