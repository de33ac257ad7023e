"""D112: labelled data on which the model guesses, or of which the classes are in another order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from data_cases import array_case, demo_case, demo_images

from edgeq.data.dataset import ArrayDataset
from edgeq.data.preprocessing import find_preprocessing
from edgeq.data.truth import ClassLabels
from edgeq.doctor.checks.data_chance import not_above_chance
from edgeq.doctor.checks.data_range import wrong_range

IMAGES, LABELS = demo_images()


def test_nothing_is_said_of_the_demos_own_data():
    assert not list(not_above_chance(demo_case(IMAGES, LABELS)))
    assert not list(not_above_chance(demo_case(IMAGES)))


@pytest.mark.parametrize("count", [1, 12, 30, 60])
def test_nothing_is_said_of_few_items(count):
    assert not list(not_above_chance(demo_case(IMAGES[:count], LABELS[:count])))


@pytest.mark.parametrize(
    "given", ["one class", "two classes", "mostly one class", "a label that is out of range"]
)
def test_nothing_is_said_of_unusual_data_that_are_right(given):
    images, labels = demo_images(count=2000)
    if given == "one class":
        kept = labels == 6
    elif given == "two classes":
        kept = (labels == 4) | (labels == 6)
    elif given == "mostly one class":
        kept = (labels == 6) | (np.arange(len(labels)) % 40 == 0)
    else:
        labels, kept = np.where(np.arange(len(labels)) == 3, 10, labels), np.arange(300)
    assert not list(not_above_chance(demo_case(images[kept], labels[kept])))


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_labels_are_found_and_no_order_is_claimed(seed):
    labels = np.random.default_rng(seed).permutation(LABELS)
    (finding,) = not_above_chance(demo_case(IMAGES, labels))
    assert "not above chance" in finding.message
    assert "shuffled" in finding.message
    assert "order" not in finding.details


@pytest.mark.parametrize("moved", [2, 5, 10])
def test_classes_in_another_order_are_found_with_the_order(moved):
    # Of the first so many classes each has the number of the next: the others keep theirs, and may be above chance.
    number = np.arange(10)
    number[:moved] = np.roll(number[:moved], 1)
    (finding,) = not_above_chance(demo_case(IMAGES, number[LABELS]))
    order = np.array(finding.details["order"])
    np.testing.assert_array_equal(order[number], np.arange(10))
    assert finding.details["accuracy_in_order"] > 0.85
    assert "--labels" in finding.message


def test_a_class_is_called_by_its_name():
    names = tuple(f"kind {number}" for number in range(10))
    dataset = ArrayDataset({"image": IMAGES}, source="images.npz").with_truth(
        ClassLabels((LABELS + 1) % 10, names)
    )
    (finding,) = not_above_chance(demo_case(dataset))
    assert "class 0 (kind 0) of the data is the model's output 9" in finding.message


def test_a_model_with_one_answer_is_told_from_shuffled_labels(tmp_path):
    spoiling = pytest.importorskip("spoiling", exc_type=ImportError)

    def without_weights(model):
        (last,) = spoiling.operators(model, "FULLY_CONNECTED")
        buffer = model.buffers[spoiling.tensor(model, last.inputs[1]).buffer]
        buffer.data = np.zeros_like(buffer.data)

    case = demo_case(IMAGES, LABELS)
    path = spoiling.spoiled(case.float32_file, tmp_path / "dead.float32.tflite", without_weights)
    (finding,) = not_above_chance(dataclasses.replace(case, float32_file=path))
    assert "to every item" in finding.message


def test_what_d104_finds_is_not_said_twice():
    case = demo_case(IMAGES, LABELS, preprocessing=find_preprocessing("0..1"))
    assert list(wrong_range(case))
    assert not list(not_above_chance(case))


def test_labels_that_are_no_classes_are_left_alone():
    dataset = ArrayDataset(
        {"image": IMAGES}, np.random.default_rng(0).permutation(LABELS), source="images.npz"
    )
    dataset.task = "embedding"
    assert not list(not_above_chance(demo_case(dataset)))
    # Ten people known by embeddings would be labelled with a small part of the numbers of outputs.
    few = np.random.default_rng(0).integers(0, 4, len(IMAGES))
    assert not list(not_above_chance(demo_case(IMAGES, few)))


def test_a_file_that_does_not_run_says_nothing_of_the_data(tmp_path, crashing_model):
    path = tmp_path / "crashing.tflite"
    path.write_bytes(crashing_model)
    arrays = {"condition": np.ones((40, 1)), "x": np.ones((40, 1))}
    assert not list(not_above_chance(array_case(arrays, np.arange(40) % 2, float32_file=path)))
