"""A target for the doctor, with what goes beside it, and what the doctor says of it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import projects
import spoiling

from edgeq.bundle import read_bundle, write_bundle
from edgeq.convert.examine import open_target
from edgeq.doctor.case import Case
from edgeq.doctor.examination import Examination, examine, selected_rules
from edgeq.files import sha256_bytes


@dataclass(frozen=True)
class Patient:
    """What ``edgeq doctor`` is given.

    Attributes:
        target: a model, a bundle or a .tflite.
        data: ``--data``; None for none.
        calibration: ``--calibration``; None for none.
        preprocess: ``--preprocess``; None for none.
        target_runtime: that the files are to run on elsewhere; None where none is named.
    """

    target: Path
    data: Path | None = None
    calibration: Path | None = None
    preprocess: str | None = None
    target_runtime: str | None = None

    @contextmanager
    def opened(self) -> Iterator[Case]:
        """The case that it is."""
        with open_target(
            self.target,
            data=self.data,
            calibration=self.calibration,
            preprocess=self.preprocess,
            target_runtime=self.target_runtime,
        ) as case:
            yield case

    def examined(self, *select: str) -> Examination:
        """What the doctor says.

        Args:
            select: codes of rules; none selects all.
        """
        with self.opened() as case:
            return examine(case, selected_rules(select))


@dataclass(frozen=True)
class Mistake:
    """One thing done wrong in a good project.

    Attributes:
        name: what was done.
        code: of the rule that must find it.
        make: does it, in a folder of its own.
        projects: that it can be done in; all where empty.
        usual: the first so many of these are tried whenever the tests are run, all of them with
            ``EDGEQ_WHOLE_CORPUS=1``; 0 for all always. A conversion takes seconds.
    """

    name: str
    code: str
    make: Callable[[projects.Project, Path], Patient]
    projects: tuple[str, ...] = ()
    usual: int = 0


def with_arrays(project: projects.Project, folder: Path, arrays: Mapping[str, Any]) -> Patient:
    """The project's bundle with other data."""
    np.savez(folder / "data.npz", **arrays)
    return Patient(project.bundle, folder / "data.npz")


def chosen(project: projects.Project, rows: Any) -> dict[str, np.ndarray]:
    """Some items of the project's data."""
    return {name: values[rows] for name, values in project.arrays().items()}


def changed(project: projects.Project, change: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
    """The project's data with all inputs changed, in float32."""
    return {
        name: change(values.astype(np.float32)) if name in project.inputs else values
        for name, values in project.arrays().items()
    }


def file_of(project: projects.Project, variant: str) -> Path:
    """A file of the project's bundle."""
    return project.bundle / f"{project.name}.{variant}.tflite"


def lone(
    project: projects.Project,
    folder: Path,
    variant: str,
    spoil: Callable[[Any], None],
    *,
    with_data: bool = False,
) -> Patient:
    """A file of the bundle by itself, with one thing changed."""
    path = spoiling.spoiled(file_of(project, variant), folder / f"{project.name}.{variant}.tflite", spoil)
    return Patient(path, project.data if with_data else None)


def in_bundle(project: projects.Project, folder: Path, variant: str, spoil: Callable[[Any], None]) -> Patient:
    """The bundle with one thing changed in one of its files; all digests are sound."""
    bundle = read_bundle(project.bundle)
    content = {one.file: bundle.path(one).read_bytes() for one in bundle.manifest.variants}
    variants = []
    for one in bundle.manifest.variants:
        if one.name == variant:
            content[one.file] = spoiling.spoiled(
                bundle.path(one), folder / "spoiled.tflite", spoil
            ).read_bytes()
        sound = dataclasses.replace(
            one, sha256=sha256_bytes(content[one.file]), size_bytes=len(content[one.file])
        )
        variants.append(sound)
    manifest = dataclasses.replace(bundle.manifest, variants=tuple(variants))
    write_bundle(folder / "bundle", manifest, content, bundle.parity())
    return Patient(folder / "bundle", project.data)


def copied(project: projects.Project, folder: Path, variant: str, name: str) -> Patient:
    """A file of the bundle under another name."""
    return Patient(Path(shutil.copy(file_of(project, variant), folder / name)))


def keras_model(project: projects.Project, folder: Path, change: Callable[[Any], Any]) -> Patient:
    """The project's Keras model, changed, with its data.

    Args:
        project: whose model.
        folder: to save it in.
        change: takes the model; returns another, or None where it changed the model itself.
    """
    import keras

    model = keras.saving.load_model(project.model, compile=False)
    model = change(model) or model
    model.save(folder / "model.keras")
    return Patient(folder / "model.keras", project.data)
