"""How much memory a runtime allocates for the activations of a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgeq.errors import ModelError
from edgeq.runtime.available import InstalledRuntime
from edgeq.runtime.interpreter import path_argument, reason_of

_ALIGNMENT = 64
"""Bytes: ``kDefaultTensorAlignment`` of tensorflow/lite/util.h."""


def arena_bytes(
    path: Path, runtime: InstalledRuntime, tensors: Sequence[int], first_scratch: int
) -> int | None:
    """Memory of tensors of a file when it is allocated without a delegate, where kernels share an arena.

    A tensor's address is where its NumPy view begins. Tensors that lie over each other count once.

    Args:
        path: the file.
        runtime: what allocates.
        tensors: indices of its activations in the first subgraph.
        first_scratch: index of the first tensor that is not in the file but made by a kernel, all of which count.

    Returns:
        Bytes; None where the runtime cannot be told to leave its delegate out.

    Raises:
        ModelError: the runtime refuses the file.
    """
    module = runtime.module()
    resolvers = getattr(module, "OpResolverType", None)
    if resolvers is None:
        return None
    try:
        interpreter = module.Interpreter(
            model_path=path_argument(path),
            num_threads=1,
            experimental_op_resolver_type=resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"{path.name} is refused without a delegate: {reason_of(error)}") from error
    scratch = (detail["index"] for detail in interpreter.get_tensor_details())
    indices = {*tensors, *(int(index) for index in scratch if index >= first_scratch)}
    return _covered_bytes(filter(None, (_place(interpreter, index) for index in sorted(indices))))


def _place(interpreter: Any, index: int) -> tuple[int, int] | None:
    """First byte and end of a tensor; None for one that is not allocated before the model runs."""
    try:
        view = interpreter.tensor(index)()
    except ValueError:
        return None
    start = int(view.__array_interface__["data"][0])
    return start, start + -(-int(view.nbytes) // _ALIGNMENT) * _ALIGNMENT


def _covered_bytes(places: Iterable[tuple[int, int]]) -> int:
    covered = reached = 0
    for start, end in sorted(places):
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered
