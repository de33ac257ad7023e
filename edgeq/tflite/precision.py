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
from edgeq.tflite.weights import (
    ACTIVATION_TYPES,
    WEIGHT_TYPES,
    producers_of,
    stored_constant,
    weight_places,
)

NO_WEIGHTS = "none"
MIXED = "mixed"


@dataclass(frozen=True)
class Precision:
    """In which types a file stores and computes; `edgeq.schemes.recognise` takes both.

    Attributes:
        weights: dtype that most weights have, ``int4`` where some have it beside int8, ``none`` in a file without
            weights.
        activations: dtype that all operators compute in, ``mixed`` where they differ. Conversions between
            types do not count: int8 with float32 inputs and outputs is int8.
    """

    weights: str
    activations: str


# Operators whose types say nothing about the precision of the arithmetic. A table lookup is one of them:
# in a dynamic range file it hands on int8 rows that are converted to float32 afterwards.
CONVERTING = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST", "DENSIFY", "FAKE_QUANT", "BITCAST"})
# fmt: off
MOVING = frozenset({
    "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "DEPTH_TO_SPACE", "DYNAMIC_UPDATE_SLICE",
    "EMBEDDING_LOOKUP", "EXPAND_DIMS", "FILL", "GATHER", "GATHER_ND", "MIRROR_PAD", "PACK", "PAD", "PADV2",
    "RESHAPE", "REVERSE_SEQUENCE", "REVERSE_V2", "SHAPE", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH",
    "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK", "ZEROS_LIKE",
})
CONTROLLING = frozenset({
    "ASSIGN_VARIABLE", "CALL", "CALL_ONCE", "IF", "READ_VARIABLE", "STABLEHLO_CASE", "STABLEHLO_COMPOSITE",
    "STABLEHLO_WHILE", "VAR_HANDLE", "WHILE",
})
# fmt: on
NOT_COMPUTING = CONVERTING | MOVING | CONTROLLING


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
            if operator.name not in NOT_COMPUTING:
                for dtype in operator_types(operator, graph):
                    found.setdefault(dtype, []).append(operator)
    return {dtype: tuple(operators) for dtype, operators in found.items()}


def _weights(model: TfliteModel) -> str:
    elements: Counter[str] = Counter()
    counted: set[int] = set()
    for graph in model.subgraphs:
        producers = producers_of(graph)
        for tensor in _weight_inputs(graph):
            stored = stored_constant(tensor, graph, producers)
            if stored is None or stored.dtype not in WEIGHT_TYPES or stored.buffer in counted:
                continue
            # Operators share weights, and signatures share the buffers of theirs.
            counted.add(stored.buffer)
            elements[stored.dtype] += stored.buffer_bytes * 8 // BITS[stored.dtype]
    if {"int4", "int8"} <= elements.keys():
        # A file with weights of four bits has those of eight in depthwise layers, or where they cost too much.
        return "int4"
    # Elements, not bytes: the few weights that dynamic range leaves in float32 would weigh four times.
    return max(elements, key=lambda dtype: (elements[dtype], dtype)) if elements else NO_WEIGHTS


def _weight_inputs(graph: Subgraph) -> Iterator[Tensor]:
    for operator in graph.operators:
        for place in weight_places(operator):
            if place < len(operator.inputs) and operator.inputs[place] >= 0:
                yield graph.tensors[operator.inputs[place]]


def _activations(model: TfliteModel) -> str:
    types = set(compute_types(model))
    if not types:
        # Nothing computes: the type of what is moved around is the model's.
        types = {
            dtype
            for graph in model.subgraphs
            for operator in graph.operators
            if operator.name in MOVING
            for dtype in operator_types(operator, graph)
        }
    if not types:
        graph = model.subgraphs[0]
        types = {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)}
    return next(iter(types)) if len(types) == 1 else MIXED


def operator_types(operator: Operator, graph: Subgraph) -> set[str]:
    """The types of an operator's activations; empty where it has none in which anything is computed."""
    tensors = (graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0)
    # The state of an int8 LSTM is int16: it is no activation that others see.
    return {
        tensor.dtype
        for tensor in tensors
        if tensor.dtype in ACTIVATION_TYPES and not tensor.is_constant and not tensor.is_variable
    }
