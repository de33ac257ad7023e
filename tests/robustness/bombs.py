"""Files of some hundred bytes that ask for terabytes when they are allocated or run, or that never end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from mutants import packed, unpacked

_HUGE = (1024, 1024, 1024, 256)
"""A tebibyte of float32."""

_FLOAT, _INT = schema.TensorType.FLOAT32, schema.TensorType.INT32


def broadcast(numbers: int = 1 << 20) -> bytes:
    """A column and a row of so many numbers each, added: their sum, declared as one number, has the square of it."""
    return _model(
        [([numbers, 1], _FLOAT, None), ([1, numbers], _FLOAT, None), ([1, 1], _FLOAT, None)],
        [("ADD", [0, 1], [2])],
        [0, 1],
        2,
    )


def constant_shape() -> bytes:
    """A number that fills a constant shape, known when the file is allocated."""
    return _model(
        [([4], _INT, np.array(_HUGE, np.int32)), ([], _FLOAT, None), ([1], _FLOAT, None)],
        [("FILL", [0, 1], [2])],
        [1],
        2,
    )


def computed_shape() -> bytes:
    """A number that fills a shape that is known only when the file runs."""
    return _model(
        [
            ([4], _INT, None),
            ([4], _INT, np.array(_HUGE, np.int32)),
            ([4], _INT, None),
            ([], _FLOAT, np.float32(1)),
            ([1], _FLOAT, None),
        ],
        [("ADD", [0, 1], [2]), ("FILL", [2, 3], [4])],
        [0],
        4,
    )


def input_of_its_own() -> bytes:
    """An input of a tebibyte, as declared."""
    return _model([([*_HUGE], _FLOAT, None), ([*_HUGE], _FLOAT, None)], [("RELU", [0], [1])], [0], 1)


BOMBS: dict[str, Callable[..., bytes]] = {
    bomb.__name__: bomb for bomb in (broadcast, constant_shape, computed_shape, input_of_its_own)
}


def endless() -> bytes:
    """A loop whose condition, a number equals itself, always holds."""
    number, truth = ([1], _FLOAT, None), ([1], schema.TensorType.BOOL, None)
    model = unpacked(_model([number, number], [("WHILE", [0], [1])], [0], 1))
    loop = schema.WhileOptionsT()
    loop.condSubgraphIndex, loop.bodySubgraphIndex = 1, 2
    operator = model.subgraphs[0].operators[0]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.WhileOptions, loop
    for tensors, name in (([number, truth], "EQUAL"), ([number, number], "ADD")):
        part = unpacked(_model(tensors, [(name, [0, 0], [1])], [0], 1))
        part.subgraphs[0].operators[0].opcodeIndex = len(model.operatorCodes)
        model.operatorCodes += part.operatorCodes
        model.subgraphs += part.subgraphs
    return packed(model)


def _model(
    tensors: Sequence[tuple[list[int], int, npt.NDArray[Any] | np.generic | None]],
    operators: Sequence[tuple[str, list[int], list[int]]],
    inputs: list[int],
    output: int,
) -> bytes:
    """A file of tensors (shape, type, value of a constant) and operators (name, inputs, outputs)."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], [schema.BufferT()], []
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], inputs, [output]
    for index, (shape, kind, constant) in enumerate(tensors):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = f"tensor{index}", shape, kind, 0
        if constant is not None:
            tensor.buffer = len(model.buffers)
            buffer = schema.BufferT()
            buffer.data = list(constant.tobytes())
            model.buffers.append(buffer)
        graph.tensors.append(tensor)
    for name, given, made in operators:
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        operator.opcodeIndex, operator.inputs, operator.outputs = len(model.operatorCodes), given, made
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    return packed(model)
