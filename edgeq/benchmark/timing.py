"""Latency of variants with one thread count: their workers are alive together and timed against each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from edgeq.benchmark.environment_warnings import state_warnings
from edgeq.benchmark.host_watch import HostWatch, StateLog
from edgeq.benchmark.latency import Plan, Timed, time_interleaved
from edgeq.benchmark.latency_statistics import median_latency, paired_ratio, percentile, verdict
from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import Latency, Parity, RuntimeInfo, SustainedMinute
from edgeq.benchmark.parity import check_parity
from edgeq.benchmark.sustained import Sustained, SustainedPlan, run_sustained, throttling_notes
from edgeq.benchmark.targets import Target, Targets
from edgeq.errors import WorkerError
from edgeq.runtime.host_state import HostState
from edgeq.runtime.process import Loaded, Worker
from edgeq.scratch import scratch_folder

Progress = Callable[[str, int, int], None]


class Timing:
    """Workers of one thread count, alive together.

    Attributes:
        failures: reason by variant.
        notes: what came of the sustained runs, one sentence each.
        invalid: why the times must not be compared; None where they may.
    """

    def __init__(
        self,
        stack: ExitStack,
        targets: Targets,
        files: Sequence[Target],
        *,
        threads: int,
        runtime: str | None,
        cpus: Sequence[int],
        watch: HostWatch,
        verbose: bool,
    ) -> None:
        """Starts the workers and loads the files.

        Args:
            stack: ends the workers.
            targets: of the session.
            files: those to load.
            threads: of the interpreter.
            runtime: which; None for the best installed.
            cpus: cores that the workers are tied to; none for all.
            watch: looks at the machine.
            verbose: whether the runtime's own output is let through.
        """
        self.failures: dict[str, str] = {}
        self.notes: list[str] = []
        self.invalid: str | None = None
        self._targets = targets
        self._threads = threads
        self._watch = watch
        self._states: tuple[HostState, ...] = ()
        self._timed = Timed()
        self._sustained = Sustained()
        self._workers: dict[str, Worker] = {}
        self._loaded: dict[str, Loaded] = {}
        self._memory: dict[str, int | None] = {}
        self._folder = stack.enter_context(scratch_folder("inputs"))
        self._recorded = None if targets.bundle is None else targets.bundle.parity()
        self._inputs = self._inputs_file()
        for target in files:
            name = target.info.name
            worker = stack.enter_context(Worker(name, verbose=verbose))
            try:
                if cpus:
                    # Before the runtime is loaded: its threads inherit it.
                    worker.tie_to(cpus)
                self._loaded[name] = worker.load(target.path, threads, runtime)
                if self._inputs is not None:
                    worker.set_inputs(self._inputs)
                self._workers[name] = worker
            except WorkerError as error:
                self.failures[name] = str(error)

    def parities(self) -> dict[str, Parity]:
        """Whether this machine computes what the bundle recorded, by variant; variants that fail are in `failures`."""
        found: dict[str, Parity] = {}
        if self._targets.bundle is None or self._recorded is None or self._inputs is None:
            return found
        asked, answered = self._folder / "recorded.npz", self._folder / "outputs.npz"
        np.savez(asked, **self._recorded.inputs)  # type: ignore[arg-type]
        for name, worker in list(self._workers.items()):
            loaded = self._loaded[name]
            try:
                worker.predict(asked, answered)
                worker.set_inputs(self._inputs)
            except WorkerError as error:
                self.failures[name] = str(error)
                del self._workers[name]
                continue
            with np.load(answered, allow_pickle=False) as archive:
                stored = {output: archive[output] for output in archive.files}
            parity = check_parity(
                self._targets.bundle, self._recorded, name, loaded.outputs, stored, loaded.kernel_path
            )
            if parity is not None:
                found[name] = parity
        return found

    def run(self, plan: Plan, sustained: SustainedPlan, seed: int, progress: Progress | None) -> None:
        """Times the variants against each other, then each alone without a pause.

        Args:
            plan: how long to time.
            sustained: how long to run each alone.
            seed: of the order.
            progress: called as it goes on.
        """
        described = f"latency, {self._threads} thread{'s' * (self._threads > 1)}"

        def tell(_: str, done: int, total: int) -> None:
            if progress is not None:
                progress(described, done, total)

        log = StateLog(self._watch.look)
        self._timed = time_interleaved(
            self._workers, plan, seed=seed, progress=tell, between_rounds=log.between_rounds
        )
        self._states = log.end()
        self.invalid = self._watch.throttling(self._states)
        self.failures |= self._timed.failures
        alive = {name: self._workers[name] for name in self._timed.chunks_ms}
        for name, worker in alive.items():
            self._memory[name] = worker.peak_memory_bytes()
        self._sustained = run_sustained(alive, sustained, self._watch.look, progress=progress)
        self.failures |= self._sustained.failures
        minutes = self._sustained.minutes
        self.notes += throttling_notes(minutes, self._threads)

    def environment(self, environment: Environment) -> Environment:
        """The session's environment with the states of this thread count, and with what they warn of."""
        if not self._states:
            return environment
        # What the state before the timing says replaces what that at the session's start said.
        memory = environment.memory_bytes
        replaced = state_warnings(self._watch.first, memory)
        found = (
            *(warning for warning in environment.warnings if warning not in replaced),
            *state_warnings(self._states[0], memory),
            *self._watch.clock_warnings(),
        )
        return dataclasses.replace(environment, states=self._states, warnings=tuple(dict.fromkeys(found)))

    def inputs(self, variant: str) -> Mapping[str, str]:
        """Shape and dtype of each input of a variant, by name."""
        return {info.name: f"{info.dtype}{list(info.shape)}" for info in self._loaded[variant].inputs}

    def runtime(self, variant: str) -> RuntimeInfo:
        """What computes a variant."""
        loaded = self._loaded[variant]
        return RuntimeInfo(
            name=loaded.runtime,
            version=loaded.version,
            kernel_path=loaded.kernel_path,
            delegate=loaded.delegate,
            nodes_delegated=loaded.delegated,
            nodes=loaded.nodes,
        )

    def peak_memory_bytes(self, variant: str) -> int | None:
        """Of a variant's worker after the interleaved timing; None where it was not timed."""
        return self._memory.get(variant)

    def latency(self, variant: str, base: str | None) -> Latency | None:
        """Times of a variant, compared with the baseline's; None where it was not timed."""
        chunks = self._timed.chunks_ms.get(variant)
        if chunks is None:
            return None
        against = self._timed.chunks_ms.get(base) if base is not None and base != variant else None
        return _latency(self._loaded[variant], chunks, against, self._sustained.minutes.get(variant, ()))

    def _inputs_file(self) -> Path | None:
        """Real inputs to time on, from the bundle; without one the workers keep zeros."""
        if self._recorded is None:
            return None
        path = self._folder / "inputs.npz"
        np.savez(path, **{name: array[0] for name, array in self._recorded.inputs.items()})
        return path


def _latency(
    loaded: Loaded,
    chunks: Sequence[Sequence[float]],
    baseline: Sequence[Sequence[float]] | None,
    sustained: tuple[SustainedMinute, ...],
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
        sustained=sustained,
    )
