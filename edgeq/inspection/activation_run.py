"""Runs items through a file and measures all of its activations, in processes of their own.

Each activation is boiled down to its range, and to a histogram where one is wanted, before the next item runs, so that
the memory is that of one inference and of the histograms.
"""

from __future__ import annotations

import functools
import math
import pickle
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.dataset import BadItem, bad_message
from edgeq.data.feeding import BadItemsError, Feed
from edgeq.errors import DataError, ModelError, WorkerError
from edgeq.inspection.activation_tensors import quantization_of
from edgeq.inspection.value_histogram import ValueHistogram, load_histograms, save_histograms
from edgeq.memory import memory_share
from edgeq.pool import ProcessPool
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_count
from edgeq.runtime.interpreter import path_argument, reason_of
from edgeq.runtime.process import environment
from edgeq.runtime.quantization import Quantization, quantize
from edgeq.scratch import make_array, scratch_folder
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import Tensor, read_model

Array = npt.NDArray[Any]

Ranges = npt.NDArray[np.float32]
"""float32[n, tensors, 2]: minimum and maximum of each item's activations."""

_CHUNK = 16
"""Items of one task: a large network needs a second or two for them, and progress is told after each."""

_CHUNK_TIMEOUT_S = 1800.0
"""A model that hangs is ended and named, as in an evaluation."""

_MOST_TENSORS = 20_000
"""Large language models have some thousands; their histograms take 16 kB each."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What activations were on some items.

    Attributes:
        ranges: float32[n, tensors, 2], minimum and maximum by item, NaN aside, in real values; infinity and minus
            infinity where a tensor has no number.
        histograms: of each tensor over all items, of the values as stored; empty where none were wanted.
    """

    ranges: Ranges
    histograms: tuple[ValueHistogram, ...]


def measure_activations(
    file: Path,
    tensors: Sequence[Tensor],
    feed: Feed,
    indices: Sequence[int],
    *,
    histograms: bool,
    runtime: str | None = None,
    verbose: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Runs items through a file on all cores and measures some of its activations.

    Args:
        file: of any scheme.
        tensors: of its first subgraph, as `edgeq.inspection.activation_tensors.activations` finds them.
        feed: bound to its inputs, in real values.
        indices: which items.
        histograms: whether values are counted, which takes 5 ns each, beside their range.
        runtime: which runtime; None for the best installed.
        verbose: whether the runtime's own output is let through.
        progress: called with the number of items measured and their total.

    Returns:
        A row for each of `indices`, in their order.

    Raises:
        DataError: items cannot be read; names them.
        ModelError: the runtime refuses the file, fails or crashes, or there are more than 20,000 tensors.
    """
    if len(tensors) > _MOST_TENSORS:
        raise ModelError(
            f"{file.name} has {len(tensors):,} activations: expected at most {_MOST_TENSORS:,} to be measured at once"
        )
    if not tensors or not len(indices):
        empty = [ValueHistogram(tensor.dtype) for tensor in tensors] if histograms else []
        return Measured(np.empty((len(indices), len(tensors), 2), np.float32), tuple(empty))
    with scratch_folder("activations") as scratch:
        chosen = feed.over(feed.dataset.take(indices)).portable(scratch)
        job = _Job(chosen, file.resolve(), runtime, tuple(tensors), histograms, scratch)
        make_array(job.ranges, np.float32, (len(indices), len(tensors), 2)).flush()
        job_file = scratch / "job.pickle"
        job_file.write_bytes(pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL))
        try:
            bad, counted = _run(job, job_file, len(indices), verbose, progress)
        except WorkerError as error:
            raise ModelError(f"the activations of {file.name} cannot be measured ({error})") from error
        if bad:
            column = next(iter(feed.dataset.columns.values()))
            items = [BadItem(column.describe(indices[row]), bad[row]) for row in sorted(bad)]
            raise DataError(bad_message(feed.dataset.source, items, len(indices)))
        return Measured(np.load(job.ranges), counted)


def measure_chunk(job_file: str, start: int, stop: int) -> dict[str, str]:
    """Measures some items and leaves what came of it in the job's folder; a task of `edgeq.pool.ProcessPool`.

    Args:
        job_file: path of the pickled job.
        start: first row.
        stop: row behind the last.

    Returns:
        Reason by row that cannot be read; JSON has texts for keys.
    """
    job, model = _opened(job_file)
    ranges = np.load(job.ranges, mmap_mode="r+")
    histograms = [ValueHistogram(tensor.dtype) for tensor in job.tensors]
    bad = {}
    for row in range(start, stop):
        try:
            items = job.feed.items([row])
        except BadItemsError as error:
            bad[str(row)] = error.bad[row]
            continue
        model.run(items)
        for place, tensor in enumerate(job.tensors):
            # A view of the runtime's memory, which must be gone at the next inference.
            values = model.values(tensor)
            ranges[row, place] = _range(values, tensor)
            if job.histograms:
                histograms[place].add(values)
            del values
    ranges.flush()
    if job.histograms:
        save_histograms(job.counted(start), histograms)
    return bad


@dataclass(frozen=True)
class _Job:
    """What a process needs: the items, the file, what to measure of it, and where the results go."""

    feed: Feed
    file: Path
    runtime: str | None
    tensors: tuple[Tensor, ...]
    histograms: bool
    folder: Path

    @property
    def ranges(self) -> Path:
        """The .npy of all items' ranges."""
        return self.folder / "ranges.npy"

    def counted(self, start: int) -> Path:
        """The .npz with the histograms of the chunk that begins with a row."""
        return self.folder / f"histograms-{start}.npz"


def _run(
    job: _Job, job_file: Path, total: int, verbose: bool, progress: Callable[[int, int], None] | None
) -> tuple[dict[int, str], tuple[ValueHistogram, ...]]:
    """Measures all items on all cores; reason by row that cannot be read, and the histograms."""
    bad: dict[int, str] = {}
    histograms = [ValueHistogram(tensor.dtype) for tensor in job.tensors] if job.histograms else []
    processes = max(1, min(cpu_count(), -(-total // _CHUNK)))
    with ProcessPool(
        processes,
        "the runtime",
        environment=environment(verbose=verbose),
        timeout_s=_CHUNK_TIMEOUT_S,
        most_bytes=memory_share(processes),
        verbose=verbose,
    ) as pool:
        starts = range(0, total, _CHUNK)
        stops = [min(start + _CHUNK, total) for start in starts]
        chunks = [
            pool.submit(measure_chunk, str(job_file), start, stop)
            for start, stop in zip(starts, stops, strict=True)
        ]
        # In their order, not as they end: means would differ in their last digits from run to run.
        for start, stop, chunk in zip(starts, stops, chunks, strict=True):
            bad |= {int(row): reason for row, reason in chunk.result().items()}
            if job.histograms:
                for histogram, part in zip(histograms, load_histograms(job.counted(start)), strict=True):
                    histogram.merge(part)
                job.counted(start).unlink()
            if progress is not None:
                progress(stop, total)
    return bad, tuple(histograms)


@functools.lru_cache(maxsize=1)
def _opened(job_file: str) -> tuple[_Job, _Model]:
    """The job and its loaded file, which stay from one chunk to the next."""
    # Written by the parent into a folder that only this user can open.
    job = pickle.loads(Path(job_file).read_bytes())  # noqa: S301
    return job, _Model(job.file, job.runtime)


class _Model:
    """A file in the runtime with all of its activations kept until the next inference."""

    def __init__(self, path: Path, runtime: str | None) -> None:
        module = find_runtime(runtime).module()
        self._inputs, _ = model_io(read_model(path))
        with warnings.catch_warnings():
            # LiteRT warns of the memory: that of all activations of one inference.
            warnings.simplefilter("ignore", UserWarning)
            try:
                # XNNPACK takes each operator by itself then, so that no activation is lost between two (LiteRT 2.1.0,
                # 2.2.0 and 2.3.0); older runtimes leave it out.
                self._interpreter = module.Interpreter(
                    model_path=path_argument(path), experimental_preserve_all_tensors=True, num_threads=1
                )
                self._interpreter.allocate_tensors()
            except (ValueError, RuntimeError, MemoryError) as error:
                raise ModelError(f"it is refused: {reason_of(error)}") from error

    def run(self, items: dict[str, Array]) -> None:
        """Runs one item, given as [1, *item shape] in real values by input name."""
        # What a recurrent network remembers of the item before must not count for this one.
        self._interpreter.reset_all_variables()
        for info in self._inputs:
            self._interpreter.set_tensor(info.index, _stored(_filled(items[info.name], info), info))
        self._interpreter.invoke()

    def values(self, tensor: Tensor) -> Array:
        """A view of a tensor as it is stored."""
        try:
            values: Array = self._interpreter.tensor(tensor.index)()
        except ValueError:
            # Results of a loop that nothing takes have no memory (LiteRT 2.3.0: "Tensor data is null").
            return np.empty(0, np.dtype(tensor.dtype))
        return values


def _filled(item: Array, info: TensorInfo) -> Array:
    """The item as the input takes it; a batch is filled with it, so that nobody else's values are measured."""
    with_batch = len(info.shape) == item.ndim
    filled: Array = np.repeat(item, info.shape[0], axis=0) if with_batch else item[0]
    return filled


def _stored(real: Array, info: TensorInfo) -> Array:
    """Real values as the input stores them."""
    if info.scale is None or info.zero_point is None or info.dtype not in ("int8", "uint8", "int16"):
        return np.ascontiguousarray(real, dtype=info.dtype)
    return quantize(real, Quantization(info.scale, info.zero_point), info.dtype)


def _range(values: Array, tensor: Tensor) -> tuple[float, float]:
    """Smallest and largest number, NaN aside, in real values; infinity and minus infinity where there is none."""
    if not values.size:
        return math.inf, -math.inf
    low, high = values.min(), values.max()
    if np.isnan(low):
        # Slower, and hardly ever needed.
        low = np.fmin.reduce(values, axis=None, initial=np.inf)
        high = np.fmax.reduce(values, axis=None, initial=-np.inf)
    quantization = quantization_of(tensor)
    if quantization is None:
        return low, high
    scale, zero_point = quantization.scale, quantization.zero_point
    return (int(low) - zero_point) * scale, (int(high) - zero_point) * scale
