"""D102 and D107: what data hold; nothing is said of good data by these or by D106 and D108."""

from __future__ import annotations

import numpy as np
import pytest
from data_cases import array_case, demo_case, demo_images, severities, write_pngs

from edgeq.data.dataset import ArrayDataset
from edgeq.data.reading import read_dataset
from edgeq.doctor.checks.data_calibration import one_class, too_few_items
from edgeq.doctor.checks.data_content import constant_input, duplicates
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
