"""Models that are known to go wrong elsewhere, from the source to a file that ran."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tiny_models
from keras import layers

from edgeq.data.dataset import ArrayDataset
from edgeq.errors import ConversionError, ModelError

pytestmark = pytest.mark.tensorflow


def shapes(conversion: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    (variant,) = conversion.bundle.manifest.variants
    return variant.inputs[0].shape, variant.outputs[0].shape


def test_a_legacy_file_converts(tmp_path: Path, convert: Callable[..., Any]) -> None:
    path = tmp_path / "old.h5"
    tiny_models.legacy_depthwise(path)
    assert shapes(convert(path, schemes=("float32",))) == ((1, 8, 8, 3), (1, 2))


def test_a_layer_name_with_a_leading_underscore_converts(convert: Callable[..., Any]) -> None:
    x = keras.Input((4,), name="_x")
    conversion = convert(keras.Model(x, layers.Dense(2, name="_y")(x)), schemes=("float32",))
    (variant,) = conversion.bundle.manifest.variants
    assert [tensor.name for tensor in (*variant.inputs, *variant.outputs)] == ["_x", "_y"]


def test_a_batch_is_what_was_asked_for(convert: Callable[..., Any]) -> None:
    assert shapes(convert(tiny_models.dense(), batch=4, schemes=("float32",))) == ((4, 8), (4, 3))


def test_a_fixed_batch_is_calibrated_in_full_batches(convert: Callable[..., Any]) -> None:
    model = tiny_models.dense(batch_size=4)
    features = np.random.default_rng(0).uniform(-1, 1, (110, 8)).astype(np.float32)
    conversion = convert(model, ArrayDataset({"features": features}), schemes=("int8",))
    assert [variant.inputs[0].shape for variant in conversion.bundle.manifest.variants] == [(4, 8), (4, 8)]


def test_a_free_size_is_fixed(convert: Callable[..., Any]) -> None:
    assert shapes(convert(tiny_models.image(), size=(12, 16), schemes=("float32",))) == (
        (1, 12, 16, 3),
        (1, 2),
    )


def test_token_ids_stay_integers(convert: Callable[..., Any], run: Callable[..., dict[str, Any]]) -> None:
    keras.utils.set_random_seed(0)
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(200, 16)(tokens))
    model = keras.Model(tokens, layers.Dense(3, name="scores")(pooled))
    ids = np.random.default_rng(0).integers(0, 200, (120, 6)).astype(np.int32)
    conversion = convert(model, ArrayDataset({"tokens": ids}), schemes=("dynamic", "int8", "int16x8"))
    for variant in conversion.bundle.manifest.variants:
        assert variant.inputs[0].dtype == "int32", variant.name
    result = run(conversion.bundle, "int8", {"tokens": ids[:1]})["scores"]
    assert np.allclose(result, tiny_models.outputs(model, {"tokens": ids[:1]}), atol=0.02)
    (failure,) = conversion.failures
    assert failure.name == "int16x8"
    assert "tokens_0 has none, as it is with integer inputs: take int8" in failure.reason


def test_a_layer_that_stays_in_float_is_named(convert: Callable[..., Any]) -> None:
    x = keras.Input((32,), name="x")
    hidden = layers.LayerNormalization()(layers.Dense(64)(x))
    model = keras.Model(x, layers.Dense(3)(hidden))
    data = np.random.default_rng(0).uniform(-1, 1, (120, 32)).astype(np.float32)
    conversion = convert(model, ArrayDataset({"x": data}), schemes=("int8", "int16x8"))
    said = [*conversion.warnings, *(failure.reason for failure in conversion.failures)]
    assert any("NEG" in text for text in said), said


def test_an_input_that_nothing_uses_is_named(convert: Callable[..., Any]) -> None:
    used, unused = keras.Input((8,), name="used"), keras.Input((8,), name="unused")
    model = keras.Model([used, unused], layers.Dense(3)(layers.Dense(160)(used)))
    generator = np.random.default_rng(0)
    data = {name: generator.uniform(-1, 1, (120, 8)).astype(np.float32) for name in ("used", "unused")}
    conversion = convert(model, ArrayDataset(data), schemes=("int8",))
    assert [variant.name for variant in conversion.bundle.manifest.variants] == ["float32"]
    (failure,) = conversion.failures
    assert "its input 'unused_1' is float32: nothing that computes in integers is connected" in failure.reason


def test_pixels_that_the_model_takes_as_uint8_stay_uint8(
    convert: Callable[..., Any], run: Callable[..., dict[str, Any]]
) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3), dtype="uint8", name="image")
    hidden = layers.Flatten()(layers.Conv2D(48, 3)(layers.Rescaling(1 / 255)(image)))
    model = keras.Model(image, layers.Dense(3, name="scores")(hidden))
    pixels = np.random.default_rng(0).integers(0, 256, (120, 6, 6, 3)).astype(np.uint8)
    conversion = convert(model, ArrayDataset({"image": pixels}))
    assert conversion.failures == ()
    expected = tiny_models.outputs(model, {"image": pixels[:1]})
    for variant in conversion.bundle.manifest.variants:
        assert variant.inputs[0].dtype == "uint8", variant.name
        result = run(conversion.bundle, variant.name, {"image": pixels[:1]})["scores"]
        assert np.abs(result - expected).max() < 0.05 * np.abs(expected).max(), variant.name


def test_float64_is_named(convert: Callable[..., Any]) -> None:
    x = keras.Input((8,), dtype="float64", name="x")
    model = keras.Model(x, layers.Dense(3, dtype="float64")(x))
    with pytest.raises(ConversionError, match=r"computes in float64 .* build the model in float32"):
        convert(model, schemes=("float32",))


def test_a_model_that_keeps_state_says_what_to_do(convert: Callable[..., Any]) -> None:
    x = keras.Input((6, 3), batch_size=1, name="x")
    model = keras.Model(x, layers.LSTM(4, stateful=True)(x))
    with pytest.raises(
        ModelError, match=r"changes its own variables .* build recurrent layers with stateful=False"
    ):
        convert(model)
