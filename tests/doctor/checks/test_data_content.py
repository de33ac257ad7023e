"""D102, D106, D107 and D108: what data hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_cases import FLOAT32, array_case, case_of, demo_case, demo_images, severities, write_pngs

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import ModelInput
from edgeq.data.reading import read_dataset
from edgeq.doctor.case import FileCase
from edgeq.doctor.checks.data_content import constant_input, duplicates, one_class, too_few_items
from edgeq.doctor.rule import ERROR, WARNING

CHECKS = (constant_input, too_few_items, duplicates, one_class)
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_said_of_good_data(check, tmp_path):
    images, labels = demo_images()
    assert not list(check(demo_case(images, labels)))
    assert not list(check(demo_case(images)))
    assert not list(check(demo_case((images / 255).astype(np.float32), labels)))
    assert not list(check(demo_case(read_dataset(write_pngs(tmp_path, images[:120], labels[:120])))))
    assert not list(check(array_case({"a": RANDOM.normal(size=(150, 4)), "b": RANDOM.normal(size=(150, 4))})))
    calibration = ArrayDataset(
        {"image": demo_images("calibration", 200)[0]}, demo_images("calibration", 200)[1]
    )
    assert not list(check(demo_case(images, labels, calibration=calibration)))


def test_the_same_item_over_and_over_is_constant():
    images, _ = demo_images(count=1)
    case = demo_case(np.repeat(images, 120, axis=0))
    (finding,) = constant_input(case)
    assert "the same in all 120 items" in finding.message
    assert finding.details["share"] == 1
    assert not list(duplicates(case))


def test_one_constant_input_of_two_is_named():
    (finding,) = constant_input(array_case({"a": RANDOM.normal(size=(150, 4)), "b": np.ones((150, 4))}))
    assert "'b'" in finding.message
    assert finding.severity == ""


def test_token_types_that_are_all_zero_are_a_warning():
    arrays = {"ids": RANDOM.integers(0, 999, (150, 20)), "types": np.zeros((150, 20), np.int64)}
    assert severities(constant_input, array_case(arrays)) == [WARNING]


@pytest.mark.parametrize(("share", "expected"), [(0.02, []), (0.2, [WARNING]), (0.8, [ERROR])])
def test_black_images_are_judged_by_their_share(share, expected):
    images = demo_images(count=100)[0].copy()
    images[: int(100 * share)] = np.arange(int(100 * share))[:, None, None, None]
    assert severities(constant_input, demo_case(images)) == expected


def test_black_image_files_are_found(tmp_path):
    images = demo_images(count=60)[0].copy()
    images[::2] = np.arange(30)[:, None, None, None]
    (finding,) = constant_input(demo_case(read_dataset(write_pngs(tmp_path, images))))
    assert 0.4 < finding.details["share"] < 0.6


def test_silence_that_is_a_class_of_its_own_is_no_mistake():
    sounds = RANDOM.normal(size=(100, 400)).astype(np.float32)
    labels = np.arange(100) % 4
    sounds[labels == 2] = np.arange(25)[:, None]
    assert not list(constant_input(array_case({"sound": sounds}, labels)))
    assert list(constant_input(array_case({"sound": sounds}, (np.arange(100) // 7) % 4)))


@pytest.mark.parametrize(("count", "expected"), [(9, [ERROR]), (40, [WARNING]), (99, [WARNING]), (100, [])])
def test_few_items_are_a_warning_and_hardly_any_an_error(count, expected):
    assert severities(too_few_items, demo_case(demo_images(count=count)[0])) == expected


def test_copies_do_not_count_as_items():
    images = np.tile(demo_images(count=8)[0], (30, 1, 1, 1))
    assert severities(too_few_items, demo_case(images)) == [ERROR]


def test_calibration_data_count_where_they_are_given():
    images, _ = demo_images()
    few = ArrayDataset({"image": images[:30]}, source="calibration.npz")
    (finding,) = too_few_items(demo_case(images, calibration=few))
    assert finding.subject == "calibration.npz"
    assert finding.details["count"] == 30


def test_what_a_bundle_was_calibrated_on_counts_and_not_the_data_at_hand():
    images, _ = demo_images(count=20)
    many = frozenset(f"{number:064x}" for number in range(200))
    assert not list(too_few_items(demo_case(images, calibrated_on=many)))
    assert severities(too_few_items, demo_case(images, calibrated_on=frozenset(sorted(many)[:50]))) == [
        WARNING
    ]


def test_a_file_that_is_quantized_already_needs_no_calibration():
    images = ArrayDataset({"image": demo_images(count=20)[0]}, source="images.npz")
    file = FileCase(Path(FLOAT32.parent / "fashion_mnist.int8.tflite"), "int8")
    assert not list(
        too_few_items(case_of(images, (ModelInput("image", (28, 28, 1), "float32"),), files=(file,)))
    )


def test_duplicates_above_five_percent_are_counted_with_their_rows():
    images, labels = demo_images(count=100)
    images, labels = np.concatenate([images, images[:10]]), np.concatenate([labels, labels[:10]])
    labels[100] = (labels[100] + 1) % 10
    (finding,) = duplicates(demo_case(images, labels))
    assert "10 of 110 items (9.1%)" in finding.message
    assert "1 of them with another label" in finding.message
    assert finding.details["items"] == list(range(100, 110))


def test_a_few_duplicates_are_none():
    images, _ = demo_images(count=100)
    assert not list(duplicates(demo_case(np.concatenate([images, images[:4]]))))


def test_rows_of_duplicates_are_those_of_the_data_with_nan_in_them():
    values = RANDOM.normal(size=(60, 4))
    values[20:30] = values[:10]
    values[3] = np.nan
    (finding,) = duplicates(array_case({"a": values}))
    assert finding.details["items"] == [20, 21, 22, *range(24, 30)]


def test_duplicate_files_are_found_under_other_names(tmp_path):
    images, _ = demo_images(count=40)
    (finding,) = duplicates(demo_case(read_dataset(write_pngs(tmp_path, np.tile(images, (2, 1, 1, 1))))))
    assert finding.details["share"] == 0.5
    assert "items" not in finding.details


def test_items_of_one_class_are_an_error_where_the_model_knows_ten():
    images, labels = demo_images(count=2000)
    chosen = labels == 3
    (finding,) = one_class(demo_case(images[chosen], labels[chosen]))
    assert finding.severity == ERROR
    assert finding.details == {"classes": 10, "present": [3], "missing": [0, 1, 2, 4, 5, 6, 7, 8, 9]}


def test_a_missing_class_is_a_warning():
    images, labels = demo_images()
    assert severities(one_class, demo_case(images[labels != 4], labels[labels != 4])) == [WARNING]


def test_calibration_data_of_one_class_are_found_by_the_classes_of_the_data():
    values, labels = RANDOM.normal(size=(200, 4)), np.arange(200) % 2
    one = ArrayDataset({"a": RANDOM.normal(size=(120, 4))}, np.zeros(120, np.int64), source="calibration.npz")
    (finding,) = one_class(array_case({"a": values}, labels, calibration=one))
    assert (finding.subject, finding.severity) == ("calibration.npz", ERROR)


def test_few_items_of_a_model_with_many_classes_miss_some_by_nature():
    images, labels = demo_images(count=40)
    assert not list(one_class(demo_case(images[labels < 5], labels[labels < 5])))


def test_normal_items_alone_are_what_an_anomaly_detector_is_calibrated_on():
    case = array_case({"a": RANDOM.normal(size=(200, 4))}, np.arange(200) % 2)
    normal = ArrayDataset({"a": RANDOM.normal(size=(120, 4))}, np.zeros(120, np.int64))
    case.dataset.task = normal.task = "anomaly"
    case.calibration = normal
    assert not list(one_class(case))


def test_data_that_a_bundle_was_not_calibrated_on_say_nothing_of_its_classes():
    images, labels = demo_images(count=2000)
    chosen = labels == 3
    case = demo_case(images[chosen], labels[chosen])
    case.calibrated_on = frozenset([*case.items.digests()[:5], *(f"{number:064x}" for number in range(200))])
    assert not list(one_class(case))
