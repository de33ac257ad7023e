"""Inputs and outputs of a quantized file in another type, as the stock converter makes them.

The first operators of such a file quantize its inputs, or shift them from uint8 to int8, and the last ones do the
reverse. The tensors in between keep their names; names in the signature stay what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.errors import UsageError
from edgeq.quantize.editable import EditableModel
from edgeq.schemes import find

_SHIFT = 128
"""What uint8 is above int8."""

_FLOAT, _UNSIGNED = "float32", "uint8"

# TensorFlow's op_version.cc: what DEQUANTIZE needs for its input; QUANTIZE needs no more than 1 here.
_DEQUANTIZE_VERSIONS = {"INT8": 2, "INT16": 3}


def require_io(scheme: str, io: str) -> None:
    """Refuses a type that a scheme's inputs and outputs cannot have.

    Raises:
        UsageError: names those that they can.
    """
    types = find(scheme).io_types
    if io not in types:
        raise UsageError(
            f"{scheme} has inputs and outputs of {' or '.join(types)}: {io!r} is not possible there"
        )


def with_io(content: bytes, io: str) -> bytes:
    """Gives a file with integer inputs and outputs another type of them.

    Args:
        content: its quantized inputs and outputs are int8, or int16.
        io: ``int8``, ``int16``, ``uint8`` or ``float32``; the file's own type changes nothing. Inputs and outputs that
            are not quantized, such as token ids, stay what they are.
    """
    if io not in (_FLOAT, _UNSIGNED):
        return content
    model = EditableModel(content)
    graph = model.graph
    before, behind = [], []
    moved_inputs: dict[int, int] = {}
    moved_outputs: dict[int, int] = {}
    for index in dict.fromkeys(map(int, graph.inputs)):
        if _is_quantized(model, index):
            moved_inputs[index] = _outer(model, index, io)
            before.append(_operator(model, "QUANTIZE", 1, moved_inputs[index], index))
    for index in dict.fromkeys(map(int, graph.outputs)):
        if _is_quantized(model, index):
            moved_outputs[index] = _outer(model, index, io)
            kind, version = ("QUANTIZE", 1)
            if io == _FLOAT:
                kind, version = "DEQUANTIZE", _DEQUANTIZE_VERSIONS[model.dtype(index)]
            behind.append(_operator(model, kind, version, index, moved_outputs[index]))
    graph.operators = [*before, *graph.operators, *behind]
    graph.inputs = _moved(graph.inputs, moved_inputs)
    graph.outputs = _moved(graph.outputs, moved_outputs)
    for signature in model.model.signatureDefs or ():
        if signature.subgraphIndex == 0:
            for entry in signature.inputs:
                entry.tensorIndex = moved_inputs.get(entry.tensorIndex, entry.tensorIndex)
            for entry in signature.outputs:
                entry.tensorIndex = moved_outputs.get(entry.tensorIndex, entry.tensorIndex)
    return model.content()


def _is_quantized(model: EditableModel, index: int) -> bool:
    quantization = model.graph.tensors[index].quantization
    return (
        model.dtype(index) in _DEQUANTIZE_VERSIONS
        and quantization is not None
        and quantization.scale is not None
        and len(quantization.scale) == 1
    )


def _outer(model: EditableModel, index: int, io: str) -> int:
    """Appends the tensor that takes an input's or output's place; returns its index."""
    inner, outer = model.graph.tensors[index], model.schema.TensorT()
    outer.name = inner.name + f"_{io}".encode()
    outer.shape, outer.shapeSignature = inner.shape, inner.shapeSignature
    outer.type = getattr(model.schema.TensorType, io.upper())
    if io == _UNSIGNED:
        outer.quantization = model.schema.QuantizationParametersT()
        outer.quantization.scale = np.array(inner.quantization.scale, np.float32)
        outer.quantization.zeroPoint = np.array(inner.quantization.zeroPoint, np.int64) + _SHIFT
    # Buffer 0 is that of all tensors without constants (schema.fbs).
    outer.buffer = 0
    model.graph.tensors.append(outer)
    return len(model.graph.tensors) - 1


def _operator(model: EditableModel, kind: str, version: int, read: int, written: int) -> Any:
    operator = model.schema.OperatorT()
    operator.opcodeIndex = model.operator_code(kind, version)
    operator.inputs, operator.outputs = np.array([read], np.int32), np.array([written], np.int32)
    return operator


def _moved(indices: Any, moved: dict[int, int]) -> Any:
    return np.array([moved.get(int(index), int(index)) for index in indices], np.int32)
