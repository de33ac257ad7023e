"""Time of each operator of a ``.tflite`` as run here."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.errors import ModelError, WorkerError
from edgeq.layers.profile_attribution import OperatorTime, attributed, read_events, restored
from edgeq.layers.profile_single import time_singly
from edgeq.memory import memory_share
from edgeq.processes import CommandProcess
from edgeq.runtime.available import InstalledRuntime, find_runtime
from edgeq.runtime.process import Worker, environment
from edgeq.tflite.model import TfliteModel, read_model

LITERT_PROFILER, OPERATOR_FILES = "litert-profiler", "operator files"
"""Methods: LiteRT's own profiler, or every operator measured alone in a file of its own."""

RUNS = 200
"""Profiled inferences at most."""

_SECONDS = 5.0
"""After which no further run begins."""

_TIMEOUT_S = 300.0
_DISCARD = 5

_FAITHFUL = (0.8, 1.25)
"""Of the operators' sum over the time of an inference: of 45 files tried, those outside ran beside a busy program, or
alone operator by operator."""


@dataclass(frozen=True)
class OperatorProfile:
    """A file, profiled.

    Attributes:
        file: its name.
        method: ``litert-profiler`` or ``operator files``.
        runtime: ``litert`` or ``tflite-runtime``.
        version: of it.
        threads: of the runtime.
        runs: inferences behind each number.
        times: by operators, in order.
        whole_us: median time of an inference without a profiler.
        notes: what a reader should know, one sentence each.
    """

    file: str
    method: str
    runtime: str
    version: str
    threads: int
    runs: int
    times: tuple[OperatorTime, ...]
    whole_us: float
    notes: tuple[str, ...]

    @property
    def sum_us(self) -> float:
        """Of all operators."""
        return sum(time.latency_us for time in self.times)

    @property
    def coverage(self) -> float:
        """The sum of all operators over the time of an inference: near 1 where the numbers can be trusted."""
        return self.sum_us / self.whole_us

    @property
    def source(self) -> str:
        """Where the numbers come from, as a phrase."""
        what = "LiteRT's profiler" if self.method == LITERT_PROFILER else "every operator measured alone"
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"{what}, {self.runtime} {self.version}, {threads}, {self.runs} runs"

    def by_operator(self, weights: Mapping[int, float]) -> dict[int, float]:
        """Microseconds by operator; what several take together is shared out by their weights.

        Args:
            weights: by operator, such as multiply-accumulates; where all are 0, the shares are equal.
        """
        shared: dict[int, float] = {}
        for time in self.times:
            parts = [max(0.0, float(weights.get(index, 0))) for index in time.operators]
            total = sum(parts)
            for index, part in zip(time.operators, parts, strict=True):
                share = part / total if total else 1 / len(time.operators)
                shared[index] = time.latency_us * share
        return shared


def profile_operators(
    path: Path, *, threads: int = 1, runtime: str | None = None, runs: int = RUNS, verbose: bool = False
) -> OperatorProfile:
    """Measures every operator of a file's first subgraph, on zeros.

    LiteRT's own profiler is asked where its version is known, in a process of its own. Elsewhere, and where that
    fails, every operator is measured alone in a file that holds nothing else; the method is in the result.

    Args:
        path: the .tflite file.
        threads: of the runtime.
        runtime: ``litert`` or ``tflite-runtime``; None for the best installed.
        runs: profiled inferences at most; fewer where they would take longer than some seconds.
        verbose: whether the runtime's own output is let through.

    Raises:
        ModelError: the file is missing, damaged or no TensorFlow Lite model.
        WorkerError: it does not run.
        RuntimeUnavailableError: there is no runtime.
    """
    model = read_model(path)
    installed = find_runtime(runtime)
    with Worker(path.name, verbose=verbose) as worker:
        worker.load(path, threads, runtime)
        return _profile(worker, path, installed, model, threads, runs, verbose)


def _profile(
    worker: Worker,
    path: Path,
    installed: InstalledRuntime,
    model: TfliteModel,
    threads: int,
    runs: int,
    verbose: bool,
) -> OperatorProfile:
    name, names = installed.package.name, [operator.name for operator in model.subgraphs[0].operators]
    before_us = _whole_us(worker, runs)
    reason = ""
    if name == "litert":
        try:
            found, partitions = _ask_profiler(path, threads, runs, verbose)
            # Other programs only ever add to the time of an inference.
            whole_us = min(before_us, _whole_us(worker, runs))
            times, notes = attributed(restored(read_events(found), whole_us), partitions, names)
            return _result(path, LITERT_PROFILER, installed, threads, found["runs"], times, whole_us, notes)
        except (ModelError, WorkerError) as error:
            reason = f"LiteRT's profiler was not used: {error}"
    single, failures = time_singly(
        path, threads=threads, runtime=name, runs=runs, seconds=_SECONDS, verbose=verbose
    )
    if not single:
        why = failures[0] if failures else "it has none"
        raise WorkerError(f"{path.name}: no operator could be measured: {why}")
    times = [OperatorTime((index,), latency) for index, latency in single.items()]
    notes = [*filter(None, [reason]), *_summed_up(failures)]
    whole_us = min(before_us, _whole_us(worker, runs))
    return _result(path, OPERATOR_FILES, installed, threads, runs, times, whole_us, notes)


def _result(
    path: Path,
    method: str,
    installed: InstalledRuntime,
    threads: int,
    runs: int,
    times: Sequence[OperatorTime],
    whole_us: float,
    notes: Sequence[str],
) -> OperatorProfile:
    profile = OperatorProfile(
        file=path.name,
        method=method,
        runtime=installed.package.name,
        version=installed.version,
        threads=threads,
        runs=runs,
        times=tuple(sorted(times, key=lambda time: time.operators)),
        whole_us=whole_us,
        notes=tuple(notes),
    )
    if _FAITHFUL[0] <= profile.coverage <= _FAITHFUL[1]:
        return profile
    doubt = (
        f"the operators' times add up to {100 * profile.coverage:.0f} % of an inference's: "
        "take their shares for a rough guide"
    )
    return dataclasses.replace(profile, notes=(*profile.notes, doubt))


def _summed_up(failures: Sequence[str]) -> list[str]:
    if len(failures) <= 3:
        return list(failures)
    return [*failures[:2], f"{len(failures) - 2} more operators do not run alone"]


def _whole_us(worker: Worker, runs: int) -> float:
    (first,) = worker.time(0, 1)
    affordable = max(1, int(_SECONDS * 1e9 / max(first, 1)))
    samples = worker.time(min(_DISCARD, affordable), min(runs, affordable))
    return max(statistics.median(samples), 1.0) / 1e3


def _ask_profiler(
    path: Path, threads: int, runs: int, verbose: bool
) -> tuple[dict[str, Any], list[list[int]]]:
    with CommandProcess(
        "edgeq.layers.profile_worker",
        "LiteRT's profiler",
        environment=environment(verbose=verbose),
        most_bytes=memory_share(),
        timeout_s=_TIMEOUT_S,
        verbose=verbose,
    ) as process:
        arguments: dict[str, Any] = {"path": str(path), "threads": threads}
        found = process.ask("profile", discard=_DISCARD, runs=runs, seconds=_SECONDS, **arguments)
        return found, process.ask("partitions", **arguments)["partitions"]
