from __future__ import annotations

import numpy as np
import pytest
from hand_made import Graph, tflite

from edgeq.tflite.model import OperatorCode, read_model
from edgeq.tflite.op_versions import least_tensorflow
from edgeq.tflite.type_versions import (
    _INT4,
    _INT4_WEIGHTS,
    _INT16,
    _INT16_ANY_SCALE,
    required_codes,
    version_of_types,
)


def _version(operator: str, dtype: str, weights: str = "int8", scale: float = 0.1) -> int:
    graph = Graph()
    x, y = (graph.tensor(name, (1, 8), dtype, scales=[scale]) for name in "xy")
    w = graph.tensor("w", (8, 8), weights, content=b"\1" * 64, scales=[scale])
    graph.operator(operator, (w, x) if operator == "SPLIT" else (x, w), y)
    graph.inputs, graph.outputs = [x], [y]
    (read,) = read_model(tflite(graph)).subgraphs
    return version_of_types(read.operators[0], read)


@pytest.mark.parametrize(
    ("operator", "dtype", "version"),
    [
        ("CONV_2D", "int16", 4),
        ("DEPTHWISE_CONV_2D", "int16", 5),
        ("FULLY_CONNECTED", "int16", 7),
        ("SPLIT", "int16", 4),
        ("ADD", "int16", 3),
        ("RESHAPE", "int16", 1),
        ("CONV_2D", "int8", 1),
        ("CONV_2D", "float32", 1),
        ("DEQUANTIZE", "int4", 6),
    ],
)
def test_what_an_operator_computes_in_asks_for_a_version(operator, dtype, version):
    assert _version(operator, dtype) == version


def test_int4_weights_ask_for_a_version_beside_int8_activations():
    assert _version("CONV_2D", "int8", "int4") == 7
    assert _version("CONV_2D", "float32", "int4") == 1


def test_additions_with_scales_of_powers_of_two_are_as_old_as_any():
    assert [_version("ADD", "int16", scale=scale) for scale in (2**-15, 0.3)] == [1, 3]


def test_int16_without_a_scale_is_a_number_like_others():
    graph = Graph()
    x, y = graph.tensor("x", (4,), "int16"), graph.tensor("y", (4,), "int16")
    graph.operator("MUL", (x, graph.constant("k", np.ones(4, np.int16))), y, version=7)
    (read,) = read_model(tflite(graph)).subgraphs
    assert version_of_types(read.operators[0], read) == 1


def test_every_version_that_types_ask_for_is_known():
    for name, version in [*_INT16.items(), *_INT16_ANY_SCALE.items(), *_INT4.items(), *_INT4_WEIGHTS.items()]:
        assert least_tensorflow(name, version), (name, version)


def test_a_version_is_raised_and_never_lowered():
    graph = Graph()
    x, y = (graph.tensor(name, (1, 8), "int16", scales=[0.1]) for name in "xy")
    graph.operator("TANH", (x,), y, version=1)
    graph.operator("RELU", (-1,), y, version=2)
    graph.operator("SOFTMAX", (x,), y, version=9)
    codes = required_codes(read_model(tflite(graph)))
    listed = [OperatorCode("TANH", 1, None), OperatorCode("RELU", 2, None), OperatorCode("SOFTMAX", 9, None)]
    assert codes == (*listed, OperatorCode("TANH", 3, None))
