"""What every float activation of a model spans on each item: its minimum and maximum.

Calibration sees of an activation what is measured here: TensorFlow Lite's calibrator keeps the smallest and the largest
value over all items and ignores NaN (``MinMax::Update`` in its ``calibration_logger.cc``). The items run in processes
of their own, through LiteRT and without TensorFlow. Each activation is boiled down to two numbers before the next item
runs, so that the memory is that of one inference.
"""

from __future__ import annotations

import functools
import pickle
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.dataset import BadItem, bad_message
from edgeq.data.feeding import BadItemsError, Feed
from edgeq.errors import DataError, ModelError, WorkerError
from edgeq.pool import ProcessPool
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_count
from edgeq.runtime.process import ENVIRONMENT
from edgeq.scratch import make_array, scratch_folder
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import Tensor, TfliteModel, read_model

Ranges = npt.NDArray[np.float32]
"""float32[n, tensors, 2]: minimum and maximum of each item's activations."""

_CHUNK = 16
"""Items of one task: a large network needs a second or two for them, and progress is told after each."""

_CHUNK_TIMEOUT_S = 1800.0
"""A model that hangs is ended and named, as in an evaluation."""


@dataclass(frozen=True)
class ActivationRanges:
    """What the activations span.

    Attributes:
        names: of the tensors, as the file has them.
        values: float32[n, tensors, 2], minimum and maximum by item; infinite where a tensor has no number.
    """

    names: tuple[str, ...]
    values: Ranges


def float_activations(model: TfliteModel) -> tuple[Tensor, ...]:
    """The float32 inputs and results of the first subgraph, in the order of their indices.

    Results inside of loops and branches are other subgraphs' and left out: the runtime does not show them.
    """
    main = model.subgraphs[0]
    computed = {index for operator in main.operators for index in operator.outputs}
    wanted = computed.union(main.inputs)
    return tuple(tensor for tensor in main.tensors if tensor.index in wanted and tensor.dtype == "float32")


def activation_ranges(
    float32_file: Path,
    feed: Feed,
    indices: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> ActivationRanges:
    """Runs items through a float32 file and measures all of its activations.

    Args:
        float32_file: the model.
        feed: bound to its inputs.
        indices: which items.
        progress: called with the number of items measured and their total.

    Returns:
        A row for each of `indices`, in their order.

    Raises:
        DataError: items cannot be read; names them.
        ModelError: the runtime refuses the file, fails or crashes.
    """
    tensors = float_activations(read_model(float32_file))
    names = tuple(tensor.name for tensor in tensors)
    if not names or not len(indices):
        return ActivationRanges(names, np.empty((len(indices), len(names), 2), np.float32))
    with scratch_folder("ranges") as scratch:
        chosen = feed.over(feed.dataset.take(indices)).portable(scratch)
        job = _Job(chosen, float32_file.resolve(), scratch / "ranges.npy")
        make_array(job.results, np.float32, (len(indices), len(names), 2)).flush()
        job_file = scratch / "job.pickle"
        job_file.write_bytes(pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL))
        try:
            bad = _run(job_file, len(indices), progress)
        except WorkerError as error:
            raise ModelError(
                f"the activations of {float32_file.name} cannot be measured ({error}): draw the calibration "
                "items at random, --calibration-draw random"
            ) from error
        if bad:
            column = next(iter(feed.dataset.columns.values()))
            items = [BadItem(column.describe(indices[row]), bad[row]) for row in sorted(bad)]
            raise DataError(bad_message(feed.dataset.source, items, len(indices)))
        return ActivationRanges(names, np.load(job.results))


def measure_chunk(job_file: str, start: int, stop: int) -> dict[str, str]:
    """Measures some items and puts their ranges into the job's file; a task of `edgeq.pool.ProcessPool`.

    Args:
        job_file: path of the pickled job.
        start: first row.
        stop: row behind the last.

    Returns:
        Reason by row that cannot be read; JSON has texts for keys.
    """
    job, model = _opened(job_file)
    ranges = np.load(job.results, mmap_mode="r+")
    bad = {}
    for row in range(start, stop):
        try:
            items = job.feed.items([row])
        except BadItemsError as error:
            bad[str(row)] = error.bad[row]
            continue
        ranges[row] = model.measure(items)
    ranges.flush()
    return bad


@dataclass(frozen=True)
class _Job:
    """What a process needs: the items, the file, and the .npy that the ranges go into."""

    feed: Feed
    float32_file: Path
    results: Path


def _run(job_file: Path, total: int, progress: Callable[[int, int], None] | None) -> dict[int, str]:
    """Measures all items on all cores; reason by row that cannot be read."""
    bad: dict[int, str] = {}
    done = 0
    processes = min(cpu_count(), -(-total // _CHUNK))
    with ProcessPool(
        max(1, processes), "the runtime", environment=ENVIRONMENT, timeout_s=_CHUNK_TIMEOUT_S
    ) as pool:
        chunks = {
            pool.submit(measure_chunk, str(job_file), start, stop): stop - start
            for start, stop in ((begin, min(begin + _CHUNK, total)) for begin in range(0, total, _CHUNK))
        }
        for future in as_completed(chunks):
            bad |= {int(row): reason for row, reason in future.result().items()}
            done += chunks[future]
            if progress is not None:
                progress(done, total)
    return bad


@functools.lru_cache(maxsize=1)
def _opened(job_file: str) -> tuple[_Job, _Model]:
    """The job and its loaded file, which stay from one chunk to the next."""
    # Written by the parent into a folder that only this user can open.
    job = pickle.loads(Path(job_file).read_bytes())  # noqa: S301
    return job, _Model(job.float32_file)


class _Model:
    """A file in the runtime with all of its activations kept until the next inference."""

    def __init__(self, path: Path) -> None:
        model = read_model(path)
        module = find_runtime().module()
        with warnings.catch_warnings():
            # LiteRT warns of the memory: that of all activations of one inference.
            warnings.simplefilter("ignore", UserWarning)
            # XNNPACK takes each operator by itself then, so that no activation is lost between two (LiteRT 2.1.0,
            # 2.2.0 and 2.3.0); older runtimes leave it out.
            self._interpreter = module.Interpreter(
                model_path=str(path), experimental_preserve_all_tensors=True, num_threads=1
            )
        self._interpreter.allocate_tensors()
        self._inputs, _ = model_io(model)
        self._tensors = tuple(tensor.index for tensor in float_activations(model))

    def measure(self, items: dict[str, npt.NDArray[Any]]) -> Ranges:
        """float32[tensors, 2] of one item, given as [1, *item shape] by input name."""
        interpreter = self._interpreter
        # What a recurrent network remembers of the item before must not count for this one.
        interpreter.reset_all_variables()
        for info in self._inputs:
            interpreter.set_tensor(info.index, _filled(items[info.name], info))
        interpreter.invoke()
        ranges = np.empty((len(self._tensors), 2), np.float32)
        for place, index in enumerate(self._tensors):
            # A view of the runtime's memory, which must be gone at the next inference.
            ranges[place] = _range(interpreter.tensor(index)())
        return ranges


def _filled(item: npt.NDArray[Any], info: TensorInfo) -> npt.NDArray[Any]:
    """The item as the input takes it; a batch is filled with it, so that nobody else's values are measured."""
    with_batch = len(info.shape) == item.ndim
    filled: npt.NDArray[Any] = np.repeat(item, info.shape[0], axis=0) if with_batch else item[0]
    return filled


def _range(values: npt.NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    """Smallest and largest number, NaN aside; infinity and minus infinity where there is none."""
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    if np.isnan(low):
        # Slower, and hardly ever needed.
        low = np.fmin.reduce(values, axis=None, initial=np.inf)
        high = np.fmax.reduce(values, axis=None, initial=-np.inf)
    return low, high
