"""Rows times weights are what the runtime computes."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.weights.layout import layout_of


def computed(content, values):
    """What the rows and matrices of a file's one layer make of inputs, [n, positions, O]."""
    layer = next(EditableModel(content).weighted_layers())
    layout = layout_of(layer, values.shape)
    positions = layout.positions(values.shape)
    items = np.repeat(np.arange(len(values)), positions)
    rows = layout.rows(values, items, np.tile(np.arange(positions), len(values)))
    product = np.matmul(rows.astype(np.float64), layout.matrices(layer.weights))
    return product.transpose(1, 0, 2).reshape(len(values), positions, -1) + layer.bias


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "weights", "input_shape", "options"),
    [
        ("CONV_2D", (5, 3, 3, 4), (1, 7, 6, 4), {}),
        ("CONV_2D", (5, 3, 2, 4), (1, 8, 7, 4), {"strides": (2, 3)}),
        ("CONV_2D", (5, 3, 3, 4), (1, 9, 9, 4), {"strides": (2, 2), "same": False}),
        ("CONV_2D", (5, 3, 3, 4), (1, 9, 8, 4), {"dilations": (2, 3)}),
        ("CONV_2D", (5, 3, 3, 4), (1, 9, 9, 4), {"dilations": (2, 2), "same": False}),
        ("CONV_2D", (6, 3, 3, 2), (1, 6, 6, 4), {}),
        ("CONV_2D", (5, 1, 1, 4), (1, 6, 6, 4), {"strides": (2, 2)}),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), (1, 7, 6, 4), {"strides": (2, 2)}),
        ("DEPTHWISE_CONV_2D", (1, 5, 3, 8), (1, 7, 6, 4), {"same": False}),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), (1, 7, 6, 4), {"dilations": (2, 2)}),
        ("FULLY_CONNECTED", (3, 8), (1, 8), {}),
        ("FULLY_CONNECTED", (3, 8), (1, 2, 4), {}),
        ("FULLY_CONNECTED", (3, 4), (1, 2, 4), {}),
    ],
)
def test_rows_times_weights_are_the_layers_output(make_layer, kind, weights, input_shape, options):
    outputs = weights[3] if kind == "DEPTHWISE_CONV_2D" else weights[0]
    content = make_layer(kind, normal(weights), input_shape, bias=normal(outputs, 1), **options)
    values = normal((3, *input_shape[1:]), 2)
    model = LocalModel(content, batch=1)
    expected = model.activations(["y"], {model.input_names[0]: values})["y"]
    np.testing.assert_allclose(computed(content, values).reshape(expected.size), expected.ravel(), atol=1e-4)


def test_weights_survive_the_way_to_matrices_and_back(float32):
    model = LocalModel(float32)
    for layer in EditableModel(float32).weighted_layers():
        next(model.run({"image": np.zeros((1, 28, 28, 1), np.float32)}))
        layout = layout_of(layer, model.values(layer.input, 1).shape)
        np.testing.assert_array_equal(layout.stored(layout.matrices(layer.weights)), layer.weights)


def test_weights_that_do_not_fit_their_input_are_refused(float32):
    layer = next(EditableModel(float32).weighted_layers())
    with pytest.raises(ModelError, match="do not fit its input"):
        layout_of(layer, (1, 28, 28))
