"""Data sets: items, digests, and what becomes of bad items."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from edgeq.data.columns import ArrayColumn, ImageColumn
from edgeq.data.dataset import FAIL, SKIP, ArrayDataset, Dataset, check_policy
from edgeq.data.preprocessing import RAW
from edgeq.data.truth import ClassLabels, Targets
from edgeq.errors import DataError, UsageError

IMAGES = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2)


def with_bad(*bad: int, count: int = 5) -> Dataset:
    """Numbers, some of which are NaN."""
    values = np.arange(count, dtype=np.float32)[:, None]
    values[list(bad)] = np.nan
    return Dataset(
        {"x": ArrayColumn(values, "x")},
        ClassLabels(np.arange(count)),
        source="mine",
        splits=[f"part {index}" for index in range(count)],
    )


# Items


def test_arrays_are_taken_without_a_copy_and_items_in_any_order():
    column = ArrayDataset({"image": IMAGES}).columns["image"]
    assert np.shares_memory(column.read([1, 2, 3], RAW, (2, 2)), IMAGES)
    np.testing.assert_array_equal(column.read([4, 0, 4], RAW, (2, 2)), IMAGES[[4, 0, 4]])
    assert column.read([], RAW, (2, 2)).shape == (0, 2, 2)


def test_what_is_taken_keeps_its_truth_its_part_and_its_digest():
    data = with_bad().inspected()
    some = data.take([3, 1])
    assert (len(some), some.labels.tolist(), some.splits) == (2, [3, 1], ("part 3", "part 1"))
    assert some.digests() == (data.digests()[3], data.digests()[1])
    assert some.columns["x"].read([0], RAW, (1,)).tolist() == [[3.0]]


def test_what_is_taken_before_digests_are_known_has_the_same(tmp_path):
    assert with_bad().take([3, 1]).digests() == with_bad().inspected().take([3, 1]).digests()


def test_another_truth_changes_no_item():
    data = with_bad().inspected()
    other = data.with_truth(Targets(np.zeros((5, 1), np.float32)))
    assert other.digests() == data.digests()
    assert other.splits == data.splits
    assert other.labels is None
    assert data.with_truth(None).truth is None


@pytest.mark.parametrize("labels", [np.array([0, 1, 2, 3, 4], np.uint8), np.array([[0], [1], [2], [3], [4]])])
def test_labels_become_int64(labels):
    data = ArrayDataset({"image": IMAGES}, labels)
    assert data.labels.dtype == np.int64
    assert data.labels.tolist() == [0, 1, 2, 3, 4]


def test_class_names_are_those_of_the_truth():
    assert ArrayDataset({"image": IMAGES}, np.zeros(5, int), class_names=["a"]).class_names == ("a",)
    assert ArrayDataset({"image": IMAGES}, class_names=["a"]).class_names == ()


@pytest.mark.parametrize(
    ("columns", "truth", "message"),
    [
        ({}, None, "mine holds no input: expected one array, image or sound by input name"),
        (
            {"a": ArrayColumn(IMAGES), "b": ImageColumn((Path("x"),))},
            None,
            "mine: expected inputs of one length, found a 5, b 1",
        ),
        ({"a": ArrayColumn(IMAGES)}, ClassLabels(np.zeros(3, np.int64)), "mine: expected 5 labels, found 3"),
    ],
)
def test_what_does_not_go_together_is_refused(columns, truth, message):
    with pytest.raises(DataError, match=message):
        Dataset(columns, truth, source="mine")


def test_messages_name_the_source():
    with pytest.raises(DataError, match=r"^arrays: expected 5 labels, found shape \[3\]$"):
        ArrayDataset({"image": IMAGES}, np.arange(3))
    with pytest.raises(DataError, match=r"^the script's data\(\): labels have dtype <U1, expected integers"):
        ArrayDataset({"image": IMAGES}, np.array(list("abcde")), source="the script's data()")


def test_a_number_alone_is_no_array_of_items():
    with pytest.raises(
        DataError, match="input 'image' is a single number, expected an array with an axis of items"
    ):
        ArrayDataset({"image": np.array(3.0)})


# Digests


def test_a_digest_is_of_dtypes_shapes_and_values_and_not_of_labels():
    digests = ArrayDataset({"image": IMAGES}, np.arange(5)).digests()
    assert len(set(digests)) == 5
    assert digests == ArrayDataset({"image": IMAGES.copy(order="F")}, np.zeros(5, int)).digests()
    others = [
        ArrayDataset({"image": IMAGES.view(np.int8)}),
        ArrayDataset({"image": IMAGES.reshape(5, 4)}),
        ArrayDataset({"image": IMAGES + np.uint8(100)}),
        ArrayDataset({"image": IMAGES, "mask": IMAGES}),
    ]
    for other in others:
        assert not set(digests) & set(other.digests())


def test_a_digest_of_several_inputs_is_of_their_names_and_not_of_their_order():
    one, two = {"a": IMAGES, "b": IMAGES + np.uint8(1)}, {"b": IMAGES + np.uint8(1), "a": IMAGES}
    assert ArrayDataset(one).digests() == ArrayDataset(two).digests()
    renamed = {"c": IMAGES, "b": IMAGES + np.uint8(1)}
    swapped = {"b": IMAGES, "a": IMAGES + np.uint8(1)}
    assert not set(ArrayDataset(one).digests()) & set(ArrayDataset(renamed).digests())
    assert not set(ArrayDataset(one).digests()) & set(ArrayDataset(swapped).digests())


def test_equal_items_have_equal_digests():
    assert len(set(ArrayDataset({"image": np.zeros((7, 3), np.float32)}).digests())) == 1


def test_digests_of_many_items_are_in_their_order():
    values = np.arange(1000, dtype=np.int64)
    column = ArrayColumn(values)
    assert ArrayDataset({"": values}).digests() == tuple(column.inspect(index) for index in range(1000))


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    from PIL import Image

    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    data = Dataset({"": ImageColumn((tmp_path / "a.png",))}, source="mine")
    assert data.digests() == (hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest(),)


# Bad items


def test_a_bad_item_is_refused_with_what_to_do():
    with pytest.raises(DataError) as caught:
        with_bad(2).inspected()
    assert str(caught.value) == (
        "mine: 1 of 5 items is bad (item 2 of input 'x' holds NaN or infinity): mend or remove it, or leave it out "
        "with --on-bad-input skip"
    )


def test_bad_items_can_be_left_out_and_are_remembered():
    kept = with_bad(0, 3).inspected(SKIP)
    assert (len(kept), kept.labels.tolist(), kept.splits) == (3, [1, 2, 4], ("part 1", "part 2", "part 4"))
    assert [item.name for item in kept.skipped] == ["item 0 of input 'x'", "item 3 of input 'x'"]
    assert kept.digests() == with_bad().take([1, 2, 4]).digests()
    assert kept.take([0]).skipped == kept.with_truth(None).skipped == kept.skipped


@pytest.mark.parametrize("policy", [FAIL, SKIP])
def test_good_items_are_all_kept(policy):
    data = with_bad()
    assert data.inspected(policy) is data
    assert data.skipped == ()


@pytest.mark.parametrize("policy", [FAIL, SKIP])
def test_nothing_is_left_where_all_items_are_bad(policy):
    with pytest.raises(DataError, match="5 of 5 items are bad"):
        with_bad(*range(5)).inspected(policy)


def test_a_message_names_ten_bad_items_and_counts_the_others():
    with pytest.raises(DataError) as caught:
        with_bad(*range(300), count=600).inspected()
    assert "mine: 300 of 600 items are bad (item 0 of" in str(caught.value)
    assert "item 9 of input 'x' holds NaN or infinity; and 290 more): mend or remove them" in str(
        caught.value
    )


def test_digests_need_good_items():
    with pytest.raises(DataError, match="1 of 5 items is bad"):
        with_bad(4).digests()


def test_progress_goes_up_to_the_number_of_items():
    steps = []
    with_bad(count=600).inspected(progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (600, 600)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_another_policy_is_refused():
    check_policy("skip")
    with pytest.raises(UsageError, match="unknown --on-bad-input 'ignore': expected fail or skip"):
        check_policy("ignore")
