"""Corrected weights make the demo's network better, at eight bits and at four."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import DataError
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.output_error import output_error, watched_tensors, watched_values
from edgeq.quantize.recipe import WeightMethod
from edgeq.quantize.weights.correcting import correct_weights
from edgeq.quantize.weights.storing import stored_layers

BIAS_ONLY = WeightMethod(correct_bias=True)
SCALES = WeightMethod(scales="mse", correct_bias=True)
FEEDBACK = WeightMethod(scales="mse", rounding="error-feedback", correct_bias=True)
COMPENSATED = WeightMethod(scales="mse", rounding="error-feedback", correct_bias=True, compensate=True)
FIXED_BIAS = WeightMethod(rounding="error-feedback", compensate=True)


@pytest.fixture(scope="session")
def error(float32, images):
    """The error of a file's logits on items that are corrected with and on others alike: all of them."""
    watched = watched_tensors(float32)
    reference = watched_values(LocalModel(float32), watched, {"image": images})

    def of(content):
        return output_error(
            watched, reference, watched_values(LocalModel(content), watched, {"image": images})
        )

    return of


@pytest.mark.parametrize("method", [BIAS_ONLY, SCALES, FEEDBACK, COMPENSATED, FIXED_BIAS], ids=str)
def test_four_bit_weights_lose_less(method, float32, int8x4, items, error):
    assert error(correct_weights(float32, int8x4, method, items)) < 0.7 * error(int8x4)


def test_learned_rounding_of_four_bit_weights_loses_less(float32, int8x4, items, error, monkeypatch):
    monkeypatch.setattr("edgeq.quantize.weights.adaround._MOST_STEPS", 100)
    method = WeightMethod(scales="max", rounding="adaround", correct_bias=True)
    assert error(correct_weights(float32, int8x4, method, items)) < 0.7 * error(int8x4)


def test_sixteen_bit_activations_are_corrected(float32, int16x8, items, error):
    assert error(correct_weights(float32, int16x8, BIAS_ONLY, items)) < error(int16x8)


def test_only_weights_and_biases_change(float32, int8, items):
    before, after = (
        EditableModel(int8),
        EditableModel(correct_weights(float32, int8, FEEDBACK, items.first(8))),
    )
    changed = {
        int(index)
        for layer in stored_layers(before)
        for index in before.graph.operators[layer.index].inputs[1:]
    }
    for index, (old, new) in enumerate(zip(before.graph.tensors, after.graph.tensors, strict=True)):
        assert (old.name, old.type, old.shape.tolist()) == (new.name, new.type, new.shape.tolist())
        if index not in changed and old.quantization is not None and old.quantization.scale is not None:
            assert old.quantization.scale.tolist() == new.quantization.scale.tolist()


def test_the_same_items_make_the_same_bytes(float32, int8, items):
    few = items.first(8)
    assert correct_weights(float32, int8, FEEDBACK, few) == correct_weights(float32, int8, FEEDBACK, few)


def test_a_plain_method_changes_nothing(float32, int8, items):
    assert correct_weights(float32, int8, WeightMethod(), items) is int8


def test_layers_in_float_are_left_alone(float32, items):
    corrected = EditableModel(correct_weights(float32, float32, FEEDBACK, items.first(2)))
    for old, new in zip(EditableModel(float32).weighted_layers(), corrected.weighted_layers(), strict=True):
        np.testing.assert_array_equal(old.weights, new.weights)
        np.testing.assert_array_equal(old.bias, new.bias)


def test_a_file_of_other_names_is_corrected_all_the_same(float32, int8x4, items, error):
    model = EditableModel(int8x4)
    for index, tensor in enumerate(model.graph.tensors):
        tensor.name = f"t{index}".encode()
    other = EditableModel(correct_weights(float32, model.content(), BIAS_ONLY, items))
    for tensor, known in zip(other.graph.tensors, EditableModel(int8x4).graph.tensors, strict=True):
        tensor.name = known.name
    assert error(other.content()) < 0.7 * error(int8x4)


@pytest.mark.parametrize("method", [SCALES, FEEDBACK], ids=str)
def test_channels_of_zeros_and_shared_scales_are_corrected(float32, int8, items, error, method):
    floats, model = EditableModel(float32), EditableModel(int8)
    layers = list(stored_layers(model))
    dense = model.graph.operators[layers[-1].index]
    weights = model.graph.tensors[int(dense.inputs[1])]
    weights.quantization.scale = weights.quantization.scale[:1] * 2
    weights.quantization.zeroPoint = weights.quantization.zeroPoint[:1]
    zeroed = int(floats.graph.operators[layers[4].index].inputs[1])
    values = floats.constant(zeroed)
    values[3] = 0
    floats.set_constant(zeroed, values)
    corrected = EditableModel(correct_weights(floats.content(), model.content(), method, items.first(8)))
    found = list(stored_layers(corrected))
    assert found[-1].shared_scale
    assert not found[4].integers[3].any()
    assert np.all(found[4].scales > 0)


def test_no_items_are_an_error(float32, int8, items):
    with pytest.raises(DataError, match="at least one"):
        correct_weights(float32, int8, FEEDBACK, CalibrationItems(items.folder, 0))


def test_one_item_is_enough_to_run(float32, int8, items, error):
    assert np.isfinite(error(correct_weights(float32, int8, COMPENSATED, items.first(1))))
