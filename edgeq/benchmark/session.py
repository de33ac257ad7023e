"""One session: variants measured together, against each other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgeq.benchmark.accuracy import Judged, check_above_chance, check_labels, score
from edgeq.benchmark.environment import read_environment
from edgeq.benchmark.evaluation import StoredItems, evaluate
from edgeq.benchmark.latency import DEFAULT, Plan, Timed, time_interleaved
from edgeq.benchmark.latency_statistics import median_latency, paired_ratio, percentile, verdict
from edgeq.benchmark.measurement import (
    Accuracy,
    Environment,
    Latency,
    Measurement,
    RuntimeInfo,
)
from edgeq.benchmark.targets import Target, Targets
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed
from edgeq.data.labels import in_order_of
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import DataError, WorkerError, joined_reasons
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_count
from edgeq.runtime.interpreter import Array
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


@dataclass
class _Accuracies:
    by_variant: dict[str, Accuracy] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


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
        seed: of the order of measuring.
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
    accuracies = _Accuracies()
    if data is not None:
        ordered = in_order_of(data, targets.labels)
        feed = Feed(ordered, targets.inputs, preprocessing or targets.preprocessing)
        accuracies = _accuracies(targets, feed, base, runtime, limit, verbose, progress)
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


def _accuracies(
    targets: Targets,
    feed: Feed,
    base: str | None,
    runtime: str | None,
    limit: int | None,
    verbose: bool,
    progress: Progress | None,
) -> _Accuracies:
    """Accuracy of every variant; the baseline first, because the others are compared with it."""
    result = _Accuracies()
    indices, judged = _validation(targets, feed, limit, result.notes)
    ordered = sorted(targets.files, key=lambda target: target.info.name != base)
    reference: dict[str, Array] | None = None
    with scratch_folder("data") as folder:
        items = StoredItems(feed, indices, folder)
        for target in ordered:
            name = target.info.name

            def tell(done: int, total: int, name: str = name) -> None:
                if progress is not None:
                    progress(f"accuracy of {name}", done, total)

            try:
                with scratch_folder("outputs") as outputs_folder:
                    outputs = evaluate(
                        name,
                        target.path,
                        items,
                        outputs_folder,
                        runtime=runtime,
                        processes=cpu_count(),
                        verbose=verbose,
                        progress=tell,
                    )
            except WorkerError as error:
                result.failures[name] = str(error)
                continue
            check_labels(feed.dataset, outputs)
            if name == base or base is None:
                check_above_chance(judged, outputs, name)
                reference = outputs if name == base else None
            result.by_variant[name] = score(judged, outputs, None if name == base else reference)
    return result


def _validation(
    targets: Targets, feed: Feed, limit: int | None, notes: list[str]
) -> tuple[list[int], Judged]:
    digests = feed.dataset.digests()
    indices = [i for i, digest in enumerate(digests) if digest not in targets.calibrated_on]
    excluded = len(digests) - len(indices)
    if not indices:
        raise DataError(
            f"{feed.dataset.source}: all {len(digests)} items were calibrated on, nothing is left to measure: "
            "give other data"
        )
    if excluded:
        notes.append(f"{excluded} of {len(digests)} items are left out: the bundle was calibrated on them")
    if limit is not None and len(indices) > limit:
        # Evenly spread, because folders are sorted by class.
        indices = [indices[round(i)] for i in np.linspace(0, len(indices) - 1, limit)]
    labels = feed.dataset.labels
    judged = Judged(
        digests=[digests[index] for index in indices],
        labels=None if labels is None else labels[indices],
        excluded=excluded,
        source=feed.dataset.source,
    )
    return indices, judged


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
