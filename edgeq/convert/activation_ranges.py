"""What every float activation of a model spans on each item: its minimum and maximum.

Calibration sees of an activation what is measured here: TensorFlow Lite's calibrator keeps the smallest and the largest
value over all items and ignores NaN (``MinMax::Update`` in its ``calibration_logger.cc``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.data.feeding import Feed
from edgeq.errors import ModelError
from edgeq.inspection.activation_run import Ranges, measure_activations
from edgeq.inspection.activation_tensors import activations
from edgeq.tflite.model import Tensor, TfliteModel, read_model


@dataclass(frozen=True)
class ActivationRanges:
    """What the activations span.

    Attributes:
        names: of the tensors, as the file has them.
        values: float32[n, tensors, 2], minimum and maximum by item; infinite where a tensor has no number.
    """

    names: tuple[str, ...]
    values: Ranges


def float_activations(model: TfliteModel) -> tuple[Tensor, ...]:
    """The float32 activations of the first subgraph, in the order of their indices."""
    return tuple(tensor for tensor in activations(model) if tensor.dtype == "float32")


def activation_ranges(
    float32_file: Path,
    feed: Feed,
    indices: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> ActivationRanges:
    """Runs items through a float32 file and measures all of its activations.

    Args:
        float32_file: the model.
        feed: bound to its inputs.
        indices: which items.
        progress: called with the number of items measured and their total.

    Returns:
        A row for each of `indices`, in their order.

    Raises:
        DataError: items cannot be read; names them.
        ModelError: the runtime refuses the file, fails or crashes.
    """
    tensors = float_activations(read_model(float32_file))
    try:
        measured = measure_activations(
            float32_file, tensors, feed, indices, histograms=False, progress=progress
        )
    except ModelError as error:
        raise ModelError(
            f"{error}: draw the calibration items at random, --calibration-draw random"
        ) from error
    return ActivationRanges(tuple(tensor.name for tensor in tensors), measured.ranges)
