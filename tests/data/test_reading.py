"""From a path to a data set: .npz files and folders, and what is neither."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeq.data.image_folder import ImageFolder
from edgeq.data.reading import read_arrays, read_dataset
from edgeq.errors import DataError

IMAGES = np.arange(12 * 4, dtype=np.uint8).reshape(12, 2, 2, 1)


@pytest.fixture
def npz(tmp_path):
    """Writes arrays to an .npz and returns its path."""

    def write(**arrays: Any) -> Path:
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return write


# Good files


def test_arrays_are_inputs_by_name(npz):
    data = read_dataset(npz(image=IMAGES, size=np.ones((12, 1), np.float32)))
    assert data.input_names() == ("image", "size")
    assert len(data) == 12
    assert data.labels is None
    np.testing.assert_array_equal(data.raw("image", [3, 1]), IMAGES[[3, 1]])


@pytest.mark.parametrize("key", ["labels", "label", "y"])
def test_labels_go_by_several_names(npz, key):
    data = read_dataset(npz(image=IMAGES, **{key: np.arange(12)}))
    assert data.input_names() == ("image",)
    assert data.labels.tolist() == list(range(12))


def test_labels_may_be_a_column_as_in_the_data_sets_of_keras(npz):
    data = read_dataset(npz(image=IMAGES, labels=np.arange(12, dtype=np.uint8)[:, None]))
    assert data.labels.tolist() == list(range(12))
    assert data.labels.dtype == np.int64


@pytest.mark.parametrize("dtype", [str, bytes])
def test_class_names_may_be_in_the_file(npz, dtype):
    data = read_dataset(
        npz(image=IMAGES, labels=np.arange(12) % 2, class_names=np.array(["cat", "dog"], dtype))
    )
    assert data.class_names == ("cat", "dog")
    assert data.input_names() == ("image",)


def test_a_compressed_file_is_read_alike(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", image=IMAGES)
    np.testing.assert_array_equal(read_dataset(tmp_path / "a.npz").raw("image", range(12)), IMAGES)


def test_a_path_may_be_text(npz):
    assert len(read_dataset(str(npz(image=IMAGES)))) == 12


def test_a_folder_is_a_folder_of_images(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    assert isinstance(read_dataset(tmp_path), ImageFolder)


def test_a_lone_array_has_an_empty_name(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    arrays = read_arrays(tmp_path / "a.npy")
    assert list(arrays) == [""]
    np.testing.assert_array_equal(arrays[""], IMAGES)


# Bad paths and files


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.npz", r"gone\.npz does not exist: expected an \.npz file or a folder with one folder a class"),
        ("data.csv", r"data\.csv is no data set that edgeq reads: expected an \.npz file"),
    ],
)
def test_what_is_no_data_set_says_what_one_is(tmp_path, name, message):
    (tmp_path / "data.csv").write_text("a,b")
    with pytest.raises(DataError, match=message):
        read_dataset(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as .npz: it is empty; save or copy it again"),
        (b"hello", "it is no NumPy file, or holds Python objects instead of plain numbers"),
        (b"PK\x03\x04 and then nothing", "it is damaged .*; save or copy it again"),
    ],
    ids=["empty", "text", "zip"],
)
def test_a_file_that_is_none_is_named(tmp_path, content, message):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_dataset(tmp_path / "a.npz")


def test_a_truncated_file_is_refused(npz):
    path = npz(image=IMAGES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="it is damaged"):
        read_dataset(path)


def test_python_objects_are_refused_and_never_unpickled(npz, tmp_path):
    class Intruder:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    path = npz(image=np.array([Intruder()] * 12))
    with pytest.raises(DataError, match="holds Python objects instead of plain numbers"):
        read_dataset(path)
    assert not (tmp_path / "ran").exists()


def test_an_archive_of_other_things_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(DataError, match=r"holds 'config\.json', which is no NumPy array"):
        read_dataset(tmp_path / "model.npz")


def test_an_array_larger_than_memory_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 50,)}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("image.npy", header.getvalue())
    with pytest.raises(DataError, match="too large for this machine's memory"):
        read_dataset(tmp_path / "a.npz")


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(DataError, match=r"a\.npz cannot be read as \.npz: Is a directory"):
        read_arrays(tmp_path / "a.npz")


def test_other_suffixes_are_no_arrays(tmp_path):
    with pytest.raises(
        DataError, match=r"a\.txt is nothing that edgeq reads: expected an image, an \.npy or an \.npz"
    ):
        read_arrays(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds no input arrays"),
        ({"labels": np.arange(12)}, "holds no input arrays"),
        ({"a": IMAGES, "b": IMAGES[:5]}, "expected inputs of one length, found a 12, b 5"),
        ({"a": np.array(["x"] * 12)}, "input 'a' has dtype <U1, expected numbers"),
        ({"a": IMAGES * 1j}, "input 'a' has dtype complex128, expected numbers"),
        (
            {"a": IMAGES, "labels": np.eye(12)},
            r"found \[12, 12\]; one-hot labels become integers with argmax\(axis=1\)",
        ),
        ({"a": IMAGES, "labels": np.arange(12) - 1}, "expected labels from 0, found -1"),
        ({"a": IMAGES, "labels": np.arange(12.0)}, "labels have dtype float64, expected integers"),
        ({"a": IMAGES, "labels": np.arange(5)}, r"expected 12 labels, found shape \[5\]"),
        ({"a": IMAGES, "labels": np.array(3)}, r"expected 12 labels, found shape \[\]"),
        ({"a": IMAGES, "class_names": np.arange(3)}, r"class_names is int64\[3\], expected one text a class"),
        ({"a": IMAGES, "class_names": np.array("cat")}, r"class_names is <U3\[\], expected one text a class"),
        ({"a": IMAGES, "class_names": np.array([b"\xff"])}, "class_names is no UTF-8 text"),
    ],
)
def test_arrays_that_are_no_data_set_are_refused_with_what_was_found(npz, arrays, message):
    path = npz(**arrays)
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), compressed=st.booleans())
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path, data, compressed):
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, image=IMAGES, labels=np.arange(12))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.npz"
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    message = ""
    try:
        read_dataset(path)
    except DataError as error:
        message = str(error)
    assert "\n" not in message
