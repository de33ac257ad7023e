"""Inputs of data sets: rows of arrays, images and sounds."""

from __future__ import annotations

import os
import pickle
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.columns import (
    ArrayColumn,
    AudioColumn,
    ImageColumn,
    MappedArray,
    mapped_npy,
    read_regular,
)
from edgeq.data.preprocessing import RAW
from edgeq.errors import DataError
from edgeq.printing import printable

VALUES = np.arange(24, dtype=np.float32).reshape(6, 4)


@pytest.fixture
def npy(tmp_path) -> Path:
    np.save(tmp_path / "a.npy", VALUES)
    return tmp_path / "a.npy"


# Arrays


def test_rows_that_follow_each_other_are_a_view():
    column = ArrayColumn(VALUES)
    assert np.shares_memory(column.read([2, 3, 4], RAW, (4,)), VALUES)
    assert not np.shares_memory(column.read([2, 4, 3], RAW, (4,)), VALUES)


@pytest.mark.parametrize("indices", [[2, 3, 4], [4, 2], [3, 3], [], [5, 4, 3], [0, 2, 1, 3]])
def test_rows_come_in_the_order_asked_for(indices):
    column = ArrayColumn(VALUES)
    np.testing.assert_array_equal(column.read(indices, RAW, (4,)), VALUES[indices])
    np.testing.assert_array_equal(
        column.take([5, 4, 3, 2, 1, 0]).read(indices, RAW, (4,)), VALUES[::-1][indices]
    )


def test_rows_can_be_taken_of_rows_that_were_taken():
    column = ArrayColumn(VALUES, "x").take([5, 3, 1]).take([2, 0])
    assert (len(column), column.item_shape, column.dtype) == (2, (4,), np.float32)
    np.testing.assert_array_equal(column.read([0, 1], RAW, (4,)), VALUES[[1, 5]])
    assert column.inspect(0) == ArrayColumn(VALUES).inspect(1)


def test_an_item_is_called_by_its_number_and_its_input():
    assert ArrayColumn(VALUES).describe(3) == "item 3"
    assert ArrayColumn(VALUES, "x").describe(3) == "item 3 of input 'x'"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_bad(bad):
    values = VALUES.copy()
    values[2, 1] = bad
    with pytest.raises(DataError, match="item 2 of input 'x' holds NaN or infinity"):
        ArrayColumn(values, "x").inspect(2)
    assert ArrayColumn(values, "x").inspect(1)


def test_a_mapped_array_travels_as_its_place(npy):
    column = ArrayColumn(mapped_npy(npy), "x").take([4, 1])
    assert len(pickle.dumps(ArrayColumn(mapped_npy(npy)))) < 500
    copy = pickle.loads(pickle.dumps(column))  # noqa: S301
    np.testing.assert_array_equal(copy.read([0, 1], RAW, (4,)), VALUES[[4, 1]])
    assert copy.describe(0) == "item 0 of input 'x'"


def test_an_array_in_memory_is_stored_to_be_mapped(tmp_path):
    stored = ArrayColumn(np.asfortranarray(VALUES), "x").take([5, 0]).stored(tmp_path / "b.npy")
    assert (tmp_path / "b.npy").exists()
    assert len(pickle.dumps(stored)) < 1000
    np.testing.assert_array_equal(stored.read([0, 1], RAW, (4,)), VALUES[[5, 0]])


def test_what_is_mapped_already_is_not_stored_again(tmp_path, npy):
    column = ArrayColumn(mapped_npy(npy))
    assert column.stored(tmp_path / "b.npy") is column
    assert not (tmp_path / "b.npy").exists()


def test_an_npy_is_mapped_without_its_header(npy):
    mapped = mapped_npy(npy)
    assert (mapped.dtype, mapped.shape) == ("<f4", (6, 4))
    assert npy.read_bytes()[mapped.offset :] == VALUES.tobytes()
    assert not mapped.open().flags.writeable


def test_an_empty_array_can_be_mapped(tmp_path):
    np.save(tmp_path / "a.npy", VALUES[:0])
    assert mapped_npy(tmp_path / "a.npy").open().shape == (0, 4)
    assert MappedArray(tmp_path / "a.npy", "<f4", (0, 4), 0).open().dtype == np.float32


@pytest.mark.parametrize(
    "array", [np.asfortranarray(VALUES), np.array([{}], object)], ids=["Fortran order", "objects"]
)
def test_other_npy_files_cannot_be_mapped(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match=r"not in C order|Python objects"):
        mapped_npy(tmp_path / "a.npy")


# Files


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path]:
    """An image and a sound."""
    Image.new("L", (3, 2), 7).save(tmp_path / "a.png")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.full(100, 16384, "<i2").tobytes())
    return tmp_path / "a.png", tmp_path / "a.wav"


def test_images_are_read_in_the_size_of_the_model(files):
    column = ImageColumn((files[0], files[0]))
    pixels = column.read([0, 1], RAW, (4, 5, 3))
    assert (pixels.dtype, pixels.shape) == (np.uint8, (2, 4, 5, 3))
    assert (pixels == 7).all()
    assert column.read([], RAW, (4, 5, 3)).shape == (0, 4, 5, 3)


def test_sounds_are_read_in_the_length_of_the_model(files):
    values = AudioColumn((files[1],)).read([0], RAW, (100,))
    assert (values.dtype, values.shape) == (np.float32, (1, 100))
    assert (values == 0.5).all()


def test_files_are_called_by_their_path_and_taken_in_any_order(files):
    column = ImageColumn(files).take([1, 0, 1])
    assert column == ImageColumn((files[1], files[0], files[1]))
    assert column.describe(0) == str(files[1])
    assert pickle.loads(pickle.dumps(column)) == column  # noqa: S301


@pytest.mark.parametrize("kind", [ImageColumn, AudioColumn])
def test_a_file_of_the_other_kind_is_bad(files, kind):
    wrong = files[1] if kind is ImageColumn else files[0]
    with pytest.raises(DataError, match=wrong.name):
        kind((wrong,)).inspect(0)


# Regular files


def test_a_folder_is_no_regular_file(tmp_path):
    with pytest.raises(DataError, match=r"is no regular file|cannot be read: Is a directory"):
        read_regular(tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png cannot be read: No such file or directory"):
        read_regular(tmp_path / "gone.png")


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes and devices on Windows")
def test_a_pipe_and_a_device_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(DataError, match="is no regular file"):
            read_regular(path)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_that_leads_in_a_circle_cannot_be_read(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png cannot be read: Too many levels of symbolic links"):
        read_regular(tmp_path / "a.png")


@pytest.mark.skipif(os.name == "nt", reason="names are texts on Windows")
def test_bytes_that_are_no_utf_8_are_shown_escaped():
    assert printable(Path(os.fsdecode(b"caf\xe9/\xc3\xa9.png"))) == "caf\\xe9/é.png"
