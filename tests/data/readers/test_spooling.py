"""Scratch files of arrays: how long they live, and full disks."""

from __future__ import annotations

import gc
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from edgeq.data.columns import MappedArray
from edgeq.data.readers.spooling import RowWriter, Spool, SpoolFile
from edgeq.errors import DataError


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    """The folder that scratch folders are made in."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def spooled(spool: Spool) -> MappedArray:
    writer = RowWriter(spool, "a.bin", np.dtype(">i4"), (2, 3))
    for row in range(5):
        writer.write(np.full((2, 3), row, ">i4"))
    return writer.finish()


def test_rows_are_what_was_written():
    array = spooled(Spool())
    assert (array.shape, array.dtype) == ((5, 2, 3), ">i4")
    assert array.open()[:, 1, 2].tolist() == [0, 1, 2, 3, 4]


def test_rows_in_any_memory_order_are_written_alike():
    writer = RowWriter(Spool(), "a.bin", np.dtype("u1"), (2, 3))
    row = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for one in (row, np.asfortranarray(row), np.repeat(row, 2, axis=1)[:, ::2]):
        writer.write(one)
    assert (writer.finish().open() == row).all()


def test_no_rows_are_an_empty_array():
    assert RowWriter(Spool(), "a.bin", np.dtype("u1"), (2, 3)).finish().open().shape == (0, 2, 3)


def test_an_array_keeps_its_folder(scratch):
    array = spooled(Spool())
    gc.collect()
    assert array.open().sum() == 60
    del array
    gc.collect()
    assert not list(scratch.iterdir())


def test_a_copy_in_another_process_does_not_remove_the_folder(scratch):
    array = spooled(Spool())
    copy = pickle.loads(pickle.dumps(array))  # noqa: S301
    assert type(copy) is MappedArray
    assert copy.open().sum() == 60
    del copy
    gc.collect()
    assert array.open().sum() == 60


def test_a_folder_can_be_removed_early_and_again(scratch):
    spool = Spool()
    spool.remove()
    spool.remove()
    assert not list(scratch.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
def test_a_full_disk_is_one_line():
    file = SpoolFile(Spool(), Path("/dev/full"))
    file.write(b"x")
    with pytest.raises(
        DataError,
        match=r"scratch cannot be written to: No space left on device: set TMPDIR to a folder with room$",
    ):
        file.close()


def test_a_folder_that_is_gone_is_one_line(scratch):
    spool = Spool()
    spool.remove()
    with pytest.raises(DataError, match="cannot be written to: No such file or directory"):
        RowWriter(spool, "a.bin", np.dtype("u1"), ())
