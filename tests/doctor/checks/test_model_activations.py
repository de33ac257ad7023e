"""M205 and M206: heavy tails, and concatenations of unlike ranges."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("tensorflow")
import keras
import model_cases
from keras import layers

pytestmark = pytest.mark.tensorflow


def activated(activation: Any) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,), name="features")
    wide = layers.Dense(64, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0), name="wide")(
        inputs
    )
    hidden = layers.Activation(activation, name="activated")(wide)
    return keras.Model(inputs, layers.Dense(4, name="scores")(hidden), name="dense")


def joined(boxes_scale: float) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,), name="features")
    hidden = layers.Dense(32, activation="relu", name="hidden")(inputs)
    boxes = layers.Dense(4, activation="sigmoid", name="boxes")(hidden)
    scores = layers.Dense(3, activation="sigmoid", name="scores")(hidden)
    pixels = layers.Rescaling(boxes_scale, name="pixels")(boxes)
    return keras.Model(inputs, layers.Concatenate(name="joined")([pixels, scores]), name="detector")


def diagnosed(model: Any, tmp_path: Path, data: Any) -> list[Any]:
    return model_cases.diagnosed(model, tmp_path / "model.keras", data, "M205 M206")


def test_an_activation_with_a_few_giant_values_is_found(tmp_path: Path) -> None:
    (found,) = diagnosed(activated("exponential"), tmp_path, model_cases.features())
    assert found.rule.code == "M205"
    assert found.finding.subject == "activated"
    assert found.finding.details["layers"][0]["levels"] < 16


@pytest.mark.parametrize(
    "activation", ["relu", "relu6", "swish", "hard_swish", "gelu", "tanh", "softmax", "linear"]
)
def test_ordinary_activations_are_fine(activation: str, tmp_path: Path) -> None:
    assert diagnosed(activated(activation), tmp_path, model_cases.features()) == []


def test_boxes_in_pixels_with_scores_are_found(tmp_path: Path) -> None:
    (found,) = diagnosed(joined(320.0), tmp_path, model_cases.features())
    assert (found.rule.code, found.finding.subject) == ("M206", "joined")
    assert list(found.finding.details["largest"]) == ["pixels", "scores"]
    assert found.finding.details["ratio"] > 100


def test_boxes_and_scores_of_one_range_are_fine(tmp_path: Path) -> None:
    assert diagnosed(joined(1.0), tmp_path, model_cases.features()) == []


def test_without_data_nothing_is_said(tmp_path: Path) -> None:
    assert diagnosed(joined(320.0), tmp_path, None) == []
