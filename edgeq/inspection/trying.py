"""Runs a file once on zeros, in a process of its own: whether it runs, what a delegate takes, its memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import RuntimeUnavailableError, WorkerError
from edgeq.inspection.structure import Run
from edgeq.memory import memory_share
from edgeq.runtime.available import find_runtime
from edgeq.runtime.process import Loaded, Worker
from edgeq.tflite.arena import activation_tensors
from edgeq.tflite.model import TfliteModel

_LONGEST_S = 120.0
"""For one inference: networks of 10 billion multiply-accumulates take 10 s on a small board."""

_MOST_TENSORS = 20_000
"""Tensors whose addresses are asked for; more would take minutes."""


@dataclass(frozen=True)
class Trial:
    """A run, and which operators of the first subgraph a delegate took; None where the runtime does not say."""

    run: Run
    delegated: tuple[int, ...] | None


def try_file(
    path: Path,
    model: TfliteModel,
    planned_bytes: int,
    runtime: str | None = None,
    *,
    verbose: bool = False,
) -> Trial:
    """Runs a file. Whatever it does to the runtime is told in the result.

    Args:
        path: the file.
        model: as read from it.
        planned_bytes: what its activations take at least.
        runtime: which runtime; None for the best installed.
        verbose: whether the runtime's own output is let through.

    Raises:
        UsageError: there is no runtime of that name.
    """
    try:
        installed = find_runtime(runtime)
    except RuntimeUnavailableError as error:
        return Trial(_failed("", "", str(error)), None)
    name, version = installed.package.name, installed.version
    most = memory_share()
    if most is not None and planned_bytes > most:
        needs = (
            f"its activations need {planned_bytes / 1e9:.1f} GB, a process may take {most / 1e9:.1f} GB here"
        )
        return Trial(_failed(name, version, needs), None)
    try:
        with Worker(path.name, timeout_s=_LONGEST_S, most_bytes=most, verbose=verbose) as worker:
            loaded = worker.load(path, threads=1, runtime=runtime)
            arena = _arena_bytes(worker, path, model, runtime)
    except WorkerError as error:
        return Trial(_failed(name, version, _without_name(str(error), path.name)), None)
    return _succeeded(loaded, arena)


def _succeeded(loaded: Loaded, arena: int | None) -> Trial:
    run = Run(
        runtime=loaded.runtime,
        version=loaded.version,
        delegate=loaded.delegate,
        delegated=loaded.delegated,
        operators=loaded.nodes,
        partitions=loaded.partitions,
        arena_bytes=arena,
        error=None,
    )
    return Trial(run, None if loaded.delegated is None else loaded.delegated_operators)


def _arena_bytes(worker: Worker, path: Path, model: TfliteModel, runtime: str | None) -> int | None:
    tensors = len(model.subgraphs[0].tensors)
    if tensors > _MOST_TENSORS:
        return None
    try:
        return worker.arena_bytes(path, runtime, activation_tensors(model), first_scratch=tensors)
    except WorkerError:
        # It ran, with a delegate: kernels without one may lack an operator or, on odd files, crash.
        return None


def _failed(runtime: str, version: str, error: str) -> Run:
    return Run(runtime, version, "none", None, None, None, None, error)


def _without_name(message: str, name: str) -> str:
    return message.removeprefix(f"{name}: ")
