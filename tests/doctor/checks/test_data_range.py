"""D104: values that reach the model in another range than it was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from data_cases import FLOAT32, IMAGE, array_case, case_of, demo_case, demo_images, write_pngs

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import ModelInput
from edgeq.data.preprocessing import RAW, find_preprocessing, parse_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.doctor.checks.data_range import wrong_range

if TYPE_CHECKING:
    from edgeq.doctor.case import Case

PICTURE = ModelInput("image", (16, 16, 3), "float32")
NETWORKS = (("batch_norm", "-1..1"), ("plain", "0..1"), ("batch_norm", "raw"), ("rescaling", "raw"))


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """A network of a kind, trained on values of a range, each once."""
    pytest.importorskip("tensorflow")
    from trained import trained_on_pictures

    made: dict[tuple[str, str], Path] = {}

    def make(kind: str, values: str) -> Path:
        if (kind, values) not in made:
            folder = tmp_path_factory.mktemp("network")
            made[kind, values] = trained_on_pictures(kind, values, folder / f"{kind}.tflite")
        return made[kind, values]

    return make


def _pictures_case(path: Path, preprocess: str, *, labelled: bool) -> Case:
    from trained import pictures

    pixels, labels = pictures(300, seed=2)
    dataset = ArrayDataset({"image": pixels}, labels if labelled else None, source="pictures.npz")
    return case_of(dataset, (PICTURE,), float32_file=path, preprocessing=find_preprocessing(preprocess))


@pytest.mark.parametrize("labelled", [False, True])
def test_nothing_is_said_of_the_demos_own_data(labelled, tmp_path):
    images, labels = demo_images()
    shown = labels if labelled else None
    assert not list(wrong_range(demo_case(images, shown)))
    assert not list(wrong_range(demo_case(images.astype(np.float32), shown)))
    assert not list(wrong_range(demo_case(read_dataset(write_pngs(tmp_path, images[:100], shown)))))


@pytest.mark.parametrize("given", ["dark", "one class", "few", "inverted"])
def test_nothing_is_said_of_unusual_data_in_the_right_range(given):
    images, labels = demo_images(count=2000)
    if given == "dark":
        images, labels = images[:300] // 5, None
    elif given == "one class":
        images, labels = images[labels == 8], labels[labels == 8]
    elif given == "few":
        images, labels = images[:12], labels[:12]
    else:
        images, labels = 255 - images[:300], None
    assert not list(wrong_range(demo_case(images, labels)))


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize(
    "given", ["array in 0..1", "array in -1..1", "--preprocess 0..1", "divided twice", "times 255"]
)
def test_data_that_the_demo_rescales_a_second_time_are_found(given, labelled):
    images, labels = demo_images()
    images = images.astype(np.float32)
    preprocessing = RAW
    if given == "array in 0..1":
        images = images / 255
    elif given == "array in -1..1":
        images = images / 127.5 - 1
    elif given == "--preprocess 0..1":
        images, preprocessing = images.astype(np.uint8), find_preprocessing("0..1")
    elif given == "divided twice":
        images = images / 255
        preprocessing = find_preprocessing("0..1")
    else:
        images = images * 255
    case = demo_case(images, labels if labelled else None, preprocessing=preprocessing)
    (finding,) = wrong_range(case)
    scale, offset = finding.details["scale"], finding.details["offset"]
    reached = preprocessing.apply(images) * scale + offset
    assert reached.max() == pytest.approx(255, rel=1e-4)
    assert json.dumps(finding.details)
    assert "expected" in finding.message


def test_a_range_that_is_better_and_still_poor_is_told_without_a_remedy_that_a_fix_would_take():
    images, labels = demo_images()
    (finding,) = wrong_range(demo_case(((images / 255 - 0.286) / 0.353).astype(np.float32), labels))
    assert "none of the usual ones" in finding.message
    assert "values 255 times larger is the best of them" in finding.message
    assert "scale" not in finding.details
    assert "offset" not in finding.details
    assert finding.details["candidates"][0]["scale"] == 255


def test_the_name_of_the_preprocessing_that_mends_it_is_told():
    images, _ = demo_images()
    (finding,) = wrong_range(demo_case(images, preprocessing=find_preprocessing("0..1")))
    assert finding.details["preprocess"] == "raw"
    assert finding.details["expected"] == ["0..255"]


def test_calibration_data_of_another_range_are_found():
    images, labels = demo_images()
    calibration = ArrayDataset({"image": (images / 255).astype(np.float32)}, source="calibration.npz")
    (finding,) = wrong_range(demo_case(images, labels, calibration=calibration))
    assert finding.subject == "calibration.npz"


def test_a_folder_of_images_under_a_wrong_preprocessing_is_found(tmp_path):
    images, labels = demo_images(count=100)
    folder = write_pngs(tmp_path / "images", images, labels)
    case = demo_case(read_dataset(folder), preprocessing=find_preprocessing("-1..1"))
    (finding,) = wrong_range(case)
    assert finding.path == folder
    assert parse_preprocessing({"values": finding.details["preprocess"]}, "x").is_raw


@pytest.mark.tensorflow
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize(("kind", "values"), NETWORKS)
def test_networks_fed_as_they_were_trained_are_fine(kind, values, labelled, network):
    assert not list(wrong_range(_pictures_case(network(kind, values), values, labelled=labelled)))


@pytest.mark.tensorflow
@pytest.mark.parametrize(("kind", "values"), NETWORKS)
def test_values_of_another_order_of_magnitude_are_found_without_labels(kind, values, network):
    given = "0..1" if values == "raw" else "raw"
    (finding,) = wrong_range(_pictures_case(network(kind, values), given, labelled=False))
    expected = "0..255" if values == "raw" else values
    assert expected in finding.details["expected"]
    # What is too large might be for any of the small ranges: nothing is claimed that cannot be told.
    assert ("scale" in finding.details) == (values == "raw")


@pytest.mark.tensorflow
@pytest.mark.parametrize("given", ["raw", "0..1"])
def test_labels_tell_one_small_range_from_another(given, network):
    (finding,) = wrong_range(_pictures_case(network("batch_norm", "-1..1"), given, labelled=True))
    assert finding.details["expected"] == ["-1..1"]
    assert finding.details["preprocess"] == "-1..1"
    assert "labelled items are right" in finding.message


@pytest.mark.tensorflow
@pytest.mark.parametrize("given", ["raw", "0..1", "-1..1"])
@pytest.mark.parametrize("labelled", [False, True])
def test_a_network_that_was_never_trained_expects_nothing(given, labelled, tmp_path_factory):
    pytest.importorskip("tensorflow")
    import tensorflow as tf
    from trained import network as untrained

    path = tmp_path_factory.mktemp("untrained") / "untrained.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(untrained("plain")).convert())
    assert not list(wrong_range(_pictures_case(path, given, labelled=labelled)))


def test_a_file_that_does_not_run_says_nothing_of_the_data(tmp_path, crashing_model):
    path = tmp_path / "crashing.tflite"
    path.write_bytes(crashing_model)
    case = array_case({"condition": np.ones((20, 1)), "x": np.ones((20, 1))}, float32_file=path)
    assert not list(wrong_range(case))


def test_a_file_of_which_the_input_has_another_name_is_examined_too():
    images, _ = demo_images(count=64)
    case = case_of(ArrayDataset({"": (images / 255).astype(np.float32)}), (IMAGE,), float32_file=FLOAT32)
    assert list(wrong_range(case))
