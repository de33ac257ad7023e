"""Bytes of subgraphs count for the operators that call them, in files made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeq.errors import ModelError
from edgeq.layers.analysis import analyse_layers
from edgeq.layers.control_flow import called_subgraphs
from edgeq.tflite.model import read_model

WHILE = ("WHILE", "WhileOptions", ("condSubgraphIndex", "bodySubgraphIndex"))
IF = ("IF", "IfOptions", ("thenSubgraphIndex", "elseSubgraphIndex"))
CALL_ONCE = ("CALL_ONCE", "CallOnceOptions", ("initSubgraphIndex",))
COMPOSITE = ("STABLEHLO_COMPOSITE", "StableHLOCompositeOptions", ("decompositionSubgraphIndex",))


def calling(*graphs: list[tuple[tuple[str, str, tuple[str, ...]], tuple[int, ...]]]) -> bytes:
    """A file whose subgraphs have one dense layer of 4 (their index + 1) bytes, and call others before it."""
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, [schema.BufferT()], [], []
    for index, calls in enumerate(graphs):
        content = schema.BufferT()
        content.data = np.frombuffer(np.ones(index + 1, np.float32).tobytes(), np.uint8)
        model.buffers.append(content)
        graph = schema.SubGraphT()
        graph.name, graph.inputs, graph.outputs = f"graph {index}", [0], [2]
        graph.tensors = [
            _tensor("x", [1, index + 1], 0),
            _tensor("w", [1, index + 1], len(model.buffers) - 1),
            _tensor("y", [1, 1], 0),
        ]
        graph.operators = [_operator(model, kind, [0], [2], called) for kind, called in calls]
        graph.operators.append(_operator(model, ("FULLY_CONNECTED", "", ()), [0, 1], [2], ()))
        model.subgraphs.append(graph)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(name: str, shape: list[int], buffer: int) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, schema.TensorType.FLOAT32, buffer
    return made


def _operator(
    model: Any,
    kind: tuple[str, str, tuple[str, ...]],
    inputs: list[int],
    outputs: list[int],
    called: tuple[int, ...],
) -> Any:
    name, options, fields = kind
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    model.operatorCodes.append(code)
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = len(model.operatorCodes) - 1, inputs, outputs
    if options:
        table = getattr(schema, f"{options}T")()
        for field, subgraph in zip(fields, called, strict=True):
            setattr(table, field, subgraph)
        second = "2" if hasattr(schema.BuiltinOptions2, options) else ""
        setattr(made, f"builtinOptions{second}", table)
        types = getattr(schema, f"BuiltinOptions{second}")
        setattr(made, f"builtinOptions{second}Type", getattr(types, options))
    return made


@pytest.mark.parametrize(
    ("kind", "called"), [(WHILE, (1, 2)), (IF, (1, 2)), (CALL_ONCE, (1,)), (COMPOSITE, (2,))]
)
def test_every_operator_that_calls_subgraphs_has_their_bytes(
    tmp_path: Path, kind: tuple[str, str, tuple[str, ...]], called: tuple[int, ...]
) -> None:
    path = tmp_path / "calling.tflite"
    path.write_bytes(calling([(kind, called)], [], []))
    caller, dense = analyse_layers(path, profile=False).layers
    assert caller.operator == kind[0]
    assert caller.size_bytes == sum(4 * (index + 1) for index in called)
    assert dense.size_bytes == 4


def test_what_a_body_calls_counts_for_the_operator_outside() -> None:
    content = calling([(WHILE, (1, 2))], [], [(IF, (3, 1))], [])
    assert called_subgraphs(content, read_model(content)) == {0: {1, 2, 3}}


def test_a_subgraph_that_several_call_counts_once() -> None:
    content = calling([(CALL_ONCE, (1,)), (WHILE, (1, 2))], [], [])
    assert called_subgraphs(content, read_model(content)) == {0: {1}, 1: {2}}


@pytest.mark.parametrize("called", [(0, 0), (-1, 7), (2**31 - 1, -(2**31))])
def test_subgraphs_that_are_not_there_and_the_model_itself_are_no_bodies(called: tuple[int, int]) -> None:
    content = calling([(WHILE, called)], [])
    assert called_subgraphs(content, read_model(content)) == {}


def test_calls_in_circles_end() -> None:
    content = calling([(WHILE, (1, 2))], [(WHILE, (2, 1))], [(IF, (1, 0))])
    assert called_subgraphs(content, read_model(content)) == {0: {1, 2}}


def test_a_file_that_vanished_is_missed(tmp_path: Path) -> None:
    content = calling([(WHILE, (1, 1))], [])
    with pytest.raises(ModelError, match="does not exist"):
        called_subgraphs(tmp_path / "gone.tflite", read_model(content))
