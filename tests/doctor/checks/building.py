"""Builds a tiny .tflite of a few operators by hand, for what no converter would write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from spoiling import packed

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
}


class Builder:
    """Collects tensors and operators of one graph."""

    def __init__(self) -> None:
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes, self.model.buffers = [], [schema.BufferT()]
        self.model.subgraphs = [self.graph]

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str = "float32",
        *,
        content: Any = None,
        scale: float | None = None,
        zero_point: int = 0,
    ) -> int:
        made = schema.TensorT()
        made.name, made.type, made.shape, made.buffer = name, TYPES[dtype], list(shape), 0
        if content is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.asarray(content, dtype).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale], [zero_point]
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(
        self,
        name: str,
        inputs: list[int],
        outputs: list[int],
        *,
        version: int = 1,
        options: str | None = None,
    ) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        self.model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        made.inputs, made.outputs = inputs, outputs
        if options is not None:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, f"{options}T")()
        self.graph.operators.append(made)

    def write(self, path: Path, inputs: list[int], outputs: list[int]) -> Path:
        self.graph.inputs, self.graph.outputs = inputs, outputs
        return packed(self.model, path)


def gathering(path: Path) -> Path:
    """Looks an index, its input, up in a table of four rows: fails at inference for others."""
    made = Builder()
    index = made.tensor("index", (1, 1), "int32")
    table = made.tensor("table", (4, 2), content=np.arange(8))
    row = made.tensor("row", (1, 1, 2))
    made.operator("GATHER", [table, index], [row], options="GatherOptions")
    return made.write(path, [index], [row])


def island(path: Path, floating: Sequence[str] = ("FLOOR",)) -> Path:
    """int8 to int8, with operators that compute in float, each between int8 operators of its own."""
    made = Builder()
    x = made.tensor("x", (1, 8), "int8", scale=0.1)
    a = made.tensor("a", (1, 8), "int8", scale=0.1)
    made.operator("ADD", [x, x], [a], version=2, options="AddOptions")
    for number, name in enumerate(floating):
        mark = "" if number == 0 else str(number)
        b = made.tensor(f"b{mark}", (1, 8), "int8", scale=0.1)
        real = made.tensor(f"real{mark}", (1, 8))
        rounded = made.tensor(f"floored{mark}", (1, 8))
        back = made.tensor(f"back{mark}", (1, 8), "int8", scale=0.1)
        out = made.tensor(f"out{mark}", (1, 8), "int8", scale=0.1)
        made.operator("ADD", [a, x], [b], version=2, options="AddOptions")
        made.operator("DEQUANTIZE", [b], [real], version=2)
        made.operator(name, [real], [rounded])
        made.operator("QUANTIZE", [rounded], [back])
        made.operator("ADD", [back, back], [out], version=2, options="AddOptions")
        a = out
    return made.write(path, [x], [a])


def interrupted(path: Path, between: str | None) -> Path:
    """Two large float additions, with an operator between that XNNPACK has no kernel for."""
    made = Builder()
    x = made.tensor("x", (1, 64))
    a = made.tensor("a", (1, 64))
    b = made.tensor("b", (1, 64))
    c = made.tensor("c", (1, 64))
    made.operator("ADD", [x, x], [a], options="AddOptions")
    if between is not None:
        made.operator(between, [a], [b])
    made.operator("ADD", [b if between is not None else a, x], [c], options="AddOptions")
    return made.write(path, [x], [c])
