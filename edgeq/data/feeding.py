"""A data set bound to a model's inputs: checked once, then read as the model sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.dataset import Dataset
from edgeq.data.image_folder import ImageFolder
from edgeq.data.images import Decoding
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import DataError

Array = npt.NDArray[Any]

_READ_AT_ONCE = 100
"""Items: images of a large model take 60 MB then."""


@dataclass(frozen=True)
class ModelInput:
    """What a model wants of one input.

    Attributes:
        name: of the input.
        item_shape: of one item, without batch axis.
        dtype: of the real values: ``float32`` also where the file stores them quantized.
    """

    name: str
    item_shape: tuple[int, ...]
    dtype: str


class Feed:
    """Items of a data set by the model's input names."""

    def __init__(self, dataset: Dataset, inputs: Sequence[ModelInput], preprocessing: Preprocessing) -> None:
        """Binds and checks names, shapes and dtypes on the first item.

        Args:
            dataset: where items come from.
            inputs: what the model wants.
            preprocessing: of float inputs.

        Raises:
            DataError: the data set is empty or does not fit the model.
        """
        if len(dataset) == 0:
            raise DataError(f"{dataset.source} holds no item: expected at least one")
        self.dataset = dataset
        self.inputs = tuple(inputs)
        self.preprocessing = preprocessing
        self._names = _match_names(dataset, self.inputs)
        if isinstance(dataset, ImageFolder) and dataset.decoding is None:
            dataset.decoding = Decoding.for_shape(self.inputs[0].item_shape, dataset.source)
        for spec in self.inputs:
            self._check(spec, dataset.raw(self._names[spec.name], [0])[0])

    def stored(self, spec: ModelInput, indices: Sequence[int]) -> Array:
        """Items of one input as stored, before preprocessing: [N, *item_shape].

        Raises:
            DataError: an item has another shape, or holds NaN or infinity.
        """
        values = self.dataset.raw(self._names[spec.name], indices)
        _require_finite(self.dataset, self._names[spec.name], values, indices)
        return values

    def items(self, indices: Sequence[int]) -> dict[str, Array]:
        """Items as the model sees them: preprocessed, of the input's dtype, [N, *item_shape] by name."""
        return {
            spec.name: self.prepare(spec, self.stored(spec, indices)).astype(spec.dtype, copy=False)
            for spec in self.inputs
        }

    def prepare(self, spec: ModelInput, stored: Array) -> Array:
        """Applies the preprocessing to stored values of a float input; others pass unchanged."""
        return self.preprocessing.apply(stored) if spec.dtype.startswith("float") else stored

    def _check(self, spec: ModelInput, item: Array) -> None:
        if tuple(item.shape) != spec.item_shape:
            hint = ""
            if item.shape == (*spec.item_shape, 1) or (*item.shape, 1) == spec.item_shape:
                hint = ": add or drop the channel axis"
            raise DataError(
                f"{self.dataset.source}: input {spec.name!r} expects items of shape {list(spec.item_shape)}, "
                f"found {list(item.shape)}{hint}"
            )
        if spec.dtype.startswith(("int", "uint")) and item.dtype.kind not in "ui":
            raise DataError(
                f"{self.dataset.source}: input {spec.name!r} expects {spec.dtype}, found {item.dtype}"
            )


def _match_names(dataset: Dataset, inputs: Sequence[ModelInput]) -> Mapping[str, str]:
    """The data set's name for each of the model's inputs: by name, never by position."""
    wanted = [spec.name for spec in inputs]
    found = dataset.input_names()
    if found == ("",):
        if len(wanted) != 1:
            raise DataError(
                f"{dataset.source} holds images for one input, the model has {len(wanted)} "
                f"({', '.join(wanted)}): give an .npz with one array by input name"
            )
        return {wanted[0]: ""}
    if set(found) != set(wanted):
        raise DataError(
            f"{dataset.source}: expected arrays named {', '.join(sorted(wanted))} like the model's inputs, "
            f"found {', '.join(sorted(found))}"
        )
    return {name: name for name in wanted}


def check_calibration(feed: Feed, indices: Sequence[int]) -> list[str]:
    """Judges whether items are enough to calibrate on.

    Args:
        feed: the data.
        indices: the calibration items.

    Returns:
        Warnings, one sentence each.

    Raises:
        DataError: fewer than 10 items, or NaN or infinity in them.
    """
    check_items(feed.dataset, indices)
    if len(indices) < 100:
        return [f"{len(indices)} calibration items are few: 100 to 500 are usual"]
    return []


def check_items(dataset: Dataset, indices: Sequence[int]) -> None:
    """Refuses calibration items that no model could be calibrated on.

    Args:
        dataset: the data.
        indices: the calibration items, no two of equal content.

    Raises:
        DataError: fewer than 10 items, or NaN or infinity in them.
    """
    if len(dataset) == 0:
        raise DataError(f"{dataset.source} holds no item: expected at least 10, 100 to 500 are usual")
    if len(indices) < 10:
        raise DataError(
            f"{dataset.source}: {len(indices)} different calibration item{'s' * (len(indices) != 1)}, expected "
            "at least 10 (100 to 500 are usual)"
        )
    if isinstance(dataset, ImageFolder):
        # 8-bit pixels are finite.
        return
    for name in dataset.input_names():
        for start in range(0, len(indices), _READ_AT_ONCE):
            _require_finite(dataset, name, dataset.raw(name, indices[start : start + _READ_AT_ONCE]), indices)


def _require_finite(dataset: Dataset, name: str, values: Array, indices: Sequence[int]) -> None:
    """Counts what is not finite in all items if there is any in `values`, which are some of them."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    bad = [index for index in indices if not np.isfinite(dataset.raw(name, [index])).all()]
    raise DataError(
        f"{dataset.source}: input {name!r} holds NaN or infinity in {len(bad)} of {len(indices)} items, first in "
        f"item {bad[0]}: leave such items out"
    )
