"""What is known of items: classes, numbers, masks and boxes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.data.truth import (
    Boxes,
    ClassLabels,
    Masks,
    MultiLabels,
    ObjectBoxes,
    Targets,
    Truth,
    truth_from_array,
)
from edgeq.errors import DataError


def boxes(*corners: float) -> ObjectBoxes:
    count = len(corners)
    table = np.array([[corner, 0, corner + 1, 1] for corner in corners], np.float64).reshape(count, 4)
    return ObjectBoxes(table, np.arange(count), np.zeros(count, bool), np.ones(count), (10, 10))


@pytest.fixture
def truths(tmp_path) -> list[Truth]:
    """One of each kind, with three items that all differ."""
    for name in "abc":
        (tmp_path / name).write_text(name)
    masks = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    return [
        ClassLabels(np.array([2, 0, 1]), ("a", "b", "c")),
        MultiLabels(np.array([[1, 0], [0, 0], [1, 1]], bool), ("a", "b")),
        Targets(np.array([[1.5], [2.5], [3.5]], np.float32), ("a",)),
        Masks(values=masks, names=("a",), ignored=7),
        Masks(files=tuple(tmp_path / name for name in "abc"), names=("a",), ignored=7),
        Boxes((boxes(1, 2), boxes(), boxes(3)), ("a", "b"), (1, 7)),
    ]


def test_what_is_taken_is_in_the_order_asked_for(truths):
    for truth in truths:
        taken = truth.take([2, 0, 2])
        assert type(taken) is type(truth)
        assert len(taken) == 3
        assert [taken.key(index) for index in range(3)] == [truth.key(index) for index in (2, 0, 2)]
        assert taken.names == truth.names
        assert len(truth.take([])) == 0


def test_what_is_taken_keeps_what_is_said_of_all(truths):
    for truth in truths:
        for name in ("ignored", "numbers"):
            assert getattr(truth.take([0]), name, None) == getattr(truth, name, None)


def test_keys_tell_items_apart(truths):
    for truth in truths:
        assert len({truth.key(index) for index in range(3)}) == 3


def test_truths_travel_to_other_processes(truths):
    for truth in truths:
        copy = pickle.loads(pickle.dumps(truth))  # noqa: S301
        assert [copy.key(index) for index in range(3)] == [truth.key(index) for index in range(3)]


# From arrays


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([2, 0, 1], np.uint8), [2, 0, 1]),
        (np.array([[2], [0], [1]], np.int32), [2, 0, 1]),
        (np.array([True, False, True]), [1, 0, 1]),
        (np.eye(3, dtype=np.uint8)[[2, 0, 1]], [2, 0, 1]),
        (np.eye(3, dtype=bool)[[2, 0, 1]], [2, 0, 1]),
    ],
    ids=["integers", "a column", "bools", "one-hot", "one-hot bools"],
)
def test_integers_are_classes(values, expected):
    truth = truth_from_array(values, 3, "mine", ["a", "b", "c"])
    assert isinstance(truth, ClassLabels)
    assert truth.values.tolist() == expected
    assert truth.values.dtype == np.int64
    assert truth.names == ("a", "b", "c")


def test_rows_of_zeros_and_ones_that_are_not_one_hot_are_several_classes():
    truth = truth_from_array(np.array([[1, 1, 0], [0, 1, 0]]), 2, "mine", ["a", "b", "c"])
    assert isinstance(truth, MultiLabels)
    assert truth.values.dtype == bool
    assert truth.names == ("a", "b", "c")


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 2)])
def test_floats_are_numbers_to_predict(shape):
    truth = truth_from_array(np.full(shape, 0.25), 4, "mine", ["a"])
    assert isinstance(truth, Targets)
    assert (truth.values.dtype, truth.values.shape) == (np.float32, shape)


def test_pictures_of_uint8_are_masks():
    truth = truth_from_array(np.zeros((4, 2, 3), np.uint8), 4, "mine", ["a"])
    assert isinstance(truth, Masks)
    assert (truth.ignored, truth.names) == (255, ("a",))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.arange(3), r"mine: expected 4 labels, found shape \[3\]"),
        (np.array(3), r"mine: expected 4 labels, found shape \[\]"),
        (np.array([0, 1, 2, -1]), "mine: expected labels from 0, found -1"),
        (np.array(list("abcd")), "mine: labels have dtype <U1, expected integers"),
        (np.array([0.0, 1.0, np.nan, 2.0]), "mine: labels hold NaN or infinity"),
        (np.full((4, 2), 2), r"mine: expected integer labels of shape \[4\], .*, found int64\[4, 2\]"),
        (np.zeros((4, 2, 2, 2), np.uint8), r"found uint8\[4, 2, 2, 2\]"),
    ],
)
def test_other_arrays_are_refused_with_what_was_found(values, message):
    with pytest.raises(DataError, match=message):
        truth_from_array(values, 4, "mine")


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_one_hot_rows_say_what_the_numbers_say(numbers):
    rows = np.eye(21, dtype=np.int64)[numbers]
    given_rows = truth_from_array(rows, len(numbers), "mine")
    given_numbers = truth_from_array(np.array(numbers), len(numbers), "mine")
    assert given_rows.values.tolist() == given_numbers.values.tolist()
