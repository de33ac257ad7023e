"""One input of all items: rows of an array, image files or audio files.

Columns are plain values that travel to workers by pickle; files are read only when a few items are asked for.
"""

from __future__ import annotations

import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgeq.data.media.audio import read_audio
from edgeq.data.media.image_preparation import image_shape
from edgeq.data.media.wav import check_wav
from edgeq.errors import DataError
from edgeq.printing import printable

if TYPE_CHECKING:
    from typing_extensions import Self

    from edgeq.data.preprocessing import Preprocessing

Array = npt.NDArray[Any]


class Column(ABC):
    """One input of N items."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of items."""

    @abstractmethod
    def describe(self, index: int) -> str:
        """What messages call an item."""

    @abstractmethod
    def inspect(self, index: int) -> str:
        """SHA-256 of the content of an item, after a look at it that is cheaper than reading it.

        Raises:
            DataError: the item is visibly bad.
        """

    @abstractmethod
    def read(self, indices: Sequence[int], preprocessing: Preprocessing, shape: tuple[int, ...]) -> Array:
        """Some items in the shape that the model wants, before values are scaled.

        Args:
            indices: which, in this order.
            preprocessing: of this input; its images and audio parts count here, its values do not.
            shape: of one item.

        Returns:
            [n, *shape] for files; rows of an array have their own shape.

        Raises:
            DataError: an item cannot be read; says which.
        """

    @abstractmethod
    def take(self, indices: Sequence[int]) -> Column:
        """The column of some items, in this order."""

    def stored(self, path: Path) -> Column:
        """The same items in a form that is cheap to hand to another process.

        Args:
            path: of a file that may be written for it.
        """
        return self


@dataclass(frozen=True)
class MappedArray:
    """An array that lies in a file and is mapped into memory when it is used.

    Attributes:
        path: of the file.
        dtype: of the values, as NumPy writes it (``<f4``).
        shape: of the array.
        offset: bytes before the first value.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int

    def open(self) -> Array:
        """The array, read-only, in C order."""
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)


class ArrayColumn(Column):
    """Rows of an array."""

    def __init__(
        self, values: Array | MappedArray, name: str = "", rows: npt.NDArray[np.int64] | None = None
    ) -> None:
        """Takes the array without copying.

        Args:
            values: numbers, the first axis being the items.
            name: of the input, for messages.
            rows: int64[N], which rows are the items; all by default.
        """
        self._mapped = values if isinstance(values, MappedArray) else None
        self._values: Array = values.open() if isinstance(values, MappedArray) else values
        self._name = name
        self._rows = rows

    def __getstate__(self) -> dict[str, Any]:
        # NumPy would copy what is mapped.
        values = self._mapped if self._mapped is not None else self._values
        return {"values": values, "name": self._name, "rows": self._rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self._values) if self._rows is None else len(self._rows)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self._values.dtype

    @property
    def item_shape(self) -> tuple[int, ...]:
        """Of one row."""
        return self._values.shape[1:]

    def describe(self, index: int) -> str:
        """See `Column.describe`."""
        return f"item {index} of input {self._name!r}" if self._name else f"item {index}"

    def inspect(self, index: int) -> str:
        """See `Column.inspect`; NaN and infinity are bad."""
        item = np.ascontiguousarray(self._values[index if self._rows is None else self._rows[index]])
        if item.dtype.kind == "f" and not np.isfinite(item).all():
            raise DataError(f"{self.describe(index)} holds NaN or infinity")
        digest = hashlib.sha256(f"{item.dtype.str} {item.shape}".encode())
        digest.update(item.data)
        return digest.hexdigest()

    def read(self, indices: Sequence[int], preprocessing: Preprocessing, shape: tuple[int, ...]) -> Array:
        """See `Column.read`: the rows as they are."""
        return self.rows(indices)

    def rows(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Array:
        """Some rows; a view where they follow each other."""
        rows = np.asarray(indices, dtype=np.int64)
        if self._rows is not None:
            rows = self._rows[rows]
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
            return self._values[rows[0] : rows[-1] + 1]
        return self._values[rows]

    def take(self, indices: Sequence[int]) -> ArrayColumn:
        """See `Column.take`; the values are not copied."""
        rows = np.asarray(indices, dtype=np.int64)
        own = self._mapped if self._mapped is not None else self._values
        return ArrayColumn(own, self._name, rows if self._rows is None else self._rows[rows])

    def stored(self, path: Path) -> ArrayColumn:
        """See `Column.stored`: writes the array unless it lies in a file already."""
        if self._mapped is not None:
            return self
        np.save(path, np.ascontiguousarray(self._values), allow_pickle=False)
        return ArrayColumn(mapped_npy(path), self._name, self._rows)


def mapped_npy(path: Path) -> MappedArray:
    """The array of an .npy file without reading it.

    Raises:
        ValueError: it is no .npy file, holds Python objects, or is not in C order.
    """
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not array.flags.c_contiguous:
        raise ValueError("the array is not in C order")
    return MappedArray(path, array.dtype.str, array.shape, getattr(array, "offset", 0))


@dataclass(frozen=True)
class FileColumn(Column):
    """One file an item.

    Attributes:
        paths: of the files.
    """

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def describe(self, index: int) -> str:
        """See `Column.describe`."""
        return printable(self.paths[index])

    def inspect(self, index: int) -> str:
        """See `Column.inspect`."""
        content = read_regular(self.paths[index])
        self._check(self.paths[index], content)
        return hashlib.sha256(content).hexdigest()

    def take(self, indices: Sequence[int]) -> Self:
        """See `Column.take`."""
        return type(self)(tuple(self.paths[index] for index in indices))

    @abstractmethod
    def _check(self, path: Path, content: bytes) -> None:
        """A cheap look at the content."""


class ImageColumn(FileColumn):
    """Image files.

    What decodes them is imported where it is used: arrays are measured where there is no Pillow.
    """

    def read(self, indices: Sequence[int], preprocessing: Preprocessing, shape: tuple[int, ...]) -> Array:
        """See `Column.read`: uint8[n, H, W, C]."""
        from edgeq.data.media.images import read_image

        size = image_shape(shape, "the data set")
        result = np.empty((len(indices), *size), np.uint8)
        for row, index in enumerate(indices):
            result[row] = read_image(self.paths[index], preprocessing.image, size)
        return result

    def _check(self, path: Path, content: bytes) -> None:
        from edgeq.data.media.images import check_image

        check_image(path, content)


class AudioColumn(FileColumn):
    """Audio files."""

    def read(self, indices: Sequence[int], preprocessing: Preprocessing, shape: tuple[int, ...]) -> Array:
        """See `Column.read`: float32[n, *shape]."""
        result = np.empty((len(indices), *shape), np.float32)
        for row, index in enumerate(indices):
            result[row] = read_audio(self.paths[index], preprocessing.audio, shape)
        return result

    def _check(self, path: Path, content: bytes) -> None:
        check_wav(path, content)


def read_regular(path: Path) -> bytes:
    """The content of a regular file.

    Raises:
        DataError: it cannot be read, or is a folder or a device, which might never end.
    """
    try:
        # A pipe would be waited for when it is opened.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DataError(f"{printable(path)} is no regular file")
            return file.read()
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be read: {error.strerror or error}") from error
