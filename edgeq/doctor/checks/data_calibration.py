"""Rules on the items to calibrate on: D106 and D108."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.classification import classifies
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import check_count
from edgeq.data.truth import ClassLabels
from edgeq.doctor.case import Case
from edgeq.doctor.checks.data_sets import content, place
from edgeq.doctor.rule import ERROR, WARNING, Finding
from edgeq.errors import DataError
from edgeq.tflite.io import model_io

_ITEMS_A_CLASS = 10
"""With so many items for each class of the model, one that is missing is missing for a reason."""


def too_few_items(case: Case) -> Iterator[Finding]:
    """D106: see `DATA_RULES`."""
    if case.files and case.float32_file is None and case.trials is None:
        # Nothing is left to calibrate in a file that is quantized already.
        return
    found = _calibration_count(case)
    if found is None:
        return
    good, count = found
    details = {"count": count}
    try:
        for warning in check_count(good, count):
            yield Finding(good.source, f"{good.source}: {warning}; give more", place(good), details, WARNING)
    except DataError as error:
        yield Finding(good.source, f"{error}; give more", place(good), details, ERROR)


def one_class(case: Case) -> Iterator[Finding]:
    """D108: see `DATA_RULES`."""
    labelled = _calibration_labels(case)
    if labelled is None:
        return
    dataset, labels = labelled
    present = set(np.unique(labels).tolist())
    known = _known_classes(case, dataset, len(labels), alone=len(present) == 1)
    missing = sorted(known - present)
    # Of more classes than items, some must be missing, but not all of them but one.
    if not missing or (len(known) > len(labels) and len(present) > 1):
        return
    names = dataset.class_names
    shown = ", ".join(names[index] if index < len(names) else str(index) for index in missing[:5])
    shown += f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
    details = {"classes": len(known), "present": sorted(present), "missing": missing}
    if len(present) == 1:
        message = f"all {len(labels):,} calibration items are of one class, expected all {len(known):,}"
    else:
        message = f"the {len(labels):,} calibration items are of {len(present):,} classes, expected all {len(known):,}"
    yield Finding(
        dataset.source,
        f"{dataset.source}: {message} (without {shown}): activations of the others would be clipped; draw from all "
        "classes",
        place(dataset),
        details,
        ERROR if len(present) == 1 else WARNING,
    )


def _calibration_count(case: Case) -> tuple[Dataset, int] | None:
    """The data and how many different items the model is, or would be, calibrated on; None where that is unknown."""
    pool = _pool(case)
    known = _calibrated_items(case)
    if (
        case.calibration is None
        and case.items is not None
        and case.calibrated_on
        and (not known or known >= len(case.calibrated_on) / 2)
    ):
        return case.items, len(case.calibrated_on)
    if pool is None:
        return None
    good, indices = pool
    digests = good.digests()
    return good, len({digests[index] for index in indices})


def _calibrated_items(case: Case) -> int:
    """How many of the items that a bundle was calibrated on are in the data."""
    return 0 if case.items is None else len(case.calibrated_on.intersection(case.items.digests()))


def _pool(case: Case) -> tuple[Dataset, Sequence[int]] | None:
    """The items that the model is, or would be, calibrated on, as indices of their data set; None without any."""
    if case.calibration is not None:
        good = content(case.calibration)
        return None if good is None else (good, range(len(good)))
    good = case.items
    if good is None or not case.calibration_indices:
        return None
    known = _calibrated_items(case)
    if not case.calibrated_on or known >= len(case.calibrated_on) / 2:
        return good, case.calibration_indices
    # Data of which nothing was calibrated on are there to measure; of those that have changed since, all might be next.
    return (good, range(len(good))) if known else None


def _calibration_labels(case: Case) -> tuple[Dataset, npt.NDArray[np.int64]] | None:
    """The data set that is calibrated on and the classes of those items; None where they are not known."""
    pool = _pool(case)
    if pool is None or pool[0].labels is None:
        return None
    return pool[0], pool[0].labels[np.array(pool[1], dtype=np.int64)]


def _known_classes(case: Case, dataset: Dataset, count: int, *, alone: bool) -> set[int]:
    """Classes that could be calibrated on.

    Those of all data; also the model's, where there are so many items that none should be missing, or one is alone.
    """
    known: set[int] = set()
    for one in (case.items, dataset):
        if one is not None and isinstance(one.truth, ClassLabels) and one.task != "anomaly":
            known |= set(np.unique(one.truth.values).tolist())
    classes = _classes_of_model(case)
    enough = count >= (_ITEMS_A_CLASS if alone else classes * _ITEMS_A_CLASS)
    return known | set(range(classes)) if enough else known


def _classes_of_model(case: Case) -> int:
    """Number of its outputs where it classifies, else 0."""
    model = case.float32_model
    if model is None and case.files:
        model = case.files[0].model
    if model is None:
        return 0
    _, outputs = model_io(model)
    shapes = [info.shape for info in outputs]
    return shapes[0][1] if classifies(shapes) else 0
