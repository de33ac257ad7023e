"""Every variant on a few inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.benchmark.classification import Array
from edgeq.benchmark.targets import Targets
from edgeq.data.columns import AudioColumn, FileColumn, ImageColumn
from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import BadItemsError, Feed, ModelInput
from edgeq.data.media.audio import AUDIO_SUFFIXES
from edgeq.data.media.image_preparation import IMAGE_SUFFIXES
from edgeq.data.preprocessing import Preprocessing
from edgeq.data.reading import read_arrays
from edgeq.errors import DataError, WorkerError, joined_reasons
from edgeq.memory import memory_share
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import TensorInfo
from edgeq.runtime.process import Worker
from edgeq.scratch import scratch_folder


@dataclass(frozen=True)
class Predictions:
    """Outputs of every variant on every input.

    Attributes:
        inputs: what was given, for display.
        outputs: real-valued outputs by variant, then by name, float32[inputs, …] without batch axis.
        failures: reason by variant.
        notes: on what a lone file says of its pixels or leaves open, one sentence each.
    """

    inputs: tuple[str, ...]
    outputs: Mapping[str, Mapping[str, Array]]
    failures: Mapping[str, str]
    notes: tuple[str, ...] = ()


def predict(
    targets: Targets,
    inputs: Sequence[Path | str],
    *,
    preprocessing: Preprocessing | None = None,
    runtime: str | None = None,
    verbose: bool = False,
) -> Predictions:
    """Runs every variant on each input.

    Args:
        targets: the variants.
        inputs: images, WAV files, .npy files of one item, or .npz files of one item by input name.
        preprocessing: instead of the bundle's.
        runtime: which; None for the best installed.
        verbose: whether the runtime's own output is let through.

    Raises:
        DataError: there is no input, or one cannot be read or does not fit the model.
        RuntimeUnavailableError: there is no such runtime here.
        WorkerError: no variant runs.
    """
    find_runtime(runtime)
    paths = [Path(path) for path in inputs]
    if not paths:
        raise DataError("expected at least one input: an image, an .npy or an .npz file")
    targets.check_sizes()
    rows = [_read(path, targets.inputs, preprocessing or targets.preprocessing) for path in paths]
    arrays = {spec.name: np.stack([row[spec.name] for row in rows]) for spec in targets.inputs}
    dataset = ArrayDataset(arrays, source=", ".join(path.name for path in paths))
    feed = Feed(dataset, targets.inputs, preprocessing or targets.preprocessing_of(dataset))
    try:
        items = feed.items(range(len(paths)))
    except BadItemsError as error:
        # Nothing can be skipped where each input was named by hand.
        shown = "; ".join(f"{paths[index]}: {reason}" for index, reason in error.bad.items())
        raise DataError(f"{shown}: give another one") from error
    outputs: dict[str, dict[str, Array]] = {}
    failures: dict[str, str] = {}
    for target in targets.files:
        name = target.info.name
        try:
            outputs[name] = _run(name, target.path, items, runtime, verbose)
        except WorkerError as error:
            failures[name] = str(error)
    if not outputs:
        raise WorkerError("nothing could be run: " + joined_reasons(failures))
    notes = targets.notes(dataset, preprocessing_is_given=preprocessing is not None)
    return Predictions(tuple(str(path) for path in paths), outputs, failures, notes)


def _run(
    name: str, path: Path, items: Mapping[str, Array], runtime: str | None, verbose: bool
) -> dict[str, Array]:
    with scratch_folder("run") as folder, Worker(name, verbose=verbose) as worker:
        loaded = worker.load(path, 1, runtime)
        asked, answered = Path(folder, "inputs.npz"), Path(folder, "outputs.npz")
        _check_memory(name, loaded.inputs, items)
        # A batch is filled with copies of the item, and the first answer is taken.
        fed = {
            info.name: np.stack([np.broadcast_to(item, info.shape) for item in items[info.name]])
            for info in loaded.inputs
        }
        np.savez(asked, **fed)  # type: ignore[arg-type]
        worker.predict(asked, answered)
        with np.load(answered, allow_pickle=False) as archive:
            stored = {key: archive[key] for key in archive.files}
    for info in loaded.outputs:
        if not stored[info.name].size:
            raise WorkerError(
                f"{name}: its output {info.name} holds no number, its shape is {list(info.shape)}"
            )
    return {
        info.name: info.decode(stored[info.name][:, 0] if len(info.shape) > 1 else stored[info.name])
        for info in loaded.outputs
    }


def _check_memory(name: str, inputs: Sequence[TensorInfo], items: Mapping[str, Array]) -> None:
    """Refuses a file whose batch is so large that filling it would take this machine's memory."""
    needed = sum(len(items[info.name]) * math.prod(info.shape) * items[info.name].itemsize for info in inputs)
    # Here, on their way, in the worker, and as the file stores them.
    most = memory_share(4)
    if most is not None and needed > most:
        raise WorkerError(
            f"{name}: its batch makes {needed / 1e9:.1f} GB of the inputs, expected at most {most / 1e9:.1f} GB here: "
            "convert it with a batch of 1"
        )


_COLUMNS: Mapping[tuple[str, ...], type[FileColumn]] = {
    IMAGE_SUFFIXES: ImageColumn,
    AUDIO_SUFFIXES: AudioColumn,
}


def _read(path: Path, specs: Sequence[ModelInput], preprocessing: Preprocessing) -> Mapping[str, Array]:
    if not path.is_file():
        found = "is no file" if path.exists() else "does not exist"
        raise DataError(f"{path} {found}: expected an image, a WAV, an .npy or an .npz file")
    for suffixes, column in _COLUMNS.items():
        if path.suffix.lower() in suffixes:
            if len(specs) != 1:
                names = ", ".join(spec.name for spec in specs)
                raise DataError(f"{path} is one input and the model has the inputs {names}: give an .npz")
            (spec,) = specs
            return {spec.name: column((path,)).read([0], preprocessing.of(spec.name), spec.item_shape)[0]}
    arrays = read_arrays(path)
    if set(arrays) == {""} and len(specs) == 1:
        arrays = {specs[0].name: arrays[""]}
    if not {spec.name for spec in specs} <= set(arrays):
        raise DataError(
            f"{path}: expected arrays named {', '.join(spec.name for spec in specs)}, found {', '.join(arrays)}"
        )
    return {spec.name: _one_item(arrays[spec.name], spec, path) for spec in specs}


def _one_item(array: Array, spec: ModelInput, path: Path) -> Array:
    """The item itself, or the only one of a batch."""
    if array.shape == (1, *spec.item_shape):
        item: Array = array[0]
        return item
    if array.shape != spec.item_shape:
        raise DataError(
            f"{path}: input {spec.name!r} expects one item of shape {list(spec.item_shape)}, "
            f"found {list(array.shape)}"
        )
    return array
