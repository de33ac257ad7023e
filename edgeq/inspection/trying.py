"""Runs a file once on zeros, in a process of its own: whether it runs, what a delegate takes, its memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import RuntimeUnavailableError, WorkerError
from edgeq.inspection.structure import Run
from edgeq.memory import memory_share
from edgeq.runtime.available import find_runtime
from edgeq.runtime.process import Loaded, Worker
from edgeq.tflite.arena import activation_tensors
from edgeq.tflite.model import Tensor, TfliteModel
from edgeq.tflite.weights import elements

_LONGEST_S = 120.0
"""For one inference: networks of 10 billion multiply-accumulates take 10 s on a small board."""

_MOST_TENSORS = 20_000
"""Tensors whose addresses are asked for; more would take minutes."""


_USUAL_SIZES = (32, 224)
"""Of free dimensions where 1 is too small: of the small pictures of CIFAR, and of those of ImageNet. Networks whose
skips meet again after strides need multiples of 32, which both are."""

_MOST_VALUES = 1 << 24
"""Of an input whose free dimensions are given a size: a volume of 224 x 224 x 224 has 11 million."""

# What LiteRT, tflite-runtime and `edgeq.runtime.interpreter.reason_of` say where no size would help.
_LACKS_OPERATOR = re.compile(
    r"Didn't find op|nresolved custom op|builtin_code out of range|the Flex delegate"
)


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
            loaded, free_size = _load(worker, path, model, runtime)
            arena = _arena_bytes(worker, path, model, runtime)
    except WorkerError as error:
        return Trial(_failed(name, version, _without_name(str(error), path.name)), None)
    return _succeeded(loaded, arena, free_size)


def _load(worker: Worker, path: Path, model: TfliteModel, runtime: str | None) -> tuple[Loaded, int | None]:
    """Loads a file; one that does not run with free dimensions of 1, with usual sizes.

    Raises:
        WorkerError: it runs with none of them; the reason is that of the last.
    """
    try:
        return worker.load(path, threads=1, runtime=runtime), None
    except WorkerError as error:
        failure = error
    tried = [1]
    sizes = [] if _LACKS_OPERATOR.search(str(failure)) else _usual_sizes(model)
    for size in sizes:
        if worker.is_dead:
            break
        tried.append(size)
        try:
            return worker.load(path, threads=1, runtime=runtime, free_size=size), size
        except WorkerError as error:
            failure = error
    if len(tried) == 1:
        raise failure
    listed = f"{', '.join(map(str, tried[:-1]))} and {tried[-1]}"
    raise WorkerError(f"{str(failure).rstrip('.')}; its free dimensions were tried as {listed}") from failure


def _usual_sizes(model: TfliteModel) -> list[int]:
    """Sizes to give to free dimensions beside the batch; none where there are no such dimensions."""
    graph = model.subgraphs[0]
    inputs = [graph.tensors[index] for index in graph.inputs]
    if not any(size < 0 for tensor in inputs for size in tensor.shape_signature[1:]):
        return []
    return [size for size in _USUAL_SIZES if all(_values(tensor, size) <= _MOST_VALUES for tensor in inputs)]


def _values(tensor: Tensor, size: int) -> int:
    """How many values an input has when its free dimensions are given a size."""
    return elements(tuple(size if declared < 0 else declared for declared in tensor.shape_signature))


def _succeeded(loaded: Loaded, arena: int | None, free_size: int | None) -> Trial:
    run = Run(
        runtime=loaded.runtime,
        version=loaded.version,
        delegate=loaded.delegate,
        delegated=loaded.delegated,
        operators=loaded.nodes,
        partitions=loaded.partitions,
        arena_bytes=arena,
        error=None,
        free_size=free_size,
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
