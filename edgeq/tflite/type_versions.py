"""Which version an operator needs for the types that it computes in.

A runtime looks only at the version that a file gives an operator. TensorFlow's converter writes version 3 for a
convolution on int16, which runtimes older than version 4 take and then refuse for its types.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from edgeq.tflite.model import Operator, OperatorCode, Subgraph, Tensor, TfliteModel


def _table(text: str) -> dict[str, int]:
    entries = (entry.split() for entry in text.split(";"))
    return {entry[0]: int(entry[1]) for entry in entries}


# The facts of ``GetBuiltinOperatorVersion`` in tensorflow/lite/tools/versioning/op_version.cc of TensorFlow (commit
# 02087409073e), for activations of int16 with a scale. For CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED it asks for
# int16 weights too, which no converter writes: kernels for int16 activations with int8 weights came in that version.
_INT16: Final = _table(
    "ABS 3; AVERAGE_POOL_2D 3; BATCH_MATMUL 3; BATCH_TO_SPACE_ND 4; BROADCAST_TO 3; CONCATENATION 3; CONV_2D 4; "
    "DEPTHWISE_CONV_2D 5; DEQUANTIZE 3; EQUAL 4; EXP 2; FLOOR_DIV 3; FLOOR_MOD 2; FULLY_CONNECTED 7; GATHER 4; "
    "GATHER_ND 3; GREATER_EQUAL 3; LEAKY_RELU 2; LESS 3; LOG 2; LOGISTIC 3; MAXIMUM 4; MAX_POOL_2D 3; MEAN 3; "
    "MINIMUM 4; MIRROR_PAD 3; MUL 4; PACK 3; PAD 3; PADV2 3; REDUCE_MAX 3; REDUCE_MIN 3; REDUCE_PROD 2; RELU 3; "
    "RELU6 3; RESIZE_BILINEAR 4; RESIZE_NEAREST_NEIGHBOR 4; RSQRT 3; SLICE 4; SOFTMAX 3; SPACE_TO_BATCH_ND 4; "
    "SPLIT 4; TANH 3; TOPK_V2 3; TRANSPOSE 5; UNPACK 4"
)
_INT16_ANY_SCALE: Final = _table("ADD 3; SUB 5")
"""Version 1 takes int16 whose scales are powers of two."""

_INT4_WEIGHTS: Final = _table("CONV_2D 7; DEPTHWISE_CONV_2D 7; FULLY_CONNECTED 10")
"""With int8 activations, after the same source."""

_INT4: Final = _table("DEQUANTIZE 6; GATHER 7")
_ACTIVATIONS_AT: Final = {"SPLIT": 1}
"""Place of the input that is computed with; 0 where it is not listed."""


def required_codes(model: TfliteModel) -> tuple[OperatorCode, ...]:
    """The kinds of operators that a file lists, and those in the higher versions that their types need.

    Runtimes look up every kind that is listed, even one that no operator is of.
    """
    found = dict.fromkeys(model.operator_codes)
    for graph in model.subgraphs:
        for operator in graph.operators:
            needed = version_of_types(operator, graph)
            if operator.custom_code is None and needed > operator.version:
                code = OperatorCode(operator.name, operator.version, None)
                found.setdefault(replace(code, version=needed))
    return tuple(found)


def version_of_types(operator: Operator, graph: Subgraph) -> int:
    """The least version of a builtin operator that computes in its types; 1 where no rule says more."""
    tensors = [graph.tensors[index] if index >= 0 else None for index in operator.inputs[:3]]
    place = _ACTIVATIONS_AT.get(operator.name, 0)
    read = tensors[place] if place < len(tensors) else None
    if read is None:
        return 1
    weights = tensors[1] if len(tensors) > 1 else None
    return max(1, *_versions(operator, read, weights, tensors, graph))


def _versions(
    operator: Operator,
    read: Tensor,
    weights: Tensor | None,
    tensors: Iterable[Tensor | None],
    graph: Subgraph,
) -> Iterator[int]:
    name = operator.name
    yield 1
    if read.dtype == "int16" and read.quantization is not None and read.quantization.scales:
        yield _INT16.get(name, 1)
        written = (graph.tensors[index] for index in operator.outputs[:1] if index >= 0)
        if not all(_is_power_of_two(tensor) for tensor in (*tensors, *written) if tensor is not None):
            yield _INT16_ANY_SCALE.get(name, 1)
    if read.dtype == "int4":
        yield _INT4.get(name, 1)
    if read.dtype == "int8" and weights is not None and weights.dtype == "int4":
        yield _INT4_WEIGHTS.get(name, 1)


def _is_power_of_two(tensor: Tensor) -> bool:
    scales = tensor.quantization.scales if tensor.quantization is not None else ()
    return all(math.frexp(scale)[0] == 0.5 for scale in scales)
