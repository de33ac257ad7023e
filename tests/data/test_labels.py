"""Class names, and class numbers in the model's order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeq.data.dataset import ArrayDataset, Dataset
from edgeq.data.labels import in_order_of, read_labels_file
from edgeq.data.truth import Boxes, ClassLabels, Masks, MultiLabels, ObjectBoxes, Targets, Truth
from edgeq.errors import DataError

NAMES = ("cat", "dog", "owl")
ORDER = ("owl", "cat", "dog")


def dataset(truth: Truth | None) -> Dataset:
    count = 4 if truth is None else len(truth)
    return ArrayDataset({"x": np.arange(count, dtype=np.uint8).reshape(count, 1)}).with_truth(truth)


def labelled() -> Dataset:
    return dataset(ClassLabels(np.array([0, 1, 2, 1]), NAMES))


# Order


def test_classes_are_renumbered_by_name_where_the_model_has_another_order():
    given = labelled()
    renumbered = in_order_of(given, ORDER)
    assert renumbered.labels.tolist() == [1, 2, 0, 2]
    assert renumbered.class_names == ORDER
    assert given.labels.tolist() == [0, 1, 2, 1]
    assert renumbered.digests() == given.digests()


def test_what_was_known_of_the_items_stays_known():
    given = Dataset(
        labelled().columns, labelled().truth, source="mine", splits=["train", "train", "test", "test"]
    ).inspected()
    renumbered = in_order_of(given, ORDER)
    assert (renumbered.source, renumbered.splits) == ("mine", given.splits)
    assert renumbered._digests == given._digests


def test_several_classes_an_item_are_renumbered():
    values = np.array([[1, 0, 0], [0, 1, 1]], bool)
    truth = in_order_of(dataset(MultiLabels(values, NAMES)), ORDER).truth
    assert truth == MultiLabels(truth.values, ORDER)
    assert truth.values.astype(int).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_masks_in_memory_are_renumbered_but_for_what_is_ignored():
    values = np.array([[[0, 1], [2, 255]]], np.uint8)
    truth = in_order_of(dataset(Masks(values=values, names=NAMES)), ORDER).truth
    assert truth.values.tolist() == [[[1, 2], [0, 255]]]
    assert truth.values.dtype == np.uint8
    assert truth.names == ORDER


def test_masks_in_files_cannot_be_renumbered():
    masks = Masks(files=(Path("a.png"),), names=NAMES)
    with pytest.raises(
        DataError, match=r"masks number the classes cat, dog, owl, …, the model owl, cat, dog, …"
    ):
        in_order_of(dataset(masks), ORDER)
    given = dataset(masks)
    assert in_order_of(given, NAMES) is given


def test_boxes_are_renumbered_with_the_numbers_of_their_file():
    none = np.zeros(3)
    objects = ObjectBoxes(np.zeros((3, 4)), np.array([0, 1, 2]), none.astype(bool), none, (2, 2))
    truth = in_order_of(dataset(Boxes((objects,), NAMES, (1, 5, 9))), ORDER).truth
    assert truth.objects[0].classes.tolist() == [1, 2, 0]
    assert (truth.names, truth.numbers) == (ORDER, (9, 1, 5))


def test_the_same_order_unknown_names_and_other_names_change_nothing():
    for labels in (["cat", "dog", "owl"], [], ["cat", "dog", "fox"], ["cat", "dog"], ["cat", "cat", "dog"]):
        given = labelled()
        assert in_order_of(given, labels) is given


def test_names_that_come_twice_have_no_order():
    given = dataset(ClassLabels(np.array([0, 1, 2]), ("a", "a", "b")))
    assert in_order_of(given, ["b", "a", "a"]) is given


def test_a_data_set_without_labels_or_classes_stays_as_it_is():
    for truth in (None, Targets(np.zeros((4, 2), np.float32), ("a", "b"))):
        given = dataset(truth)
        assert in_order_of(given, ["b", "a"]) is given


# Files


def test_names_stand_one_a_line_without_marks_blanks_and_empty_lines(tmp_path):
    (tmp_path / "l.txt").write_bytes("\ufeffcat \r\n\r\n  große Eule\n".encode())
    assert read_labels_file(tmp_path / "l.txt") == ["cat", "große Eule"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist: expected a text file with class names, one a line"),
        (b"", "holds no labels: expected one a line"),
        (b" \n\n", "holds no labels"),
        (b"\xff\xfe", "is no UTF-8 text: expected class names"),
    ],
)
def test_a_file_without_names_is_an_error(tmp_path, content, message):
    if content is not None:
        (tmp_path / "l.txt").write_bytes(content)
    with pytest.raises(DataError, match=rf"l\.txt {message}"):
        read_labels_file(tmp_path / "l.txt")


def test_a_folder_is_no_file_of_names(tmp_path):
    with pytest.raises(DataError, match="cannot be read as class names, one a line: Is a directory"):
        read_labels_file(tmp_path)
