"""Layers of two files of one model find each other."""

from __future__ import annotations

import pytest

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.weights.matching import matched_layers


def pairs(float32, quantized):
    return [(layer.index, stored.index) for layer, stored in matched_layers(float32, quantized)]


@pytest.mark.parametrize("variant", ["int8", "int16x8", "int8x4"])
def test_layers_of_the_converters_files_are_matched(variant, request, float32):
    assert pairs(float32, request.getfixturevalue(variant)) == [
        (index, index) for index in [*range(2, 13), 14]
    ]


def renamed(content, name):
    """With other names of tensors: `name` of each one's index."""
    model = EditableModel(content)
    for index, tensor in enumerate(model.graph.tensors):
        tensor.name = name(index).encode()
    return model.content()


@pytest.mark.parametrize("name", [lambda index: f"other{index}", lambda _: "same", lambda _: ""])
def test_layers_without_the_same_names_are_aligned(float32, int8, name):
    assert pairs(float32, renamed(int8, name)) == pairs(float32, int8)


def test_a_name_of_another_layers_shape_is_no_match(float32, int8):
    model = EditableModel(int8)
    names = [tensor.name for tensor in model.graph.tensors]
    for tensor, name in zip(model.graph.tensors, reversed(names), strict=True):
        tensor.name = name
    for layer, stored in matched_layers(float32, model.content()):
        assert layer.kind == stored.kind
        assert layer.weights.shape == stored.integers.shape


def test_a_float_file_has_no_partners(float32):
    assert pairs(float32, float32) == []
