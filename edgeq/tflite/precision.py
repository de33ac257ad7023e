"""Reads the quantization scheme of a file back from its tensors.

The file's own words are not trusted: a conversion that was asked for int8 and given no calibration data
yields a float file without any error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgeq.schemes import SCHEMES, Scheme, recognise
from edgeq.tflite.model import Operator, Subgraph, Tensor, TfliteModel
from edgeq.tflite.schema import BITS

NO_WEIGHTS = "none"
MIXED = "mixed"


@dataclass(frozen=True)
class Precision:
    """In which types a file stores and computes; `edgeq.schemes.recognise` takes both.

    Attributes:
        weights: dtype that most weights have, ``none`` in a file without weights.
        activations: dtype that all operators compute in, ``mixed`` where they differ. Conversions between
            types do not count: int8 with float32 inputs and outputs is int8.
    """

    weights: str
    activations: str


# Places of the weights among an operator's inputs. Biases are left out: they are wider than the weights.
_WEIGHT_INPUTS: dict[str, tuple[int, ...]] = {
    "CONV_2D": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "TRANSPOSE_CONV": (1,),
    "CONV_3D": (1,),
    "CONV_3D_TRANSPOSE": (1,),
    "FULLY_CONNECTED": (1,),
    "BATCH_MATMUL": (0, 1),
    "EMBEDDING_LOOKUP": (1,),
    "EMBEDDING_LOOKUP_SPARSE": (3,),
    "GATHER": (0,),
    "SVDF": (1, 2),
    "RNN": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": (1, 2, 5, 6),
    "LSTM": tuple(range(1, 9)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": tuple(range(1, 9)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 9), *range(18, 26)),
    "STABLEHLO_CONVOLUTION": (1,),
    "STABLEHLO_DOT_GENERAL": (0, 1),
}
_ACTIVATION_TYPES = frozenset({"float64", "float32", "float16", "bfloat16", "int16", "int8", "uint8", "int4"})
_WEIGHT_TYPES = _ACTIVATION_TYPES | {"float8_e4m3fn", "float8_e5m2", "uint4", "int2"}

# What stands between a stored weight and the operator that uses it: a float16 or a sparse weight is
# expanded when it is needed.
_EXPANDING = frozenset({"DEQUANTIZE", "DENSIFY", "CAST", "RESHAPE", "TRANSPOSE", "EXPAND_DIMS", "SQUEEZE"})
_MOST_EXPANSIONS = 8

# Operators whose types say nothing about the precision of the arithmetic. A table lookup is one of them:
# in a dynamic range file it hands on int8 rows that are converted to float32 afterwards.
_CONVERTING = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST", "DENSIFY", "FAKE_QUANT", "BITCAST"})
# fmt: off
_MOVING = frozenset({
    "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "DEPTH_TO_SPACE", "DYNAMIC_UPDATE_SLICE",
    "EMBEDDING_LOOKUP", "EXPAND_DIMS", "FILL", "GATHER", "GATHER_ND", "MIRROR_PAD", "PACK", "PAD", "PADV2",
    "RESHAPE", "REVERSE_SEQUENCE", "REVERSE_V2", "SHAPE", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH",
    "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK", "ZEROS_LIKE",
})
_CONTROLLING = frozenset({
    "ASSIGN_VARIABLE", "CALL", "CALL_ONCE", "IF", "READ_VARIABLE", "STABLEHLO_CASE", "STABLEHLO_COMPOSITE",
    "STABLEHLO_WHILE", "VAR_HANDLE", "WHILE",
})
# fmt: on
_NOT_COMPUTING = _CONVERTING | _MOVING | _CONTROLLING


def precision_of(model: TfliteModel) -> Precision:
    """Reads in which types a model stores its weights and computes."""
    return Precision(_weights(model), _activations(model))


def scheme_of(model: TfliteModel, schemes: Iterable[Scheme] = SCHEMES) -> Scheme | None:
    """The scheme of a file; None where no known one fits."""
    precision = precision_of(model)
    return recognise(precision.weights, precision.activations, schemes)


def compute_types(model: TfliteModel) -> dict[str, tuple[Operator, ...]]:
    """The operators that compute, by the dtype they compute in.

    In a file of type ``mixed`` this tells which operators stayed in float. Operators of all subgraphs
    count; those that only convert, move or control do not.
    """
    found: dict[str, list[Operator]] = {}
    for graph in model.subgraphs:
        for operator in graph.operators:
            if operator.name not in _NOT_COMPUTING:
                for dtype in _operator_types(operator, graph):
                    found.setdefault(dtype, []).append(operator)
    return {dtype: tuple(operators) for dtype, operators in found.items()}


def _weights(model: TfliteModel) -> str:
    elements: Counter[str] = Counter()
    counted: set[int] = set()
    for graph in model.subgraphs:
        producers = {output: operator for operator in graph.operators for output in operator.outputs}
        for tensor in _weight_inputs(graph):
            stored = _stored(tensor, graph, producers)
            if stored is None or stored.dtype not in _WEIGHT_TYPES or stored.buffer in counted:
                continue
            # Operators share weights, and signatures share the buffers of theirs.
            counted.add(stored.buffer)
            elements[stored.dtype] += stored.buffer_bytes * 8 // BITS[stored.dtype]
    # Elements, not bytes: the few weights that dynamic range leaves in float32 would weigh four times.
    return max(elements, key=lambda dtype: (elements[dtype], dtype)) if elements else NO_WEIGHTS


def _weight_inputs(graph: Subgraph) -> Iterator[Tensor]:
    for operator in graph.operators:
        # Of custom and of unknown operators every constant may be a weight.
        known = operator.custom_code is None and not operator.name.startswith("OP_")
        places = _WEIGHT_INPUTS.get(operator.name, ()) if known else range(len(operator.inputs))
        for place in places:
            if place < len(operator.inputs) and operator.inputs[place] >= 0:
                yield graph.tensors[operator.inputs[place]]


def _stored(tensor: Tensor, graph: Subgraph, producers: dict[int, Operator]) -> Tensor | None:
    """The constant that a weight is expanded from; None for an activation."""
    for _ in range(_MOST_EXPANSIONS):
        if tensor.is_constant:
            return tensor
        producer = producers.get(tensor.index)
        if producer is None or producer.name not in _EXPANDING or not producer.inputs:
            return None
        if producer.inputs[0] < 0:
            return None
        tensor = graph.tensors[producer.inputs[0]]
    return None


def _activations(model: TfliteModel) -> str:
    types = set(compute_types(model))
    if not types:
        # Nothing computes: the type of what is moved around is the model's.
        types = {
            dtype
            for graph in model.subgraphs
            for operator in graph.operators
            if operator.name in _MOVING
            for dtype in _operator_types(operator, graph)
        }
    if not types:
        graph = model.subgraphs[0]
        types = {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)}
    return next(iter(types)) if len(types) == 1 else MIXED


def _operator_types(operator: Operator, graph: Subgraph) -> set[str]:
    tensors = (graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0)
    # The state of an int8 LSTM is int16: it is no activation that others see.
    return {
        tensor.dtype
        for tensor in tensors
        if tensor.dtype in _ACTIVATION_TYPES and not tensor.is_constant and not tensor.is_variable
    }
