"""Small `.tflite` files made by hand, for what no converter writes on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_OPTIONS = {
    "ADD": "AddOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MUL": "MulOptions",
    "NEG": "NegOptions",
    "QUANTIZE": "QuantizeOptions",
    "RESHAPE": "ReshapeOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SUB": "SubOptions",
}


@dataclass
class Graph:
    """A subgraph under construction; tensors are named by their indices."""

    tensors: list[Any] = field(default_factory=list)
    operators: list[tuple[str, int, Sequence[int], Sequence[int]]] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=lambda: [b""])
    inputs: Sequence[int] = ()
    outputs: Sequence[int] = ()

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        content: bytes | None = None,
        buffer: int | None = None,
        scales: Sequence[float] = (),
        zero_points: Sequence[int] = (),
        dimension: int = 0,
        sparse: bool = False,
    ) -> int:
        """Adds a tensor; returns its index."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name, list(shape), getattr(schema.TensorType, dtype.upper())
        if content is not None:
            self.buffers.append(content)
            buffer = len(self.buffers) - 1
        made.buffer = buffer or 0
        if scales:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = list(scales)
            made.quantization.zeroPoint = list(zero_points) or [0] * len(scales)
            made.quantization.quantizedDimension = dimension
        if sparse:
            made.sparsity = schema.SparsityParametersT()
        self.tensors.append(made)
        return len(self.tensors) - 1

    def constant(self, name: str, values: Any, **options: Any) -> int:
        """Adds a constant of a NumPy array; returns its index."""
        values = np.asarray(values)
        return self.tensor(name, values.shape, values.dtype.name, content=values.tobytes(), **options)

    def operator(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int] | int, version: int = 1
    ) -> None:
        """Adds an operator; names that are no builtin operator's become custom ones."""
        outputs = [outputs] if isinstance(outputs, int) else outputs
        self.operators.append((name, version, inputs, outputs))


def tflite(graph: Graph, **fields: Any) -> bytes:
    """The file of a graph.

    Args:
        graph: its only subgraph.
        **fields: of the root table, in the words of the object API.
    """
    model = schema.ModelT()
    model.version, model.description = 3, "made by hand"
    model.buffers = [_buffer(content) for content in graph.buffers]
    kinds = list(dict.fromkeys((name, version) for name, version, _, _ in graph.operators))
    model.operatorCodes = [_code(*kind) for kind in kinds]
    made = schema.SubGraphT()
    made.name, made.tensors = "main", graph.tensors
    made.inputs, made.outputs = list(graph.inputs), list(graph.outputs)
    made.operators = [
        _operator(kinds.index((name, version)), name, inputs, outputs)
        for name, version, inputs, outputs in graph.operators
    ]
    model.subgraphs = [made]
    for name, value in fields.items():
        setattr(model, name, value)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(content: bytes) -> Any:
    made = schema.BufferT()
    if content:
        made.data = np.frombuffer(content, np.uint8)
    return made


def _code(name: str, version: int) -> Any:
    made = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, name, schema.BuiltinOperator.CUSTOM)
    made.builtinCode, made.deprecatedBuiltinCode, made.version = number, min(number, 127), version
    if number == schema.BuiltinOperator.CUSTOM:
        made.customCode = name
    return made


def _operator(code: int, name: str, inputs: Sequence[int], outputs: Sequence[int]) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, list(inputs), list(outputs)
    options = _OPTIONS.get(name)
    if options is not None:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        made.builtinOptions = getattr(schema, f"{options}T")()
    return made
