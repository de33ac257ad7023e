"""A data set bound to a model's inputs: what fits, what does not, and what calibration needs."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import BadItemsError, Feed, ModelInput, check_count
from edgeq.data.preprocessing import RAW, TORCH, find_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.errors import DataError

IMAGE = ModelInput("image", (2, 2, 1), "float32")
SIZE = ModelInput("size", (1,), "float32")
TOKENS = ModelInput("tokens", (4,), "int32")
PIXELS = np.arange(12 * 4, dtype=np.uint8).reshape(12, 2, 2, 1)


def bad(values: np.ndarray, *positions: int, value: float = np.nan) -> np.ndarray:
    result = values.astype(np.float32)
    result[list(positions), 0] = value
    return result


@pytest.fixture
def folder(tmp_path) -> Path:
    for position in range(12):
        Image.new("L", (4, 4), position).save(tmp_path / f"{position:02}.png")
    return tmp_path


# Feeding


def test_pixels_are_preprocessed_to_the_dtype_of_the_input():
    feed = Feed(ArrayDataset({"image": PIXELS}), [IMAGE], find_preprocessing("0..1"))
    items = feed.items([0, 5])
    assert list(items) == ["image"]
    assert items["image"].dtype == np.float32
    np.testing.assert_allclose(items["image"], PIXELS[[0, 5]] / np.float32(255), rtol=1e-6)


def test_raw_pixels_become_float_without_being_scaled():
    items = Feed(ArrayDataset({"image": PIXELS}), [IMAGE], RAW).items([3])
    assert items["image"].dtype == np.float32
    np.testing.assert_array_equal(items["image"], PIXELS[[3]])


def test_integer_inputs_are_never_preprocessed():
    tokens = np.arange(48).reshape(12, 4)
    items = Feed(ArrayDataset({"tokens": tokens}), [TOKENS], find_preprocessing("-1..1")).items([2])
    assert items["tokens"].dtype == np.int32
    np.testing.assert_array_equal(items["tokens"], tokens[[2]])


def test_inputs_are_matched_by_name_and_never_by_position():
    data = ArrayDataset({"size": np.arange(12.0)[:, None], "image": PIXELS})
    items = Feed(data, [IMAGE, SIZE], RAW).items([7])
    np.testing.assert_array_equal(items["image"], PIXELS[[7]])
    assert items["size"] == [[7.0]]


def test_the_one_input_of_a_file_without_signature_takes_the_one_array_whatever_it_is_called():
    rows = np.ones((2, 3), np.float32)
    unnamed = ModelInput("x_0", (3,), "float32", is_named=False)
    items = Feed(ArrayDataset({"image": rows}, source="items"), [unnamed], RAW).items([0, 1])
    np.testing.assert_array_equal(items["x_0"], rows)
    with pytest.raises(DataError, match="expected inputs named x_0"):
        Feed(ArrayDataset({"image": rows, "other": rows}, source="items"), [unnamed], RAW)
    with pytest.raises(DataError, match="expects items of shape"):
        Feed(ArrayDataset({"image": np.ones((2, 4), np.float32)}, source="items"), [unnamed], RAW)


def test_images_take_the_size_of_the_models_input(folder):
    data = read_dataset(folder)
    assert Feed(data, [IMAGE], RAW).items([0, 11])["image"].tolist() == [[[[0], [0]]] * 2, [[[11], [11]]] * 2]


@pytest.mark.parametrize(
    ("arrays", "inputs", "message"),
    [
        ({"image": PIXELS[:0]}, [IMAGE], "data.npz holds no item"),
        ({"img": PIXELS}, [IMAGE], "expected inputs named image like the model's, found img"),
        ({"image": PIXELS, "mask": PIXELS}, [IMAGE], "expected inputs named image .*, found image, mask"),
        ({"image": PIXELS}, [SIZE, IMAGE], "expected inputs named image, size .*, found image"),
        ({"image": PIXELS[:, :1]}, [IMAGE], r"expects items of shape \[2, 2, 1\], found \[1, 2, 1\]$"),
        ({"image": PIXELS[..., 0]}, [IMAGE], r"found \[2, 2\]: add or drop the channel axis"),
        ({"image": PIXELS[..., None]}, [IMAGE], r"found \[2, 2, 1, 1\]: add or drop the channel axis"),
        ({"image": PIXELS[0]}, [IMAGE], r"expects items of shape \[2, 2, 1\], found \[2, 1\]"),
        ({"tokens": np.ones((12, 4))}, [TOKENS], "input 'tokens' expects int32, found float64"),
        ({"tokens": np.ones((12, 4), bool)}, [TOKENS], "input 'tokens' expects int32, found bool"),
    ],
)
def test_data_that_do_not_fit_are_refused_with_expected_and_found(arrays, inputs, message):
    with pytest.raises(DataError, match=message) as caught:
        Feed(ArrayDataset(arrays, source="data.npz"), inputs, RAW)
    assert str(caught.value).startswith("data.npz")
    assert "\n" not in str(caught.value)


def test_images_for_a_model_with_two_inputs_name_the_remedy(folder):
    with pytest.raises(
        DataError,
        match=r"the model has 2 \(image, size\): give an \.npz with one array by input name, or a manifest",
    ):
        Feed(read_dataset(folder), [IMAGE, SIZE], RAW)


def test_images_for_a_model_that_takes_none_are_refused(folder):
    with pytest.raises(DataError, match=r"holds images, but the model's input is \[1\]"):
        Feed(read_dataset(folder), [SIZE], RAW)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_named_among_the_items_that_are_read(value):
    feed = Feed(ArrayDataset({"image": bad(PIXELS, 3, 8, 9, value=value)}, source="data.npz"), [IMAGE], RAW)
    assert feed.items([0, 1])["image"].shape == (2, 2, 2, 1)
    with pytest.raises(
        BadItemsError, match=r"data\.npz: 2 of 12 items are bad \(item 8 of .*; item 9 "
    ) as caught:
        feed.items([6, 7, 8, 9, 10])
    assert list(caught.value.bad) == [8, 9]
    assert feed.bad_among([3, 4, 9]).keys() == {3, 9}


def test_a_preprocessing_for_other_channels_is_refused_before_anything_is_read(folder):
    for data in (read_dataset(folder), ArrayDataset({"image": PIXELS})):
        with pytest.raises(DataError, match="torch is for 3 channels, the data have 1"):
            Feed(data, [IMAGE], TORCH)


def test_a_preprocessing_for_an_input_that_the_model_has_not_is_refused():
    other = dataclasses.replace(RAW, inputs={"photo": RAW})
    with pytest.raises(DataError, match="for an input 'photo', which the model has not: it has image"):
        Feed(ArrayDataset({"image": PIXELS}), [IMAGE], other)


def test_inputs_may_be_preprocessed_differently():
    data = ArrayDataset({"size": np.full((12, 1), 10.0), "image": PIXELS})
    both = dataclasses.replace(RAW, inputs={"image": find_preprocessing("0..1")})
    items = Feed(data, [IMAGE, SIZE], both).items([11])
    assert items["image"].max() < 1
    assert items["size"] == [[10.0]]


def test_what_goes_to_other_processes_holds_the_same_items(tmp_path):
    feed = Feed(ArrayDataset({"image": PIXELS}).take([5, 2, 3]), [IMAGE], find_preprocessing("0..1"))
    sent = pickle.loads(pickle.dumps(feed.portable(tmp_path)))  # noqa: S301 - its own
    np.testing.assert_array_equal(sent.items([2, 0])["image"], feed.items([2, 0])["image"])
    # A mapped array must not travel along.
    assert len(pickle.dumps(feed.portable(tmp_path))) < 3000


# Calibration


def items_of(count: int) -> ArrayDataset:
    return ArrayDataset(
        {"image": np.arange(count * 4, dtype=np.float32).reshape(count, 2, 2, 1)}, source="data.npz"
    )


@pytest.mark.parametrize("count", [10, 99])
def test_fewer_than_a_hundred_items_are_a_warning(count):
    assert check_count(items_of(count), count) == [f"{count} calibration items are few: 100 to 500 are usual"]


def test_a_hundred_items_are_enough():
    assert check_count(items_of(100), 100) == []


@pytest.mark.parametrize(
    ("count", "shown"), [(1, "1 different calibration item,"), (9, "9 different calibration items,")]
)
def test_fewer_than_ten_items_are_an_error(count, shown):
    with pytest.raises(DataError, match=rf"data\.npz: {shown} expected at least 10 \(100 to 500 are usual\)"):
        check_count(items_of(count), count)


def test_an_empty_data_set_is_an_error_without_a_model_too():
    with pytest.raises(DataError, match=r"data\.npz holds no item: expected at least 10"):
        check_count(items_of(0), 0)
