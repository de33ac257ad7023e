"""Rules on what data hold: D102 and D107."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import ArrayColumn, Column
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed
from edgeq.doctor.case import Case
from edgeq.doctor.checks.data_sets import (
    contents,
    item_bytes,
    not_finite_items,
    place,
    row_blocks,
    spread,
)
from edgeq.doctor.rule import ERROR, WARNING, Finding
from edgeq.errors import DataError

_LOOKED_AT_FILES = 24
"""Images that are decoded to see whether they are of one colour: this rule is run by every conversion."""

_LOOKED_AT_BYTES = 128 << 20
"""Of arrays, likewise: 0.2 s."""

_BLANK_ERROR, _BLANK_WARNING = 0.5, 0.05
"""Share of blank items. Below the second, they are the odd black frame."""

_LEAST_VALUES = 16
"""Values that an item must have to count as blank: shorter ones are often all 0 for a reason."""

_DUPLICATES = 0.05
"""Share above which exact copies are no accident of collecting, and shift what is measured by as much."""


def constant_input(case: Case) -> Iterator[Finding]:
    """D102: see `DATA_RULES`."""
    for good in contents(case):
        for name, column in good.columns.items():
            found = _all_alike(case, good, name, column) or _blank(case, good, name, column)
            if found is not None:
                yield found


def duplicates(case: Case) -> Iterator[Finding]:
    """D107: see `DATA_RULES`."""
    for good in contents(case):
        digests = good.digests()
        copies = len(digests) - len(set(digests))
        # Where all are equal, the input is constant, which D102 says.
        if copies <= _DUPLICATES * len(digests) or len(set(digests)) == 1:
            continue
        conflicts = _conflicts(good)
        other = f", {conflicts:,} of them with another label" if conflicts else ""
        yield Finding(
            good.source,
            f"{good.source}: {copies:,} of {len(digests):,} items ({copies / len(digests):.1%}) have the content of an "
            f"earlier one{other}, expected at most {_DUPLICATES:.0%}: every measurement counts them twice; remove them",
            place(good),
            {
                "count": copies,
                **_rows_of_copies(case, good),
                "share": copies / len(digests),
                "other_labels": conflicts,
            },
        )


def _all_alike(case: Case, dataset: Dataset, name: str, column: Column) -> Finding | None:
    """An input of which every item holds the same."""
    if len(dataset) < 2 or not _equal_contents(dataset, column):
        return None
    shown = f"input {name!r}" if name else "the input"
    is_one_of_several = len(dataset.columns) > 1
    # Token types and masks of whole numbers are the same for all items of many data sets.
    is_harmless = isinstance(column, ArrayColumn) and column.dtype.kind in "bui" and is_one_of_several
    return Finding(
        dataset.source,
        f"{dataset.source}: {shown} is the same in all {len(dataset):,} items, expected different ones: nothing can be "
        "calibrated or measured on it; check what wrote the data",
        place(dataset),
        {"input": name, "share": 1.0},
        WARNING if is_harmless else "",
    )


def _equal_contents(dataset: Dataset, column: Column) -> bool:
    if len(dataset.columns) == 1:
        return len(set(dataset.digests())) == 1
    first = column.inspect(0)
    return all(column.inspect(index) == first for index in range(1, len(dataset)))


def _blank(case: Case, dataset: Dataset, name: str, column: Column) -> Finding | None:
    """An input of which many items are of one value each."""
    looked_at = _look(case, dataset, name, column)
    if looked_at is None:
        return None
    items, blank = looked_at
    share = float(blank.mean())
    if share < _BLANK_WARNING or _is_a_class(dataset, items[blank]):
        return None
    shown = f"input {name!r}" if name else "the input"
    first = column.describe(int(items[blank][0]))
    return Finding(
        dataset.source,
        f"{dataset.source}: {shown} has one value throughout, like a black image, in {int(blank.sum()):,} of "
        f"{len(items):,} items that were looked at ({share:.0%}; {first} for one), expected content: check what wrote "
        "the data",
        place(dataset),
        {"input": name, "share": share, "looked_at": len(items)},
        ERROR if share >= _BLANK_ERROR else WARNING,
    )


def _look(
    case: Case, dataset: Dataset, name: str, column: Column
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]] | None:
    """Which items were looked at, int64[n], and which of these are blank, bool[n]; None where none can be."""
    if isinstance(column, ArrayColumn):
        values = int(np.prod(column.item_shape, dtype=np.int64))
        if values < _LEAST_VALUES or (len(dataset.columns) > 1 and column.dtype.kind in "bui"):
            return None
        chosen = np.array(spread(len(column), max(1, _LOOKED_AT_BYTES // max(1, item_bytes(column)))))
        blank = [_is_blank(rows) for _, rows in row_blocks(column, chosen)]
        return chosen, np.concatenate(blank)
    try:
        feed = Feed(dataset, case.inputs, case.preprocessing)
    except DataError:
        return None
    spec = next((one for one in feed.inputs if one.name == name), feed.inputs[0])
    chosen = np.array(spread(len(column), _LOOKED_AT_FILES))
    bad = feed.bad_among(chosen.tolist())
    chosen = chosen[~np.isin(chosen, list(bad))]
    if not len(chosen) or int(np.prod(spec.item_shape, dtype=np.int64)) < _LEAST_VALUES:
        return None
    return chosen, np.concatenate([_is_blank(feed.stored(spec, [int(index)])) for index in chosen])


def _is_blank(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    flat = rows.reshape(len(rows), -1)
    result: npt.NDArray[np.bool_] = np.asarray((flat == flat[:, :1]).all(axis=1))
    return result


def _is_a_class(dataset: Dataset, blank: npt.NDArray[np.int64]) -> bool:
    """Whether the blank items are of one class among others, as silence is of sounds."""
    labels = dataset.labels
    return labels is not None and len(np.unique(labels[blank])) == 1 < len(np.unique(labels))


def _rows_of_copies(case: Case, good: Dataset) -> dict[str, list[int]]:
    """Rows with the content of an earlier one, as a fix takes them; empty where the data are no arrays."""
    dataset = case.dataset
    are_arrays = all(isinstance(column, ArrayColumn) for column in good.columns.values())
    if dataset is None or good is not case.items or not are_arrays:
        return {}
    bad = set(np.concatenate([np.zeros(0, np.int64), *not_finite_items(dataset).values()]).tolist())
    rows = [row for row in range(len(dataset)) if row not in bad]
    if len(rows) != len(good):
        return {}
    seen: set[str] = set()
    copies = []
    for row, digest in zip(rows, good.digests(), strict=True):
        if digest in seen:
            copies.append(row)
        seen.add(digest)
    return {"items": copies}


def _conflicts(dataset: Dataset) -> int:
    """Number of items with the content of an earlier one and another class."""
    labels = dataset.labels
    if labels is None:
        return 0
    first: dict[str, int] = {}
    pairs = zip(dataset.digests(), labels.tolist(), strict=True)
    return sum(first.setdefault(digest, label) != label for digest, label in pairs)
