"""The rule on batch normalization that no layer could take in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edgeq.doctor.case import Case
from edgeq.doctor.checks.model_graph import MOVING, WEIGHTED, Graph, graph_of, listed
from edgeq.doctor.rule import Finding
from edgeq.tflite.model import Operator

_ACTIVATIONS = frozenset(
    {
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RELU_0_TO_1",
        "LEAKY_RELU",
        "PRELU",
        "ELU",
        "GELU",
        "HARD_SWISH",
        "TANH",
    }
    | {"LOGISTIC"}
)
"""What may stand between a layer and its batch normalization, beside swish, which is two operators."""

_POOLINGS = frozenset({"AVERAGE_POOL_2D", "MAX_POOL_2D"})
_MOST_STEPS = 16


def unfolded_batch_norm(case: Case) -> Iterator[Finding]:
    """M204: batch normalization that stays as two operators behind an activation or a pooling.

    Before a convolution or a dense layer's activation the converter folds it into the weights. Not meant are networks
    with batch normalization before the activation of the next layer on purpose (pre-activation ResNets, DenseNets), the
    normalization of inputs, scaled outputs, and layer normalization, none of which could be folded.
    """
    if case.float32_file is None or case.float32_model is None:
        return
    graph = graph_of(case.float32_file, case.float32_model)
    found = []
    for operator in graph.main.operators:
        add = _normalizes(graph, operator)
        if add is not None and _leads_on(graph, add) and not _is_activated(graph, add):
            layer = _weighted_before(graph, operator)
            if layer is not None:
                found.append((graph.name(operator), layer))
    if not found:
        return
    names = [name for name, _ in found]
    yield Finding(
        names[0],
        f"batch normalization behind the activation or pooling of {found[0][1]} cannot be folded into it: it stays a "
        f"multiplication and an addition, which int8 runs and rounds one by one, in {len(found)} "
        f"place{'s' * (len(found) > 1)} ({listed(names)}); put it before the activation and train again",
        details={"layers": [{"normalization": name, "follows": layer} for name, layer in found]},
    )


def _normalizes(graph: Graph, multiply: Operator) -> Operator | None:
    """The addition of a batch normalization that begins with this multiplication; None where it is none."""
    scale = _per_channel(graph, multiply, "MUL")
    if scale is None:
        return None
    takers = graph.takers.get(multiply.outputs[0], [])
    if len(takers) != 1 or multiply.outputs[0] in graph.main.outputs:
        return None
    offset = _per_channel(graph, takers[0], "ADD")
    if offset is None:
        offset = _per_channel(graph, takers[0], "SUB")
    return takers[0] if offset is not None and offset.shape == scale.shape else None


def _per_channel(graph: Graph, operator: Operator, name: str) -> npt.NDArray[np.float32] | None:
    """The constant that an operator applies to each channel, [channels]; None where it does something else."""
    if operator.name != name or len(operator.inputs) != 2 or len(operator.outputs) != 1:
        return None
    channels = graph.tensor(operator.outputs[0]).shape[-1:]
    for place in (1, 0):
        tensor = graph.input(operator, place)
        other = graph.input(operator, 1 - place)
        if tensor is None or other is None or other.is_constant or not tensor.is_constant:
            continue
        if channels[:1] > (1,) and tensor.shape[-1:] == channels and set(tensor.shape[:-1]) <= {1}:
            values = graph.constant(tensor)
            return None if values is None else values.reshape(-1)
    return None


def _weighted_before(graph: Graph, multiply: Operator) -> str | None:
    """The layer with weights whose activated or pooled result is normalized; None where something else is."""
    index = next(i for i in multiply.inputs if i >= 0 and not graph.tensor(i).is_constant)
    passed = {multiply.index}
    for _ in range(_MOST_STEPS):
        if any(taker.index not in passed for taker in graph.takers.get(index, [])):
            # Pre-activation blocks and dense blocks use what they normalize elsewhere too: nobody could fold that.
            return None
        maker = graph.makers.get(index)
        if maker is None:
            return None
        if maker.name in WEIGHTED:
            return graph.name(maker)
        gate = _gate(graph, maker)
        if gate is not None:
            passed.add(gate.index)
        elif maker.name not in _ACTIVATIONS | _POOLINGS | MOVING or not maker.inputs or maker.inputs[0] < 0:
            return None
        passed.add(maker.index)
        index = (gate or maker).inputs[0]
    return None


def _gate(graph: Graph, multiply: Operator) -> Operator | None:
    """The sigmoid of a swish, x·sigmoid(x), that ends with this operator; None where it is something else."""
    if multiply.name != "MUL" or len(multiply.inputs) != 2:
        return None
    for own, other in (multiply.inputs, tuple(reversed(multiply.inputs))):
        maker = graph.makers.get(other)
        if maker is not None and maker.name == "LOGISTIC" and maker.inputs == (own,):
            return maker
    return None


def _is_activated(graph: Graph, add: Operator) -> bool:
    """Whether an activation follows: then it is the normalization of the next layer's input, put there on purpose."""
    if graph.is_activated(add):
        return True
    takers = graph.takers.get(add.outputs[0], [])
    return bool(takers) and all(
        taker.name in _ACTIVATIONS or _gate(graph, taker) is not None for taker in takers
    )


def _leads_on(graph: Graph, add: Operator) -> bool:
    """Whether a layer with weights follows: what scales outputs is no batch normalization."""
    waiting, seen = list(add.outputs), set(add.outputs)
    while waiting:
        for taker in graph.takers.get(waiting.pop(), []):
            if taker.name in WEIGHTED:
                return True
            new = [index for index in taker.outputs if index not in seen]
            seen.update(new)
            waiting += new
    return False
