"""What a converter script's data() may return, as a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.data.dataset import Array, ArrayDataset, Dataset
from edgeq.data.readers.arrays import LABEL_KEYS
from edgeq.data.readers.iterables import read_items
from edgeq.data.reading import read_dataset
from edgeq.errors import DataError

EXPECTED = (
    "a path, an array, a dictionary of arrays by input name, (inputs, labels), or items one by one (a generator or a "
    "tf.data.Dataset)"
)
"""For messages."""


def as_dataset(value: Any, folder: Path, source: str, labels: Sequence[str]) -> Dataset:
    """A path, arrays, a pair of inputs and labels, items one by one, or a data set of edgeq's as a data set.

    Args:
        value: what the script returned.
        folder: that a path is relative to.
        source: of the value, for messages.
        labels: class names, if the script says them.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(value, Dataset):
        return value
    if isinstance(value, str | Path):
        path = folder / value
        if path.suffix == ".py":
            raise DataError(
                f"{source} names another script, {value}: expected a folder, a manifest or arrays"
            )
        return read_dataset(path)
    if isinstance(value, tuple) and len(value) == 2:
        inputs, truth = value
        return _from_arrays(inputs, truth, source, labels)
    if isinstance(value, Mapping) or _is_array(value):
        return _from_arrays(value, None, source, labels)
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return read_items(value, source, labels)
    raise DataError(f"{source} returns a value of type {type(value).__name__}, expected {EXPECTED}")


def _from_arrays(inputs: Any, truth: Any, source: str, names: Sequence[str]) -> ArrayDataset:
    if isinstance(inputs, Mapping):
        arrays = {str(name): _array(array, f"{source}: input {name!r}") for name, array in inputs.items()}
        key = next((key for key in LABEL_KEYS if key in arrays), None)
        truth = truth if key is None else arrays.pop(key)
    elif _is_array(inputs) or isinstance(inputs, list | tuple):
        # One array fits the only input of a model, whatever its name.
        arrays = {"": _array(inputs, f"{source}: the inputs")}
    else:
        raise DataError(
            f"{source} returns a pair of {type(inputs).__name__} and {type(truth).__name__}, expected {EXPECTED}; "
            "items one by one are pairs themselves"
        )
    labels = None if truth is None else _array(truth, f"{source}: the labels")
    return ArrayDataset(arrays, labels, source=source, class_names=names)


def _is_array(value: Any) -> bool:
    """Whether it is an array of NumPy's, TensorFlow's or another framework's."""
    return hasattr(value, "__array__")


def _array(value: Any, name: str) -> Array:
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        # Lists of different lengths, and tensors that are no arrays.
        raise DataError(f"{name} are no array: {' '.join(str(error).split())[:200]}") from error
