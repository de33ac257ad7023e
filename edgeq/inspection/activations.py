"""What the activations of a file do on real items: ranges, histograms, clipped values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.data.feeding import Feed
from edgeq.inspection.activation_run import Ranges, measure_activations
from edgeq.inspection.activation_tensors import activations, quantization_of
from edgeq.inspection.value_histogram import ValueHistogram, quantile, share_outside
from edgeq.tflite.model import Tensor, read_model


@dataclass(frozen=True, eq=False)
class ActivationStatistics:
    """An input or a result of an operator, over all items that were run.

    Real values: dequantized where the tensor is quantized. A batch of several is filled with the item, so that each of
    its values counts as often.

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
        counts: int64[bins], a histogram of the finite values, of at most 2,048 bins; empty where there is none.
        edges: float64[bins + 1], its bins, equally wide. Each integer that 8 bits store has one, in whose middle it is.
        clipped_low: share of values that are stored as the smallest integer of the dtype; 0 for floats and for
            integers without a scale. A fused ReLU ends there too.
        clipped_high: likewise for the largest integer.
        item_ranges: float32[n, 2], minimum and maximum of each item, NaN aside; infinity and minus infinity where it
            has no number.
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
        Statistics of each input and each operator's result that holds numbers, by tensor index. What operators make
        of constants alone, such as the float32 form of float16 weights, is no activation and left out.

    Raises:
        DataError: items cannot be read.
        ModelError: the runtime refuses the file, fails or crashes.
    """
    tensors = activations(read_model(file))
    measured = measure_activations(
        file, tensors, feed, indices, histograms=True, runtime=runtime, progress=progress
    )
    return {
        tensor.index: _statistics(tensor, histogram, measured.ranges[:, place])
        for place, (tensor, histogram) in enumerate(zip(tensors, measured.histograms, strict=True))
    }


def _statistics(tensor: Tensor, stored: ValueHistogram, ranges: Ranges) -> ActivationStatistics:
    """Statistics in real values of what was counted as stored."""
    quantization = quantization_of(tensor)
    scale = 1.0 if quantization is None else quantization.scale
    zero_point = 0 if quantization is None else quantization.zero_point
    shift = zero_point if stored.count else 0
    clips = quantization is not None and stored.count > 0
    return ActivationStatistics(
        tensor=tensor.name,
        index=tensor.index,
        dtype=tensor.dtype,
        count=stored.count,
        not_finite=stored.not_finite,
        minimum=(stored.minimum - shift) * scale,
        maximum=(stored.maximum - shift) * scale,
        mean=(stored.mean - shift) * scale,
        deviation=stored.deviation * scale,
        counts=stored.counts,
        edges=(stored.edges - zero_point) * scale,
        clipped_low=stored.at_lowest / stored.count if clips else 0.0,
        clipped_high=stored.at_highest / stored.count if clips else 0.0,
        item_ranges=ranges,
    )
