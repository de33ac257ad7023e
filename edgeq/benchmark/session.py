"""One session: variants measured together, against each other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.benchmark.accuracy import Accuracies, measure_accuracy
from edgeq.benchmark.environment import read_environment
from edgeq.benchmark.latency import DEFAULT, Plan, Timed, time_interleaved
from edgeq.benchmark.latency_statistics import median_latency, paired_ratio, percentile, verdict
from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import (
    Accuracy,
    Latency,
    Measurement,
    RuntimeInfo,
)
from edgeq.benchmark.targets import Target, Targets
from edgeq.data.dataset import FAIL, Dataset, check_policy
from edgeq.data.feeding import Feed
from edgeq.data.labels import in_order_of, named_by
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import WorkerError, joined_reasons
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_count
from edgeq.runtime.process import Loaded, Worker
from edgeq.scratch import scratch_folder

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Session:
    """What came of a session.

    Attributes:
        measurements: one a variant and thread count.
        failures: reason by variant.
        notes: what was chosen or left out, one sentence each.
    """

    measurements: tuple[Measurement, ...]
    failures: Mapping[str, str]
    notes: tuple[str, ...]


def default_threads() -> tuple[int, ...]:
    """One thread, and as many as phones have fast cores if this machine has them."""
    return tuple(sorted({1, min(4, cpu_count())}))


def measure(
    targets: Targets,
    *,
    data: Dataset | None = None,
    preprocessing: Preprocessing | None = None,
    threads: Sequence[int] = (),
    runtime: str | None = None,
    plan: Plan | None = DEFAULT,
    baseline: str | None = None,
    limit: int | None = None,
    task: str | Mapping[str, Any] | None = None,
    on_bad_input: str = FAIL,
    executor: Executor | None = None,
    seed: int = 0,
    verbose: bool = False,
    progress: Progress | None = None,
) -> Session:
    """Measures latency, memory and size, and with data accuracy.

    Args:
        targets: what to measure.
        data: the validation set; items that the bundle was calibrated on are left out.
        preprocessing: instead of the bundle's.
        threads: of the interpreter, each measured on its own; `default_threads` by default, and 1 where
            no latency is measured.
        runtime: which; None for the best installed.
        plan: how long to time; None measures no latency.
        baseline: variant that the others are compared with; float32, else the first, by default.
        limit: largest number of validation items; all by default.
        task: what the model does; found from labels and outputs by default.
        on_bad_input: ``fail``, or ``skip`` to leave out items that cannot be read.
        executor: what accuracy is measured with; processes on this machine by default.
        seed: of the order of measuring and of the bootstrap.
        verbose: whether the runtime's own output is let through.
        progress: called as it goes on.

    Returns:
        The measurements. Variants that failed are named in it.

    Raises:
        EdgeqError: nothing can be measured.
    """
    find_runtime(runtime)
    base = targets.baseline(baseline)
    environment = read_environment()
    accuracies = Accuracies()
    if data is not None:
        check_policy(on_bad_input)
        feed = _feed(targets, data, preprocessing or targets.preprocessing, on_bad_input, progress)
        accuracies = measure_accuracy(
            targets,
            feed,
            baseline=base,
            task=task,
            runtime=runtime,
            limit=limit,
            on_bad_input=on_bad_input,
            executor=executor,
            seed=seed,
            verbose=verbose,
            progress=_told("accuracy", progress),
        )
    session = uuid.uuid4().hex[:12]
    measurements: list[Measurement] = []
    failures = dict(accuracies.failures)
    alive = [target for target in targets.files if target.info.name not in failures]
    for count in threads or (default_threads() if plan is not None else (1,)):
        with ExitStack() as stack:
            timing = _Timing(stack, targets, alive, count, runtime, verbose)
            timed = timing.run(plan, seed, progress)
            failures |= timing.failures | timed.failures
            for target in alive:
                if target.info.name in failures:
                    continue
                measurements.append(
                    timing.measurement(
                        target, timed, base, session, environment, accuracies.by_variant.get(target.info.name)
                    )
                )
        alive = [target for target in alive if target.info.name not in failures]
    if not measurements:
        raise WorkerError("nothing could be measured: " + joined_reasons(failures))
    return Session(tuple(measurements), failures, tuple(accuracies.notes))


def _feed(
    targets: Targets,
    data: Dataset,
    preprocessing: Preprocessing,
    on_bad_input: str,
    progress: Progress | None,
) -> Feed:
    """The data bound to the model; what does not fit is told before every item is looked at."""
    Feed(data, targets.inputs, preprocessing)
    inspected = data.inspected(on_bad_input, _told("looking at the data", progress))
    ordered = named_by(in_order_of(inspected, targets.labels), targets.labels)
    return Feed(ordered, targets.inputs, preprocessing)


def _told(what: str, progress: Progress | None) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(what, done, total)


class _Timing:
    """Workers of one thread count, alive together."""

    def __init__(
        self,
        stack: ExitStack,
        targets: Targets,
        files: Sequence[Target],
        threads: int,
        runtime: str | None,
        verbose: bool,
    ) -> None:
        self.failures: dict[str, str] = {}
        self._targets = targets
        self._threads = threads
        self._workers: dict[str, Worker] = {}
        self._loaded: dict[str, Loaded] = {}
        self._memory: dict[str, int | None] = {}
        inputs = self._inputs_file(stack.enter_context(scratch_folder("inputs")))
        for target in files:
            name = target.info.name
            worker = stack.enter_context(Worker(name, verbose=verbose))
            try:
                self._loaded[name] = worker.load(target.path, threads, runtime)
                if inputs is not None:
                    worker.set_inputs(inputs)
                self._workers[name] = worker
            except WorkerError as error:
                self.failures[name] = str(error)

    def run(self, plan: Plan | None, seed: int, progress: Progress | None) -> Timed:
        if plan is None:
            return Timed()
        described = f"latency, {self._threads} thread{'s' * (self._threads > 1)}"

        def tell(_: str, done: int, total: int) -> None:
            if progress is not None:
                progress(described, done, total)

        timed = time_interleaved(self._workers, plan, seed=seed, progress=tell)
        for name in timed.chunks_ms:
            self._memory[name] = self._workers[name].peak_memory_bytes()
        return timed

    def measurement(
        self,
        target: Target,
        timed: Timed,
        base: str | None,
        session: str,
        environment: Environment,
        accuracy: Accuracy | None,
    ) -> Measurement:
        name = target.info.name
        loaded = self._loaded[name]
        chunks = timed.chunks_ms.get(name)
        against = timed.chunks_ms.get(base) if base is not None and base != name else None
        return Measurement(
            session=session,
            variant=target.info,
            baseline=base,
            threads=self._threads,
            inputs={info.name: f"{info.dtype}{list(info.shape)}" for info in loaded.inputs},
            runtime=RuntimeInfo(
                name=loaded.runtime,
                version=loaded.version,
                kernel_path=loaded.kernel_path,
                delegate=loaded.delegate,
                nodes_delegated=loaded.delegated,
                nodes=loaded.nodes,
            ),
            environment=environment,
            latency=None if chunks is None else _latency(loaded, chunks, against),
            accuracy=accuracy,
            peak_memory_bytes=self._memory.get(name),
            provenance=self._targets.provenance,
        )

    def _inputs_file(self, folder: Path) -> Path | None:
        """Real inputs to time on, from the bundle; without one the workers keep zeros."""
        if self._targets.bundle is None:
            return None
        inputs = self._targets.bundle.parity().inputs
        path = folder / "inputs.npz"
        np.savez(path, **{name: array[0] for name, array in inputs.items()})
        return path


def _latency(
    loaded: Loaded, chunks: Sequence[Sequence[float]], baseline: Sequence[Sequence[float]] | None
) -> Latency:
    samples = np.concatenate([np.asarray(chunk) for chunk in chunks])
    ratio = None if baseline is None else paired_ratio(chunks, baseline)
    return Latency(
        load_ms=loaded.load_ms,
        first_ms=loaded.first_ms,
        median=median_latency(chunks),
        p90_ms=percentile(chunks, 0.90),
        p95_ms=percentile(chunks, 0.95),
        min_ms=float(samples.min()),
        mean_ms=float(samples.mean()),
        chunks_ms=tuple(tuple(chunk) for chunk in chunks),
        ratio=ratio,
        verdict=None if ratio is None else verdict(ratio),
    )
