"""D100, D101, D103 and D105: data that cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
from data_cases import IMAGE, array_case, case_of, demo_case, demo_images, write_pngs

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import ModelInput
from edgeq.data.reading import read_dataset
from edgeq.doctor.checks.data_reading import no_items, not_finite, unreadable_data, unreadable_items
from edgeq.errors import DataError

CHECKS = (unreadable_data, no_items, not_finite, unreadable_items)


def _read_problem(path):
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    return caught.value


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_said_of_good_data(check, tmp_path):
    images, labels = demo_images(count=40)
    assert not list(check(demo_case(images, labels)))
    assert not list(check(demo_case(read_dataset(write_pngs(tmp_path, images, labels)))))
    assert not list(check(demo_case((images / 255).astype(np.float32))))
    assert not list(check(array_case({"a": np.random.default_rng(0).normal(size=(30, 4))})))


def test_data_that_could_not_be_read_are_named_by_their_error(tmp_path):
    (tmp_path / "data.npz").write_bytes(b"no archive")
    problem = _read_problem(tmp_path / "data.npz")
    (finding,) = unreadable_data(case_of(None, (IMAGE,), data_problem=problem))
    assert finding.message == str(problem)
    assert not list(no_items(case_of(None, (IMAGE,), data_problem=problem)))


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"picture": np.zeros((20, 28, 28, 1), np.uint8)}, "inputs named image"),
        ({"image": np.zeros((20, 28, 28), np.uint8)}, "add or drop the channel axis"),
        ({"image": np.zeros((20, 32, 32, 1), np.uint8)}, "[28, 28, 1]"),
    ],
)
def test_data_that_do_not_fit_the_inputs_are_found(arrays, expected):
    case = case_of(ArrayDataset(arrays, source="images.npz"), (IMAGE,))
    (finding,) = unreadable_data(case)
    assert expected in finding.message
    assert finding.subject == "images.npz"


def test_calibration_data_that_do_not_fit_are_found():
    images, _ = demo_images(count=20)
    other = ArrayDataset({"image": images[:, :20]}, source="calibration.npz")
    (finding,) = unreadable_data(demo_case(images, calibration=other))
    assert finding.subject == "calibration.npz"


def test_a_folder_of_which_every_image_is_bad_is_unreadable(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"no image")
    case = demo_case(read_dataset(tmp_path))
    (finding,) = unreadable_data(case)
    assert "3 of 3" in finding.message
    assert finding.path == tmp_path
    assert not list(unreadable_items(case))


@pytest.mark.parametrize("form", ["folder", "csv", "generator"])
def test_data_without_an_item_are_empty_and_not_unreadable(tmp_path, form):
    if form == "folder":
        path = tmp_path / "images"
        path.mkdir()
    elif form == "csv":
        path = tmp_path / "items.csv"
        path.write_text("path,label\n")
    else:
        path = tmp_path / "script.py"
        path.write_text("def data():\n    return iter(())\n")
    case = case_of(None, (IMAGE,), data_problem=_read_problem(path))
    (finding,) = no_items(case)
    assert finding.message == str(case.data_problem)
    assert not list(unreadable_data(case))


def test_an_array_without_rows_is_empty():
    case = demo_case(np.zeros((0, 28, 28, 1), np.uint8))
    (finding,) = no_items(case)
    assert "no item" in finding.message
    assert not [finding for check in CHECKS if check is not no_items for finding in check(case)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_items_with_numbers_that_are_none_are_counted_and_the_first_is_named(value):
    values = np.random.default_rng(0).normal(size=(50, 6))
    values[[7, 30], 2] = value
    (finding,) = not_finite(array_case({"a": values}))
    assert "2 of 50" in finding.message
    assert "item 7 of input 'a'" in finding.message
    assert finding.details["items"] == [7, 30]


def test_items_with_nan_are_not_called_unreadable_too():
    values = np.random.default_rng(0).normal(size=(50, 6))
    values[3] = np.nan
    assert not list(unreadable_items(array_case({"a": values})))
    values[:] = np.nan
    assert not list(unreadable_data(array_case({"a": values})))
    assert list(not_finite(array_case({"a": values})))


def test_nan_in_calibration_data_is_found_and_is_not_for_the_fix():
    values = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    spoiled = values.copy()
    spoiled[0] = np.nan
    calibration = ArrayDataset({"a": spoiled}, source="calibration.npz")
    case = case_of(
        ArrayDataset({"a": values}, source="a.npz"),
        (ModelInput("a", (6,), "float32"),),
        calibration=calibration,
    )
    (finding,) = not_finite(case)
    assert finding.subject == "calibration.npz"
    assert "items" not in finding.details


def test_damaged_images_are_found_whether_their_header_shows_it_or_not(tmp_path):
    images, _ = demo_images(count=30)
    folder = write_pngs(tmp_path / "images", images)
    (folder / "0003.png").write_bytes(b"no image")
    whole = (folder / "0005.png").read_bytes()
    (folder / "0005.png").write_bytes(whole[: len(whole) // 2])
    (finding,) = unreadable_items(demo_case(read_dataset(folder)))
    assert "2 of 30" in finding.message
    assert "0003.png" in finding.message
    assert "0005.png" in finding.message
