"""A data set: items with named inputs, perhaps a truth, and a digest each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import ArrayColumn, Column, MappedArray
from edgeq.data.truth import ClassLabels, Targets, Truth, truth_from_array
from edgeq.errors import DataError, UsageError

Array = npt.NDArray[Any]

FAIL, SKIP = "fail", "skip"
ON_BAD_INPUT = (FAIL, SKIP)
"""What becomes of items that cannot be read."""

_NAMED = 10
"""Bad items that a message names; a report of thousands helps nobody."""

_AT_ONCE = 256
"""Items that one thread inspects in one go."""


@dataclass(frozen=True)
class BadItem:
    """An item that cannot be read.

    Attributes:
        name: of the item.
        reason: a sentence that begins with the name.
    """

    name: str
    reason: str


class Dataset:
    """Items in a fixed order: item i has a row in every column, and perhaps a truth.

    Attributes:
        source: where it was read from, for messages.
        columns: inputs by name; a single column with an empty name fits any model with one input.
        truth: of the items; None without labels.
        splits: of the items, such as ``train`` and ``validation``; empty where the data set does not say.
        skipped: items that were left out because they are bad.
        script: the converter script with metrics of its own that the data set came from; None where there is none.
        task: what the model does, where the data set says so; None else.
    """

    script: Path | None = None
    task: str | Mapping[str, Any] | None = None

    def __init__(
        self,
        columns: Mapping[str, Column],
        truth: Truth | None = None,
        *,
        source: str,
        splits: Sequence[str] = (),
        skipped: Sequence[BadItem] = (),
    ) -> None:
        """Binds columns and truth; nothing is read.

        Raises:
            DataError: there is no column, or lengths differ.
        """
        if not columns:
            raise DataError(f"{source} holds no input: expected one array, image or sound by input name")
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise DataError(f"{source}: expected inputs of one length, found {shown}")
        count = next(iter(lengths.values()))
        if truth is not None and len(truth) != count:
            raise DataError(f"{source}: expected {count} labels, found {len(truth)}")
        self.source = source
        self.columns = dict(columns)
        self.truth = truth
        self.splits = tuple(splits)
        self.skipped = tuple(skipped)
        self._count = count
        self._digests: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """int64[N], the class of each item; None where the truth is none or another."""
        return self.truth.values if isinstance(self.truth, ClassLabels) else None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes where the data set knows them, else empty."""
        # The names of numbers to predict are none of classes.
        return () if self.truth is None or isinstance(self.truth, Targets) else self.truth.names

    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs that each item has; a single empty name fits any single-input model."""
        return tuple(self.columns)

    def raw(self, name: str, indices: Sequence[int]) -> Array:
        """Items of one input as they are stored: rows of its array.

        Args:
            name: of the input.
            indices: which items, in this order.

        Raises:
            DataError: they are files, which become arrays only for a model.
        """
        column = self.columns[name]
        if not isinstance(column, ArrayColumn):
            raise DataError(f"{self.source} holds files: read them through a Feed for a model's inputs")
        return column.rows(indices)

    def digests(self) -> tuple[str, ...]:
        """SHA-256 of the content of each item, before preprocessing and without its label.

        Raises:
            DataError: an item is bad; says how many are and names the first.
        """
        if self._digests is None:
            self._digests = self.inspected()._digests
        assert self._digests is not None  # noqa: S101 - inspected has them
        return self._digests

    def inspected(
        self, on_bad_input: str = FAIL, progress: Callable[[int, int], None] | None = None
    ) -> Dataset:
        """Looks at every item once: computes its digest, and finds those that are visibly bad.

        Args:
            on_bad_input: ``fail`` or ``skip``.
            progress: called with the number of items looked at and their total.

        Returns:
            The data set, without the bad items where they are skipped.

        Raises:
            DataError: items are bad and are not to be skipped, or all are.
        """
        if self._digests is not None:
            return self
        found: list[str | BadItem] = []
        starts = range(0, self._count, _AT_ONCE)
        # Reading waits for the disk, and hashing lets other threads run.
        with ThreadPoolExecutor(4) as pool:
            for part in pool.map(
                lambda start: self._inspect(range(start, min(start + _AT_ONCE, self._count))), starts
            ):
                found += part
                if progress is not None:
                    progress(len(found), self._count)
        bad = [item for item in found if isinstance(item, BadItem)]
        good = [index for index, item in enumerate(found) if isinstance(item, str)]
        result = self.without_bad(bad, good, on_bad_input) if bad else self
        result._digests = tuple(item for item in found if isinstance(item, str))
        return result

    def without_bad(self, bad: Sequence[BadItem], good: Sequence[int], on_bad_input: str) -> Dataset:
        """The data set without its bad items, where they are to be skipped.

        Raises:
            DataError: they are not to be skipped, or nothing is left.
        """
        if on_bad_input == FAIL or not good:
            raise DataError(bad_message(self.source, bad, self._count))
        result = self.take(good)
        result.skipped = (*self.skipped, *bad)
        return result

    def take(self, indices: Sequence[int]) -> Dataset:
        """Some of the items, in this order."""
        chosen = Dataset(
            {name: column.take(indices) for name, column in self.columns.items()},
            None if self.truth is None else self.truth.take(indices),
            source=self.source,
            splits=[self.splits[index] for index in indices] if self.splits else (),
            skipped=self.skipped,
        )
        if self._digests is not None:
            chosen._digests = tuple(self._digests[index] for index in indices)
        chosen.script, chosen.task = self.script, self.task
        return chosen

    def with_truth(self, truth: Truth | None) -> Dataset:
        """The same items with another truth."""
        other = Dataset(self.columns, truth, source=self.source, splits=self.splits, skipped=self.skipped)
        other._digests = self._digests
        other.script, other.task = self.script, self.task
        return other

    def _inspect(self, indices: Sequence[int]) -> list[str | BadItem]:
        return [self._inspect_item(index) for index in indices]

    def _inspect_item(self, index: int) -> str | BadItem:
        try:
            digests = {name: column.inspect(index) for name, column in self.columns.items()}
        except DataError as error:
            return BadItem(next(iter(self.columns.values())).describe(index), str(error))
        if len(digests) == 1:
            return next(iter(digests.values()))
        return hashlib.sha256(
            "\n".join(f"{name} {digests[name]}" for name in sorted(digests)).encode()
        ).hexdigest()


class ArrayDataset(Dataset):
    """Arrays by input name, the first axis being the items."""

    def __init__(
        self,
        arrays: Mapping[str, Array | MappedArray],
        labels: Array | None = None,
        *,
        source: str = "arrays",
        class_names: Sequence[str] = (),
    ) -> None:
        """Takes the arrays without copying.

        Args:
            arrays: numeric arrays of equal length by input name.
            labels: integer[N] classes, bool or 0/1[N, classes], float[N, …] targets, or None.
            source: where they come from, for messages.
            class_names: names of the classes, if known.

        Raises:
            DataError: no arrays, lengths that differ, dtypes that are no numbers, or bad labels.
        """
        if not arrays:
            raise DataError(f"{source} holds no input arrays: expected one array by input name")
        columns = {name: _column(name, array, source) for name, array in arrays.items()}
        count = len(next(iter(columns.values())))
        truth = None if labels is None else truth_from_array(labels, count, source, class_names)
        super().__init__(columns, truth, source=source)


def _column(name: str, array: Array | MappedArray, source: str) -> ArrayColumn:
    dtype, shape = np.dtype(array.dtype), array.shape
    if dtype.kind not in "buif":
        raise DataError(f"{source}: input {name!r} has dtype {dtype}, expected numbers (float32, uint8, …)")
    if not shape:
        raise DataError(
            f"{source}: input {name!r} is a single number, expected an array with an axis of items"
        )
    return ArrayColumn(array, name)


def bad_message(source: str, bad: Sequence[BadItem], count: int) -> str:
    """One line about items that cannot be read."""
    shown = "; ".join(item.reason for item in bad[:_NAMED])
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    one = len(bad) == 1
    return (
        f"{source}: {len(bad)} of {count} items {'is' if one else 'are'} bad ({shown}{more}): mend or remove "
        f"{'it' if one else 'them'}, or leave {'it' if one else 'them'} out with --on-bad-input skip"
    )


def check_policy(on_bad_input: str) -> None:
    """Refuses what is no policy for bad items.

    Raises:
        UsageError: it is neither ``fail`` nor ``skip``.
    """
    if on_bad_input not in ON_BAD_INPUT:
        raise UsageError(f"unknown --on-bad-input {on_bad_input!r}: expected {' or '.join(ON_BAD_INPUT)}")
