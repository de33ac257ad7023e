from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgeq.demo import assets
from edgeq.errors import ConversionError, UsageError
from edgeq.quantize.editable import DEPTHWISE, EditableModel
from edgeq.quantize.lowering import lower
from edgeq.quantize.precision_plan import plan_of
from edgeq.quantize.range_setting import float_activations
from edgeq.quantize.recipe import PRECISIONS, Recipe
from edgeq.tflite.model import read_model

pytest.importorskip("litert_quantizer")

FLOAT32 = (assets.bundle_path() / f"{assets.NAME}.float32.tflite").read_bytes()
LAYERS = {layer.output: layer for layer in EditableModel(FLOAT32).weighted_layers()}
RANGES = dict.fromkeys(float_activations(FLOAT32), (-6.0, 6.0))
STORED = {"int8": "INT8", "int8x4": "INT4", "int16x8": "INT8", "float32": "FLOAT32"}
COMPUTED = {"int8": "INT8", "int8x4": "INT8", "int16x8": "INT16", "float32": "FLOAT32"}


def lowered(recipe: Recipe, float32: bytes = FLOAT32) -> EditableModel:
    return EditableModel(lower(float32, RANGES, plan_of(float32, recipe)))


def precision_of(model: EditableModel, layer: str) -> tuple[str, str]:
    """Types of a layer's output and weights."""
    (operator,) = (
        operator
        for operator in model.graph.operators
        if model.name(int(operator.outputs[0])) == layer and model.kind(operator) != "DEQUANTIZE"
    )
    return model.dtype(int(operator.outputs[0])), model.dtype(int(operator.inputs[1]))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_each_layer_alone_gets_the_precision_that_is_asked_for(precision: str) -> None:
    for name, layer in itertools.islice(LAYERS.items(), 0, None, 3):
        model = lowered(Recipe(layers={name: precision}))
        for other, stored in LAYERS.items():
            asked = precision if other == name else "int8"
            eight = asked == "int8x4" and stored.kind == DEPTHWISE
            expected = COMPUTED[asked], "INT8" if eight else STORED[asked]
            assert precision_of(model, other) == expected, (name, other, layer.kind)


def test_layers_are_told_apart_whatever_their_names_hold() -> None:
    model = EditableModel(FLOAT32)
    awkward = ("a", "a;b", "a;b;", "^a.*$", "a/b[0](1)+?", "t1", "t10", "x" * 12_000, "ä\n\0")
    names = dict(zip(LAYERS, awkward, strict=False))
    for tensor in model.graph.tensors:
        name = tensor.name.decode()
        if name in names:
            tensor.name = names[name].encode()
    content = model.content()
    ranges = dict.fromkeys(float_activations(content), (-6.0, 6.0))
    for chosen in names.values():
        plan = plan_of(content, Recipe(layers={chosen: "float32"}))
        made = EditableModel(lower(content, ranges, plan))
        for name in names.values():
            assert precision_of(made, name)[1] == ("FLOAT32" if name == chosen else "INT8")


def test_the_signature_and_the_names_of_activations_stay() -> None:
    before, after = read_model(FLOAT32), read_model(lowered(Recipe()).content())
    assert [entry.key for entry in after.signatures] == [entry.key for entry in before.signatures]
    assert {tensor.name for tensor in after.subgraphs[0].tensors} >= set(RANGES)


def test_an_operator_that_cannot_compute_in_a_precision_is_named() -> None:
    model = EditableModel(FLOAT32)
    (softmax,) = (operator for operator in model.graph.operators if model.kind(operator) == "SOFTMAX")
    softmax.opcodeIndex = model.operator_code("HARD_SWISH", 1)
    softmax.builtinOptions, softmax.builtinOptionsType = None, 0
    name = model.name(int(softmax.outputs[0]))
    with pytest.raises(UsageError, match=f"{name}.*HARD_SWISH, which cannot compute in int16x8"):
        lowered(Recipe(layers={name: "int16x8"}), model.content())


def test_an_activation_without_a_range_is_named() -> None:
    name = next(iter(LAYERS))
    ranges = {other: found for other, found in RANGES.items() if other != name}
    with pytest.raises(ConversionError, match="litert-quantizer refuses"):
        lower(FLOAT32, ranges, plan_of(FLOAT32, Recipe()))


def test_weights_of_large_files_are_inside_of_the_flatbuffer() -> None:
    model = EditableModel(FLOAT32)
    layer = list(LAYERS.values())[-1]
    inputs = 40_000
    # The dense layer alone, with as many weights as litert-quantizer writes behind the flatbuffer.
    operator = model.graph.operators[layer.index]
    index = int(operator.inputs[1])
    model.graph.tensors[index].shape = np.array([layer.channels, inputs], np.int32)
    model.set_constant(index, np.ones((layer.channels, inputs), np.float32))
    model.graph.tensors[int(operator.inputs[0])].shape = np.array([1, inputs], np.int32)
    model.graph.operators = [operator]
    model.graph.inputs, model.graph.outputs = operator.inputs[:1].copy(), operator.outputs.copy()
    model.model.signatureDefs = []
    content = lower(model.content(), RANGES, plan_of(model.content(), Recipe()))
    buffers = EditableModel(content).model.buffers
    assert (
        max(0 if buffer.data is None else len(buffer.data) for buffer in buffers) == inputs * layer.channels
    )
    assert all(buffer.offset <= 1 for buffer in buffers)
