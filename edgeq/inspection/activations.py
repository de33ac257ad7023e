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
from edgeq.inspection.value_histogram import ValueHistogram
from edgeq.inspection.value_statistics import ValueStatistics
from edgeq.tflite.model import Tensor, read_model


@dataclass(frozen=True, eq=False)
class ActivationStatistics(ValueStatistics):
    """An input or a result of an operator of the first subgraph, over all items that were run.

    A batch of several is filled with the item, so that each of its values counts as often.

    Attributes:
        clipped_low: share of values that are stored as the smallest integer of the dtype; 0 for floats and for
            integers without a scale. A fused ReLU ends there too.
        clipped_high: likewise for the largest integer.
        item_ranges: float32[n, 2], minimum and maximum of each item, NaN aside; infinity and minus infinity where it
            has no number.
    """

    clipped_low: float
    clipped_high: float
    item_ranges: npt.NDArray[np.float32]


def activation_statistics(
    file: Path,
    feed: Feed,
    indices: Sequence[int],
    *,
    runtime: str | None = None,
    verbose: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, ActivationStatistics]:
    """Runs items through a file, keeping every activation of its first subgraph long enough to count its values.

    Args:
        file: of any scheme.
        feed: bound to its inputs, in real values.
        indices: which items.
        runtime: which runtime; None for the best installed.
        verbose: whether the runtime's own output is let through.
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
        file, tensors, feed, indices, histograms=True, runtime=runtime, verbose=verbose, progress=progress
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
