"""Arrays that are too large for memory, in a scratch folder that is removed when nobody needs them any more."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import MappedArray
from edgeq.errors import DataError
from edgeq.scratch import scratch_folder

Array = npt.NDArray[Any]

RESERVE_BYTES = 256 << 20
"""Room that is left to others on the disk."""

_CHECK_EVERY = 64 << 20
"""Bytes between two looks at the room that is left."""


class Spool:
    """A scratch folder that lives as long as this object, or as an array that refers to it.

    Attributes:
        folder: for files.
    """

    def __init__(self) -> None:
        """Makes the folder.

        Raises:
            DataError: there is nowhere to write.
        """
        context = scratch_folder("data")
        try:
            self.folder = context.__enter__()
        except OSError as error:
            raise DataError(
                f"no temporary file can be written: {error.strerror or error}: set TMPDIR"
            ) from error
        # It also runs when Python ends, and only once.
        self._finalizer = weakref.finalize(self, context.__exit__, None, None, None)

    def remove(self) -> None:
        """Removes the folder now."""
        self._finalizer()

    def require_room(self, size: int) -> None:
        """Refuses what would fill the disk.

        Args:
            size: bytes that are to be written.

        Raises:
            DataError: there is not enough room.
        """
        free = shutil.disk_usage(self.folder).free
        if size > free - RESERVE_BYTES:
            raise DataError(
                f"{_gigabytes(size)} do not fit on the disk of {self.folder.parent}, where {_gigabytes(free)} are "
                "free: set TMPDIR to a folder with more room, or take fewer items"
            )


@dataclass(frozen=True)
class SpooledArray(MappedArray):
    """A mapped array that keeps its scratch folder; in another process it is a mapped array alone.

    Attributes:
        spool: the folder's owner.
    """

    spool: Spool

    def __reduce__(self) -> tuple[type[MappedArray], tuple[Any, ...]]:
        return MappedArray, (self.path, self.dtype, self.shape, self.offset)


class SpoolFile:
    """A file that is written from its beginning to its end, and leaves room on the disk.

    Attributes:
        spool: its scratch folder.
        path: of the file.
    """

    def __init__(self, spool: Spool, path: Path) -> None:
        """Opens the file.

        Raises:
            DataError: it cannot be written.
        """
        self.spool, self.path = spool, path
        self._unchecked = _CHECK_EVERY
        with self._disk_errors():
            self._file = path.open("wb")

    def __enter__(self) -> SpoolFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, content: bytes) -> None:
        """Appends to the file.

        Raises:
            DataError: the disk is full, or nearly.
        """
        self._unchecked += len(content)
        if self._unchecked >= _CHECK_EVERY:
            self.spool.require_room(_CHECK_EVERY)
            self._unchecked = 0
        with self._disk_errors():
            self._file.write(content)

    def close(self) -> None:
        """Writes what is left.

        Raises:
            DataError: the disk is full.
        """
        with self._disk_errors():
            self._file.close()

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self.spool.folder.parent} cannot be written to: {error.strerror or error}: set TMPDIR to a folder "
                "with room"
            ) from error


class RowWriter:
    """Writes the rows of an array one by one, without holding them."""

    def __init__(self, spool: Spool, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        """Opens the file.

        Args:
            spool: where it goes.
            name: of the file.
            dtype: of the values.
            shape: of one row.

        Raises:
            DataError: it cannot be written.
        """
        self.dtype, self.shape = dtype, shape
        self._file = SpoolFile(spool, spool.folder / name)
        self._rows = 0

    def write(self, row: Array) -> None:
        """Appends a row of this dtype and shape.

        Raises:
            DataError: the disk is full.
        """
        self._file.write(np.ascontiguousarray(row).tobytes())
        self._rows += 1

    def close(self) -> None:
        """Closes the file; what is in it may be too little.

        Raises:
            DataError: the disk is full.
        """
        self._file.close()

    def finish(self) -> SpooledArray:
        """Closes the file.

        Returns:
            All rows, [rows, *shape].

        Raises:
            DataError: the disk is full.
        """
        self._file.close()
        return SpooledArray(self._file.path, self.dtype.str, (self._rows, *self.shape), 0, self._file.spool)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
