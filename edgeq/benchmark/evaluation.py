"""Runs a data set of any size through files on all cores, and collects what scoring needs.

The items go out in chunks as tasks of one `concurrent.futures.Executor`; a process takes the next chunk when it is
done with its last, so that a core that is slowed down by others holds nobody up. Each chunk's observations lie in
a file of its own: an evaluation that was interrupted goes on with the chunks that are missing.
"""

from __future__ import annotations

import zipfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.evaluation_job import BAD, Job, Runner, chunk_path, evaluate_chunk
from edgeq.benchmark.resuming import resumable_folder
from edgeq.benchmark.tasks.base import Array, Observed, Task
from edgeq.data.dataset import FAIL, BadItem, bad_message
from edgeq.data.feeding import Feed
from edgeq.errors import DataError
from edgeq.memory import memory_share
from edgeq.pool import CrashError, ProcessPool
from edgeq.runtime.host import cpu_count
from edgeq.runtime.process import environment
from edgeq.scratch import scratch_folder

_FIRST_CHUNK = 4
_CHUNK_SECONDS = 0.25
"""A chunk's length: long against the few ms that asking and storing cost, short against the whole."""

_CHUNK_BYTES = 32 << 20
"""Of a chunk's items as float32: they and their copies make up a worker's memory beside the models."""

_CHUNK_TIMEOUT_S = 1800.0
"""A model that hangs is ended and named; no chunk of `_CHUNK_SECONDS` is meant to take so long anywhere."""


@dataclass(frozen=True)
class Evaluated:
    """What came of an evaluation.

    Attributes:
        observed: by runner, the observations of the items in `good`.
        good: int64[n], the items that could be read.
        bad: the others.
        failures: reason by runner that does not run; it is not in `observed`.
        resumed: items that an interrupted evaluation had done before.
    """

    observed: Mapping[str, Observed]
    good: npt.NDArray[np.int64]
    bad: tuple[BadItem, ...]
    failures: Mapping[str, str]
    resumed: int


def evaluate(
    feed: Feed,
    runners: Sequence[Runner],
    task: Task,
    *,
    baseline: str | None = None,
    runtime: str | None = None,
    on_bad_input: str = FAIL,
    key: str | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    verbose: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """Runs every item through every file.

    Args:
        feed: the items.
        runners: the files.
        task: what their outputs mean.
        baseline: name of the runner that the others are compared with.
        runtime: which; None for the best installed.
        on_bad_input: ``fail`` or ``skip``.
        key: digest of all that the observations depend on, to go on with an interrupted evaluation; None never does.
        executor: what the chunks are handed to; processes on this machine by default. Others must see its files.
        processes: how many at once; as many as there are cores by default.
        verbose: whether the runtime's own output is let through.
        progress: called with the number of items done and their total.

    Returns:
        The observations. Runners that fail are named in it.

    Raises:
        DataError: items are bad and not to be skipped, or nothing can be read.
    """
    count = processes or cpu_count()
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder("evaluation"))
        folder = stack.enter_context(resumable_folder(key, scratch))
        job = Job(feed.portable(scratch), tuple(runners), baseline, task, runtime, folder.path)
        job_file = scratch / "job.pickle"
        job.save(job_file)
        if executor is None:
            executor = stack.enter_context(
                ProcessPool(
                    count,
                    "the runtime",
                    activity="evaluate",
                    environment=environment(verbose=verbose),
                    timeout_s=_CHUNK_TIMEOUT_S,
                    most_bytes=memory_share(count),
                    verbose=verbose,
                )
            )
        run = _Run(executor, job_file, job, count, on_bad_input, progress)
        run.finish()
        result = run.collect()
        folder.finished()
    return result


@dataclass(frozen=True)
class _Chunk:
    start: int
    stop: int
    names: tuple[str, ...]


class _Run:
    """Hands out chunks until every item was run through every file that runs."""

    def __init__(
        self,
        executor: Executor,
        job_file: Path,
        job: Job,
        processes: int,
        on_bad_input: str,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._executor = executor
        self._job_file = str(job_file)
        self._job = job
        self._processes = processes
        self._fails = on_bad_input == FAIL
        self._progress = progress
        self._total = len(job.feed.dataset)
        self._alive = [runner.name for runner in job.runners]
        self._largest = max(1, _CHUNK_BYTES // max(1, _item_bytes(job.feed)))
        self._size = min(_FIRST_CHUNK, self._largest)
        self._bad: dict[int, str] = {}
        self._failures: dict[str, str] = {}
        done = _done_before(job, self._alive)
        self._resumed = sum(stop - start for start, stop in done)
        self._done = self._resumed
        self._gaps = deque(_gaps(done, self._total))
        self._flying: dict[Future[dict[str, Any]], _Chunk] = {}

    def finish(self) -> None:
        """Runs what is missing.

        Raises:
            DataError: items are bad and not to be skipped, or the data do not fit the task.
        """
        self._tell()
        while self._flying or self._gaps:
            # Two chunks a process, so that none waits for the next while this one looks at an answer.
            while self._gaps and self._alive and len(self._flying) < 2 * self._processes:
                self._submit(self._next())
            if not self._flying:
                break
            landed, _ = wait(self._flying, return_when=FIRST_COMPLETED)
            for future in landed:
                self._land(future, self._flying.pop(future))
        if self._bad and self._fails:
            raise DataError(bad_message(self._job.feed.dataset.source, self._bad_items(), self._total))

    def collect(self) -> Evaluated:
        """The observations of all chunks, in the order of the items.

        Raises:
            DataError: no item could be read.
        """
        good = np.array([index for index in range(self._total) if index not in self._bad], dtype=np.int64)
        if not len(good):
            raise DataError(bad_message(self._job.feed.dataset.source, self._bad_items(), self._total))
        parts: dict[str, dict[str, list[Array]]] = {name: {} for name in self._alive}
        for start, stop in sorted(_ranges(self._job.folder)) if self._alive else ():
            with np.load(chunk_path(self._job.folder, start, stop), allow_pickle=False) as arrays:
                rows = ~arrays[BAD]
                for name, keys in parts.items():
                    for key in arrays.files:
                        if key.startswith(f"{name}/"):
                            keys.setdefault(key.removeprefix(f"{name}/"), []).append(arrays[key][rows])
        observed = {
            name: {key: np.concatenate(values) for key, values in keys.items()}
            for name, keys in parts.items()
        }
        return Evaluated(observed, good, tuple(self._bad_items()), self._failures, self._resumed)

    def _next(self) -> _Chunk:
        start, stop = self._gaps.popleft()
        left = stop - start + sum(end - begin for begin, end in self._gaps)
        # Towards the end chunks shrink, so that all processes end together.
        size = max(1, min(self._size, left // (2 * self._processes)))
        if start + size < stop:
            self._gaps.appendleft((start + size, stop))
        # After the first bad item that is not to be skipped, the others are only read, for the list.
        names = () if self._bad and self._fails else tuple(self._alive)
        return _Chunk(start, min(start + size, stop), names)

    def _submit(self, chunk: _Chunk) -> None:
        future = self._executor.submit(
            evaluate_chunk, self._job_file, chunk.start, chunk.stop, list(chunk.names)
        )
        self._flying[future] = chunk

    def _land(self, future: Future[dict[str, Any]], chunk: _Chunk) -> None:
        try:
            answer = future.result()
        except CrashError as error:
            self._crashed(chunk, str(error))
            return
        if answer["error"] is not None:
            raise DataError(answer["error"])
        self._fail(answer["failures"])
        self._bad |= {int(index): reason for index, reason in answer["bad"].items()}
        self._done += chunk.stop - chunk.start
        grown = round((chunk.stop - chunk.start) * _CHUNK_SECONDS / max(answer["seconds"], 1e-6))
        self._size = max(1, min(8 * self._size, grown, self._largest))
        self._tell()

    def _crashed(self, chunk: _Chunk, reason: str) -> None:
        """Finds out which file it was, and does the chunk again without it."""
        suspects = [name for name in chunk.names if name in self._alive]
        if not chunk.names:
            raise DataError(
                f"{self._job.feed.dataset.source}: reading items {chunk.start} to {chunk.stop - 1} ended the process "
                f"({reason}): leave them out"
            )
        for name in suspects:
            alone = self._executor.submit(evaluate_chunk, self._job_file, chunk.start, chunk.stop, [name])
            try:
                self._fail(alone.result()["failures"])
            except CrashError as error:
                self._fail({name: str(error)})
        if self._alive:
            self._gaps.appendleft((chunk.start, chunk.stop))

    def _fail(self, failures: Mapping[str, str]) -> None:
        self._failures |= failures
        self._alive = [name for name in self._alive if name not in failures]

    def _bad_items(self) -> list[BadItem]:
        column = next(iter(self._job.feed.dataset.columns.values()))
        return [BadItem(column.describe(index), self._bad[index]) for index in sorted(self._bad)]

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._total)


def _item_bytes(feed: Feed) -> int:
    return sum(4 * int(np.prod(spec.item_shape, dtype=np.int64)) for spec in feed.inputs)


def _ranges(folder: Path) -> list[tuple[int, int]]:
    found = []
    for path in folder.glob("*-*.npz"):
        start, _, stop = path.stem.partition("-")
        found.append((int(start), int(stop)))
    return found


def _done_before(job: Job, names: Sequence[str]) -> list[tuple[int, int]]:
    """Chunks whose files are whole and have all runners; others are removed, also where an item was bad."""
    done: list[tuple[int, int]] = []
    for start, stop in sorted(_ranges(job.folder)):
        path = chunk_path(job.folder, start, stop)
        try:
            # np.load would leave a damaged file open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                there = {key.partition("/")[0] for key in arrays.files}
                whole = set(names) <= there and not arrays[BAD].any()
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            whole = False
        if whole and (not done or done[-1][1] <= start):
            done.append((start, stop))
        else:
            path.unlink(missing_ok=True)
    return done


def _gaps(done: Sequence[tuple[int, int]], total: int) -> list[tuple[int, int]]:
    gaps, position = [], 0
    for start, stop in [*done, (total, total)]:
        if start > position:
            gaps.append((position, start))
        position = stop
    return gaps
