from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tiny_models

from edgeq.errors import EdgeqError, ModelError
from edgeq.sources.graph import Dimensions
from edgeq.sources.opening import open_source

pytestmark = pytest.mark.tensorflow

OWN_LAYER = """
import numpy as np
from neighbour import FACTOR

preprocess = "raw"
labels = ["low", "middle", "high"]


def model():
    import keras

    class Times(keras.layers.Layer):
        def call(self, x):
            return FACTOR * x

    features = keras.Input((8,), name="features")
    hidden = keras.layers.Dense(160, activation="relu")(features)
    return keras.Model(features, Times()(keras.layers.Dense(3, name="scores")(hidden)))


def data():
    generator = np.random.default_rng(0)
    return generator.uniform(-1, 1, (130, 8)).astype(np.float32), generator.integers(0, 3, 130)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("FACTOR = 2.0\n")
    path = tmp_path / "mynet.py"
    path.write_text(OWN_LAYER)
    return path


def test_a_script_brings_its_model_data_and_labels(script: Path, convert: Callable[..., Any]) -> None:
    conversion = convert(script)
    manifest = conversion.bundle.manifest
    assert conversion.failures == ()
    assert manifest.name == "mynet"
    assert manifest.labels == ("low", "middle", "high")
    assert manifest.preprocessing.name == "raw"
    assert len(manifest.calibration) == 130
    assert "int8" in [variant.name for variant in manifest.variants]


def test_what_is_given_counts_more_than_the_script(script: Path, convert: Callable[..., Any]) -> None:
    items = np.random.default_rng(1).uniform(-1, 1, (110, 8)).astype(np.float32)
    np.savez(script.parent / "mine.npz", features=items)
    manifest = convert(
        script, script.parent / "mine.npz", schemes=("int8",), labels=["a", "b", "c"]
    ).bundle.manifest
    assert manifest.labels == ("a", "b", "c")
    assert len(manifest.calibration) == 110


def test_calibration_is_used_whole_and_data_is_not_read(tmp_path: Path, convert: Callable[..., Any]) -> None:
    path = tmp_path / "calibrated.py"
    path.write_text(
        OWN_LAYER.replace("from neighbour import FACTOR", "FACTOR = 2.0").replace(
            "def data():", "def calibration():"
        )
        + "\n\ndef data():\n    raise RuntimeError('not asked for')\n"
    )
    assert len(convert(path, schemes=("int8",)).bundle.manifest.calibration) == 130


@pytest.mark.parametrize("made", ["saved.keras", "./saved.keras"])
def test_model_may_name_a_file_beside_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    tiny_models.dense().save(tmp_path / "saved.keras")
    (tmp_path / "named.py").write_text(f"def model():\n    return {made!r}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    graph = open_source(Path("../named.py"), Dimensions())
    assert graph.name == "named"
    assert [spec.name for spec in graph.inputs] == ["features"]


def test_the_digest_covers_the_script_and_the_model(tmp_path: Path) -> None:
    tiny_models.dense().save(tmp_path / "saved.keras")
    path = tmp_path / "named.py"
    path.write_text("def model():\n    return 'saved.keras'\n")
    before = open_source(path, Dimensions()).digest
    assert open_source(path, Dimensions()).digest == before
    path.write_text("def model():\n    # a word\n    return 'saved.keras'\n")
    assert open_source(path, Dimensions()).digest != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", r"has no function model\(\)"),
        ("def model():\n    pass\n", r"model\(\) returns nothing, expected a keras.Model"),
        ("def model():\n    return 3\n", r"expected a path or a keras.Model, found builtins.int"),
        ("def model():\n    return 'none.keras'\n", r"none.keras does not exist"),
        ("def model():\n    return 'other.py'\n", r"model\(\) names another script"),
        ("def model():\n    import keras\n    return keras.Nothing()\n", r"bad.py, line 3: AttributeError: "),
    ],
)
def test_a_script_that_gives_no_model_is_explained_in_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(EdgeqError, match=message) as caught:
        open_source(path, Dimensions())
    assert "\n" not in str(caught.value)


def test_the_script_that_init_writes_fails_only_at_its_placeholder(tmp_path: Path) -> None:
    from importlib.resources import files

    path = tmp_path / "filled.py"
    path.write_text(files("edgeq.cli").joinpath("converter_script.py.txt").read_text(encoding="utf-8"))
    with pytest.raises(ModelError, match=r"line \d+: ValueError: File not found: .*my_model.keras"):
        open_source(path, Dimensions())
    tiny_models.dense().save(tmp_path / "my_model.keras")
    assert open_source(path, Dimensions()).name == "filled"
