from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tiny_models
from keras import layers

from edgeq.data.dataset import ArrayDataset
from edgeq.sources import keras_model
from edgeq.sources.graph import Dimensions, SourceGraph
from edgeq.sources.recurrent import MOST_STEPS

pytestmark = pytest.mark.tensorflow


def opened(model: Any) -> SourceGraph:
    return keras_model.from_model(model, Dimensions())


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(lambda: layers.LSTM(24), id="LSTM"),
        pytest.param(lambda: layers.GRU(24), id="GRU"),
        pytest.param(lambda: layers.Bidirectional(layers.LSTM(24)), id="bidirectional LSTM"),
    ],
)
def test_a_recurrent_model_runs_at_every_default_scheme(
    layer: Callable[[], Any], convert: Callable[..., Any]
) -> None:
    model = tiny_models.recurrent(layer())
    generator = np.random.default_rng(0)
    sequences = generator.uniform(-1, 1, (120, 6, 4)).astype(np.float32)
    conversion = convert(model, ArrayDataset({"sequence": sequences}))
    made = {variant.name: variant.check.sqnr_db for variant in conversion.bundle.manifest.variants}
    assert conversion.failures == ()
    assert set(made) == {"float32", "float16", "dynamic", "int8", "int8-io-float32"}
    # An untrained network's outputs are small sums of many terms: its int8 file is no accurate one.
    assert made["float32"] > 100
    assert made["int8"] > 10


def test_only_a_model_with_loops_is_unrolled() -> None:
    assert opened(tiny_models.dense()).unroll is None
    assert opened(tiny_models.recurrent(layers.LSTM(4, unroll=True))).unroll is None
    assert opened(tiny_models.recurrent(layers.LSTM(4))).unroll is not None


def test_a_sequence_that_is_too_long_is_left_in_a_loop() -> None:
    assert opened(tiny_models.recurrent(layers.LSTM(4), steps=MOST_STEPS + 1)).unroll is None


def test_the_unrolled_graph_has_no_loop_and_the_model_is_left_as_it_was() -> None:
    layer = layers.LSTM(4)
    graph = opened(tiny_models.recurrent(layer))
    assert b"While" in graph.frozen.content
    assert graph.unroll is not None
    unrolled = graph.unroll()
    assert b"While" not in unrolled.content
    assert len(unrolled.inputs) == len(graph.frozen.inputs)
    assert layer.unroll is False


def test_a_free_sequence_length_is_fixed_with_its_size() -> None:
    model = tiny_models.recurrent(layers.GRU(4), steps=None)
    (spec,) = keras_model.from_model(model, Dimensions(size=(5,))).inputs
    assert spec.shape == (1, 5, 4)


def test_outputs_that_become_one_tensor_when_unrolled_keep_their_names(
    convert: Callable[..., Any], run: Callable[..., dict[str, Any]]
) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 4), name="x")
    last, hidden, cell = layers.LSTM(8, return_state=True)(x)
    model = keras.Model(x, {"last": last, "hidden": hidden, "cell": cell})
    sequences = np.random.default_rng(0).uniform(-1, 1, (120, 6, 4)).astype(np.float32)
    conversion = convert(model, ArrayDataset({"x": sequences}), schemes=("int8",))
    assert conversion.failures == ()
    result = run(conversion.bundle, "int8", {"x": sequences[:1]})
    assert set(result) == {"last", "hidden", "cell"}
    assert np.array_equal(result["last"], result["hidden"])
