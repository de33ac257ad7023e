from __future__ import annotations

import numpy as np
import pytest
from small_graphs import Graph

from edgeq.errors import ConversionError
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import write_arrays
from edgeq.quantize.rewrites.guard import TOLERANCE, require_equal


@pytest.fixture
def network():
    graph = Graph(4, 4, 3)
    logits = graph.dense(graph.mean(graph.conv(graph.x, 6)), 5)
    return graph.content(graph.unary("SOFTMAX", logits, "SoftmaxOptions", beta=1.0))


def scaled(content, layer, factor):
    """The weights of a layer, times a factor."""
    model = EditableModel(content)
    found = list(model.weighted_layers())[layer]
    model.set_constant(model.index(found.weights_name), found.weights * np.float32(factor))
    return model.content()


def test_the_same_file_is_equal(network, items_of):
    assert require_equal(network, network, items_of(4, 4, 3)) == 0


def test_rounding_of_weights_by_their_last_bit_is_equal(network, items_of):
    difference = require_equal(network, scaled(network, 1, 1 + 2e-7), items_of(4, 4, 3))
    assert 0 < difference < TOLERANCE


@pytest.mark.parametrize("layer", [0, 1])
def test_a_change_of_weights_by_a_thousandth_is_refused(layer, network, items_of):
    with pytest.raises(ConversionError, match=r"moved by .* of its span: expected at most 1e-04"):
        require_equal(network, scaled(network, layer, 1.001), items_of(4, 4, 3))


def test_a_softmax_does_not_hide_what_happens_to_large_logits(items_of):
    graph = Graph(3)
    logits = graph.dense(graph.x, 2)
    weights = graph.graph.operators[0].inputs[1]
    values = np.array([[9, 9, 9], [-9, -9, -9]], np.float32)
    graph.model.buffers[graph.graph.tensors[weights].buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    content = graph.content(graph.unary("SOFTMAX", logits, "SoftmaxOptions", beta=1.0))
    with pytest.raises(ConversionError, match="moved by"):
        require_equal(content, scaled(content, 0, 1.01), items_of(3))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_are_refused(value, network, items_of):
    with pytest.raises(ConversionError, match="not finite"):
        require_equal(network, scaled(network, 1, value), items_of(4, 4, 3))


def test_items_that_are_no_numbers_are_refused(network, tmp_path):
    items = write_arrays({"x": np.full((2, 4, 4, 3), np.nan, np.float32)}, tmp_path / "items")
    with pytest.raises(ConversionError, match="not finite"):
        require_equal(network, network, items)


def test_an_output_that_is_gone_is_refused(network, items_of):
    model = EditableModel(network)
    logits = int(model.graph.operators[-1].inputs[0])
    model.graph.tensors[logits].name = b"another"
    with pytest.raises(ConversionError, match="is gone"):
        require_equal(network, model.content(), items_of(4, 4, 3))


def test_a_constant_output_is_measured_by_its_size(items_of):
    graph = Graph(3)
    result = graph.dense(graph.x, 1)
    weights, bias = graph.graph.operators[0].inputs[1:]
    for index, value in ((weights, [0, 0, 0]), (bias, [5])):
        data = np.frombuffer(np.array(value, np.float32).tobytes(), np.uint8)
        graph.model.buffers[graph.graph.tensors[index].buffer].data = data
    content = graph.content(result)
    assert require_equal(content, content, items_of(3)) == 0
