"""Arrays as a data set: items, labels and digests."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.data.dataset import ArrayDataset
from edgeq.errors import DataError

IMAGES = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2)


def test_arrays_are_taken_without_a_copy_and_items_in_any_order():
    data = ArrayDataset({"image": IMAGES})
    assert np.shares_memory(data._arrays["image"], IMAGES)
    np.testing.assert_array_equal(data.raw("image", [4, 0, 4]), IMAGES[[4, 0, 4]])
    assert data.raw("image", []).shape == (0, 2, 2)


def test_a_digest_is_of_names_dtypes_shapes_and_values_and_not_of_labels():
    digests = ArrayDataset({"image": IMAGES}, np.arange(5)).digests()
    assert len(set(digests)) == 5
    assert digests == ArrayDataset({"image": IMAGES.copy(order="F")}, np.zeros(5, int)).digests()
    others = [
        ArrayDataset({"picture": IMAGES}),
        ArrayDataset({"image": IMAGES.view(np.int8)}),
        ArrayDataset({"image": IMAGES.reshape(5, 4)}),
        ArrayDataset({"image": IMAGES + np.uint8(1)}),
        ArrayDataset({"image": IMAGES, "mask": IMAGES}),
    ]
    for other in others:
        assert not set(digests) & set(other.digests())


def test_the_order_of_inputs_does_not_change_digests():
    one, two = {"a": IMAGES, "b": IMAGES + np.uint8(1)}, {"b": IMAGES + np.uint8(1), "a": IMAGES}
    assert ArrayDataset(one).digests() == ArrayDataset(two).digests()


def test_equal_items_have_equal_digests():
    assert len(set(ArrayDataset({"image": np.zeros((7, 3), np.float32)}).digests())) == 1


@pytest.mark.parametrize("labels", [np.array([0, 1, 2, 3, 4], np.uint8), np.array([[0], [1], [2], [3], [4]])])
def test_labels_become_int64(labels):
    data = ArrayDataset({"image": IMAGES}, labels)
    assert data.labels.dtype == np.int64
    assert data.labels.tolist() == [0, 1, 2, 3, 4]


def test_messages_name_the_source():
    with pytest.raises(DataError, match=r"^arrays: expected 5 labels, found shape \[3\]$"):
        ArrayDataset({"image": IMAGES}, np.arange(3))
    with pytest.raises(DataError, match=r"^the script's data\(\): labels have dtype <U1, expected integers$"):
        ArrayDataset({"image": IMAGES}, np.array(list("abcde")), source="the script's data()")


def test_a_number_alone_is_no_array_of_items():
    assert len(ArrayDataset({"image": np.array(3.0)})) == 0
