"""A data set bound to a model's inputs: checked once, then read as the model sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import ArrayColumn, AudioColumn, Column, ImageColumn
from edgeq.data.dataset import BadItem, Dataset, bad_message
from edgeq.data.media.image_preparation import image_shape
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import DataError

Array = npt.NDArray[Any]


_READ_AT_ONCE = 32
"""Items: images of a large model take 20 MB then."""


@dataclass(frozen=True)
class ModelInput:
    """What a model wants of one input.

    Attributes:
        name: of the input.
        item_shape: of one item, without batch axis.
        dtype: of the real values: ``float32`` also where the file stores them quantized.
        is_named: whether it was given its name for users to know. A file without signature has names of tensors only,
            so that its one input takes the one array of a data set, whatever that is called.
    """

    name: str
    item_shape: tuple[int, ...]
    dtype: str
    is_named: bool = field(default=True, compare=False)

    @property
    def is_float(self) -> bool:
        """Whether preprocessing changes its values."""
        return self.dtype.startswith("float")


class BadItemsError(DataError):
    """Items that turned out to be bad when they were read.

    Attributes:
        bad: reason by index.
    """

    def __init__(self, source: str, bad: Mapping[int, str], count: int) -> None:
        super().__init__(bad_message(source, [BadItem("", reason) for reason in bad.values()], count))
        self.bad = bad


class Feed:
    """Items of a data set by the model's input names."""

    def __init__(self, dataset: Dataset, inputs: Sequence[ModelInput], preprocessing: Preprocessing) -> None:
        """Binds and checks names, shapes and dtypes.

        Args:
            dataset: where items come from.
            inputs: what the model wants.
            preprocessing: of images, sounds and float inputs.

        Raises:
            DataError: the data set is empty or does not fit the model.
        """
        if len(dataset) == 0:
            raise DataError(f"{dataset.source} holds no item: expected at least one")
        self.dataset = dataset
        self.inputs = tuple(inputs)
        self.preprocessing = preprocessing
        self._columns = _match(dataset, self.inputs)
        unknown = set(preprocessing.inputs) - {spec.name for spec in self.inputs}
        if unknown:
            names = ", ".join(spec.name for spec in self.inputs)
            raise DataError(
                f"the preprocessing is for an input {min(unknown)!r}, which the model has not: it has {names}"
            )
        for spec in self.inputs:
            _check(dataset.source, self._columns[spec.name], spec, preprocessing.of(spec.name))

    def over(self, dataset: Dataset) -> Feed:
        """The same for some of the items, or for the same items in another form."""
        return Feed(dataset, self.inputs, self.preprocessing)

    def stored(self, spec: ModelInput, indices: Sequence[int]) -> Array:
        """Items of one input as pixels, features or rows, before values are scaled: [n, *item_shape].

        Raises:
            BadItemsError: some cannot be read, or hold NaN or infinity.
        """
        column = self._columns[spec.name]
        preprocessing = self.preprocessing.of(spec.name)
        try:
            values = column.read(indices, preprocessing, spec.item_shape)
            if _finite(values):
                return values
        except DataError:
            pass
        # Something is bad: one by one, to tell which.
        bad = {}
        for index in indices:
            try:
                if not _finite(column.read([index], preprocessing, spec.item_shape)):
                    bad[index] = f"{column.describe(index)} holds NaN or infinity"
            except DataError as error:
                bad[index] = str(error)
        raise BadItemsError(self.dataset.source, bad, len(self.dataset))

    def bad_among(self, indices: Sequence[int]) -> dict[int, str]:
        """Reason by index of those items that turn out to be bad when they are read."""
        bad: dict[int, str] = {}
        for spec in self.inputs:
            for start in range(0, len(indices), _READ_AT_ONCE):
                try:
                    self.stored(spec, indices[start : start + _READ_AT_ONCE])
                except BadItemsError as error:
                    bad |= error.bad
        return bad

    def items(self, indices: Sequence[int]) -> dict[str, Array]:
        """Items as the model sees them: preprocessed, of the input's dtype, [n, *item_shape] by name.

        Raises:
            BadItemsError: some cannot be read.
        """
        return {
            spec.name: self.prepare(spec, self.stored(spec, indices)).astype(spec.dtype, copy=False)
            for spec in self.inputs
        }

    def prepare(self, spec: ModelInput, stored: Array) -> Array:
        """Scales stored values of a float input; others pass unchanged."""
        return self.preprocessing.of(spec.name).apply(stored) if spec.is_float else stored

    def are_pixels(self, spec: ModelInput) -> bool:
        """Whether an input's stored items are 8-bit pixels that a table can scale."""
        column = self._columns[spec.name]
        is_uint8 = isinstance(column, ImageColumn) or (
            isinstance(column, ArrayColumn) and column.dtype == np.uint8
        )
        return is_uint8 and spec.is_float

    def portable(self, folder: Path) -> Feed:
        """The same feed in a form that is cheap to hand to other processes.

        Args:
            folder: that arrays may be written to.
        """
        columns = {
            name: column.stored(folder / f"column-{position}.npy")
            for position, (name, column) in enumerate(self.dataset.columns.items())
        }
        return self.over(Dataset(columns, self.dataset.truth, source=self.dataset.source))


def _match(dataset: Dataset, inputs: Sequence[ModelInput]) -> dict[str, Column]:
    """The data set's column for each of the model's inputs: by name, by position only where one has none."""
    wanted = [spec.name for spec in inputs]
    found = dataset.input_names()
    if found == ("",):
        if len(wanted) != 1:
            raise DataError(
                f"{dataset.source} holds items for one input, the model has {len(wanted)} ({', '.join(wanted)}): give "
                "an .npz with one array by input name, or a manifest with columns input:NAME"
            )
        return {wanted[0]: dataset.columns[""]}
    if len(found) == len(wanted) == 1 and not inputs[0].is_named:
        return {wanted[0]: dataset.columns[found[0]]}
    if set(found) != set(wanted):
        raise DataError(
            f"{dataset.source}: expected inputs named {', '.join(sorted(wanted))} like the model's, "
            f"found {', '.join(sorted(found))}"
        )
    return {name: dataset.columns[name] for name in wanted}


def _check(source: str, column: Column, spec: ModelInput, preprocessing: Preprocessing) -> None:
    if isinstance(column, ImageColumn):
        channels = image_shape(spec.item_shape, source)[2]
        if spec.is_float:
            preprocessing.check_channels(channels)
        return
    if isinstance(column, AudioColumn):
        preprocessing.audio.check_input(spec.item_shape, source)
        return
    if not isinstance(column, ArrayColumn):
        return
    shape, dtype = column.item_shape, column.dtype
    if shape != spec.item_shape:
        hint = ""
        if shape == (*spec.item_shape, 1) or (*shape, 1) == spec.item_shape:
            hint = ": add or drop the channel axis"
        raise DataError(
            f"{source}: input {spec.name!r} expects items of shape {list(spec.item_shape)}, "
            f"found {list(shape)}{hint}"
        )
    if spec.dtype.startswith(("int", "uint")) and dtype.kind not in "ui":
        raise DataError(f"{source}: input {spec.name!r} expects {spec.dtype}, found {dtype}")
    if spec.is_float:
        preprocessing.check_channels(shape[-1] if shape else 1)


def _finite(values: Array) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def check_count(dataset: Dataset, count: int) -> list[str]:
    """Judges whether so many different items are enough to calibrate on.

    Args:
        dataset: the data.
        count: of the calibration items.

    Returns:
        Warnings, one sentence each.

    Raises:
        DataError: fewer than 10 items.
    """
    if len(dataset) == 0:
        raise DataError(f"{dataset.source} holds no item: expected at least 10, 100 to 500 are usual")
    if count < 10:
        raise DataError(
            f"{dataset.source}: {count} different calibration item{'s' * (count != 1)}, expected "
            "at least 10 (100 to 500 are usual)"
        )
    if count < 100:
        return [f"{count} calibration items are few: 100 to 500 are usual"]
    return []
