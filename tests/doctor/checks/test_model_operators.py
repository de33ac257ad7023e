"""M201, M202, M203, M209 and M210: what a model is made of, on tiny Keras models that are really converted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("tensorflow")
import keras
import model_cases
from keras import layers

pytestmark = pytest.mark.tensorflow


def dense(middle: Any = None) -> Any:
    """``features`` [16] through ``hidden`` and perhaps another layer to ``scores`` [4]."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,), name="features")
    hidden = layers.Dense(64, activation="relu", name="hidden")(inputs)
    hidden = hidden if middle is None else middle(hidden)
    return keras.Model(inputs, layers.Dense(4, name="scores")(hidden), name="dense")


def free_size() -> Any:
    inputs = keras.Input((None, None, 3), name="image")
    hidden = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, name="conv")(inputs))
    return keras.Model(inputs, layers.Dense(3, name="scores")(hidden), name="free")


def inverse(features: Any) -> Any:
    square = layers.Reshape((4, 4))(layers.Dense(16, name="flat")(features))
    product = keras.ops.matmul(square, keras.ops.transpose(square, (0, 2, 1)))
    return layers.Flatten()(keras.ops.linalg.inv(product + np.eye(4, dtype=np.float32)))


def test_a_good_model_raises_nothing(tmp_path: Path) -> None:
    assert model_cases.diagnosed(dense(), tmp_path / "dense.keras", model_cases.features()) == []


def test_a_good_model_raises_nothing_without_data(tmp_path: Path) -> None:
    assert model_cases.diagnosed(dense(), tmp_path / "dense.keras") == []


def test_an_unrolled_lstm_raises_nothing(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 16), name="steps"), layers.LSTM(24), layers.Dense(3)])
    data = np.random.default_rng(0).normal(size=(64, 6, 16)).astype(np.float32)
    assert model_cases.diagnosed(model, tmp_path / "lstm.keras", data) == []


def test_layer_normalization_stays_in_float_and_breaks_int16x8(tmp_path: Path) -> None:
    model = dense(layers.LayerNormalization(name="norm"))
    found = model_cases.diagnosed(model, tmp_path / "normed.keras", model_cases.features())
    assert model_cases.codes(found) == ["M201", "M209"]
    stays, breaks = found
    assert "NEG (norm)" in stays.finding.message
    assert stays.finding.details["operators"] == {"NEG": ["norm"]}
    assert breaks.finding.details["operators"]["NEG"] == ["norm"]


def test_token_ids_cannot_become_int16x8(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    tokens = keras.Input((8,), name="tokens", dtype="int32")
    hidden = layers.GlobalAveragePooling1D()(layers.Embedding(200, 32)(tokens))
    model = keras.Model(tokens, layers.Dense(3)(hidden), name="tokens")
    data = np.random.default_rng(0).integers(0, 200, (64, 8)).astype(np.int32)
    (found,) = model_cases.diagnosed(model, tmp_path / "tokens.keras", data)
    assert (found.rule.code, found.severity) == ("M209", "warning")
    assert "take int8" in found.finding.message


def test_tensorflows_own_operators_are_named_and_nothing_else_is_said(tmp_path: Path) -> None:
    found = model_cases.diagnosed(dense(inverse), tmp_path / "inverse.keras", model_cases.features())
    assert model_cases.codes(found) == ["M202"]
    assert found[0].severity == "error"
    assert list(found[0].finding.details["operators"]) == ["MatrixInverse"]


def test_free_dimensions_are_named_with_the_size_that_the_data_have(tmp_path: Path) -> None:
    (found,) = model_cases.diagnosed(free_size(), tmp_path / "free.keras", model_cases.images())
    assert found.rule.code == "M203"
    assert found.finding.subject == "image"
    assert "16x16x3 was assumed" in found.finding.message


def test_free_dimensions_without_data_are_taken_as_usual_images(tmp_path: Path) -> None:
    (found,) = model_cases.diagnosed(free_size(), tmp_path / "free.keras", None, "M203", verbose=False)
    assert "224x224x3 was assumed" in found.finding.message


def test_free_dimensions_that_the_user_fixed_are_fine(tmp_path: Path) -> None:
    data = model_cases.images()
    assert model_cases.diagnosed(free_size(), tmp_path / "free.keras", data, size=(16, 16)) == []


def test_a_model_that_cannot_be_converted_at_all_is_an_error(tmp_path: Path) -> None:
    def in_float64(hidden: Any) -> Any:
        double = keras.ops.cast(hidden, "float64")
        return keras.ops.cast(keras.ops.linalg.qr(keras.ops.reshape(double, (-1, 8, 8)))[0], "float32")[:, 0]

    found = model_cases.diagnosed(dense(in_float64), tmp_path / "double.keras", model_cases.features())
    assert {one.rule.code for one in found} <= {"M202", "M210"}
    assert any(one.severity == "error" for one in found)
