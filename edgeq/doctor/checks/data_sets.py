"""What the rules on data share: which data sets there are, where they lie, and a spread of items to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import ArrayColumn, Column
from edgeq.data.dataset import Dataset
from edgeq.doctor.case import Case
from edgeq.errors import DataError

_ROW_BYTES = 32 << 20
"""Rows of an array that are looked at in one go."""


def all_datasets(case: Case) -> tuple[Dataset, ...]:
    """The data, and what was given for calibration alone; those that there are."""
    return tuple(dataset for dataset in (case.dataset, case.calibration) if dataset is not None)


def place(dataset: Dataset) -> Path | None:
    """The file or folder that a data set was read from; None where its source names none."""
    # Unlike that of Path this never raises, whatever the name.
    return Path(dataset.source) if os.path.exists(dataset.source) else None  # noqa: PTH110


def spread(count: int, most: int) -> tuple[int, ...]:
    """At most so many indices of `count` items, evenly spread: sorted data are seen from end to end."""
    return tuple(range(count)) if count <= most else tuple(range(0, count, -(-count // most)))


def row_blocks(
    column: ArrayColumn, indices: npt.NDArray[np.int64] | None = None
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]]:
    """Rows of an array, a few at a time: (int64[n], which items; [n, *shape], their values).

    Args:
        column: the array.
        indices: which items; all by default.
    """
    chosen = np.arange(len(column)) if indices is None else indices
    at_once = max(1, _ROW_BYTES // max(1, item_bytes(column)))
    for start in range(0, len(chosen), at_once):
        some = chosen[start : start + at_once]
        yield some, column.rows(some)


def item_bytes(column: ArrayColumn) -> int:
    """Size of one row."""
    return int(np.prod(column.item_shape, dtype=np.int64)) * column.dtype.itemsize


def not_finite_items(dataset: Dataset) -> dict[str, npt.NDArray[np.int64]]:
    """Items with NaN, infinity, or a number too large for float32, which becomes infinity.

    Returns:
        int64[n] indices by input, only for inputs that have such items.
    """
    found = {}
    for name, column in dataset.columns.items():
        if not isinstance(column, ArrayColumn) or column.dtype.kind != "f":
            continue
        bad = [some[~_finite_rows(rows)] for some, rows in row_blocks(column)]
        indices = np.concatenate(bad) if bad else np.zeros(0, np.int64)
        if len(indices):
            found[name] = indices
    return found


def _finite_rows(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(rows.astype(np.float32, copy=False))
    result: npt.NDArray[np.bool_] = np.asarray(finite.reshape(len(rows), -1).all(axis=1))
    return result


def first_column(dataset: Dataset) -> Column:
    """The column by which a data set calls its items."""
    return next(iter(dataset.columns.values()))


def contents(case: Case) -> tuple[Dataset, ...]:
    """The same without items that cannot be read; those of which anything is left."""
    found = [case.items, None if case.calibration is None else content(case.calibration)]
    return tuple(dataset for dataset in found if dataset is not None and len(dataset))


def content(dataset: Dataset) -> Dataset | None:
    """The data set without items that cannot be read; None where nothing is left."""
    if len(dataset) == 0:
        return None
    try:
        return dataset.inspected("skip")
    except DataError:
        return None
