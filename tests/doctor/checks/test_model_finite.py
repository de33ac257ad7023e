"""M211: weights and outputs that are NaN or infinite."""

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


def dense(value: float | None = None, end: Any = None) -> Any:
    """``features`` [16] through ``hidden`` to ``scores`` [4], of which one weight has a value of its own."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,), name="features")
    hidden = layers.Dense(64, activation="relu", name="hidden")(inputs)
    scores = layers.Dense(4, name="scores")(hidden)
    model = keras.Model(inputs, scores if end is None else end(scores), name="dense")
    if value is not None:
        kernel = model.get_layer("scores").kernel.numpy().copy()
        kernel[3, 2] = value
        model.get_layer("scores").kernel.assign(kernel)
    return model


def diagnosed(model: Any, folder: Path, codes: str, data: Any = None) -> list[Any]:
    return model_cases.diagnosed(model, folder / "dense.keras", data, codes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_found_with_its_layer(value: float, tmp_path: Path) -> None:
    (found,) = diagnosed(dense(value), tmp_path, "M211")
    assert (found.finding.subject, found.severity) == ("scores", "error")
    assert found.finding.details["layers"] == [{"layer": "scores", "bad": 1, "of": 256}]


def test_of_weights_that_are_nan_it_is_not_said_that_the_layer_has_no_int8_form(tmp_path: Path) -> None:
    found = diagnosed(dense(np.nan), tmp_path, "M201 M211", model_cases.features())
    assert model_cases.codes(found) == ["M211"]


def test_finite_weights_and_outputs_are_fine(tmp_path: Path) -> None:
    assert diagnosed(dense(1e30), tmp_path, "M211", model_cases.features()) == []


def test_infinite_constants_that_are_meant_are_fine(tmp_path: Path) -> None:
    mask = np.array([0, -np.inf, 0, 0], np.float32)
    masked = dense(end=lambda x: layers.Softmax()(layers.Lambda(lambda scores: scores + mask)(x)))
    assert diagnosed(masked, tmp_path, "M211", model_cases.features()) == []


@pytest.mark.parametrize(
    ("end", "said", "severity"),
    [
        (lambda x: keras.ops.sqrt(x), "NaN", "error"),
        (lambda x: keras.ops.log(keras.ops.relu(x)), "infinite", "warning"),
    ],
    ids=["a root", "a logarithm"],
)
def test_outputs_that_are_no_numbers_are_found_with_data_only(
    end: Any, said: str, severity: str, tmp_path: Path
) -> None:
    from edgeq.convert.model_case import open_model_case
    from edgeq.data.dataset import ArrayDataset
    from edgeq.doctor.checks.model_finite import not_finite

    path = tmp_path / "dense.keras"
    dense(end=end).save(path)
    with open_model_case(path, data=ArrayDataset({"": model_cases.features()}, source="items")) as case:
        (finding,) = not_finite(case)
    assert f"is {said} for" in finding.message
    assert (finding.severity or "error") == severity
    with open_model_case(path) as case:
        assert not list(not_finite(case))
