"""What a worker does in an evaluation: read a few items, run every file on them, boil the outputs down.

Each item is decoded once for all files. What comes back is small and lies in a file, so that an evaluation that was
interrupted goes on where it stopped.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.benchmark.fidelity import fidelity_sums
from edgeq.benchmark.tasks.base import Array, Task
from edgeq.data.feeding import BadItemsError, Feed, ModelInput
from edgeq.data.preprocessing import Preprocessing
from edgeq.data.truth import Truth
from edgeq.errors import DataError, ModelError
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel, TensorInfo
from edgeq.runtime.quantization import quantize
from edgeq.runtime.tensor_writing import Writer, batch_size, scaled_writer, tensor_writer

BAD = "bad"
"""Key of the observation bool[n] that says which items could not be read."""

FIDELITY = "fidelity"
"""Key of the observation float64[n, outputs, 4], see `edgeq.benchmark.fidelity`."""


@dataclass(frozen=True)
class Runner:
    """A file that is run.

    Attributes:
        name: of the variant.
        path: of the .tflite file.
        preprocessing: how stored values become what it sees.
        outputs: what its outputs are called here, in the order of the file; their own names where it is None.
    """

    name: str
    path: Path
    preprocessing: Preprocessing
    outputs: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Job:
    """All that a worker needs.

    Attributes:
        feed: the items; item i of the job is item i of its data set.
        runners: the files.
        baseline: name of the runner that the others are compared with; None where there is none.
        task: what the outputs mean.
        runtime: which; None for the best installed.
        folder: for the observations.
    """

    feed: Feed
    runners: tuple[Runner, ...]
    baseline: str | None
    task: Task
    runtime: str | None
    folder: Path

    def save(self, path: Path) -> None:
        """Writes the job for `evaluate_chunk`."""
        path.write_bytes(pickle.dumps(self, protocol=pickle.HIGHEST_PROTOCOL))


def chunk_path(folder: Path, start: int, stop: int) -> Path:
    """Where the observations of some items lie."""
    return folder / f"{start:09d}-{stop:09d}.npz"


def evaluate_chunk(job_file: str, start: int, stop: int, names: Sequence[str]) -> dict[str, Any]:
    """Runs some items through some of the files and stores the observations.

    Args:
        job_file: path of a saved `Job`.
        start: first item.
        stop: item behind the last.
        names: of the runners; none only reads the items.

    Returns:
        ``bad``: reason by item that cannot be read; ``failures``: reason by runner that the runtime refuses;
        ``error``: what is wrong with the data as a whole, None mostly; ``seconds``: without loading the files.
    """
    state = _state(job_file)
    loaded, refused = state.loaded(names)
    begin = time.perf_counter()
    answer = _evaluate(state.job, range(start, stop), loaded)
    answer["failures"] |= refused
    return {**answer, "seconds": time.perf_counter() - begin}


def _evaluate(job: Job, indices: range, loaded: Mapping[str, _Loaded]) -> dict[str, Any]:
    failures: dict[str, str] = {}
    observed: dict[str, Array] = {}
    items = _Items(job.feed, indices)
    outputs: dict[str, dict[str, Array]] = {}
    for name, file in loaded.items():
        try:
            outputs[name] = file.run(items)
        except ModelError as error:
            failures[name] = str(error)
    truth = job.feed.dataset.truth
    if truth is not None and outputs:
        truth = truth.take(indices)
    try:
        for name in outputs:
            observed |= _observe(job, name, outputs, truth, items)
    except DataError as error:
        return {"bad": {}, "failures": {}, "error": str(error)}
    if observed:
        mask = np.isin(indices, list(items.bad))
        _write(chunk_path(job.folder, indices.start, indices.stop), {**observed, BAD: mask})
    return {
        "bad": {str(index): reason for index, reason in items.bad.items()},
        "failures": failures,
        "error": None,
    }


class _State:
    """What stays between the chunks of a job: the loaded files."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._runners = {runner.name: runner for runner in job.runners}
        self._loaded: dict[str, _Loaded] = {}

    def loaded(self, names: Sequence[str]) -> tuple[dict[str, _Loaded], dict[str, str]]:
        """The files of some runners, and why the runtime refuses others."""
        refused = {}
        for name in names:
            if name not in self._loaded:
                try:
                    self._loaded[name] = _Loaded(self._runners[name], self.job)
                except ModelError as error:
                    refused[name] = str(error)
        return {name: self._loaded[name] for name in names if name in self._loaded}, refused


_THREAD = threading.local()
"""Holds the state of the last job: an interpreter must not be shared between threads."""


def _state(job_file: str) -> _State:
    if getattr(_THREAD, "job_file", None) != job_file:
        # Written by the parent into a folder that only this user can open.
        job = pickle.loads(Path(job_file).read_bytes())  # noqa: S301
        _THREAD.state, _THREAD.job_file = _State(job), job_file
    state: _State = _THREAD.state
    return state


class _Items:
    """The items of one chunk as stored, read once for all files."""

    def __init__(self, feed: Feed, indices: Sequence[int]) -> None:
        self.feed = feed
        self.indices = indices
        self.bad: dict[int, str] = {}
        self.values = {spec.name: self._read(spec) for spec in feed.inputs}

    def _read(self, spec: ModelInput) -> Array:
        """[n, *item_shape]; zeros stand for what cannot be read."""
        try:
            return self.feed.stored(spec, self.indices)
        except BadItemsError as error:
            bad = error.bad
        self.bad |= bad
        good = [position for position, index in enumerate(self.indices) if index not in bad]
        if not good:
            return np.zeros((len(self.indices), *spec.item_shape), np.float32)
        values = self.feed.stored(spec, [self.indices[position] for position in good])
        result = np.zeros((len(self.indices), *values.shape[1:]), values.dtype)
        result[good] = values
        return result

    def as_seen(self) -> dict[str, Array]:
        """Real values by input name as the model sees them, float32[n, *item_shape]."""
        return {
            spec.name: self.feed.prepare(spec, self.values[spec.name]).astype(np.float32, copy=False)
            for spec in self.feed.inputs
        }


class _Loaded:
    """A file in the runtime."""

    def __init__(self, runner: Runner, job: Job) -> None:
        self._model = LoadedModel(runner.path, find_runtime(job.runtime), 1)
        self._preprocessing = runner.preprocessing
        self._outputs = runner.outputs or tuple(info.name for info in self._model.outputs)
        specs = {spec.name: spec for spec in job.feed.inputs}
        self._specs = [specs[info.name] for info in self._model.inputs]
        sizes = {
            batch_size(info, spec.item_shape)
            for info, spec in zip(self._model.inputs, self._specs, strict=True)
        }
        if len(sizes) > 1:
            raise ModelError(f"the inputs have different batch sizes {sorted(sizes)}: expected one")
        self._batch = sizes.pop() if sizes else 1

    def run(self, items: _Items) -> dict[str, Array]:
        """Real-valued outputs by name, float32[n, *shape without batch axis]."""
        model, count = self._model, len(items.indices)
        writers = [
            self._writer(items, spec, info) for spec, info in zip(self._specs, model.inputs, strict=True)
        ]
        feeds = -(-count // self._batch)
        results = [np.empty((feeds, *info.shape), info.dtype) for info in model.outputs]
        readers = [
            (model.memory_of(info), result) for info, result in zip(model.outputs, results, strict=True)
        ]
        for position in range(feeds):
            for write in writers:
                write(position)
            model.invoke()
            for memory, result in readers:
                result[position] = memory()
        return {
            name: self._ungrouped(info.decode(result), count)
            for name, info, result in zip(self._outputs, model.outputs, results, strict=True)
        }

    def _writer(self, items: _Items, spec: ModelInput, info: TensorInfo) -> Writer:
        """What puts the items into one of the input tensors."""
        values, preprocessing = items.values[spec.name], self._preprocessing.of(spec.name)
        memory = self._model.memory_of(info)
        if values.dtype == np.uint8 and spec.is_float:
            if info.dtype == "float32":
                return scaled_writer(values, *preprocessing.numbers(), info, memory)
            real = preprocessing.table(values.shape[-1] if values.ndim > 1 else 1)
            if info.quantization is not None:
                return tensor_writer(values, quantize(real, info.quantization, info.dtype), info, memory)
        prepared = preprocessing.apply(values) if spec.is_float else values
        return tensor_writer(prepared.astype(spec.dtype, copy=False), None, info, memory)

    def _ungrouped(self, grouped: Array, count: int) -> Array:
        """[feeds, batch, …] to [n, …]; an output without the batch axis stays one an inference."""
        if grouped.ndim >= 2 and grouped.shape[1] == self._batch:
            return grouped.reshape(-1, *grouped.shape[2:])[:count]
        return grouped[:count]


def _observe(
    job: Job, name: str, outputs: Mapping[str, Mapping[str, Array]], truth: Truth | None, items: _Items
) -> dict[str, Array]:
    observed = job.task.observe(outputs[name], truth, items.as_seen)
    if job.baseline is not None and job.baseline in outputs and name != job.baseline:
        observed[FIDELITY] = fidelity_sums(outputs[job.baseline], outputs[name])
    return {f"{name}/{key}": value for key, value in observed.items()}


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    """Whole or not at all: a file with that name counts as done."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)
