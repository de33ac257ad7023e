"""Rules on whether data can be read at all: D100, D101, D103 and D105."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from edgeq.data.columns import ArrayColumn
from edgeq.data.dataset import BadItem, Dataset
from edgeq.data.feeding import Feed
from edgeq.doctor.case import Case
from edgeq.doctor.checks.data_sets import all_datasets, first_column, not_finite_items, place, spread
from edgeq.doctor.rule import Finding
from edgeq.errors import DataError, NoItemsError

_DECODED_ITEMS = 500
"""Of files beside those that are calibrated on: decoding takes milliseconds an image, and damage comes in runs."""

_NAMED = 3
"""Items that a message names."""

_LISTED = 1000
"""Items that the figures list."""


def unreadable_data(case: Case) -> Iterator[Finding]:
    """D100: see `DATA_RULES`."""
    problem = case.data_problem
    if problem is not None and not isinstance(problem, NoItemsError):
        yield Finding("the data", str(problem))
    for dataset in all_datasets(case):
        error = _misfit(case, dataset)
        if error is not None:
            yield Finding(dataset.source, str(error), place(dataset))


def no_items(case: Case) -> Iterator[Finding]:
    """D101: see `DATA_RULES`."""
    if isinstance(case.data_problem, NoItemsError):
        yield Finding("the data", str(case.data_problem))
    for dataset in all_datasets(case):
        if len(dataset) == 0:
            message = (
                f"{dataset.source} holds no item: expected at least one, better 100 to 500; name other data"
            )
            yield Finding(dataset.source, message, place(dataset))


def not_finite(case: Case) -> Iterator[Finding]:
    """D103: see `DATA_RULES`."""
    for dataset in all_datasets(case):
        for name, items in not_finite_items(dataset).items():
            first = dataset.columns[name].describe(int(items[0]))
            more = f" and {len(items) - 1:,} more" if len(items) > 1 else ""
            yield Finding(
                dataset.source,
                f"{dataset.source}: {len(items):,} of {len(dataset):,} items hold NaN, infinity or numbers beyond "
                f"float32 ({first}{more}), expected finite numbers: mend them, or leave them out",
                place(dataset),
                {"input": name, "count": len(items), **_rows(case, dataset, items.tolist())},
            )


def unreadable_items(case: Case) -> Iterator[Finding]:
    """D105: see `DATA_RULES`."""
    for dataset in all_datasets(case):
        if len(dataset) == 0:
            continue
        try:
            good = dataset.inspected("skip")
        except DataError:
            # All are bad, which is D100's or D103's.
            continue
        bad = [*_not_of_numbers(dataset, good.skipped), *_not_decoded(case, dataset, good)]
        if bad:
            shown = "; ".join(item.reason for item in bad[:_NAMED])
            more = f"; and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else ""
            them = "it" if len(bad) == 1 else "them"
            yield Finding(
                dataset.source,
                f"{dataset.source}: {len(bad):,} of {len(dataset):,} items cannot be read ({shown}{more}): copy or "
                f"save {them} again, or leave {them} out with --on-bad-input skip",
                place(dataset),
                {"count": len(bad), "names": [item.name for item in bad[:_LISTED]]},
            )


def _rows(case: Case, dataset: Dataset, rows: list[int]) -> dict[str, list[int]]:
    """Rows to leave out, as a fix takes them; of the data alone, because nothing else is mended."""
    return {"items": rows} if dataset is case.dataset else {}


def _misfit(case: Case, dataset: Dataset) -> DataError | None:
    """Why a data set that holds items cannot be fed to the model; None where it can, or where other rules say why."""
    if len(dataset) == 0:
        return None
    try:
        good = dataset.inspected("skip")
    except DataError as error:
        return None if _all_not_finite(dataset) else error
    try:
        Feed(good, case.inputs, case.preprocessing)
    except DataError as error:
        return error
    return None


def _all_not_finite(dataset: Dataset) -> bool:
    """Whether NaN and infinity alone make every item bad."""
    found = not_finite_items(dataset)
    return bool(found) and len(np.unique(np.concatenate(list(found.values())))) == len(dataset)


def _not_of_numbers(dataset: Dataset, skipped: Sequence[BadItem]) -> list[BadItem]:
    """The bad items without those whose numbers are not finite."""
    found = not_finite_items(dataset)
    describe = first_column(dataset).describe
    names = {describe(int(index)) for items in found.values() for index in items}
    return [item for item in skipped if item.name not in names]


def _not_decoded(case: Case, dataset: Dataset, good: Dataset) -> list[BadItem]:
    """Items that look sound and cannot be decoded, of those that are calibrated on and some others."""
    if all(isinstance(column, ArrayColumn) for column in good.columns.values()):
        return []
    try:
        feed = Feed(good, case.inputs, case.preprocessing)
    except DataError:
        return []
    chosen = set(spread(len(good), _DECODED_ITEMS))
    if dataset is case.dataset:
        chosen |= set(case.calibration_indices)
    describe = first_column(good).describe
    return [BadItem(describe(index), reason) for index, reason in feed.bad_among(sorted(chosen)).items()]
