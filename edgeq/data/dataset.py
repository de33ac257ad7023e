"""A data set: items with named inputs, perhaps labels, and a digest each."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import DataError

Array = npt.NDArray[Any]


class Dataset(ABC):
    """Items in a fixed order; item i has an array by input name and perhaps a label.

    Attributes:
        source: where it was read from, for messages.
        labels: int64[N], the class of each item; None without labels.
        class_names: names of the classes where the data set knows them, else empty.
    """

    source: str
    labels: npt.NDArray[np.int64] | None
    class_names: tuple[str, ...] = ()

    @abstractmethod
    def __len__(self) -> int:
        """Number of items."""

    @abstractmethod
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of the content of each item, before preprocessing and without its label."""

    @abstractmethod
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs that each item has; a single empty name fits any single-input model."""

    @abstractmethod
    def raw(self, name: str, indices: Sequence[int]) -> Array:
        """Items of one input as they are stored, stacked along a new first axis.

        Args:
            name: of the input.
            indices: which items, in this order.

        Raises:
            DataError: an item cannot be read or the items differ in shape.
        """


class ArrayDataset(Dataset):
    """Arrays by input name, the first axis being the items."""

    def __init__(
        self,
        arrays: Mapping[str, Array],
        labels: Array | None = None,
        *,
        source: str = "arrays",
        class_names: Sequence[str] = (),
    ) -> None:
        """Takes the arrays without copying.

        Args:
            arrays: numeric arrays of equal length by input name.
            labels: integer[N] or None.
            source: where they come from, for messages.
            class_names: names of the classes, if known.

        Raises:
            DataError: no arrays, lengths that differ, dtypes that are no numbers, or bad labels.
        """
        if not arrays:
            raise DataError(f"{source} holds no input arrays: expected one array by input name")
        lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise DataError(f"{source}: expected inputs of one length, found {shown}")
        for name, array in arrays.items():
            if array.dtype.kind not in "buif":
                raise DataError(
                    f"{source}: input {name!r} has dtype {array.dtype}, expected numbers (float32, uint8, …)"
                )
        self.source = source
        self._arrays = dict(arrays)
        self._count = next(iter(lengths.values()))
        self.class_names = tuple(class_names)
        self.labels = None if labels is None else _checked_labels(labels, self._count, source)
        self._digests: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return self._count

    def digests(self) -> tuple[str, ...]:
        """See `Dataset.digests`; computed once."""
        if self._digests is None:
            self._digests = tuple(self._digest(position) for position in range(self._count))
        return self._digests

    def input_names(self) -> tuple[str, ...]:
        """See `Dataset.input_names`."""
        return tuple(self._arrays)

    def raw(self, name: str, indices: Sequence[int]) -> Array:
        """See `Dataset.raw`."""
        return self._arrays[name][np.asarray(indices, dtype=np.int64)]

    def _digest(self, position: int) -> str:
        digest = hashlib.sha256()
        for name in sorted(self._arrays):
            item = np.ascontiguousarray(self._arrays[name][position])
            digest.update(f"{name} {item.dtype.str} {item.shape}".encode())
            digest.update(item.tobytes())
        return digest.hexdigest()


def _checked_labels(labels: Array, count: int, source: str) -> npt.NDArray[np.int64]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        # Keras' own data sets have labels as a column.
        labels = labels[:, 0]
    if labels.ndim == 2:
        raise DataError(
            f"{source}: expected integer labels of shape [{count}], found {list(labels.shape)}; "
            "one-hot labels become integers with argmax(axis=1)"
        )
    if labels.ndim != 1 or len(labels) != count:
        raise DataError(f"{source}: expected {count} labels, found shape {list(labels.shape)}")
    if labels.dtype.kind not in "ui":
        raise DataError(f"{source}: labels have dtype {labels.dtype}, expected integers")
    result = labels.astype(np.int64)
    if count and result.min() < 0:
        raise DataError(f"{source}: expected labels from 0, found {result.min()}")
    return result
