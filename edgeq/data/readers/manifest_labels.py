"""What a manifest says of its items: a class, several classes or numbers to predict."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeq.data.readers.rows import Rows, shown
from edgeq.data.truth import ClassLabels, MultiLabels, Targets
from edgeq.errors import DataError

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WHOLE_NUMBERS = re.compile(r"[0-9]+(?:\s+[0-9]+)*", re.ASCII)

_MOST_CLASSES = 1_000_000
"""ImageNet-21k has 21,841; a number beyond is the id of something else."""

_INT64_DIGITS = 19

_MOST_CELLS = 1 << 33
"""Items times classes, a byte each: 8 GiB, what a desktop can hold."""


def read_labels(rows: Rows, name: str) -> ClassLabels | MultiLabels:
    """Classes from a column.

    One class an item, or several: as a list in JSON Lines; in CSV separated by ``|``, and by spaces where the column
    is called ``labels`` or all classes are numbers (in a column ``label`` a space may be part of a name). Where all
    are whole numbers they are the numbers of the classes, from 0. Else the sorted names are the classes.

    Args:
        rows: of the manifest.
        name: of the column.

    Raises:
        DataError: a row has no class or what is none; says which row.
    """
    values = rows.columns[name]
    several = _are_several(rows, name)
    classes = [_classes(rows, index, value, several) for index, value in enumerate(values)]
    numbers = _numbers(rows, classes)
    names: tuple[str, ...] = ()
    if numbers is None:
        names = tuple(sorted({str(one) for some in classes for one in some}))
        number = {one: position for position, one in enumerate(names)}
        numbers = [[number[str(one)] for one in some] for some in classes]
    if several is None:
        return ClassLabels(np.array([one for (one,) in numbers], np.int64), names)
    return _multi_labels(rows, name, numbers, names)


def read_targets(rows: Rows, names: Sequence[str]) -> Targets:
    """Numbers to predict: one column, or several that are called ``target_NAME``.

    Args:
        rows: of the manifest.
        names: of the columns.

    Returns:
        float32[N, numbers of an item].

    Raises:
        DataError: a row has none, or one that is no finite number, or too few.
    """
    columns = [_target_column(rows, name) for name in names]
    with np.errstate(over="ignore"):
        values = np.concatenate([np.array(column, np.float64) for column in columns], axis=1).astype(
            np.float32
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise rows.error(
            int(bad[0]), f"the column {names[0]} holds NaN, infinity or a number that float32 cannot hold"
        )
    # Lists of several numbers have no name each.
    known = values.shape[1] == len(names) > 1
    return Targets(values, tuple(name.removeprefix("target_") for name in names) if known else ())


def as_number(value: Any) -> int | float | None:
    """A JSON number, or a text that is one, as a number; None for everything else."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        return int(value) if value.lstrip("+-").isdigit() and len(value) < _INT64_DIGITS else float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return math.inf if isinstance(value, int) and abs(value) >= 1 << 63 else value


def _are_several(rows: Rows, name: str) -> str | None:
    """What separates the classes of one item; None where each item has one. Lists need no separator."""
    values = rows.columns[name]
    if not rows.are_texts:
        return "" if any(isinstance(value, list) for value in values) else None
    if any("|" in text for text in values):
        return "|"
    if name == "labels":
        return " "
    are_numbers = all(_WHOLE_NUMBERS.fullmatch(text) for text in values if text)
    return " " if are_numbers and any(len(text.split()) > 1 for text in values) else None


def _classes(rows: Rows, index: int, value: Any, separator: str | None) -> list[str | int]:
    """The classes of one row as they are written: whole numbers as such, and names."""
    if isinstance(value, str) and separator:
        parts: list[Any] = value.split("|") if separator == "|" else value.split()
        found = [part.strip() for part in parts if part.strip()]
    elif isinstance(value, list):
        found = value
    else:
        found = [] if value is None or value == "" else [value]
    if not found and (separator is None or value is None):
        raise rows.error(index, "expected a class, found none")
    for one in found:
        if isinstance(one, bool) or not isinstance(one, str | int | float) or one == "":
            raise rows.error(index, f"expected the name or number of a class, found {shown(one)}")
    return found


def _numbers(rows: Rows, classes: Sequence[Sequence[str | int | float]]) -> list[list[int]] | None:
    """The numbers of the classes; None where some are names."""
    parsed = []
    for some in classes:
        numbers = [as_number(one) for one in some]
        if any(number is None for number in numbers):
            return None
        parsed.append(numbers)
    for index, numbers in enumerate(parsed):
        for number in numbers:
            if not isinstance(number, int) and (number is None or not number.is_integer()):
                raise rows.error(index, f"{number} is no class: numbers to predict belong in a column target")
            if not 0 <= number < _MOST_CLASSES:
                raise rows.error(
                    index, f"expected the number of a class from 0 to {_MOST_CLASSES - 1}, found {number}"
                )
    return [[int(number) for number in numbers if number is not None] for numbers in parsed]


def _multi_labels(
    rows: Rows, name: str, numbers: Sequence[Sequence[int]], names: tuple[str, ...]
) -> MultiLabels:
    count = max((one + 1 for some in numbers for one in some), default=0)
    if not count:
        raise DataError(f"{rows.path}: the column {name} is empty in every row: expected classes")
    if len(rows) * count > _MOST_CELLS:
        raise DataError(f"{rows.path}: {len(rows)} items with {count} classes are more than fit into memory")
    values = np.zeros((len(rows), count), bool)
    for row, some in zip(values, numbers, strict=True):
        row[list(some)] = True
    return MultiLabels(values, names)


def _target_column(rows: Rows, name: str) -> list[list[int | float]]:
    result: list[list[int | float]] = []
    for index, value in enumerate(rows.columns[name]):
        found = [as_number(one) for one in (value if isinstance(value, list) else [value])]
        numbers = [one for one in found if one is not None]
        if len(numbers) < len(found) or not numbers:
            raise rows.error(index, f"expected a number in the column {name}, found {shown(value)}")
        if result and len(numbers) != len(result[0]):
            raise rows.error(
                index,
                f"expected {len(result[0])} numbers in the column {name} as before, found {len(numbers)}",
            )
        result.append(numbers)
    return result
