"""Gives the operators of a quantized file the versions and options that their integers need.

litert-quantizer leaves both as they are in the float file. Runtimes that have no integers for an operator would take
such a file and fail in the middle, edgeq could not tell which runtimes do, and additions of int16 are refused.
"""

from __future__ import annotations

from typing import Any

from edgeq.quantize.compacting import compact
from edgeq.quantize.editable import EditableModel
from edgeq.tflite.model import Operator, Subgraph, read_model
from edgeq.tflite.type_versions import version_of_types

# The facts of ``GetBuiltinOperatorVersion`` in tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc of
# TensorFlow (commit 03f49db5a23e) for int8: version 2, these others, and 1 for what is not listed in either.
_INT8_VERSIONS = {
    "BROADCAST_TO": 3,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "REVERSE_V2": 3,
    "TILE": 3,
}
# fmt: off
_INT8_SECOND = frozenset({
    "ABS", "ADD", "ARG_MAX", "ARG_MIN", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BATCH_TO_SPACE_ND", "CONCATENATION",
    "DEPTH_TO_SPACE", "DEQUANTIZE", "EQUAL", "EXP", "GATHER", "GELU", "GREATER", "GREATER_EQUAL",
    "L2_NORMALIZATION", "LESS", "LESS_EQUAL", "LOG", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM", "MAX_POOL_2D",
    "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NOT_EQUAL", "PACK", "PAD", "PADV2", "REDUCE_MAX", "REDUCE_MIN",
    "REDUCE_PROD", "RELU", "RELU6", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SELECT", "SLICE",
    "SOFTMAX", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARED_DIFFERENCE",
    "STRIDED_SLICE", "SUB", "SUM", "TANH", "TOPK_V2", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK",
})
# fmt: on
_INT8_PLACES = {"SPLIT": 1, "TRANSPOSE_CONV": 1}
"""Of the input that decides; 0 where it is not listed."""

_MUL_RESCALED = 3
"""MUL where the product of the inputs' scales is not below the output's (the same source)."""

_QUANTIZE_TO_INT16 = 2


_INT16_SUMS = ("ADD", "SUB")
"""Operators whose options say that int16 scales are powers of two, unless they are told otherwise (schema.fbs)."""


def for_integers(model: EditableModel) -> None:
    """Gives a quantized file the versions and options that its types need, and leaves out what nothing uses."""
    for operator in model.graph.operators:
        _fit_unread_outputs(model, operator)
    parsed = read_model(model.content())
    codes = model.model.operatorCodes
    for editable, graph in zip(model.model.subgraphs, parsed.subgraphs, strict=True):
        for target, operator in zip(editable.operators, graph.operators, strict=True):
            if operator.custom_code is None:
                if operator.name in _INT16_SUMS and graph.tensors[operator.inputs[0]].dtype == "int16":
                    target.builtinOptions.potScaleInt16 = False
                needed = max(_int8_version(operator, graph), version_of_types(operator, graph))
                if needed > codes[target.opcodeIndex].version:
                    target.opcodeIndex = model.operator_code(operator.name, needed)
    compact(model)


def _fit_unread_outputs(model: EditableModel, operator: Any) -> None:
    """Gives outputs that nothing reads, which litert-quantizer leaves in float, the type of those beside them."""
    outputs = [model.graph.tensors[int(index)] for index in operator.outputs]
    integer = model.schema.TensorType.INT8, model.schema.TensorType.INT16
    known = next((tensor for tensor in outputs if tensor.type in integer), None)
    for tensor in outputs:
        if known is not None and tensor.type == model.schema.TensorType.FLOAT32:
            tensor.type, tensor.quantization = known.type, known.quantization


def _int8_version(operator: Operator, graph: Subgraph) -> int:
    if operator.name == "QUANTIZE":
        return _QUANTIZE_TO_INT16 if graph.tensors[operator.outputs[0]].dtype == "int16" else 1
    place = _INT8_PLACES.get(operator.name, 0)
    index = operator.inputs[place] if place < len(operator.inputs) else -1
    if index < 0 or graph.tensors[index].dtype != "int8":
        return 1
    if operator.name == "MUL" and _product_of_scales(operator, graph) >= 1:
        return _MUL_RESCALED
    return 2 if operator.name in _INT8_SECOND else _INT8_VERSIONS.get(operator.name, 1)


def _product_of_scales(operator: Operator, graph: Subgraph) -> float:
    """Of the two inputs, in parts of the output's scale."""
    one, other, output = (
        graph.tensors[index].quantization for index in (*operator.inputs, *operator.outputs)
    )
    if one is None or other is None or output is None:
        return 0.0
    return one.scales[0] * other.scales[0] / output.scales[0]
