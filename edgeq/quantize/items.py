"""Calibration items as the model sees them, in a folder that worker processes map into memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.feeding import Feed
from edgeq.errors import DataError
from edgeq.scratch import make_array

Array = npt.NDArray[Any]

_READ_AT_ONCE = 32
_NAMES = "inputs.json"


@dataclass(frozen=True)
class CalibrationItems:
    """Items in real values, preprocessed.

    Attributes:
        folder: that holds them.
        count: of items.
        start: the first of them in the folder.
    """

    folder: Path
    count: int
    start: int = 0

    def inputs(self) -> dict[str, Array]:
        """[count, *item shape] by name of the input, mapped from the folder, not to be changed."""
        names = json.loads((self.folder / _NAMES).read_text(encoding="utf-8"))
        stop = self.start + self.count
        return {
            name: np.load(self.folder / f"input-{place}.npy", mmap_mode="r")[self.start : stop]
            for place, name in enumerate(names)
        }

    def split(self, held_back: int) -> tuple[CalibrationItems, CalibrationItems]:
        """The items that methods learn from, and the last `held_back` ones, on which they are judged.

        Raises:
            DataError: nothing would be left to learn from.
        """
        if not 0 < held_back < self.count:
            raise DataError(f"{self.count} calibration items cannot hold back {held_back}: add more")
        learned = self.count - held_back
        return (
            CalibrationItems(self.folder, learned, self.start),
            CalibrationItems(self.folder, held_back, self.start + learned),
        )

    def first(self, count: int) -> CalibrationItems:
        """At most so many of them."""
        return CalibrationItems(self.folder, min(count, self.count), self.start)


def write_items(feed: Feed, indices: Sequence[int], folder: Path) -> CalibrationItems:
    """Writes items of a data set.

    Args:
        feed: bound to the model's inputs, in real values.
        indices: which items, in this order.
        folder: made where it is not there.

    Raises:
        DataError: items cannot be read; names them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    for start in range(0, len(indices), _READ_AT_ONCE):
        chunk = list(indices[start : start + _READ_AT_ONCE])
        for place, (name, values) in enumerate(feed.items(chunk).items()):
            if name not in arrays:
                path = folder / f"input-{place}.npy"
                arrays[name] = make_array(path, values.dtype, (len(indices), *values.shape[1:]))
            arrays[name][start : start + len(chunk)] = values
    for array in arrays.values():
        array.flush()
    (folder / _NAMES).write_text(json.dumps(list(arrays)), encoding="utf-8")
    return CalibrationItems(folder, len(indices))


def write_arrays(inputs: Mapping[str, Array], folder: Path) -> CalibrationItems:
    """Writes items that are in memory already.

    Args:
        inputs: [n, *item shape] in real values, by name.
        folder: made where it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place, values in enumerate(inputs.values()):
        np.save(folder / f"input-{place}.npy", np.ascontiguousarray(values))
    (folder / _NAMES).write_text(json.dumps(list(inputs)), encoding="utf-8")
    return CalibrationItems(folder, len(next(iter(inputs.values()))))
