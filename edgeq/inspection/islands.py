"""Float islands: parts of an integer model that compute in float, at what tensors they begin and end, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgeq.inspection.layers import CONVERTS, FLOATS, MOVES
from edgeq.inspection.structure import FloatIsland, Layer
from edgeq.tflite.model import Operator, Subgraph, TfliteModel
from edgeq.tflite.weights import producers_of

INTEGERS = frozenset({"int8", "uint8", "int16", "int4"})
"""Precisions of operators that compute in integers."""

# fmt: off
# Operators that TensorFlow's converter can quantize: those of tensorflow/lite/tools/optimize/operator_property.cc, and
# what the converter of 2.21 was seen to quantize beyond (ABS, DIV, EXP, GELU, LOG, REDUCE_PROD, RSQRT, SQRT, …; not
# ADD_N, ATAN2, CONV_3D, CUMSUM, ELU, FLOOR_DIV, NEG, POW, SIGN, SIN, SQUARE).
QUANTIZABLE = frozenset({
    "ABS", "ADD", "ARG_MAX", "ARG_MIN", "ASSIGN_VARIABLE", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BATCH_TO_SPACE_ND",
    "BIDIRECTIONAL_SEQUENCE_LSTM", "BROADCAST_TO", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE", "DIV", "DYNAMIC_UPDATE_SLICE", "EMBEDDING_LOOKUP", "EQUAL", "EXP", "EXPAND_DIMS", "FILL",
    "FULLY_CONNECTED", "GATHER", "GATHER_ND", "GELU", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "L2_NORMALIZATION",
    "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG", "LOGISTIC", "LOG_SOFTMAX", "LSTM", "MAXIMUM", "MAX_POOL_2D", "MEAN",
    "MINIMUM", "MIRROR_PAD", "MUL", "NOT_EQUAL", "PACK", "PAD", "PADV2", "PRELU", "READ_VARIABLE", "REDUCE_MAX",
    "REDUCE_MIN", "REDUCE_PROD", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "RSQRT", "SCATTER_ND", "SELECT", "SELECT_V2", "SHAPE", "SLICE",
    "SOFTMAX", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARED_DIFFERENCE", "SQUEEZE",
    "STRIDED_SLICE", "SUB", "SUM", "SVDF", "TANH", "TILE", "TOPK_V2", "TRANSPOSE", "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK",
})
# fmt: on


def float_islands(model: TfliteModel, layers: Iterable[Layer]) -> tuple[FloatIsland, ...]:
    """Parts that compute in float in a file most of whose operators compute in integers.

    Args:
        model: the file.
        layers: all of its layers.

    Returns:
        In order of their first operators; none for a file that mostly computes in float.
    """
    by_place = {(layer.subgraph, layer.index): layer for layer in layers}
    integers = sum(layer.precision in INTEGERS for layer in by_place.values())
    floats = sum(computes_in_float(layer) for layer in by_place.values())
    if not floats or integers <= floats:
        return ()
    found = []
    for number, graph in enumerate(model.subgraphs):
        own = [by_place[number, operator.index] for operator in graph.operators]
        borders = _Borders.of(graph, own)
        found += [_island(members, graph, own, borders) for members in _connected(graph, own)]
    return tuple(found)


def computes_in_float(layer: Layer) -> bool:
    """Whether a layer's activations are floats that it computes with."""
    return layer.precision in FLOATS or layer.precision.endswith(" weights")


def _connected(graph: Subgraph, layers: list[Layer]) -> list[list[int]]:
    """Indices of operators that hand floats to each other, part by part; each part computes something."""
    part = _Parts(len(layers))
    holder: dict[int, int] = {}
    members = [index for index, layer in enumerate(layers) if _is_in_float(layer, graph)]
    for index in members:
        operator = graph.operators[index]
        for tensor in (*operator.inputs, *operator.outputs):
            if (
                tensor >= 0
                and graph.tensors[tensor].dtype in FLOATS
                and not graph.tensors[tensor].is_constant
            ):
                part.join(index, holder.setdefault(tensor, index))
    groups: dict[int, list[int]] = {}
    for index in members:
        groups.setdefault(part.of(index), []).append(index)
    return [group for group in groups.values() if any(computes_in_float(layers[index]) for index in group)]


def _is_in_float(layer: Layer, graph: Subgraph) -> bool:
    if computes_in_float(layer):
        return True
    operator = graph.operators[layer.index]
    used = (graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0)
    return layer.precision == MOVES and any(t.dtype in FLOATS and not t.is_constant for t in used)


class _Parts:
    """Which operators belong together (a disjoint-set forest)."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def of(self, index: int) -> int:
        while self._parents[index] != index:
            self._parents[index] = index = self._parents[self._parents[index]]
        return index

    def join(self, one: int, other: int) -> None:
        one, other = self.of(one), self.of(other)
        # The smaller index stands for both, so that parts keep the order of the file.
        self._parents[max(one, other)] = min(one, other)


@dataclass(frozen=True)
class _Borders:
    """Where islands of a subgraph may begin and end.

    Attributes:
        produced: the operator that computes each tensor.
        given: tensors that come from outside.
        left: float tensors that are turned into other types, or leave the subgraph.
    """

    produced: Mapping[int, Operator]
    given: frozenset[int]
    left: frozenset[int]

    @staticmethod
    def of(graph: Subgraph, layers: list[Layer]) -> _Borders:
        converters = (op for op in graph.operators if layers[op.index].precision == CONVERTS)
        converted = {index for operator in converters for index in operator.inputs}
        return _Borders(
            producers_of(graph), frozenset(graph.inputs), frozenset(converted | set(graph.outputs))
        )


def _island(members: list[int], graph: Subgraph, layers: list[Layer], borders: _Borders) -> FloatIsland:
    operators = [graph.operators[index] for index in members]
    inside = set(members)
    read = {tensor for operator in operators for tensor in operator.inputs if tensor >= 0}
    written = [tensor for operator in operators for tensor in operator.outputs if tensor >= 0]
    return FloatIsland(
        layers=tuple((layers[index].subgraph, index) for index in members),
        entries=_names(graph, _entries(sorted(read), graph, borders, inside)),
        exits=_names(graph, _exits(written, graph, borders)),
        cause=_cause([layers[index] for index in members], operators, graph),
    )


def _entries(read: list[int], graph: Subgraph, borders: _Borders, inside: set[int]) -> Iterable[int]:
    """Integer tensors that are turned into floats for the island, and float inputs of the model."""
    for index in read:
        tensor = graph.tensors[index]
        producer = borders.produced.get(index)
        if tensor.dtype not in FLOATS or tensor.is_constant or (producer and producer.index in inside):
            continue
        if producer is None:
            if index in borders.given:
                yield index
        elif (
            producer.inputs[:1]
            and producer.inputs[0] >= 0
            and not graph.tensors[producer.inputs[0]].is_constant
        ):
            yield producer.inputs[0]


def _exits(written: list[int], graph: Subgraph, borders: _Borders) -> Iterable[int]:
    """Float tensors that are turned into integers behind the island, and float outputs of the model."""
    return (index for index in written if index in borders.left and graph.tensors[index].dtype in FLOATS)


def _names(graph: Subgraph, indices: Iterable[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(graph.tensors[index].name or f"tensor {index}" for index in indices))


def _cause(layers: list[Layer], operators: list[Operator], graph: Subgraph) -> str:
    computing = [(layer, op) for layer, op in zip(layers, operators, strict=True) if computes_in_float(layer)]
    foreign = dict.fromkeys(
        layer.operator
        for layer, operator in computing
        if layer.operator not in QUANTIZABLE or operator.custom_code
    )
    if foreign:
        listed = ", ".join(list(foreign)[:4]) + (", …" if len(foreign) > 4 else "")
        return f"the converter has no integer form of {listed}"
    layer, operator = computing[0]
    result = (
        graph.tensors[operator.outputs[0]].name if operator.outputs[:1] and operator.outputs[0] >= 0 else ""
    )
    return (
        f"{layer.operator} has an integer form, but its result {result or layer.name!r} has no scale: it was left in "
        "float on purpose, or no calibration item reached it"
    )
