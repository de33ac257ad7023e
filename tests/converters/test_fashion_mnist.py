from __future__ import annotations

import gzip
import importlib.util
import json
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgeq.errors import DataError

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "converters" / "fashion_mnist.py"
DEMO = ROOT / "edgeq" / "demo"
FILES = (
    "LICENSE.fashion-mnist.txt",
    "README.md",
    "calibration.npz",
    "model.keras",
    "test.npz",
    "training.json",
)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fashion_mnist_converter", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DEMO / "training.json").read_text())
    return content


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script's cache folder, not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "edgeq" / "fashion-mnist"


def write_test_split(folder: Path, classes: bytes) -> None:
    folder.mkdir(parents=True)
    images = struct.pack(">4I", 0x0803, 10_000, 28, 28) + bytes(range(256)) * (10_000 * 28 * 28 // 256)
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, 1))
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(struct.pack(">2I", 0x0801, 10_000) + classes)
    )


def test_importing_the_script_does_not_load_tensorflow() -> None:
    code = f"import runpy, sys; runpy.run_path({str(SCRIPT)!r}); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_calibration_has_256_images_with_every_class_25_or_26_times(script: ModuleType) -> None:
    images, classes = script.calibration()
    assert (images.dtype, images.shape) == (np.uint8, (256, 28, 28, 1))
    assert (classes.dtype, classes.shape) == (np.int64, (256,))
    assert np.bincount(classes).tolist() == [26] * 6 + [25] * 4


def test_without_the_data_set_the_data_are_200_images_of_each_class(script: ModuleType, cache: Path) -> None:
    images, classes = script.data()
    assert (images.dtype, images.shape) == (np.uint8, (2000, 28, 28, 1))
    assert (classes.dtype, classes.shape) == (np.int64, (2000,))
    assert np.bincount(classes).tolist() == [200] * 10


def test_with_the_data_set_in_the_cache_the_data_are_its_10000_test_images(
    script: ModuleType, cache: Path
) -> None:
    write_test_split(cache, bytes(range(10)) * 1000)
    images, classes = script.data()
    assert (images.dtype, images.shape) == (np.uint8, (10_000, 28, 28, 1))
    assert images[0].ravel()[:300].tolist() == [*range(256), *range(44)]
    assert (classes.dtype, classes[:12].tolist()) == (np.int64, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])


def test_a_truncated_data_set_is_an_error_that_names_the_file(script: ModuleType, cache: Path) -> None:
    write_test_split(cache, b"\0" * 9_999)
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz is not an IDX file of uint8\[10000\]"):
        script.data()


def test_without_apt_the_error_is_one_line_that_says_where_the_files_go(
    script: ModuleType, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        DataError, match="needs apt-get, which is not installed here: copy the four"
    ) as caught:
        script.fetch(cache)
    assert str(cache) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_calibration_and_test_images_are_different_and_none_is_there_twice() -> None:
    with np.load(DEMO / "calibration.npz") as calibration, np.load(DEMO / "test.npz") as test:
        images = np.concatenate([calibration["image"], test["image"]])
    assert len({image.tobytes() for image in images}) == 2256
    assert images.min() == 0
    assert images.max() == 255


def test_labels_name_the_ten_classes(script: ModuleType) -> None:
    assert len(set(script.labels)) == 10
    assert (script.labels[0], script.labels[9]) == ("T-shirt/top", "Ankle boot")


def test_augmentation_moves_by_two_pixels_at_most_and_is_seeded(script: ModuleType) -> None:
    images = np.zeros((500, 28, 28, 1), np.uint8)
    images[:, 9, 20] = 1
    moved = script.augmented(images, np.random.default_rng(0))
    assert moved.shape == images.shape
    assert moved.dtype == np.uint8
    _, rows, columns, _ = np.nonzero(moved)
    assert set(rows) == {7, 8, 9, 10, 11}
    assert set(columns) == {18, 19, 20, 21, 22} | {27 - x for x in (18, 19, 20, 21, 22)}
    np.testing.assert_array_equal(moved, script.augmented(images, np.random.default_rng(0)))


@pytest.mark.parametrize("name", FILES)
def test_the_demo_ships(name: str) -> None:
    assert (DEMO / name).stat().st_size > 0


def test_the_model_is_smaller_than_a_megabyte() -> None:
    assert (DEMO / "model.keras").stat().st_size < 1_000_000


@pytest.mark.parametrize("name", ["model.keras", "calibration.npz", "test.npz"])
def test_no_date_and_no_memory_address_is_in_the_archive(name: str) -> None:
    with zipfile.ZipFile(DEMO / name) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        text = b"".join(archive.read(entry) for entry in archive.namelist() if entry.endswith(".json"))
    assert b"date_saved" not in text
    assert b"shared_object_id" not in text


def test_the_licence_names_its_holder_and_grants_the_permission() -> None:
    text = (DEMO / "LICENSE.fashion-mnist.txt").read_text()
    assert "Zalando SE" in text
    assert "Permission is hereby granted, free of charge" in text


@pytest.mark.parametrize("split", ["test", "shipped"])
def test_the_readme_states_the_accuracy_that_was_measured(split: str, facts: dict[str, Any]) -> None:
    measured = facts[split]
    row = re.search(rf"\| {measured['n']:,} \| ([\d,]+) \| ([\d.]+) % \|", (DEMO / "README.md").read_text())
    assert row is not None
    assert row[1].replace(",", "") == str(measured["correct"])
    assert row[2] == f"{100 * measured['correct'] / measured['n']:.2f}"


@pytest.mark.tensorflow
def test_the_model_reaches_the_stated_accuracy(
    script: ModuleType, facts: dict[str, Any], cache: Path
) -> None:
    images, classes = script.data()
    model = script.model()
    correct = script.count_correct(model, images, classes)
    assert model.count_params() == facts["parameters"]
    # 0.1 pp of room: kernels of another CPU round differently.
    assert correct == pytest.approx(facts["shipped"]["correct"], abs=2)


@pytest.mark.tensorflow
def test_the_model_has_named_ends_and_takes_values_up_to_255(script: ModuleType) -> None:
    model = script.model()
    assert [(tensor.name, tensor.shape) for tensor in model.inputs] == [("image", (None, 28, 28, 1))]
    assert model.output_names == ["class"]
    assert script.preprocess == "raw"
    assert model.layers[1].__class__.__name__ == "Rescaling"


@pytest.mark.tensorflow
def test_saving_the_model_twice_gives_the_same_bytes(script: ModuleType) -> None:
    model = script.model()
    assert script.model_bytes(model) == script.model_bytes(model)
