from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tiny_models
from keras import layers

from edgeq.errors import ModelError
from edgeq.sources import keras_model
from edgeq.sources.graph import Dimensions, SourceGraph

pytestmark = pytest.mark.tensorflow


def opened(model: Any, dimensions: Dimensions | None = None) -> SourceGraph:
    return keras_model.from_model(model, dimensions or Dimensions())


def names(graph: SourceGraph) -> tuple[list[str], list[str]]:
    return [spec.name for spec in graph.inputs], list(graph.outputs)


def test_inputs_and_outputs_are_named_after_their_layers() -> None:
    a, b = keras.Input((4,), name="alpha"), keras.Input((4,), name="beta")
    model = keras.Model([b, a], [layers.Dense(2, name="y")(a), layers.Dense(3, name="x")(b)])
    assert names(opened(model)) == (["beta", "alpha"], ["y", "x"])


def test_dictionaries_give_their_keys_and_feed_the_right_inputs() -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    model = keras.Model(
        {"b": b, "a": a}, {"minus": layers.Subtract()([a, b]), "a_again": layers.Rescaling(2.0)(a)}
    )
    graph = opened(model)
    assert names(graph) == (["a", "b"], ["a_again", "minus"])
    result = graph.predict({"a": np.full((1, 3), 5.0), "b": np.full((1, 3), 1.0)})
    assert result["minus"].tolist() == [[4.0] * 3]
    assert result["a_again"].tolist() == [[10.0] * 3]


def test_one_tensor_under_two_keys_keeps_both_names() -> None:
    x = keras.Input((3,), name="x")
    y = layers.Dense(2)(x)
    assert names(opened(keras.Model(x, {"first": y, "second": y})))[1] == ["first", "second"]


def test_outputs_that_share_a_layer_get_different_names() -> None:
    x, z = keras.Input((4,), name="x"), keras.Input((4,), name="z")
    shared = layers.Dense(2, name="head")
    other = layers.Dense(2, name="head_1")(x)
    model = keras.Model([x, z], [shared(x), shared(z), other])
    outputs = names(opened(model))[1]
    assert outputs[0] == "head"
    assert outputs[2] == "head_1"
    assert len(set(outputs)) == 3


def test_names_that_keras_counted_are_numbered_anew() -> None:
    first, second = keras.Input((4,)), keras.Input((4,))
    assert names(opened(keras.Model([first, second], layers.Dense(2, name="y")(first))))[0] == [
        "input_0",
        "input_1",
    ]
    assert names(opened(keras.Sequential([keras.Input((4,)), layers.Dense(2, name="y")]))) == (
        ["input"],
        ["y"],
    )


@pytest.mark.parametrize("name", ["_hidden", "with space", "ümläut", "a.b:0", "9lives"])
def test_odd_names_of_inputs_survive(name: str) -> None:
    x = keras.Input((4,), name=name)
    graph = opened(keras.Model(x, layers.Dense(2, name="_out")(layers.Dense(3, name="_between")(x))))
    assert names(graph) == ([name], ["_out"])


def test_a_layer_name_that_tensorflow_cannot_trace_is_said() -> None:
    x = keras.Input((4,), name="x")
    with pytest.raises(ModelError, match=r"with space.* is not a valid scope name"):
        opened(keras.Model(x, layers.Dense(2, name="with space")(x)))


def test_a_nested_model_with_underscored_layers_is_traced() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="_private")], name="_inner")
    x = keras.Input((4,), name="x")
    assert opened(keras.Model(x, layers.Dense(2, name="y")(inner(x)))).frozen.content


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {"minus": self.dense(x["wide"]) - 2 * x["narrow"]}
        if isinstance(x, list | tuple):
            return self.dense(x[0]) - x[1]
        return self.dense(x)


def test_a_subclassed_model_that_was_called_has_a_free_batch() -> None:
    model = Subclassed()
    model(np.zeros((3, 4), np.float32))
    graph = opened(model, Dimensions(batch=2))
    assert names(graph) == (["input"], ["output"])
    assert graph.inputs[0].shape == (2, 4)


def test_a_subclassed_model_called_with_a_list_numbers_its_inputs() -> None:
    model = Subclassed()
    model([np.zeros((3, 4), np.float32), np.zeros((3, 2), np.float32)])
    graph = opened(model)
    assert [(spec.name, spec.shape) for spec in graph.inputs] == [("input_0", (1, 4)), ("input_1", (1, 2))]


def test_a_subclassed_model_called_with_a_dictionary_is_fed_by_its_keys() -> None:
    model = Subclassed()
    model({"wide": np.zeros((3, 4), np.float32), "narrow": np.zeros((3, 2), np.float32)})
    graph = opened(model)
    assert {spec.name: spec.shape for spec in graph.inputs} == {"narrow": (1, 2), "wide": (1, 4)}
    result = graph.predict({"wide": np.zeros((1, 4)), "narrow": np.ones((1, 2))})
    assert result["minus"].tolist() == [[-2.0, -2.0]]


def test_a_subclassed_model_that_was_never_called_says_what_to_do() -> None:
    with pytest.raises(
        ModelError, match=r"inputs of 'subclassed\w*' are unknown: call the model once on data"
    ):
        opened(Subclassed())


def test_a_call_with_several_arguments_says_what_to_do() -> None:
    class TwoArguments(keras.Model):
        def call(self, x: Any, other: Any) -> Any:
            return x - other

    model = TwoArguments()
    model(np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32))
    with pytest.raises(ModelError, match="takes them as one list or dictionary") as caught:
        opened(model)
    assert "\n" not in str(caught.value)


def test_a_sequential_model_that_was_trained_without_an_input_layer_has_a_free_batch() -> None:
    model = keras.Sequential([layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((10, 4)), np.zeros((10, 2)), batch_size=4, verbose=0)
    assert opened(model).inputs[0].shape == (1, 4)


def test_text_inputs_are_refused() -> None:
    text = keras.Input((1,), name="text", dtype="string")
    lookup = layers.StringLookup(vocabulary=["a", "b"])(text)
    with pytest.raises(ModelError, match="'text' has dtype string, expected numbers"):
        opened(keras.Model(text, layers.Embedding(5, 2)(lookup)))


def test_what_is_no_model_is_named() -> None:
    with pytest.raises(ModelError, match=r"expected a path or a keras.Model, found .*Dense"):
        opened(layers.Dense(2))


def test_a_model_that_scales_its_input_says_so() -> None:
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(5, 3, (100, 4)))
    assert opened(keras.Sequential([keras.Input((4,)), normalization, layers.Dense(2)])).scales_input
    assert not opened(tiny_models.dense()).scales_input


def test_the_digest_is_that_of_the_weights() -> None:
    model = tiny_models.dense()
    assert opened(model).digest == opened(tiny_models.dense()).digest
    model.layers[-1].bias.assign([1.0, 2.0, 3.0])
    assert opened(model).digest != opened(tiny_models.dense()).digest
