"""What is known of each item: a class, several, numbers, a mask or boxes.

Truths are plain values that travel to workers by pickle; files are read only when a few items are asked for.
"""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import read_regular
from edgeq.errors import DataError

if TYPE_CHECKING:
    from typing_extensions import Self

Array = npt.NDArray[Any]


class Truth(ABC):
    """What is known of N items.

    Attributes:
        names: of the classes, in the data set's order; empty where unknown or where there are none.
    """

    names: tuple[str, ...]

    @abstractmethod
    def __len__(self) -> int:
        """Number of items."""

    @abstractmethod
    def take(self, indices: Sequence[int]) -> Self:
        """The truth of some items, in this order."""

    @abstractmethod
    def key(self, index: int) -> str:
        """A short text that tells the truth of one item from another's: results are compared only where it is equal."""


@dataclass(frozen=True)
class ClassLabels(Truth):
    """One class an item.

    Attributes:
        values: int64[N] from 0.
        names: of the classes.
    """

    values: npt.NDArray[np.int64]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: Sequence[int]) -> ClassLabels:
        """See `Truth.take`."""
        return ClassLabels(self.values[np.asarray(indices, dtype=np.int64)], self.names)

    def key(self, index: int) -> str:
        """See `Truth.key`."""
        return str(int(self.values[index]))


@dataclass(frozen=True)
class MultiLabels(Truth):
    """Any number of classes an item.

    Attributes:
        values: bool[N, classes].
        names: of the classes.
    """

    values: npt.NDArray[np.bool_]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: Sequence[int]) -> MultiLabels:
        """See `Truth.take`."""
        return MultiLabels(self.values[np.asarray(indices, dtype=np.int64)], self.names)

    def key(self, index: int) -> str:
        """See `Truth.key`."""
        return ",".join(map(str, np.flatnonzero(self.values[index])))


@dataclass(frozen=True)
class Targets(Truth):
    """Numbers that a model shall predict.

    Attributes:
        values: float32[N, …]; may be mapped from a file.
        names: of the numbers of one item; empty where unknown.
    """

    values: Array
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: Sequence[int]) -> Targets:
        """See `Truth.take`."""
        return Targets(np.asarray(self.values[np.asarray(indices, dtype=np.int64)]), self.names)

    def key(self, index: int) -> str:
        """See `Truth.key`."""
        return hashlib.sha256(np.ascontiguousarray(self.values[index]).tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Masks(Truth):
    """A class for every pixel.

    Attributes:
        files: of the masks, one an item; a mask is a palette or grey image whose values are classes. Empty where
            `values` holds them.
        values: uint8[N, H, W]; None where they are in files.
        names: of the classes.
        ignored: value of pixels that do not count; 255 by convention (Pascal VOC).
    """

    files: tuple[Path, ...] = ()
    values: npt.NDArray[np.uint8] | None = None
    names: tuple[str, ...] = ()
    ignored: int = 255

    def __len__(self) -> int:
        return len(self.files) if self.values is None else len(self.values)

    def take(self, indices: Sequence[int]) -> Masks:
        """See `Truth.take`."""
        if self.values is not None:
            chosen = self.values[np.asarray(indices, dtype=np.int64)]
            return dataclasses.replace(self, values=chosen)
        return dataclasses.replace(self, files=tuple(self.files[index] for index in indices))

    def key(self, index: int) -> str:
        """See `Truth.key`."""
        content = read_regular(self.files[index]) if self.values is None else self.values[index].tobytes()
        return hashlib.sha256(content).hexdigest()[:16]


@dataclass(frozen=True)
class ObjectBoxes:
    """The objects in one image.

    Attributes:
        boxes: float64[objects, 4], ymin, xmin, ymax, xmax in pixels of the original image, upright.
        classes: int64[objects] from 0.
        crowd: bool[objects], groups of objects in COCO's sense: to find them is neither right nor wrong.
        areas: float64[objects] in pixels; COCO's small, medium and large go by it.
        size: height and width of the original image.
    """

    boxes: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    crowd: npt.NDArray[np.bool_]
    areas: npt.NDArray[np.float64]
    size: tuple[int, int]


@dataclass(frozen=True)
class Boxes(Truth):
    """Objects with their boxes.

    Attributes:
        objects: of each item.
        names: of the classes.
        numbers: the number of each class in the annotation file (COCO's category_id, which has gaps).
    """

    objects: tuple[ObjectBoxes, ...]
    names: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.objects)

    def take(self, indices: Sequence[int]) -> Boxes:
        """See `Truth.take`."""
        return dataclasses.replace(self, objects=tuple(self.objects[index] for index in indices))

    def key(self, index: int) -> str:
        """See `Truth.key`."""
        one = self.objects[index]
        digest = hashlib.sha256(one.boxes.tobytes() + one.classes.tobytes() + one.crowd.tobytes())
        return digest.hexdigest()[:16]


def truth_from_array(values: Array, count: int, source: str, names: Sequence[str] = ()) -> Truth:
    """What an array of labels says.

    Args:
        values: integer[N] or integer[N, 1] classes; bool or 0/1[N, classes], which are classes where every row has
            exactly one and any number of classes else; float[N, …] numbers to predict.
        count: of the items.
        source: of the array, for messages.
        names: of the classes.

    Raises:
        DataError: it is none of these, or not one an item.
    """
    if not values.ndim or len(values) != count:
        raise DataError(f"{source}: expected {count} labels, found shape {list(values.shape)}")
    if _is_one_hot(values):
        # keras.utils.to_categorical makes floats.
        return ClassLabels(values.argmax(axis=1).astype(np.int64), tuple(names))
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise DataError(f"{source}: labels hold NaN or infinity: leave such items out")
        return Targets(values.astype(np.float32, copy=False))
    if values.dtype.kind not in "bui":
        raise DataError(
            f"{source}: labels have dtype {values.dtype}, expected integers (classes) or floats (numbers to predict)"
        )
    if values.ndim == 2 and values.shape[1] == 1:
        # Keras' own data sets have labels as a column.
        values = values[:, 0]
    if values.ndim == 1:
        return ClassLabels(_classes(values, source), tuple(names))
    if values.ndim == 3 and values.min(initial=0) >= 0 and values.max(initial=0) <= 255:
        return Masks(values=values.astype(np.uint8, copy=False), names=tuple(names))
    if values.ndim != 2 or not np.isin(values, (0, 1)).all():
        raise DataError(
            f"{source}: expected integer labels of shape [{count}], 0 and 1 of shape [{count}, classes] or masks "
            f"[{count}, height, width], found {values.dtype}{list(values.shape)}"
        )
    return MultiLabels(values.astype(bool), tuple(names))


def _is_one_hot(values: Array) -> bool:
    """Whether every row is a class as zeros and a single one."""
    if values.ndim != 2 or values.shape[1] < 2:
        return False
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all())


def _classes(values: Array, source: str) -> npt.NDArray[np.int64]:
    result: npt.NDArray[np.int64] = values.astype(np.int64)
    if len(result) and result.min() < 0:
        raise DataError(f"{source}: expected labels from 0, found {result.min()}")
    return result
