from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made import Graph, tflite

from edgeq.tflite.layer_names import layer_names
from edgeq.tflite.model import read_model

Named = list[tuple[str, str]]


def _named(content: bytes | Path, subgraph: int = 0) -> Named:
    model = read_model(content)
    names = layer_names(model)[subgraph]
    return [(op.name, name) for op, name in zip(model.subgraphs[subgraph].operators, names, strict=True)]


def _hand_named(*operators: tuple[str, str, str]) -> list[str]:
    """Names of operators given as (operator, name of the result, name of the weights or nothing)."""
    graph = Graph()
    last = graph.tensor("input", (1, 4))
    for operator, result, weights in operators:
        constants = [graph.constant(weights, np.ones((4, 4), np.float32))] if weights else []
        made = graph.tensor(result, (1, 4))
        graph.operator(operator, (last, *constants), made)
        last = made
    return [name for _, name in _named(tflite(graph))]


def test_keras_2_names_have_one_scope_around_all_layers():
    assert _hand_named(
        # The converter also lists what had an equal shape: conv2d_2 is another layer.
        (
            "CONV_2D",
            "model/activation/Relu;model/batch_normalization/FusedBatchNormV3;model/conv2d/BiasAdd;"
            "model/conv2d_2/Conv2D;model/conv2d/Conv2D1",
            "model/conv2d/Conv2D",
        ),
        ("CONV_2D", "model/conv2d_2/BiasAdd;model/conv2d_2/Conv2D", "model/conv2d_2/Conv2D"),
        ("ADD", "model/activation_2/Relu;model/add/add", ""),
        ("FULLY_CONNECTED", "model/dense/MatMul;model/dense/BiasAdd", "model/dense/MatMul"),
        ("SOFTMAX", "Identity", ""),
    ) == ["conv2d", "conv2d_2", "add", "dense", "Identity"]


def test_scopes_of_a_saved_model_are_left_out():
    assert _hand_named(
        (
            "FULLY_CONNECTED",
            "StatefulPartitionedCall/net/body/fc1/Relu;StatefulPartitionedCall/net/body/fc1/MatMul",
            "",
        ),
        ("FULLY_CONNECTED", "StatefulPartitionedCall/net/body/fc2/MatMul", ""),
        ("FULLY_CONNECTED", "StatefulPartitionedCall/net/scores/MatMul", ""),
    ) == ["body/fc1", "body/fc2", "scores"]


def test_numbers_that_belong_to_layers_are_kept():
    assert _hand_named(
        ("FULLY_CONNECTED", "net_1/dense_1/MatMul", ""),
        ("FULLY_CONNECTED", "net_1/dense_2/MatMul", ""),
        ("FULLY_CONNECTED", "net_1/dense_3/MatMul", ""),
    ) == ["dense_1", "dense_2", "dense_3"]


def test_numbers_of_a_second_call_are_taken_off():
    assert _hand_named(
        ("FULLY_CONNECTED", "net_1/dense_1/MatMul", ""),
        ("FULLY_CONNECTED", "net_1/dense_1_2/MatMul", ""),
        ("FULLY_CONNECTED", "net_1/scores_1/MatMul", ""),
    ) == ["dense", "dense_1", "scores"]


def test_pytorch_modules_go_by_their_attributes():
    assert _hand_named(
        ("CONV_2D", "Net/torch.nn.modules.container.Sequential_features/torch.nn.modules.conv.Conv2d_0;", ""),
        ("FULLY_CONNECTED", "Net/torch.nn.modules.linear.Linear_head;", ""),
    ) == ["features/0", "head"]


def test_without_scopes_the_result_names_the_layer():
    assert _hand_named(("TANH", "hidden", ""), ("TANH", "", "")) == ["hidden", "TANH"]


@pytest.mark.parametrize(
    "name", [";" * 5000, "/" * 5000, "a/" * 5000, ";/;/", "é/\ufffd;\0/x", "model/", "/model"]
)
def test_hostile_names_are_names_too(name):
    assert len(_hand_named(("ADD", name, name), ("CONV_2D", name, name))) == 2


@pytest.fixture(scope="module")
def converted() -> Callable[[str], Path]:
    """A Keras model converted by edgeq to float32, by name; each once."""
    pytest.importorskip("tensorflow")
    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert

    folder = Path(tempfile.mkdtemp())

    def make(name: str) -> Path:
        file = folder / name / f"{name}.float32.tflite"
        if not file.exists():
            convert(_model(name), output=folder / name, options=Options(schemes=("float32",), name=name))
        return file

    return make


def _model(name: str) -> Any:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    if name == "cnn":
        image = keras.Input((16, 16, 3), name="image")
        x = layers.Conv2D(8, 3, use_bias=False, name="stem")(image)
        x = layers.ReLU(6.0, name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
        x = layers.DepthwiseConv2D(3, name="depth")(x)
        x = layers.ReLU(name="depth_relu")(layers.BatchNormalization(name="depth_bn")(x))
        y = layers.Conv2D(8, 1, name="point_1")(x)
        x = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([x, y]))
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(x), name="cnn_2")
    if name == "recurrent":
        rows = keras.Input((6, 16), name="rows")
        x = layers.GRU(12, name="second")(layers.LSTM(8, return_sequences=True, name="first")(rows))
        return keras.Model(rows, layers.Dense(3, name="scores")(x), name="recurrent")
    if name == "attention":
        rows = keras.Input((6, 16), name="rows")
        x = layers.MultiHeadAttention(2, 8, name="attend")(rows, rows)
        x = layers.LayerNormalization(name="norm")(layers.Add(name="residual")([x, rows]))
        x = layers.GlobalAveragePooling1D(name="pool")(layers.Dense(32, activation="relu", name="expand")(x))
        return keras.Model(rows, layers.Dense(3, name="scores")(x), name="attention")
    body = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
        ],
        name="body",
    )
    image = keras.Input((8, 8, 3), name="image")
    head = keras.Sequential([keras.Input((144,)), layers.Dense(5, activation="relu", name="fc")], name="head")
    return keras.Model(image, layers.Dense(3, name="scores")(head(body(image))), name="nested")


@pytest.mark.tensorflow
def test_a_convolutional_network_has_the_names_of_what_computes(converted):
    assert _named(converted("cnn")) == [
        ("CONV_2D", "stem"),
        ("DEPTHWISE_CONV_2D", "depth"),
        ("CONV_2D", "point_1"),
        ("ADD", "sum"),
        ("MEAN", "pool"),
        ("FULLY_CONNECTED", "scores"),
        ("SOFTMAX", "scores"),
    ]


@pytest.mark.tensorflow
def test_the_bodies_of_loops_belong_to_the_recurrent_layer(converted):
    path = converted("recurrent")
    loops = [name for operator, name in _named(path) if operator == "WHILE"]
    assert loops == ["first", "second"]
    for subgraph, layer in ((1, "first"), (2, "first"), (3, "second"), (4, "second")):
        assert {name for _, name in _named(path, subgraph)} == {layer}
    assert _named(path)[-1] == ("FULLY_CONNECTED", "scores")


@pytest.mark.tensorflow
def test_the_parts_of_attention_are_told_apart(converted):
    named = _named(converted("attention"))
    products = [name for operator, name in named if operator == "FULLY_CONNECTED"]
    assert sorted(products[:4]) == [
        f"attend/{part}" for part in ("attention_output", "key", "query", "value")
    ]
    assert products[4:] == ["expand", "scores"]
    assert {name for operator, name in named if operator in ("BATCH_MATMUL", "SOFTMAX")} == {"attend"}
    assert ("ADD", "residual") in named
    assert {"norm", "pool"} <= {name for _, name in named}


@pytest.mark.tensorflow
def test_nested_models_are_in_the_name(converted):
    assert [name for _, name in _named(converted("nested"))] == [
        "body/conv",
        "body/flat",
        "head/fc",
        "scores",
    ]


@pytest.mark.tensorflow
def test_the_converters_own_names_are_understood_too(convert):
    names = [name for operator, name in _named(convert("convolutions", "float32")) if "CONV" in operator]
    assert len(names) == 3
    assert all(name.startswith(("conv2d", "depthwise_conv2d")) and "/" not in name for name in names)
