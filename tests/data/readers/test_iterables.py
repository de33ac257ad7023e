"""Items one by one, from generators and tf.data."""

from __future__ import annotations

import gc
import itertools
import shutil
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.data.columns import ArrayColumn
from edgeq.data.preprocessing import RAW
from edgeq.data.readers import iterables
from edgeq.data.readers.iterables import read_items
from edgeq.data.truth import ClassLabels, Masks, MultiLabels, Targets
from edgeq.errors import DataError


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    """The folder that scratch folders are made in."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def image(value: int) -> np.ndarray:
    return np.full((2, 3), value, np.uint8)


def rows(data, name: str = "") -> np.ndarray:
    column = data.columns[name]
    return column.read(range(len(column)), RAW, column.item_shape)


def message_of(items: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_items(items, "mine")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("mine")
    return message


# Good items


def test_inputs_alone_are_items_without_labels():
    data = read_items((image(value) for value in range(3)), "mine")
    assert isinstance(data.columns[""], ArrayColumn)
    assert (data.columns[""].dtype, data.columns[""].item_shape) == (np.uint8, (2, 3))
    assert data.truth is None
    np.testing.assert_array_equal(rows(data), np.stack([image(0), image(1), image(2)]))


def test_items_go_by_input_name_and_the_order_of_names_does_not_count():
    items = [({"a": image(1), "b": 2.5}, 0), ({"b": 3.5, "a": image(4)}, 1)]
    data = read_items(items, "mine", ["x", "y"])
    assert data.input_names() == ("a", "b")
    assert rows(data, "b").tolist() == [2.5, 3.5]
    assert rows(data, "a")[1].tolist() == image(4).tolist()
    assert data.labels.tolist() == [0, 1]
    assert data.class_names == ("x", "y")


@pytest.mark.parametrize("key", ["labels", "label", "y"])
def test_a_label_may_be_among_the_inputs(key):
    data = read_items([{"image": image(1), key: 3}, {"image": image(2), key: 0}], "mine")
    assert data.input_names() == ("image",)
    assert data.labels.tolist() == [3, 0]


@pytest.mark.parametrize(
    ("labels", "kind", "expected"),
    [
        ([2, np.uint8(1), np.array(0)], ClassLabels, [2, 1, 0]),
        ([np.array([2]), np.array([1]), np.array([0])], ClassLabels, [2, 1, 0]),
        ([[1, 0], [0, 1], [1, 0]], ClassLabels, [0, 1, 0]),
        ([[1, 1], [0, 1], [0, 0]], MultiLabels, [[True, True], [False, True], [False, False]]),
        ([0.5, np.float32(1), 2.0], None, None),
        ([0.5, 1.5, 2.0], Targets, [0.5, 1.5, 2.0]),
        ([[0.5, 1.5], [1, 2.0], [3, 4.0]], Targets, [[0.5, 1.5], [1, 2], [3, 4]]),
        ([np.full((2, 2), 9, np.int64)] * 3, Masks, [[[9, 9], [9, 9]]] * 3),
        ([np.full((2, 2, 1), 9, np.uint8)] * 3, Masks, [[[9, 9], [9, 9]]] * 3),
    ],
)
def test_labels_are_of_any_kind(labels, kind, expected):
    items = [(image(0), label) for label in labels]
    if kind is None:
        assert "item 1 has a label float32[], item 0 float64[]" in message_of(items)
        return
    truth = read_items(items, "mine").truth
    assert isinstance(truth, kind)
    assert truth.values.tolist() == expected


def test_lists_are_arrays():
    assert rows(read_items([[1, 2], [3, 4]], "mine")).tolist() == [[1, 2], [3, 4]]


def test_digests_are_those_of_the_same_arrays_in_memory():
    pixels = np.stack([image(1), image(2)])
    assert read_items(iter(pixels), "mine").digests() == tuple(
        ArrayColumn(pixels).inspect(index) for index in range(2)
    )


# Memory and disk


def test_memory_does_not_grow_with_the_number_of_items(scratch):
    def items():
        for value in range(200):
            yield np.full(1 << 18, value % 256, np.uint8), value

    tracemalloc.start()
    data = read_items(items(), "mine")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data) == 200
    assert sum(path.stat().st_size for path in scratch.rglob("*.bin")) > 200 << 18
    # Two items of 0.25 MB and the buffers of two files.
    assert peak < 4 << 20


def test_files_are_gone_with_the_data_set(scratch):
    data = read_items([image(1), image(2)], "mine")
    some = data.take([1])
    del data
    gc.collect()
    assert list(scratch.rglob("*.bin"))
    np.testing.assert_array_equal(rows(some), image(2)[None])
    del some
    gc.collect()
    assert not list(scratch.iterdir())


def test_files_are_gone_at_once_where_the_items_fail(scratch):
    def items():
        yield image(1)
        raise KeyError("x")

    with pytest.raises(KeyError):
        read_items(items(), "mine")
    assert not list(scratch.iterdir())


def test_an_endless_generator_is_stopped_when_it_has_yielded_too_many(scratch, monkeypatch):
    monkeypatch.setattr(iterables, "MOST_ITEMS", 1000)
    message = message_of(itertools.repeat(image(1)))
    assert (
        "mine yields more than 1000 items: expected an end; itertools.islice(items, n) takes the first n"
        in message
    )
    assert not list(scratch.iterdir())


def test_an_endless_generator_is_stopped_before_the_disk_is_full(scratch, monkeypatch):
    real = shutil.disk_usage(scratch)

    def usage(folder):
        used = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        return real._replace(free=(600 << 20) - used)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(
        DataError, match=r"do not fit on the disk of .*: set TMPDIR to a folder with more room"
    ):
        read_items(itertools.repeat(np.zeros(32 << 20, np.uint8)), "mine")
    assert not list(scratch.iterdir())


# What is refused


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "mine yields no item: expected at least one"),
        (
            [image(1), np.zeros((2, 4), np.uint8)],
            "item 1 has an input uint8[2, 4], item 0 uint8[2, 3]: expected one",
        ),
        ([np.zeros((8, 2)), np.zeros((5, 2))], "items are not batches (unbatch() of tf.data)"),
        ([image(1), image(1).astype(np.int8)], "item 1 has an input int8[2, 3], item 0 uint8[2, 3]"),
        ([{"a": 1}, {"a": 1.5}], "item 1 has an input 'a' float64[], item 0 int64[]"),
        ([({"a": 1}, 0), {"a": 1}], "item 1 has 'a' without a label: expected 'a' and a label like item 0"),
        (
            [{"a": 1}, {"a": 1, "b": 2}],
            "item 1 has 'a', 'b' without a label: expected 'a' without a label like",
        ),
        ([(image(1), 0, 1.0)], "item 0 is a tuple of 3: expected inputs, or (inputs, label)"),
        ([{"a": [[1], [1, 2]]}], "item 0, input 'a' is no array: "),
        ([("text", 0)], "item 0 is str of dtype <U4: expected numbers"),
        ([(image(1), "cat")], "item 0, label is str of dtype <U3: expected numbers"),
        ([None], "item 0 is NoneType of dtype object: expected numbers"),
        ([{"label": 3}], "mine holds no input arrays"),
        ([(image(1), -1)], "expected labels from 0, found -1"),
        ([(image(1), np.full((2, 2), 256))], "item 0, label: expected masks of class numbers from 0 to 255"),
        ([(image(1), float("nan"))], "labels hold NaN or infinity"),
    ],
)
def test_what_are_no_items_is_refused_with_the_item(items, message):
    assert message in message_of(items)


def test_a_value_that_is_not_finite_is_a_bad_item():
    data = read_items([np.array([1.0]), np.array([np.inf])], "mine")
    with pytest.raises(DataError, match=r"1 of 2 items is bad \(item 1 holds NaN or infinity"):
        data.inspected()


# TensorFlow


@pytest.mark.tensorflow
def test_items_of_tf_data_are_read():
    import tensorflow as tf

    pixels, labels = np.arange(24, dtype=np.uint8).reshape(4, 2, 3), [3, 1, 2, 0]
    items = tf.data.Dataset.from_tensor_slices(({"image": pixels}, labels))
    data = read_items(items, "mine")
    np.testing.assert_array_equal(rows(data, "image"), pixels)
    assert data.labels.tolist() == labels
    with pytest.raises(DataError, match=r"item 1 has an input 'image' uint8\[1, 2, 3\].*unbatch"):
        read_items(items.batch(3), "mine")
    assert len(read_items(items.batch(3).unbatch(), "mine")) == 4
