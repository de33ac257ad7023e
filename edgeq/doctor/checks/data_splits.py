"""Rules on how data are divided and come: D110 and D111."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgeq.data.dataset import Dataset
from edgeq.data.script import is_script, read_script
from edgeq.data.splitting import CALIBRATION_SPLITS
from edgeq.doctor.case import Case
from edgeq.doctor.checks.data_sets import content, place
from edgeq.doctor.rule import Finding
from edgeq.errors import DataError, ModelError, UsageError

_OF_SCRIPT = re.compile(r"(?P<path>.+\.py): (?P<function>data|calibration)\(\)", re.DOTALL)
"""What a data set calls its source where a converter script made it."""


def calibration_overlap(case: Case) -> Iterator[Finding]:
    """D110: see `DATA_RULES`."""
    if case.items is None:
        return
    calibration = None if case.calibration is None else content(case.calibration)
    if calibration is not None:
        shared = _shared(case.items.digests(), set(calibration.digests()))
        if shared:
            yield _overlap(
                case.items, shared, len(case.items), f"in the calibration data {calibration.source} too"
            )
    measured = [
        digest
        for digest, split in zip(case.items.digests(), case.items.splits, strict=False)
        if split not in CALIBRATION_SPLITS
    ]
    if len(measured) in (0, len(case.items)):
        # Not divided: what is calibrated on is left out of every measurement.
        return
    own = {
        digest
        for digest, split in zip(case.items.digests(), case.items.splits, strict=True)
        if split in CALIBRATION_SPLITS
    }
    shared = _shared(measured, own)
    if shared:
        yield _overlap(case.items, shared, len(measured), "in the part for training and calibration too")


def order_dependent(case: Case) -> Iterator[Finding]:
    """D111: see `DATA_RULES`."""
    for dataset in (case.items, None if case.calibration is None else content(case.calibration)):
        if dataset is not None:
            yield from _read_again(dataset)
    yield from _leading_classes(case)


def _shared(digests: tuple[str, ...] | list[str], others: set[str]) -> int:
    return sum(digest in others for digest in digests)


def _overlap(dataset: Dataset, shared: int, count: int, where: str) -> Finding:
    return Finding(
        dataset.source,
        f"{dataset.source}: {shared:,} of {count:,} items to measure on are {where}, expected none: a file is measured "
        "on what it was fitted to; take other items for one of the two",
        place(dataset),
        {"count": shared, "items": count},
    )


def _read_again(dataset: Dataset) -> Iterator[Finding]:
    """Items of a converter script's function that are others when it is called again."""
    named = _OF_SCRIPT.fullmatch(dataset.source)
    path = Path(named["path"]) if named else None
    if named is None or path is None or not is_script(path):
        # Files and arrays on disk are what they were.
        return
    try:
        script = read_script(path)
        again = script.read_data() if named["function"] == "data" else script.read_calibration()
        again = None if again is None else again.inspected("skip")
    except (DataError, ModelError, UsageError) as error:
        yield _unsteady(dataset, path, f"cannot be read a second time ({error})", {})
        return
    first, second = dataset.digests(), () if again is None else again.digests()
    if first == second:
        return
    kept = sum((Counter(first) & Counter(second)).values())
    details = {"items": len(first), "items_again": len(second), "kept": kept}
    if kept == len(first) == len(second):
        yield _unsteady(dataset, path, "gives its items in another order when it is called again", details)
    else:
        what = f"gives other items when it is called again ({kept:,} of {len(first):,} are the same)"
        yield _unsteady(dataset, path, what, details)


def _unsteady(dataset: Dataset, path: Path, what: str, details: dict[str, int]) -> Finding:
    return Finding(
        dataset.source,
        f"{dataset.source} {what}, expected the same every time: two conversions are calibrated differently, and "
        "results cannot be compared; seed what it shuffles or augments",
        path,
        details,
    )


def _leading_classes(case: Case) -> Iterator[Finding]:
    """Calibration items that were cut from the beginning of data sorted by class."""
    calibration = None if case.calibration is None else content(case.calibration)
    if calibration is None or case.items is None or calibration.labels is None or case.items.labels is None:
        return
    all_classes, present = np.unique(case.items.labels), np.unique(calibration.labels)
    is_sorted = bool((np.diff(calibration.labels) >= 0).all())
    leads = len(present) < len(all_classes) and bool((present == all_classes[: len(present)]).all())
    if is_sorted and leads:
        yield Finding(
            calibration.source,
            f"{calibration.source}: its {len(calibration):,} items are of the first {len(present):,} of "
            f"{len(all_classes):,} classes in their order, like the beginning of a sorted list; shuffle before taking "
            "some, or give all and let edgeq draw",
            place(calibration),
            {"present": present.tolist(), "classes": len(all_classes)},
        )
