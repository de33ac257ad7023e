"""The demo's trained network at several precisions, its calibration items, and files of one layer each."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert.schema_py_generated")

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import write_arrays
from edgeq.quantize.weights.storing import packed

DEMO = files("edgeq.demo")


def demo_file(variant):
    return (DEMO / "bundle" / f"fashion_mnist.{variant}.tflite").read_bytes()


@pytest.fixture(scope="session")
def float32():
    return demo_file("float32")


@pytest.fixture(scope="session")
def int8():
    return demo_file("int8")


@pytest.fixture(scope="session")
def int16x8():
    return demo_file("int16x8")


@pytest.fixture(scope="session")
def int8x4(int8, float32):
    """The int8 file with its convolutions' weights rounded to the nearest of four bits."""
    model, floats = (
        EditableModel(int8),
        {layer.output: layer for layer in EditableModel(float32).weighted_layers()},
    )
    for operator in model.graph.operators:
        if model.kind(operator) != "CONV_2D":
            continue
        weights = floats[model.name(int(operator.outputs[0]))].weights
        index, bias = int(operator.inputs[1]), int(operator.inputs[2])
        scales = np.abs(weights).max(axis=(1, 2, 3)) / np.float32(7)
        integers = np.rint(weights / scales[:, None, None, None]).astype(np.int8)
        tensor = model.graph.tensors[index]
        tensor.type = model.schema.TensorType.INT4
        model.set_bytes(index, packed(integers))
        steps = scales * np.float32(model.graph.tensors[int(operator.inputs[0])].quantization.scale[0])
        old = model.graph.tensors[bias].quantization.scale
        model.set_constant(bias, np.rint(model.constant(bias) * old / steps))
        tensor.quantization.scale, model.graph.tensors[bias].quantization.scale = scales, steps
    return model.content()


@pytest.fixture(scope="session")
def images():
    """float32[32, 28, 28, 1], raw pixels as the network takes them."""
    with np.load(str(DEMO / "calibration.npz")) as stored:
        return stored["image"][:32].reshape(32, 28, 28, 1).astype(np.float32)


@pytest.fixture(scope="session")
def items(images, tmp_path_factory):
    return write_arrays({"image": images}, tmp_path_factory.mktemp("items"))


def one_layer(kind, weights, input_shape, *, strides=(1, 1), dilations=(1, 1), same=True, bias=None):
    """A float32 file of one convolution, depthwise convolution or dense layer.

    Args:
        kind: as the schema names it.
        weights: as stored.
        input_shape: with 1 item in front.
        strides: along height and width.
        dilations: likewise.
        same: whether the input is padded.
        bias: float32[O]; None: the layer has none.
    """
    model = EditableModel(demo_file("float32"))
    schema, whole = model.schema, model.model
    whole.buffers, whole.metadata, whole.operatorCodes = whole.buffers[:1], None, []
    whole.signatureDefs = None
    graph = model.graph
    graph.tensors, graph.operators = [], []
    for name, shape in (("x", input_shape), ("y", ())):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), np.array(shape, np.int32), 0
        graph.tensors.append(tensor)
    operator = schema.OperatorT()
    operator.opcodeIndex = model.operator_code(kind, 1)
    constants = [model.add_constant("w", weights, "FLOAT32")]
    constants.append(-1 if bias is None else model.add_constant("b", bias, "FLOAT32"))
    operator.inputs, operator.outputs = np.array([0, *constants], np.int32), np.array([1], np.int32)
    _set_options(schema, operator, kind, weights, input_shape, strides, dilations, same)
    graph.operators.append(operator)
    graph.inputs, graph.outputs = np.array([0], np.int32), np.array([1], np.int32)
    return model.content()


def _set_options(schema, operator, kind, weights, input_shape, strides, dilations, same):
    if kind == "FULLY_CONNECTED":
        options, union = schema.FullyConnectedOptionsT(), schema.BuiltinOptions.FullyConnectedOptions
    elif kind == "CONV_2D":
        options, union = schema.Conv2DOptionsT(), schema.BuiltinOptions.Conv2DOptions
    else:
        options, union = schema.DepthwiseConv2DOptionsT(), schema.BuiltinOptions.DepthwiseConv2DOptions
        options.depthMultiplier = weights.shape[3] // input_shape[3]
    if kind != "FULLY_CONNECTED":
        options.strideH, options.strideW = strides
        options.dilationHFactor, options.dilationWFactor = dilations
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    operator.builtinOptions, operator.builtinOptionsType = options, union


@pytest.fixture(scope="session")
def make_layer():
    return one_layer
