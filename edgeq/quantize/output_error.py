"""How far a quantized file's outputs are from the float model's: one number that methods and the search minimize.

Where an output is the result of a softmax, its logits are compared: as probabilities, eight bits leave 1/256 apart what
differs by several logits. The number is then the Kullback-Leibler divergence of the two distributions in nats; of other
outputs it is the mean squared error in parts of the float output's variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.local_run import Array, Floats, LocalModel

SOFTMAX, VALUES = "softmax", "values"


@dataclass(frozen=True)
class WatchedTensor:
    """A tensor that an output is judged by.

    Attributes:
        name: of the tensor in the float32 file.
        kind: `SOFTMAX` for logits, else `VALUES`.
    """

    name: str
    kind: str


def watched_tensors(content: bytes) -> tuple[WatchedTensor, ...]:
    """What the outputs of a float32 file are judged by: the logits of a softmax, else the output itself."""
    model = EditableModel(content)
    makers = {int(index): operator for operator in model.graph.operators for index in operator.outputs}
    watched = []
    for index in model.graph.outputs:
        maker = makers.get(int(index))
        if maker is not None and model.kind(maker) == "SOFTMAX":
            watched.append(WatchedTensor(model.name(int(maker.inputs[0])), SOFTMAX))
        else:
            watched.append(WatchedTensor(model.name(int(index)), VALUES))
    return tuple(watched)


def watched_values(
    model: LocalModel, watched: Sequence[WatchedTensor], inputs: Mapping[str, Array]
) -> dict[str, Floats]:
    """What a file makes of items, float32[n, ...] by name of the watched tensor."""
    return model.activations([tensor.name for tensor in watched], inputs)


def output_error(
    watched: Sequence[WatchedTensor], reference: Mapping[str, Floats], values: Mapping[str, Floats]
) -> float:
    """The error of a quantized file's watched tensors, mean over items and outputs; 0 for equal ones.

    Args:
        watched: the tensors.
        reference: of the float32 file, float32[n, ...] by name.
        values: of the quantized file, likewise.
    """
    return float(np.mean(item_errors(watched, reference, values)))


def item_errors(
    watched: Sequence[WatchedTensor], reference: Mapping[str, Floats], values: Mapping[str, Floats]
) -> npt.NDArray[np.float64]:
    """The error of each item, float64[n], mean over the outputs; arguments as of `output_error`."""
    errors = [
        _divergence(reference[tensor.name], values[tensor.name])
        if tensor.kind == SOFTMAX
        else _relative_error(reference[tensor.name], values[tensor.name])
        for tensor in watched
    ]
    mean: npt.NDArray[np.float64] = np.mean(errors, axis=0)
    return mean


def _divergence(reference: Floats, values: Floats) -> npt.NDArray[np.float64]:
    """Kullback-Leibler divergence of softmax distributions along the last axis, in nats, by item."""
    old, new = _log_softmax(reference), _log_softmax(values)
    return _by_item(np.sum(np.exp(old) * (old - new), axis=-1))


def _log_softmax(logits: Floats) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    log_softmax: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_softmax


def _relative_error(reference: Floats, values: Floats) -> npt.NDArray[np.float64]:
    """Squared error in parts of the float output's variance, by item."""
    wanted = reference.astype(np.float64)
    spread = float(np.mean((wanted - wanted.mean()) ** 2))
    # A constant output has no variance of its own.
    return _by_item((values.astype(np.float64) - wanted) ** 2) / (spread if spread > 0 else 1.0)


def _by_item(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mean: npt.NDArray[np.float64] = errors.reshape(len(errors), -1).mean(axis=1)
    return mean
