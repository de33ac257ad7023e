"""Mends data: a copy with items left out or inputs exchanged, and a preprocessing that corrects the range of values.

A wrong range is mended by preprocessing and not in the data, because the bundle carries it to the device, where the
same values come from the camera.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from edgeq.data.columns import ArrayColumn
from edgeq.data.dataset import Dataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.data.truth import ClassLabels, MultiLabels, Targets, Truth
from edgeq.doctor.case import Case
from edgeq.doctor.examination import Diagnosis
from edgeq.errors import DataError
from edgeq.files import atomic_file, write_atomic

Array = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]

DROP, RESCALE, REORDER = "drop-items", "rescale", "reorder-inputs"
DATA_FIXES = (DROP, RESCALE, REORDER)
"""Names as rules give them. Each needs something of `Finding.details`: ``items``, the rows to leave out; ``input``,
``scale`` and ``offset``, one or one a channel, what the values that reach an input lack; ``order``, the data's name
for each input."""

_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class _Plan:
    """What is to be done to the data.

    Attributes:
        dropped: rows to leave out.
        affine: scale and offset by input, one or one a channel.
        order: the data's name for each of the model's inputs that have been exchanged.
    """

    dropped: frozenset[int]
    affine: Mapping[str, tuple[Numbers, Numbers]]
    order: Mapping[str, str]


def mend_data(case: Case, diagnoses: Sequence[Diagnosis]) -> str:
    """Writes a mended copy of arrays as .npz, a preprocessing, or both.

    Args:
        case: that was examined.
        diagnoses: of rules whose fix is one of `DATA_FIXES`.

    Returns:
        A sentence that says what was written and how it is used.

    Raises:
        DataError: the data are of a form that only a person can mend.
        OutputError: the copy cannot be written.
    """
    dataset = case.calibration if case.dataset is None else case.dataset
    if dataset is None:
        raise DataError("the data could not be read: mend them by hand")
    plan = _plan(diagnoses)
    done = []
    if plan.affine:
        done.append(_write_preprocessing(case, dataset, plan.affine))
    if plan.dropped or plan.order:
        done.append(_write_copy(dataset, plan))
    return "; ".join(done)


def _plan(diagnoses: Iterable[Diagnosis]) -> _Plan:
    dropped: set[int] = set()
    affine: dict[str, tuple[Numbers, Numbers]] = {}
    order: dict[str, str] = {}
    for diagnosis in diagnoses:
        details = diagnosis.finding.details
        if diagnosis.rule.fix == DROP:
            dropped.update(map(int, details.get("items", ())))
        elif diagnosis.rule.fix == RESCALE and "scale" in details:
            scale, offset = (np.atleast_1d(np.float64(details.get(key, 0.0))) for key in ("scale", "offset"))
            affine[str(details.get("input", ""))] = (scale, offset)
        elif diagnosis.rule.fix == REORDER:
            order.update(details.get("order", {}))
    if not dropped and not affine and not order:
        raise DataError("what was found says not how it is mended: mend the data by hand")
    return _Plan(frozenset(dropped), affine, order)


def _write_copy(dataset: Dataset, plan: _Plan) -> str:
    if not all(isinstance(column, ArrayColumn) for column in dataset.columns.values()):
        raise DataError(
            f"{dataset.source} holds files: remove or rename them by hand, or leave bad ones out with "
            "--on-bad-input skip"
        )
    target = _beside(dataset, "-fixed.npz")
    kept = [row for row in range(len(dataset)) if row not in plan.dropped]
    if not kept:
        raise DataError(f"{dataset.source}: nothing would be left of it: mend the data by hand")
    with atomic_file(target) as stream, zipfile.ZipFile(stream, "w", allowZip64=True) as archive:
        for name in dataset.columns:
            own = plan.order.get(name, name)
            with archive.open(f"{name or 'x'}.npy", "w", force_zip64=True) as member:
                _write_rows(member, dataset, own, kept)
        for key, values in _truth(dataset.truth, kept):
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, values, allow_pickle=False)
    done = [f"{len(plan.dropped)} items left out"] if plan.dropped else []
    done += ["inputs exchanged"] if plan.order else []
    return f"{target}: {', '.join(done)}; use it as --data instead of {dataset.source}"


def _write_rows(member: IO[bytes], dataset: Dataset, name: str, rows: Sequence[int]) -> None:
    column = dataset.columns[name]
    assert isinstance(column, ArrayColumn)  # noqa: S101 - checked before
    shape = (len(rows), *column.item_shape)
    descr = npy.dtype_to_descr(column.dtype)
    npy.write_array_header_2_0(member, {"descr": descr, "fortran_order": False, "shape": shape})
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        member.write(np.ascontiguousarray(column.rows(rows[start : start + _ROWS_AT_ONCE])).tobytes())


def _truth(truth: Truth | None, rows: Sequence[int]) -> Iterator[tuple[str, Array]]:
    """Arrays of the .npz that hold the truth, by key."""
    if truth is None:
        return
    kept = truth.take(rows)
    if isinstance(kept, ClassLabels | MultiLabels):
        yield "labels", kept.values
        if kept.names:
            yield "class_names", np.array(kept.names)
    elif isinstance(kept, Targets):
        yield "targets", kept.values
    else:
        raise DataError("masks and boxes cannot be written to an .npz by --fix: mend the data by hand")


def _write_preprocessing(case: Case, dataset: Dataset, affine: Mapping[str, tuple[Numbers, Numbers]]) -> str:
    target = _beside(dataset, "-preprocessing.json")
    own = case.preprocessing
    inputs = {
        name: _corrected(own.of(name), *affine[name]) if name in affine else own.of(name)
        for name in (spec.name for spec in case.inputs)
    }
    # What counts for one input counts for all.
    mended = next(iter(inputs.values())) if len(inputs) == 1 else replace(own, inputs=inputs)
    write_atomic(target, json.dumps(mended.to_json(), indent=1) + "\n")
    return f"{target}: {own.name} with its values corrected; use it with --preprocess"


def _corrected(own: Preprocessing, scale: Numbers, offset: Numbers) -> Preprocessing:
    scales, offsets = scale * np.array(own.scale), scale * np.array(own.offset) + offset
    # One number where all channels have the same, or one a channel of both.
    count = max(len(scales), len(offsets))
    return replace(
        own,
        scale=tuple(np.broadcast_to(scales, count).tolist()),
        offset=tuple(np.broadcast_to(offsets, count).tolist()),
    )


def _beside(dataset: Dataset, suffix: str) -> Path:
    """A file beside the data set.

    Raises:
        DataError: it is there already, or the data did not come from a file.
    """
    source = Path(dataset.source).resolve()
    if not source.exists():
        raise DataError(f"{dataset.source} is no file that a mended copy could be written beside")
    target = source.with_name(f"{source.stem}{suffix}")
    if target.exists():
        raise DataError(f"{target} exists already: move it away to have the mended copy written")
    return target
