"""What is stored is what is read back, and what the runtime computes with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeq.errors import ModelError
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.weights.storing import packed, read_layer, store_weights, stored_layers, unpacked


@given(arrays(np.int8, st.integers(0, 40), elements=st.integers(-8, 7)))
def test_packing_four_bits_round_trips(integers):
    content = packed(integers)
    assert len(content) == (integers.size + 1) // 2
    np.testing.assert_array_equal(unpacked(content, integers.size), integers)


def test_the_first_of_two_is_in_the_lower_half():
    assert packed(np.array([1, -2, 7], np.int8)) == bytes([0xE1, 0x07])


def test_too_few_bytes_are_refused():
    with pytest.raises(ModelError, match="expected 2 bytes of 3 weights"):
        unpacked(b"\x00", 3)


@pytest.mark.parametrize("variant", ["int8", "int16x8", "int8x4"])
def test_every_layer_gives_back_what_is_stored(variant, request):
    model = EditableModel(request.getfixturevalue(variant))
    names = [layer.output for layer in stored_layers(model)]
    assert len(names) == 12
    generator = np.random.default_rng(0)
    for name in names:
        layer = read_layer(model, name)
        integers = generator.integers(-layer.limit, layer.limit + 1, layer.integers.shape)
        scales = (layer.scales * generator.uniform(0.5, 2, layer.scales.shape)).astype(np.float32)
        bias = generator.normal(size=layer.scales.shape)
        store_weights(model, name, integers, scales, bias)
        found = read_layer(EditableModel(model.content()), name)
        np.testing.assert_array_equal(found.integers, integers)
        np.testing.assert_array_equal(found.scales, scales)
        assert np.all(np.abs(found.bias - bias) <= layer.input_scale * scales)


@pytest.mark.parametrize("variant", ["int8", "int16x8", "int8x4"])
def test_storing_what_is_there_changes_no_output(variant, request, images):
    content = request.getfixturevalue(variant)
    model = EditableModel(content)
    for layer in list(stored_layers(model)):
        store_weights(model, layer.output, layer.integers, layer.scales, None)
    assert logits(model.content(), images) == pytest.approx(logits(content, images), abs=0)


def logits(content, images):
    model = LocalModel(content)
    return model.activations([layer_names(content)[-1]], {"image": images[:10]})[layer_names(content)[-1]]


def layer_names(content):
    return [layer.output for layer in stored_layers(EditableModel(content))]


def test_integers_of_four_bits_are_stored_in_half_the_bytes(int8x4):
    model = EditableModel(int8x4)
    layer = next(stored_layers(model))
    assert layer.dtype == "INT4"
    operator = model.graph.operators[layer.index]
    buffer = model.graph.tensors[int(operator.inputs[1])].buffer
    assert len(model.model.buffers[buffer].data) == layer.integers.size // 2


def test_one_scale_for_all_channels_stays_one(int8):
    model = EditableModel(int8)
    name = layer_names(int8)[-1]
    weights = int(model.graph.operators[read_layer(model, name).index].inputs[1])
    model.graph.tensors[weights].quantization.scale = np.array([0.01], np.float32)
    layer = read_layer(model, name)
    assert layer.shared_scale
    store_weights(model, name, layer.integers, np.full(10, 0.02), None)
    assert model.graph.tensors[weights].quantization.scale.tolist() == [np.float32(0.02)]
    with pytest.raises(ModelError, match="one scale for all channels"):
        store_weights(model, name, layer.integers, np.linspace(0.01, 0.02, 10), None)


def test_a_buffer_that_others_share_keeps_its_bytes(int8):
    model = EditableModel(int8)
    names = layer_names(int8)
    one, other = (
        int(model.graph.operators[read_layer(model, name).index].inputs[2]) for name in (names[7], names[8])
    )
    model.graph.tensors[other].buffer = model.graph.tensors[one].buffer
    before = model.constant(other)
    layer = read_layer(model, names[7])
    store_weights(model, names[7], layer.integers, layer.scales, layer.bias + 1)
    np.testing.assert_array_equal(model.constant(other), before)
    assert np.any(model.constant(one) != before)


def test_a_bias_that_two_layers_read_becomes_two(int8):
    model = EditableModel(int8)
    names = layer_names(int8)
    first, second = (model.graph.operators[read_layer(model, name).index] for name in (names[7], names[8]))
    second.inputs = np.array([*second.inputs[:2], first.inputs[2]], np.int32)
    before = model.constant(int(first.inputs[2]))
    layer = read_layer(model, names[8])
    store_weights(model, names[8], layer.integers, layer.scales, layer.bias + 1)
    np.testing.assert_array_equal(model.constant(int(first.inputs[2])), before)
    assert second.inputs[2] != first.inputs[2]


@pytest.mark.parametrize("variant", ["int8", "int16x8"])
def test_a_layer_without_bias_gets_one_that_the_runtime_adds(variant, request, images):
    content = request.getfixturevalue(variant)
    model = EditableModel(content)
    name = layer_names(content)[-1]
    layer = read_layer(model, name)
    operator = model.graph.operators[layer.index]
    operator.inputs = operator.inputs[:2]
    without = read_layer(model, name)
    assert without.bias is None
    store_weights(model, name, layer.integers, layer.scales, np.zeros(10))
    assert len(operator.inputs) == 2
    store_weights(model, name, layer.integers, layer.scales, layer.bias)
    assert logits(model.content(), images) == pytest.approx(logits(content, images), abs=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, s, b: (q[:1], s, b), "expected weights of shape"),
        (lambda q, s, b: (np.full(q.shape, 128), s, b), "integers within ±127"),
        (lambda q, s, b: (q, s * 0, b), "scales above 0"),
        (lambda q, s, b: (q, s[:1], b), "scales above 0"),
        (lambda q, s, b: (q, s * np.nan, b), "scales above 0"),
        (lambda q, s, b: (q, s, b + 1e30), "bias does not fit"),
        (lambda q, s, b: (q, s, b * np.nan), "bias does not fit"),
    ],
)
def test_what_does_not_fit_is_refused(int8, change, message):
    model = EditableModel(int8)
    layer = next(stored_layers(model))
    with pytest.raises(ModelError, match=message):
        store_weights(model, layer.output, *change(layer.integers, layer.scales, layer.bias))


def test_layers_of_a_float_file_are_none(float32):
    assert not list(stored_layers(EditableModel(float32)))
    with pytest.raises(ModelError, match="found 0"):
        read_layer(EditableModel(float32), "Identity")
