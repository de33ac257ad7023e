"""Arrays in .npz and .npy files: mapped where they lie, unpacked where they are compressed."""

from __future__ import annotations

import gc
import io
import pickle
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeq.data.columns import ArrayColumn, MappedArray
from edgeq.data.preprocessing import RAW
from edgeq.data.readers.arrays import read_array_file, read_arrays
from edgeq.data.readers.spooling import SpooledArray
from edgeq.data.truth import ClassLabels, Masks, MultiLabels, Targets
from edgeq.errors import DataError

IMAGES = np.arange(12 * 4, dtype=np.uint8).reshape(12, 2, 2, 1)


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """The folder that scratch folders are made in."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def npz(tmp_path):
    """Writes arrays to an .npz and returns its path."""

    def write(**arrays: Any) -> Path:
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return write


def rows(data, name: str, indices=range(12)) -> np.ndarray:
    column = data.columns[name]
    return column.read(list(indices), RAW, column.item_shape)


def mapped(data, name: str) -> Any:
    """Where the values of an input lie."""
    return data.columns[name].__getstate__()["values"]


# Good files


def test_arrays_are_inputs_by_name(npz):
    data = read_array_file(npz(image=IMAGES, size=np.ones((12, 1), np.float32)))
    assert data.input_names() == ("image", "size")
    assert len(data) == 12
    assert data.truth is None
    np.testing.assert_array_equal(rows(data, "image", [3, 1]), IMAGES[[3, 1]])


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i8", ">i4", "<f2", "<f4", ">f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("form", [np.savez, np.savez_compressed])
def test_every_dtype_order_and_form_reads_the_same_values(tmp_path, scratch, dtype, order, form):
    values = np.arange(60).reshape(5, 3, 4).astype(dtype)
    form(tmp_path / "a.npz", first=np.zeros(5), x=np.asarray(values, order=order))
    data = read_array_file(tmp_path / "a.npz")
    assert data.columns["x"].dtype == values.dtype
    np.testing.assert_array_equal(rows(data, "x", range(5)), values)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npy_is_one_input_without_a_name(tmp_path, scratch, order):
    np.save(tmp_path / "a.npy", np.asarray(IMAGES, order=order))
    data = read_array_file(tmp_path / "a.npy")
    assert data.input_names() == ("",)
    assert data.truth is None
    np.testing.assert_array_equal(rows(data, ""), IMAGES)


def test_an_array_of_no_items_is_read(npz):
    assert len(read_array_file(npz(image=IMAGES[:0]))) == 0


@pytest.mark.parametrize("key", ["labels", "label", "y"])
def test_labels_go_by_several_names(npz, key):
    data = read_array_file(npz(image=IMAGES, **{key: np.arange(12)}))
    assert data.input_names() == ("image",)
    assert isinstance(data.truth, ClassLabels)
    assert data.labels.tolist() == list(range(12))


def test_labels_may_be_a_column_as_in_the_data_sets_of_keras(npz):
    data = read_array_file(npz(image=IMAGES, labels=np.arange(12, dtype=np.uint8)[:, None]))
    assert data.labels.tolist() == list(range(12))
    assert data.labels.dtype == np.int64


@pytest.mark.parametrize("dtype", [str, bytes])
def test_class_names_may_be_in_the_file(npz, dtype):
    data = read_array_file(
        npz(image=IMAGES, labels=np.arange(12) % 2, class_names=np.array(["cat", "dog"], dtype))
    )
    assert data.class_names == ("cat", "dog")
    assert data.input_names() == ("image",)


@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_targets_are_numbers_to_predict_also_where_they_are_whole(npz, dtype):
    truth = read_array_file(npz(image=IMAGES, targets=np.arange(24, dtype=dtype).reshape(12, 2))).truth
    assert isinstance(truth, Targets)
    assert truth.values.dtype == np.float32
    assert truth.values[1].tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    "masks",
    [IMAGES, IMAGES[..., 0], IMAGES[..., 0].astype(np.int64)],
    ids=["with a channel", "uint8", "int64"],
)
def test_masks_are_classes_of_pixels(npz, masks):
    truth = read_array_file(npz(image=IMAGES, masks=masks, class_names=np.array(["a", "b"]))).truth
    assert isinstance(truth, Masks)
    assert truth.values.dtype == np.uint8
    np.testing.assert_array_equal(truth.values, IMAGES[..., 0])
    assert truth.names == ("a", "b")


def test_rows_of_zeros_and_ones_are_several_classes(npz):
    truth = read_array_file(npz(image=IMAGES, labels=np.tri(12, dtype=np.int64))).truth
    assert isinstance(truth, MultiLabels)


def test_digests_do_not_depend_on_how_a_file_is_packed(tmp_path, scratch):
    np.savez(tmp_path / "a.npz", image=IMAGES)
    np.savez_compressed(tmp_path / "b.npz", image=IMAGES)
    np.save(tmp_path / "c.npy", np.asfortranarray(IMAGES))
    digests = {read_array_file(tmp_path / name).digests() for name in ("a.npz", "b.npz", "c.npy")}
    assert len(digests) == 1


# Memory and disk


def test_an_array_that_is_not_compressed_is_mapped_where_it_lies(npz, scratch):
    path = npz(image=IMAGES, more=IMAGES)
    data = read_array_file(path)
    place = mapped(data, "image")
    assert place.path == path.absolute()
    assert path.read_bytes()[place.offset :].startswith(IMAGES.tobytes())
    assert not list(scratch.iterdir())


def test_a_column_travels_to_another_process_as_the_place_where_it_lies(npz):
    large = np.zeros((12, 100_000), np.uint8)
    column = read_array_file(npz(image=large)).columns["image"]
    sent = pickle.dumps(column)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).read([0], RAW, (100_000,)), large[:1])  # noqa: S301


def test_what_is_unpacked_lives_as_long_as_what_was_made_of_it(tmp_path, scratch):
    np.savez_compressed(tmp_path / "a.npz", image=IMAGES)
    data = read_array_file(tmp_path / "a.npz")
    some = data.take([4, 2])
    del data
    gc.collect()
    assert isinstance(mapped(some, "image"), SpooledArray)
    assert list(scratch.glob("edgeq-scratch-data-*/*"))
    copy = pickle.loads(pickle.dumps(some.columns["image"]))  # noqa: S301
    np.testing.assert_array_equal(copy.read([0], RAW, (2, 2, 1)), IMAGES[[4]])
    del some, copy
    gc.collect()
    assert not list(scratch.iterdir())


def test_what_is_unpacked_is_gone_when_python_ends(tmp_path, scratch):
    np.savez_compressed(tmp_path / "a.npz", image=IMAGES)
    code = (
        "import pathlib, sys, tempfile\n"
        f"tempfile.tempdir = {str(scratch)!r}\n"
        "from edgeq.data.readers.arrays import read_array_file\n"
        f"kept = read_array_file(pathlib.Path({str(tmp_path / 'a.npz')!r}))\n"
        f"assert list(pathlib.Path({str(scratch)!r}).iterdir())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not list(scratch.iterdir())


def test_nothing_is_left_of_a_file_that_turns_out_to_be_damaged(tmp_path, scratch):
    np.savez_compressed(tmp_path / "a.npz", a=IMAGES, b=IMAGES[:5])
    with pytest.raises(DataError, match="expected inputs of one length, found a 12, b 5"):
        read_array_file(tmp_path / "a.npz")
    gc.collect()
    assert not list(scratch.iterdir())


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_unpacked(tmp_path, scratch, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", image=np.zeros((10, 1000, 1000), np.uint8))
    free = shutil.disk_usage(scratch)._replace(free=260 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(
        DataError, match=r"^0\.0 GB do not fit on the disk of .*, where 0\.3 GB are free: set TMPDIR"
    ):
        read_array_file(tmp_path / "a.npz")


def test_a_temporary_folder_that_is_none_is_an_error(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", image=IMAGES)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(
        DataError, match="no temporary file can be written: No such file or directory: set TMPDIR"
    ):
        read_array_file(tmp_path / "a.npz")


# Arrays in memory


def test_a_lone_array_has_an_empty_name(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    arrays = read_arrays(tmp_path / "a.npy")
    assert list(arrays) == [""]
    np.testing.assert_array_equal(arrays[""], IMAGES)


def test_arrays_in_memory_do_not_need_their_file(npz):
    path = npz(a=IMAGES, b=np.float32(3))
    arrays = read_arrays(path)
    path.unlink()
    np.testing.assert_array_equal(arrays["a"], IMAGES)
    assert arrays["b"].shape == ()


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(DataError, match=r"a\.npz cannot be read as \.npz: Is a directory"):
        read_arrays(tmp_path / "a.npz")


def test_other_suffixes_are_no_arrays(tmp_path):
    with pytest.raises(
        DataError, match=r"a\.txt is nothing that edgeq reads: expected an image, a WAV, an \.npy or an \.npz"
    ):
        read_arrays(tmp_path / "a.txt")


# Damage


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty; save or copy it again"),
        (b"hello", "it is no NumPy file, or holds Python objects instead of plain numbers|it is damaged"),
        (b"PK\x03\x04 and then nothing", "it is damaged .*; save or copy it again|it is no NumPy file"),
        (b"\x93NUMPY\x01\x00", "it is damaged .*; save or copy it again"),
        (b"\x93NUMPY\x09\x00 and more", "it is damaged .*; save or copy it again"),
    ],
    ids=["empty", "text", "zip", "cut off", "version"],
)
def test_a_file_that_is_none_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} cannot be read as {name[1:]}: ({message})"):
        read_array_file(tmp_path / name)


@pytest.mark.parametrize("form", [np.savez, np.savez_compressed])
def test_a_truncated_file_is_refused(tmp_path, form):
    form(tmp_path / "a.npz", image=IMAGES)
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[:-40])
    with pytest.raises(DataError, match="it is damaged"):
        read_array_file(tmp_path / "a.npz")


def test_a_truncated_npy_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"it is damaged \(it ends after 47 of 48 bytes of values\)"):
        read_array_file(tmp_path / "a.npy")


@pytest.mark.parametrize("form", [np.savez, np.savez_compressed])
def test_a_value_that_changed_is_noticed(tmp_path, form):
    form(tmp_path / "a.npz", image=np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match="it is damaged"):
        read_array_file(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("place", "message"),
    [(26, "does not lie where the archive says|differ|damaged"), (0, "Bad magic number|damaged")],
    ids=["length of the name", "signature"],
)
def test_a_local_header_that_is_damaged_is_refused(npz, place, message):
    path = npz(image=IMAGES)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"it is damaged .*({message})"):
        read_array_file(path)


@pytest.mark.parametrize("sides", [(2, 2), (200, 200)])
def test_a_member_whose_two_sizes_differ_is_refused(npz, sides):
    path = npz(image=np.ones(sides))
    content = bytearray(path.read_bytes())
    # The size without compression in the central directory, which follows on that with it.
    place = content.rindex(b"PK\x01\x02") + 24
    content[place] -= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"it is damaged \([Bb]ad CRC-32 for .*image\.npy'?\)"):
        read_array_file(path)


def test_an_array_larger_than_memory_is_refused(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", IMAGES)
    monkeypatch.setattr(MappedArray, "open", too_large)
    with pytest.raises(DataError, match="holds an array that is too large for this machine's memory: 1 TiB"):
        read_arrays(tmp_path / "a.npy")


def too_large(_: MappedArray) -> None:
    raise MemoryError("1 TiB")


def test_python_objects_are_refused_and_never_unpickled(npz, tmp_path):
    class Intruder:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    path = npz(image=np.array([Intruder()] * 12))
    with pytest.raises(DataError, match="holds Python objects instead of plain numbers"):
        read_array_file(path)
    assert not (tmp_path / "ran").exists()


def test_an_archive_of_other_things_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(DataError, match=r"holds 'config\.json', which is no NumPy array"):
        read_array_file(tmp_path / "model.npz")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("shape", [(1 << 50,), (-1,), (3, -4)])
def test_a_header_that_promises_what_is_not_there_is_refused(tmp_path, scratch, compression, shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
        archive.writestr("image.npy", header.getvalue())
    with pytest.raises(DataError, match="it is damaged"):
        read_array_file(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds no input arrays"),
        ({"labels": np.arange(12)}, "holds no input arrays"),
        ({"a": IMAGES, "b": IMAGES[:5]}, "expected inputs of one length, found a 12, b 5"),
        ({"a": np.array(["x"] * 12)}, "input 'a' has dtype <U1, expected numbers"),
        ({"a": IMAGES * 1j}, "input 'a' has dtype complex128, expected numbers"),
        ({"a": np.array(3.0)}, "input 'a' is a single number, expected an array with an axis of items"),
        ({"a": IMAGES, "labels": np.arange(12) - 1}, "expected labels from 0, found -1"),
        ({"a": IMAGES, "labels": np.full(12, np.nan)}, "labels hold NaN or infinity"),
        ({"a": IMAGES, "labels": np.arange(5)}, r"expected 12 labels, found shape \[5\]"),
        ({"a": IMAGES, "labels": np.array(3)}, r"expected 12 labels, found shape \[\]"),
        ({"a": IMAGES, "targets": np.arange(5.0)}, r"expected 12 labels, found shape \[5\]"),
        ({"a": IMAGES, "masks": IMAGES[:5]}, "expected 12 labels, found 5"),
        ({"a": IMAGES, "masks": IMAGES[:, 0, 0]}, r"expected masks as integers .*, found uint8\[12, 1\]"),
        ({"a": IMAGES, "masks": IMAGES * 1.0}, r"expected masks as integers .*, found float64\[12, 2, 2\]"),
        ({"a": IMAGES, "masks": IMAGES.astype(int) + 250}, "from 0 to 255, found 250 to 297"),
        ({"a": IMAGES, "masks": IMAGES, "y": np.arange(12)}, "holds y and masks: expected one of labels,"),
        ({"a": IMAGES, "class_names": np.arange(3)}, r"class_names is int64\[3\], expected one text a class"),
        ({"a": IMAGES, "class_names": np.array("cat")}, r"class_names is <U3\[\], expected one text a class"),
        ({"a": IMAGES, "class_names": np.array([b"\xff"])}, "class_names is no UTF-8 text"),
    ],
)
def test_arrays_that_are_no_data_set_are_refused_with_what_was_found(npz, arrays, message):
    path = npz(**arrays)
    with pytest.raises(DataError, match=message) as caught:
        read_array_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), form=st.sampled_from(["stored", "compressed", "npy"]))
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path, data, form):
    buffer = io.BytesIO()
    if form == "npy":
        np.save(buffer, IMAGES)
    else:
        (np.savez if form == "stored" else np.savez_compressed)(buffer, image=IMAGES, labels=np.arange(12))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / ("a.npy" if form == "npy" else "a.npz")
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    message = ""
    try:
        read = read_array_file(path)
        if len(read):
            read.inspected("skip")
    except DataError as error:
        message = str(error)
    assert "\n" not in message


def test_a_column_of_an_array_in_memory_is_a_column_alike(npz):
    assert ArrayColumn(IMAGES, "image").inspect(3) == read_array_file(npz(image=IMAGES)).columns[
        "image"
    ].inspect(3)
