"""Items that come one by one, from a generator or a tf.data.Dataset, as a data set.

An item is the model's inputs, or a pair of inputs and what is known of them. Inputs are an array, or arrays by input
name; one of these may be called ``labels``, ``label`` or ``y``. Items are not batches: ``unbatch()`` makes items of
tf.data's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from edgeq.data.dataset import Array, ArrayDataset, Dataset
from edgeq.data.readers.arrays import LABEL_KEYS, as_masks
from edgeq.data.readers.spooling import RowWriter, Spool
from edgeq.data.truth import truth_from_array
from edgeq.errors import DataError, NoItemsError

MOST_ITEMS = 10_000_000
"""More is taken for a generator without end; ImageNet-21k has 14 million images, and nobody measures on all."""

_LABEL = 0
"""Key of what is known of an item among its inputs, whose keys are texts."""


def read_items(items: Iterable[Any], source: str, class_names: Sequence[str] = ()) -> Dataset:
    """Writes items to a scratch folder as they come, so that memory does not grow with their number.

    Args:
        items: each inputs, or (inputs, label); all of one form, dtype and shape.
        source: of the items, for messages.
        class_names: names of the classes, if known.

    Raises:
        DataError: there is no item, they differ in form, dtype or shape, are no numbers, or the disk is full; names
            the item.
    """
    spool = Spool()
    try:
        return _spooled(items, spool, source, class_names)
    except BaseException:
        # At once: whoever looks at the error might hold the folder for long.
        spool.remove()
        raise


def _spooled(items: Iterable[Any], spool: Spool, source: str, class_names: Sequence[str]) -> Dataset:
    writers: dict[str | int, RowWriter] = {}
    count = 0
    try:
        for count, item in enumerate(items, start=1):
            name = f"{source}: item {count - 1}"
            if count > MOST_ITEMS:
                raise DataError(
                    f"{source} yields more than {MOST_ITEMS} items: expected an end; itertools.islice(items, n) "
                    "takes the first n"
                )
            arrays = _arrays(item, name)
            if count == 1:
                writers = {
                    key: RowWriter(spool, f"{place}.bin", array.dtype, array.shape)
                    for place, (key, array) in enumerate(arrays.items())
                }
            _require_alike(arrays, writers, name)
            for key, array in arrays.items():
                writers[key].write(array)
    finally:
        for writer in writers.values():
            writer.close()
    if not count:
        raise NoItemsError(f"{source} yields no item: expected at least one")
    mapped = {key: writer.finish() for key, writer in writers.items()}
    known = mapped.pop(_LABEL, None)
    dataset = ArrayDataset({str(key): array for key, array in mapped.items()}, source=source)
    if known is None:
        return dataset
    return dataset.with_truth(truth_from_array(known.open(), count, source, class_names))


def _arrays(item: Any, name: str) -> dict[str | int, Array]:
    """The arrays of an item by input name, and its label under `_LABEL`."""
    label = None
    if isinstance(item, tuple):
        if len(item) != 2:
            raise DataError(
                f"{name} is a tuple of {len(item)}: expected inputs, or (inputs, label); several inputs go by name in "
                "a dictionary"
            )
        item, label = item
    arrays: dict[str | int, Array] = {}
    if isinstance(item, Mapping):
        arrays = {str(key): _array(value, f"{name}, input {key!r}") for key, value in item.items()}
        key = next((key for key in LABEL_KEYS if key in arrays), None)
        if key is not None and label is None:
            label = arrays.pop(key)
    else:
        # One array fits the only input of a model, whatever its name.
        arrays = {"": _array(item, name)}
    if label is not None:
        arrays[_LABEL] = _label(_array(label, f"{name}, label"), f"{name}, label")
    return arrays


def _array(value: Any, name: str) -> Array:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        # Lists of different lengths, and tensors that are no arrays.
        raise DataError(f"{name} is no array: {' '.join(str(error).split())[:200]}") from error
    if array.dtype.kind not in "buif":
        raise DataError(f"{name} is {type(value).__name__} of dtype {array.dtype}: expected numbers")
    return array


def _label(array: Array, name: str) -> Array:
    """Integers of one dtype, whatever Python or a framework made of them; masks as uint8."""
    if array.dtype.kind not in "ui":
        return array
    if array.ndim < 2:
        return array.astype(np.int64)
    return as_masks(array[None], name)[0] if array.ndim in (2, 3) else array


def _require_alike(
    arrays: Mapping[str | int, Array], writers: Mapping[str | int, RowWriter], name: str
) -> None:
    if arrays.keys() != writers.keys():
        raise DataError(f"{name} has {_shown(arrays)}: expected {_shown(writers)} like item 0")
    for key, array in arrays.items():
        first = writers[key]
        if array.dtype == first.dtype and array.shape == first.shape:
            continue
        raise DataError(
            f"{name} has {'a label' if key == _LABEL else f'an input {key!r}' if key else 'an input'} "
            f"{array.dtype}{list(array.shape)}, item 0 {first.dtype}{list(first.shape)}: expected one dtype and shape; "
            "items are not batches (unbatch() of tf.data)"
        )


def _shown(keys: Collection[str | int]) -> str:
    inputs = [repr(key) if key else "one input" for key in keys if key != _LABEL]
    return ", ".join(inputs) + (" and a label" if _LABEL in keys else " without a label")
