"""Takes a .tflite apart into objects, spoils one thing, and packs it again: no TensorFlow is needed for a mistake."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Model = Any
"""A ``schema.ModelT``."""


def spoiled(source: Path, target: Path, spoil: Callable[[Model], None]) -> Path:
    """Writes a copy of a file with one thing changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(source.read_bytes(), 0))
    spoil(model)
    return packed(model, target)


def packed(model: Model, target: Path) -> Path:
    """Writes a model."""
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(bytes(builder.Output()))
    return target


def operators(model: Model, name: str) -> list[Any]:
    """The operators of a kind in the first subgraph."""
    code = getattr(schema.BuiltinOperator, name)
    return [
        operator
        for operator in model.subgraphs[0].operators
        if max(
            model.operatorCodes[operator.opcodeIndex].builtinCode,
            model.operatorCodes[operator.opcodeIndex].deprecatedBuiltinCode,
        )
        == code
    ]


def tensor(model: Model, index: int) -> Any:
    """A tensor of the first subgraph."""
    return model.subgraphs[0].tensors[index]


def without_signatures(model: Model) -> None:
    model.signatureDefs = []


def with_new_code(model: Model, operator: Any, **fields: Any) -> None:
    """Gives one operator a kind of its own: another version, or a custom name."""
    code = copy.copy(model.operatorCodes[operator.opcodeIndex])
    for name, value in fields.items():
        setattr(code, name, value)
    model.operatorCodes.append(code)
    operator.opcodeIndex = len(model.operatorCodes) - 1


def with_constant(model: Model, index: int, change: Callable[[np.ndarray], np.ndarray], dtype: str) -> None:
    """Changes the content of a constant."""
    buffer = model.buffers[tensor(model, index).buffer]
    old = np.frombuffer(bytes(bytearray(buffer.data)), dtype)
    buffer.data = np.frombuffer(change(old).astype(dtype).tobytes(), np.uint8)


def scaled(model: Model, index: int, factor: float) -> None:
    """Multiplies the scale of a tensor."""
    quantization = tensor(model, index).quantization
    quantization.scale = np.asarray(quantization.scale, np.float32) * np.float32(factor)
