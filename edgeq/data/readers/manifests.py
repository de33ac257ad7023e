"""Manifests: a CSV or JSON Lines file that names the files of a data set and says what is known of them.

Columns:

* ``path`` (or ``file``, ``filename``, ``file_name``, ``image``, ``audio``): an image or a sound, relative to the
  manifest. For a model with several inputs instead ``input:NAME``, with paths or numbers (a list in JSON Lines).
* ``label`` (or ``labels``), ``target`` and ``target_NAME``, or ``mask``: see `manifest_labels`; masks are images,
  relative to the manifest.
* ``split``: the part that an item belongs to.

Others are ignored.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import ArrayColumn, Column, FileColumn
from edgeq.data.dataset import Dataset
from edgeq.data.readers.kinds import EXPECTED_FILES, kind_of, media_column
from edgeq.data.readers.listing import is_file_name
from edgeq.data.readers.manifest_labels import as_number, read_labels, read_targets
from edgeq.data.readers.mask_folders import check_mask_names
from edgeq.data.readers.rows import CSV_SUFFIXES, JSON_SUFFIXES, Rows, read_rows, shown
from edgeq.data.readers.split_names import split_of
from edgeq.data.truth import Masks, Truth
from edgeq.errors import DataError
from edgeq.printing import printable

MANIFEST_SUFFIXES = (*CSV_SUFFIXES, *JSON_SUFFIXES)

_PATHS = ("path", "file", "filename", "file_name", "image", "audio")
_LABELS = ("label", "labels")
_KNOWN = (*_PATHS, *_LABELS, "target", "mask", "split")
_INPUT, _TARGET = "input:", "target_"

_SHOWN = 5


def read_manifest(path: Path) -> Dataset:
    """Reads a manifest; the files that it names are not opened.

    Args:
        path: of a ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson`` file.

    Returns:
        Images, sounds or numbers, in the order of the rows. Files that do not exist are bad items.

    Raises:
        DataError: the manifest is damaged or empty, or a row says what cannot be; names the row.
    """
    rows = read_rows(path, _KNOWN)
    columns = _inputs(rows)
    _refuse_duplicates(rows, columns)
    return Dataset(columns, _truth(rows), source=printable(path), splits=_splits(rows))


def _inputs(rows: Rows) -> dict[str, Column]:
    named = [name for name in rows.columns if name.startswith(_INPUT) and name != _INPUT]
    paths = [name for name in rows.columns if name in _PATHS]
    if len(paths) > 1 or (paths and named):
        raise DataError(
            f"{printable(rows.path)} has the columns {', '.join((paths + named)[:_SHOWN])}: expected one path, or "
            "input:NAME for each input of a model with several"
        )
    if named:
        return {name.removeprefix(_INPUT): _input(rows, name) for name in named}
    if paths:
        return {"": _files(rows, paths[0])}
    found = ", ".join(list(rows.columns)[:_SHOWN])
    raise DataError(
        f"{printable(rows.path)} names no files: expected a {'header with the column' if rows.are_texts else 'key'} "
        f"path (or input:NAME for several inputs), found {shown(found)}"
    )


def _input(rows: Rows, name: str) -> Column:
    first = rows.columns[name][0]
    if isinstance(first, str) and as_number(first) is None:
        return _files(rows, name)
    return ArrayColumn(_number_rows(rows, name), name.removeprefix(_INPUT))


def _files(rows: Rows, name: str) -> Column:
    paths = _paths(rows, name)
    kinds = [kind_of(path.name) for path in paths]
    for index, kind in enumerate(kinds):
        if kind is None:
            raise rows.error(index, f"{printable(paths[index])} is none of {EXPECTED_FILES}")
        if kind != kinds[0]:
            raise rows.error(
                index, f"{printable(paths[index])} is no {kinds[0]} like those before: expected one kind"
            )
    return media_column(paths, printable(rows.path))


def _paths(rows: Rows, name: str) -> list[Path]:
    folder = rows.path.parent
    found = []
    for index, value in enumerate(rows.columns[name]):
        if not isinstance(value, str) or not is_file_name(value):
            raise rows.error(index, f"expected a path in the column {name}, found {shown(value)}")
        found.append(folder / value)
    return found


def _number_rows(rows: Rows, name: str) -> npt.NDArray[Any]:
    """int64 or float32[N, numbers of an item]; lists in lists keep their shape."""
    found: list[npt.NDArray[Any]] = []
    for index, value in enumerate(rows.columns[name]):
        number = as_number(value)
        try:
            row = np.array(value if number is None else [number])
        except (ValueError, OverflowError) as error:
            raise rows.error(index, f"the lists in the column {name} differ in length") from error
        if row.dtype.kind not in "if" or not row.size:
            raise rows.error(index, f"expected numbers in the column {name}, found {shown(value)}")
        if found and row.shape != found[0].shape:
            raise rows.error(
                index,
                f"expected {list(found[0].shape)} numbers in the column {name} as before, found {list(row.shape)}",
            )
        found.append(row)
    whole = all(row.dtype.kind == "i" for row in found)
    with np.errstate(over="ignore"):
        # What float32 cannot hold becomes infinity, which makes a bad item.
        return np.stack(found).astype(np.int64 if whole else np.float32)


def _truth(rows: Rows) -> Truth | None:
    labels = [name for name in rows.columns if name in _LABELS]
    targets = [name for name in rows.columns if name == "target" or name.startswith(_TARGET)]
    masks = [name for name in rows.columns if name == "mask"]
    kinds = [*labels, *targets[:1], *masks]
    if len(kinds) > 1:
        raise DataError(
            f"{printable(rows.path)} has the columns {', '.join(kinds)}: expected one of label, target and mask; "
            "remove or rename the others"
        )
    if labels:
        return read_labels(rows, labels[0])
    if targets:
        return read_targets(rows, targets)
    if not masks:
        return None
    files = _paths(rows, "mask")
    check_mask_names(files, printable(rows.path))
    gone = [index for index, file in enumerate(files) if not file.is_file()]
    if gone:
        more = f", and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise rows.error(
            gone[0], f"the mask {printable(files[gone[0]])} is no file{more}: expected one an item"
        )
    return Masks(files=tuple(files))


def _splits(rows: Rows) -> list[str]:
    splits = []
    for index, value in enumerate(rows.columns.get("split", ())):
        if not isinstance(value, str | int) or not str(value):
            raise rows.error(
                index, f"expected train, validation or test in the column split, found {shown(value)}"
            )
        splits.append(split_of(str(value)) or str(value))
    return splits


def _refuse_duplicates(rows: Rows, columns: dict[str, Column]) -> None:
    """The same file twice counts twice, or lies on both sides of a split; numbers may be alike."""
    if not any(isinstance(column, FileColumn) for column in columns.values()):
        return
    keys = zip(*(_keys(column) for column in columns.values()), strict=True)
    seen: dict[Hashable, int] = {}
    for index, key in enumerate(keys):
        before = seen.setdefault(key, index)
        if before != index:
            name = next(iter(columns.values())).describe(index)
            raise rows.error(index, f"{name} is in row {rows.numbers[before]} already: remove one of them")


def _keys(column: Column) -> Sequence[Hashable]:
    if isinstance(column, FileColumn):
        return [os.path.normpath(path) for path in column.paths]
    return [column.inspect(index) for index in range(len(column))]
