"""Runs a validation set through a file on all cores and collects the outputs.

The items are written once as .npy files that every process maps; a process takes the next few items when it
is done with its last, so that a core that is slowed down by others holds nobody up.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

from edgeq.data.feeding import Feed, ModelInput
from edgeq.errors import ModelError
from edgeq.runtime.interpreter import Array, TensorInfo
from edgeq.runtime.process import Loaded, Worker
from edgeq.runtime.quantization import quantization_table
from edgeq.scratch import make_array

_BYTES_AT_ONCE = 4 << 20
"""Of items read and written in one go: they and their copies stay in the cache. 600 MB of float32 images take 0.20 s
in steps of 4 MiB and 0.52 s in steps of 64 MiB; through mapped memory that is flushed at the end they took 1.07 s.
Where the system must first find pages for the file, all three take about a second more."""
_FIRST_CHUNK = 8
_CHUNK_SECONDS = 0.1
"""A chunk's length: long against the 0.2 ms that asking costs, short against the whole."""


class StoredItems:
    """A validation set, written once in a form that workers map into memory."""

    def __init__(self, feed: Feed, indices: Sequence[int], folder: Path) -> None:
        """Writes the items.

        Pixels stay uint8 and are preprocessed by a table of 256 entries; other values are stored as the
        model sees them.

        Args:
            feed: where the items come from.
            indices: which.
            folder: where to; the caller removes it.

        Raises:
            DataError: an item cannot be read or does not fit.
        """
        self.feed = feed
        self.count = len(indices)
        self.paths: dict[str, Path] = {}
        self._pixels: set[str] = set()
        for position, spec in enumerate(feed.inputs):
            path = folder / f"input-{position}.npy"
            self._write(spec, indices, path)
            self.paths[spec.name] = path

    def table(self, info: TensorInfo) -> Array | None:
        """What each of the 256 pixel values becomes in that tensor; None where the items are no pixels."""
        if info.name not in self._pixels:
            return None

        def transform(pixels: Array) -> Array:
            return self.feed.preprocessing.apply(pixels).astype(np.float32)

        if info.quantization is None:
            return transform(np.arange(256, dtype=np.float32)).astype(info.dtype)
        return quantization_table(info.quantization, info.dtype, transform)

    def _write(self, spec: ModelInput, indices: Sequence[int], path: Path) -> None:
        at_once = max(1, _BYTES_AT_ONCE // max(1, math.prod(spec.item_shape) * np.dtype(spec.dtype).itemsize))
        with path.open("wb") as file:
            for start in range(0, self.count, at_once):
                values = self.feed.stored(spec, indices[start : start + at_once])
                if values.dtype == np.uint8 and spec.dtype.startswith("float"):
                    self._pixels.add(spec.name)
                else:
                    values = self.feed.prepare(spec, values).astype(spec.dtype, copy=False)
                if start == 0:
                    _write_header(file, (self.count, *values.shape[1:]), values.dtype)
                file.write(np.ascontiguousarray(values).data)


def _write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """What stands before the values in an .npy file."""
    described = {"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    write_array_header_1_0(file, described)


def evaluate(
    variant: str,
    path: Path,
    items: StoredItems,
    folder: Path,
    *,
    runtime: str | None,
    processes: int,
    verbose: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Array]:
    """Runs every item through a file.

    Args:
        variant: for messages.
        path: the .tflite file.
        items: the validation set.
        folder: for the outputs; the caller removes it.
        runtime: which; None for the best installed.
        processes: how many, each with one thread.
        verbose: whether the runtime's own output is let through.
        progress: called with the number of items done and their total.

    Returns:
        Real-valued outputs by name, float32[N, *shape without batch axis].

    Raises:
        WorkerError: the runtime refuses the file or dies of it.
        ModelError: a batch axis of the file that items cannot be grouped by.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(variant, verbose=verbose)) for _ in range(max(1, processes))]
        with ThreadPoolExecutor(len(workers)) as pool:
            loaded, *_ = pool.map(lambda worker: worker.load(path, 1, runtime), workers)
            batch = _batch(loaded, items)
            feeds = -(-items.count // batch)
            outputs = _result_files(loaded, feeds, folder)
            tables = _table_files(loaded, items, folder)
            for worker in workers:
                worker.attach(items.paths, tables, outputs)
            queue = _Queue(
                feeds, len(workers), lambda done, total: _tell(progress, done * batch, items.count)
            )
            # Leaving the pool waits for its threads: after an error or Ctrl-C the queue tells them to stop.
            with queue.stopped_by_errors():
                list(pool.map(queue.serve, workers))
    results = {}
    for info in loaded.outputs:
        stored = np.load(outputs[info.name], mmap_mode="r")
        grouped = info.decode(np.asarray(stored))
        results[info.name] = _ungrouped(grouped, batch, items.count)
    return results


class _Queue:
    """Hands out the next few feeds; chunks grow until one takes about `_CHUNK_SECONDS`."""

    def __init__(self, feeds: int, servers: int, on_done: Callable[[int, int], None]) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self._done = 0
        self._feeds = feeds
        self._servers = servers
        self._size = _FIRST_CHUNK
        self._failed = False
        self._on_done = on_done

    @contextmanager
    def stopped_by_errors(self) -> Iterator[None]:
        """Hands out nothing more after an error in the block."""
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    def serve(self, worker: Worker) -> None:
        """Feeds one worker until nothing is left or another failed."""
        while (chunk := self._take()) is not None:
            start = time.perf_counter()
            with self.stopped_by_errors():
                worker.evaluate(*chunk)
            self._finished(chunk[1] - chunk[0], time.perf_counter() - start)

    def _take(self) -> tuple[int, int] | None:
        with self._lock:
            left = self._feeds - self._next
            if left <= 0 or self._failed:
                return None
            # Towards the end chunks shrink, so that all workers end together.
            size = max(1, min(self._size, left // (2 * self._servers)))
            start = self._next
            self._next += size
            return start, start + size

    def _finished(self, count: int, seconds: float) -> None:
        with self._lock:
            self._done += count
            self._size = max(1, min(8 * self._size, round(count * _CHUNK_SECONDS / max(seconds, 1e-6))))
            self._on_done(self._done, self._feeds)


def _tell(progress: Callable[[int, int], None] | None, done: int, total: int) -> None:
    if progress is not None:
        progress(min(done, total), total)


def _batch(loaded: Loaded, items: StoredItems) -> int:
    """Items that one inference takes: the size of the batch axis, or 1 where there is none."""
    sizes = {
        info.shape[0]
        for info in loaded.inputs
        for spec in items.feed.inputs
        if spec.name == info.name and len(info.shape) == len(spec.item_shape) + 1
    }
    if len(sizes) > 1:
        raise ModelError(f"the inputs have different batch sizes {sorted(sizes)}: expected one")
    return sizes.pop() if sizes else 1


def _result_files(loaded: Loaded, feeds: int, folder: Path) -> dict[str, Path]:
    paths = {}
    for position, info in enumerate(loaded.outputs):
        paths[info.name] = folder / f"output-{position}.npy"
        make_array(paths[info.name], info.dtype, (feeds, *info.shape))
    return paths


def _table_files(loaded: Loaded, items: StoredItems, folder: Path) -> Mapping[str, Path]:
    paths = {}
    for position, info in enumerate(loaded.inputs):
        table = items.table(info)
        if table is not None:
            paths[info.name] = folder / f"table-{position}.npy"
            np.save(paths[info.name], table)
    return paths


def _ungrouped(grouped: Array, batch: int, count: int) -> Array:
    """[feeds, batch, …] to [N, …]; an output without the batch axis stays one an inference."""
    if grouped.ndim >= 2 and grouped.shape[1] == batch:
        return grouped.reshape(-1, *grouped.shape[2:])[:count]
    return grouped[:count]
