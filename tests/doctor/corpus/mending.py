"""What ``--fix`` makes of a patient, and whether it computes what the good project does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mistakes import MISTAKES
from patient import Mistake, Patient, file_of
from projects import Project

from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.doctor.case import Case
from edgeq.doctor.examination import examine, selected_rules
from edgeq.doctor.fixes import mend
from edgeq.runtime.running import run_file

# Of each mistake with a fix, a project; for most the first that it can be made in.
_MENDED_IN = {
    "a NaN": "fashion",
    "infinite values": "pair",
    "a number beyond float32": "gestures",
    "pixels divided by 255": "fashion",
    "pixels in -1..1": "detection",
    "values times 255": "gestures",
    "items twice": "keywords",
    "inputs exchanged": "pair",
    "dense layers for an old runtime": "pair",
    "no signature": "fashion",
}

MENDABLE: list[tuple[Mistake, str]] = [
    (one, _MENDED_IN[one.name]) for one in MISTAKES if one.name in _MENDED_IN
]
"""Mistakes that ``--fix`` mends, each with the project that this is tried in."""

_COMPARED_ITEMS = 16

_LEAST_DB = {"float32": 80.0, "dynamic": 20.0}
"""float32 ends at 140 dB, and a correction by scale and offset rounds twice; dynamic range may differ from float32 by
its own floor, see `edgeq.schemes`."""


def mended(patient: Patient, mistake: Mistake) -> Patient:
    """The patient with what ``--fix`` wrote in place of what was wrong."""
    before = _files(patient)
    with patient.opened() as case:
        notes = mend(case, examine(case, selected_rules([mistake.code])).diagnoses)
    assert all(note.startswith("mended: ") for note in notes), notes
    (written,) = _files(patient) - before
    if written.suffix == ".npz":
        return Patient(patient.target, written)
    if written.suffix == ".json":
        return Patient(patient.target, patient.data, preprocess=str(written))
    return Patient(written, patient.data, target_runtime=patient.target_runtime)


def agree(good: Project, patient: Patient, whole: Patient) -> None:
    """Asserts that the mended patient's outputs are the good project's, for the items that are left."""
    if whole.target != patient.target:
        # One file was mended: it is compared with the float32 file, or with itself before the mistake.
        reference = file_of(good, "int8")
        if "dynamic" in whole.target.name:
            reference = file_of(good, "float32")
        with Patient(good.bundle, good.data).opened() as case:
            items = case.probed_items(_COMPARED_ITEMS)
        found = _outputs(whole.target, items)
        least = _LEAST_DB["dynamic"] if "dynamic" in whole.target.name else _LEAST_DB["float32"]
    else:
        reference = file_of(good, "float32")
        with whole.opened() as case, Patient(good.bundle, good.data).opened() as sound:
            items = _first(sound, _rows(good, whole))
            found = _outputs(reference, _first(case, range(_COMPARED_ITEMS)))
        least = _LEAST_DB["float32"]
    assert sqnr_db(_outputs(reference, items), found) > least


def _rows(good: Project, whole: Patient) -> list[int]:
    """Which of the good items the first of the mended data are: by what nothing spoiled, their order."""
    assert whole.data is not None
    with np.load(whole.data) as archive:
        kept = {name: archive[name] for name in good.inputs}
    arrays = good.arrays()
    count = len(arrays[good.inputs[0]])
    if whole.preprocess is not None or len(kept[good.inputs[0]]) == count:
        return list(range(_COMPARED_ITEMS))
    known = {_bytes(arrays, good.inputs, row): row for row in reversed(range(count))}
    return [known[_bytes(kept, good.inputs, row)] for row in range(_COMPARED_ITEMS)]


def _bytes(arrays: dict[str, np.ndarray], names: tuple[str, ...], row: int) -> bytes:
    return b"".join(arrays[name][row].astype(np.float32).tobytes() for name in names)


def _first(case: Case, rows: list[int] | range) -> dict[str, np.ndarray]:
    """Items as the model gets them, each with a batch axis."""
    assert case.feed is not None
    return {name: np.expand_dims(values, 1) for name, values in case.feed.items(rows).items()}


def _outputs(path: Path, items: dict[str, np.ndarray]) -> np.ndarray:
    """All outputs of a file in their order, as real numbers."""
    ran = run_file(path, path.name, _renamed(path, items))
    return np.concatenate([np.ravel(info.decode(ran.stored[info.name])) for info in ran.outputs]).astype(
        float
    )


def _renamed(path: Path, items: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A file whose signature was written anew has its tensors' names, in the order of the inputs."""
    from edgeq.tflite.io import model_io
    from edgeq.tflite.model import read_model

    infos, _ = model_io(read_model(path))
    if {info.name for info in infos} == set(items):
        return items
    return dict(zip((info.name for info in infos), items.values(), strict=True))


def _files(patient: Patient) -> set[Path]:
    """All that lies beside the patient, where ``--fix`` may write."""
    folders = {path.parent for path in (patient.target, patient.data) if path is not None}
    return {path for folder in folders for path in folder.iterdir() if path.is_file()}
