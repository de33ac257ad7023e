from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tiny_models
from keras import layers

from edgeq.errors import EdgeqError, UsageError
from edgeq.sources.graph import Dimensions, SourceGraph
from edgeq.sources.opening import open_source

pytestmark = pytest.mark.tensorflow


def opened(path: Path, **options: Any) -> SourceGraph:
    return open_source(path, Dimensions(), **options)


def refusal(path: Path, **options: Any) -> str:
    """The one line that opening ends with."""
    with pytest.raises(EdgeqError) as caught:
        opened(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
def test_a_saved_model_computes_what_the_model_computed(tmp_path: Path, suffix: str) -> None:
    model = tiny_models.dense()
    path = tmp_path / f"mynet{suffix}"
    model.save(path)
    graph = opened(path)
    features = np.linspace(-1, 1, 8, dtype=np.float32)[None]
    assert graph.name == "mynet"
    assert np.allclose(
        graph.predict({"features": features})["scores"], tiny_models.outputs(model, {"features": features})
    )


def test_a_legacy_file_with_groups_and_slashes_keeps_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    tiny_models.legacy_depthwise(path)
    pixels = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype(np.float32)
    expected = tiny_models.outputs(tiny_models.image(shape=(8, 8, 3)), {"image": pixels})
    assert np.allclose(opened(path).predict({"image": pixels})["scores"], expected)


SEPARABLE = {"groups": 1, "kernel_initializer": None, "kernel_regularizer": None, "kernel_constraint": None}


@pytest.mark.parametrize(
    ("layer", "shape", "stored"),
    [
        pytest.param(lambda: layers.DepthwiseConv2D(3), (8, 8, 3), {"groups": 1}, id="depthwise"),
        pytest.param(lambda: layers.Conv2DTranspose(4, 3), (8, 8, 3), {"groups": 1}, id="transposed"),
        pytest.param(lambda: layers.SeparableConv2D(4, 3), (8, 8, 3), SEPARABLE, id="separable"),
        pytest.param(lambda: layers.LSTM(4), (6, 3), {"time_major": False}, id="LSTM"),
        pytest.param(lambda: layers.GRU(4), (6, 3), {"time_major": False}, id="GRU"),
    ],
)
def test_arguments_of_older_keras_that_mean_nothing_are_left_out(
    tmp_path: Path, layer: Callable[[], Any], shape: tuple[int, ...], stored: dict[str, Any]
) -> None:
    path = old_file(tmp_path, layer, shape, stored)
    with pytest.raises((TypeError, ValueError)):
        keras.models.load_model(path, compile=False)
    x = np.random.default_rng(0).uniform(size=(1, *shape)).astype(np.float32)
    expected = old_model(layer, shape)(x)
    (result,) = opened(path).predict({"x": x}).values()
    assert np.allclose(result, expected, atol=1e-6)


def test_an_argument_of_older_keras_with_a_meaning_is_refused(tmp_path: Path) -> None:
    path = old_file(tmp_path, lambda: layers.Conv2DTranspose(4, 3), (8, 8, 4), {"groups": 2})
    assert "cannot be loaded: " in refusal(path)


@pytest.mark.parametrize("inner", ["Sequential", "Functional"])
def test_calls_of_an_inner_model_are_counted_as_keras_2_did(tmp_path: Path, inner: str) -> None:
    keras.utils.set_random_seed(0)
    x, y = keras.Input((4,), name="x"), keras.Input((4,))
    dense = layers.Dense(4)
    first = keras.Sequential([y, dense]) if inner == "Sequential" else keras.Model(y, dense(y))
    second = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model = keras.Model(x, second(first(first(x))))
    path = tmp_path / "old.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        nodes = {layer["name"]: layer for layer in config["config"]["layers"]}
        nodes[first.name]["inbound_nodes"] = [[["x", 0, 0, {}]], [[first.name, 1, 0, {}]]]
        nodes[second.name]["inbound_nodes"] = [[[first.name, 2, 0, {}]]]
        config["config"]["output_layers"] = [[second.name, 1, 0]]
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.8.0"
    with pytest.raises(ValueError, match="Invalid Functional model"):
        keras.models.load_model(path, compile=False)
    (result,) = opened(path).predict({"x": np.ones((1, 4), np.float32)}).values()
    assert np.allclose(result, model(np.ones((1, 4), np.float32)), atol=1e-6)


def old_model(layer: Callable[[], Any], shape: tuple[int, ...]) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape, name="x"), layer()])


def old_file(folder: Path, layer: Callable[[], Any], shape: tuple[int, ...], stored: dict[str, Any]) -> Path:
    """An .h5 whose second layer has arguments that Keras 2 stored."""
    path = folder / "old.h5"
    old_model(layer, shape).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["config"].update(stored)
        file.attrs["model_config"] = json.dumps(config)
    return path


def test_a_legacy_file_is_not_changed_by_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    tiny_models.legacy_depthwise(path)
    before = path.read_bytes()
    opened(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.h5"]


@pytest.fixture(params=[".keras", ".h5"])
def with_lambda(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    x = keras.Input((4,), name="x")
    inner = keras.Sequential([keras.Input((4,)), layers.Lambda(lambda value: value * 3)])
    path = tmp_path / f"lambda{request.param}"
    keras.Model(x, inner(x)).save(path)
    return path


def test_a_lambda_layer_is_refused_with_the_flag_that_allows_it(with_lambda: Path) -> None:
    assert "has a Lambda layer, which runs code from the file: add --allow-lambda" in refusal(with_lambda)


def test_a_lambda_layer_is_loaded_where_it_is_allowed(with_lambda: Path) -> None:
    graph = opened(with_lambda, allow_lambda=True)
    (result,) = graph.predict({"x": np.ones((1, 4))}).values()
    assert result.tolist() == [[3.0] * 4]


FACTOR = 3


def test_a_lambda_that_uses_what_its_module_imports_is_one_line_that_says_so(tmp_path: Path) -> None:
    # What a saved function's globals were is not in the file.
    saved_with(
        layers.Lambda(lambda value: np.square(value) * FACTOR, output_shape=(4,)), tmp_path / "m.keras"
    )
    with pytest.raises(
        EdgeqError, match=r"own code cannot be run: name '(np|FACTOR)' is not defined; .*script"
    ):
        opened(tmp_path / "m.keras", allow_lambda=True)


@keras.saving.register_keras_serializable("edgeq_tests")
class Registered(layers.Layer):
    def call(self, x: Any) -> Any:
        return x + 1


class Unregistered(layers.Layer):
    def call(self, x: Any) -> Any:
        return x + 1


def saved_with(layer: layers.Layer, path: Path) -> Path:
    keras.Sequential([keras.Input((4,), name="x"), layer]).save(path)
    return path


def test_a_registered_layer_is_found_in_memory(tmp_path: Path) -> None:
    graph = opened(saved_with(Registered(), tmp_path / "own.keras"))
    (result,) = graph.predict({"x": np.zeros((1, 4))}).values()
    assert result.tolist() == [[1.0] * 4]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_an_unknown_layer_leads_to_a_converter_script(tmp_path: Path, suffix: str) -> None:
    message = refusal(saved_with(Unregistered(), tmp_path / f"own{suffix}"))
    assert "it has 'Unregistered', which Keras does not know" in message
    assert "converter script (edgeq init NAME.py)" in message


def truncated(path: Path, keep: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def write(path: Path, content: bytes = b"") -> Path:
    path.write_bytes(content)
    return path


def saved(path: Path) -> Path:
    tiny_models.dense().save(path)
    return path


def weights(path: Path) -> Path:
    tiny_models.dense().save_weights(path)
    return path


def legacy_weights(path: Path) -> Path:
    saved(path)
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
        file.attrs["layer_names"] = ["features", "scores"]
    return path


def other_archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return path


def no_json(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")
    return path


def nonsense_config(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": ["x"], "config": 3}))
        archive.writestr("model.weights.h5", b"")
    return path


def other_hdf5(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["photos"] = np.zeros(3)
    return path


def renamed(path: Path, suffix: str) -> Path:
    return path.rename(path.with_suffix(suffix))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda f: write(f / "m.keras"), "found an empty file", id="empty .keras"),
        pytest.param(lambda f: write(f / "m.h5"), "found an empty file", id="empty .h5"),
        pytest.param(lambda f: write(f / "m.keras", b"<html>"), "begins with b'<html>'", id="a web page"),
        pytest.param(
            lambda f: truncated(saved(f / "m.keras")), "a damaged zip archive of", id="truncated .keras"
        ),
        pytest.param(lambda f: truncated(saved(f / "m.h5")), "is damaged: ", id="truncated .h5"),
        pytest.param(
            lambda f: renamed(saved(f / "m.h5"), ".keras"),
            "an HDF5 file: rename it to .h5",
            id=".h5 as .keras",
        ),
        pytest.param(
            lambda f: renamed(saved(f / "m.keras"), ".h5"),
            "a zip archive: rename it to .keras",
            id=".keras as .h5",
        ),
        pytest.param(
            lambda f: weights(f / "m.weights.h5"), "holds weights only: save the whole model", id="weights"
        ),
        pytest.param(
            lambda f: legacy_weights(f / "m.h5"), "holds weights only: save the whole model", id="old weights"
        ),
        pytest.param(
            lambda f: other_archive(f / "m.keras"),
            "no Keras model: expected config.json in it",
            id="other zip",
        ),
        pytest.param(lambda f: no_json(f / "m.keras"), "is damaged: ", id="no JSON"),
        pytest.param(lambda f: nonsense_config(f / "m.keras"), "cannot be loaded: ", id="nonsense"),
        pytest.param(
            lambda f: other_hdf5(f / "m.h5"), "no Keras model: expected the attribute", id="other HDF5"
        ),
        pytest.param(lambda f: f / "m.keras", "does not exist: expected .keras, legacy .h5", id="missing"),
        pytest.param(lambda f: write(f / "m.onnx"), "an ONNX model: onnx2tf makes a SavedModel", id="ONNX"),
        pytest.param(
            lambda f: write(f / "m.pth"), "a PyTorch file: litert-torch makes a float", id="PyTorch"
        ),
        pytest.param(lambda f: write(f / "m.pb"), "name the SavedModel folder", id="a .pb"),
        pytest.param(lambda f: write(f / "m.json"), "architecture without weights", id="architecture"),
        pytest.param(
            lambda f: write(f / "m.jpg"), "no model that edgeq reads: expected .keras", id="a photo"
        ),
    ],
)
def test_what_cannot_be_a_model_is_named_in_one_line(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    assert message in refusal(make(tmp_path))


def test_a_signature_is_for_saved_models(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--signature is for SavedModels"):
        opened(saved(tmp_path / "m.keras"), signature="serve")
