"""M207 and M208: outlier channels, and what float16 cannot hold."""

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


def changed(layer: str = "", change: Any = None, middle: Any = None) -> Any:
    """A dense network with the weights of one layer changed in place."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,), name="features")
    hidden = layers.Dense(64, activation="relu", name="hidden")(inputs)
    hidden = hidden if middle is None else middle(hidden)
    model = keras.Model(inputs, layers.Dense(12, name="scores")(hidden), name="dense")
    if change is not None:
        kernel = model.get_layer(layer).kernel.numpy().copy()
        change(kernel)
        model.get_layer(layer).kernel.assign(kernel)
    return model


def column(factor: float) -> Any:
    def change(kernel: Any) -> None:
        kernel[:, 5] *= factor

    return change


def row(factor: float) -> Any:
    def change(kernel: Any) -> None:
        kernel[7] *= factor

    return change


def everything(factor: float) -> Any:
    def change(kernel: Any) -> None:
        kernel *= factor

    return change


def diagnosed(model: Any, tmp_path: Path, codes: str, data: Any = None) -> list[Any]:
    return model_cases.diagnosed(model, tmp_path / "dense.keras", data, codes)


def test_an_output_channel_a_hundred_times_as_large_is_found(tmp_path: Path) -> None:
    (found,) = diagnosed(changed("hidden", column(100)), tmp_path, "M207")
    (layer,) = found.finding.details["layers"]
    assert (layer["layer"], layer["axis"], layer["channel"]) == ("hidden", "output", 5)
    assert layer["ratio"] == pytest.approx(100, rel=0.2)


def test_an_input_channel_a_hundred_times_as_large_is_found(tmp_path: Path) -> None:
    (found,) = diagnosed(changed("scores", row(100)), tmp_path, "M207")
    (layer,) = found.finding.details["layers"]
    assert (layer["layer"], layer["axis"], layer["channel"]) == ("scores", "input", 7)


def test_a_depthwise_filter_a_hundred_times_as_large_is_found(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 16), name="image")
    model = keras.Model(inputs, layers.DepthwiseConv2D(3, name="depthwise")(inputs))
    kernel = model.get_layer("depthwise").kernel.numpy().copy()
    kernel[:, :, 3] *= 100
    model.get_layer("depthwise").kernel.assign(kernel)
    (found,) = diagnosed(model, tmp_path, "M207")
    assert found.finding.details["layers"][0]["channel"] == 3


@pytest.mark.parametrize("factor", [10.0, 0.1, 0.0, 1e-9], ids=["large", "small", "pruned", "switched off"])
def test_channels_that_differ_as_in_trained_networks_are_fine(factor: float, tmp_path: Path) -> None:
    assert diagnosed(changed("hidden", column(factor)), tmp_path, "M207 M208") == []


def test_weights_beyond_float16_are_an_error(tmp_path: Path) -> None:
    def change(kernel: Any) -> None:
        kernel[0, 0] = 1e5

    (found,) = diagnosed(changed("hidden", change), tmp_path, "M208")
    assert (found.finding.subject, found.severity) == ("hidden", "error")


def test_weights_that_become_zero_in_float16_are_an_error(tmp_path: Path) -> None:
    (found,) = diagnosed(changed("hidden", everything(1e-8)), tmp_path, "M208")
    assert (found.finding.subject, found.severity) == ("hidden", "error")
    assert found.finding.details["zero"] == 1.0


def test_small_weights_that_float16_still_resolves_are_fine(tmp_path: Path) -> None:
    assert diagnosed(changed("hidden", everything(1e-3)), tmp_path, "M208") == []


def test_activations_beyond_float16_are_a_warning_with_data(tmp_path: Path) -> None:
    model = changed(middle=lambda x: layers.Dense(64, name="second")(layers.Rescaling(1e5)(x)))
    (found,) = diagnosed(model, tmp_path, "M208", model_cases.features())
    assert found.severity == "warning"
    assert "second" in found.finding.details["layers"]
    assert diagnosed(model, tmp_path, "M208") == []


def test_a_file_with_absurd_weights_is_no_crash(tmp_path: Path) -> None:
    def change(kernel: Any) -> None:
        kernel[0, 0] = np.nan
        kernel[1, 1] = np.inf

    diagnosed(changed("hidden", change), tmp_path, "M207")
