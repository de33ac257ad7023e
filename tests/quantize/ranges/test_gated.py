from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.ranges.gated import least_useful_values, without_useless_values

DEMO = Path(__file__).parents[3] / "edgeq" / "demo" / "bundle" / "fashion_mnist.float32.tflite"


@pytest.fixture
def gated() -> bytes:
    """The demo's network with hard-swish between its first two layers, whose ReLU6 is taken off."""
    model = EditableModel(DEMO.read_bytes())
    schema, graph = model.schema, model.graph
    first, second = graph.operators[:2]
    made = schema.TensorT()
    source = graph.tensors[int(first.outputs[0])]
    made.shape, made.type, made.name, made.buffer = source.shape, source.type, b"gate", 0
    graph.tensors.append(made)
    gate = schema.OperatorT()
    gate.opcodeIndex = model.operator_code("HARD_SWISH", 1)
    gate.inputs, gate.outputs = np.array(first.outputs), np.array([len(graph.tensors) - 1], np.int32)
    second.inputs = np.array([len(graph.tensors) - 1, *second.inputs[1:]], np.int32)
    graph.operators.insert(1, gate)
    return model.content()


def gate_input(content: bytes) -> str:
    model = EditableModel(content)
    return model.name(int(model.graph.operators[0].outputs[0]))


def test_what_only_hard_swish_reads_needs_nothing_below_minus_3(gated):
    assert least_useful_values(gated) == {gate_input(gated): -3.0}


def test_a_network_without_hard_swish_needs_all():
    assert least_useful_values(DEMO.read_bytes()) == {}


def test_low_ends_are_cut_and_nothing_else():
    ranges = {"gated": (-8.0, 5.0), "above": (-1.0, 5.0), "other": (-8.0, 5.0)}
    cut = without_useless_values(ranges, {"gated": -3.0, "above": -3.0})
    assert cut == {"gated": (-3.0, 5.0), "above": (-1.0, 5.0), "other": (-8.0, 5.0)}


def test_a_range_that_lies_below_stays_a_range():
    assert without_useless_values({"gated": (-8.0, -4.0)}, {"gated": -3.0}) == {"gated": (-4.0, -4.0)}
