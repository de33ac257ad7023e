"""D106 and D108: the items to calibrate on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_cases import FLOAT32, array_case, case_of, demo_case, demo_images, severities

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import ModelInput
from edgeq.doctor.case import FileCase
from edgeq.doctor.checks.data_calibration import one_class, too_few_items
from edgeq.doctor.rule import ERROR, WARNING

RANDOM = np.random.default_rng(0)


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
    case.calibrated_on = frozenset(f"{number:064x}" for number in range(200))
    assert not list(one_class(case))


def test_data_that_were_cut_since_a_bundle_was_calibrated_on_them_are_judged_as_they_are():
    images, labels = demo_images(count=2000)
    chosen = labels == 3
    case = demo_case(images[chosen][:30], labels[chosen][:30])
    case.calibrated_on = frozenset([*case.items.digests(), *(f"{number:064x}" for number in range(70))])
    assert severities(one_class, case) == [ERROR]
    assert severities(too_few_items, case) == [WARNING]
