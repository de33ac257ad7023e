"""Time of each operator where there is no profiler: each is measured alone, in a file that holds nothing else.

The file is the model itself with three of its vectors changed: the operators of the first subgraph, its inputs and its
outputs. Weights stay where they are, so that nothing is lost that an older library would not know.
"""

from __future__ import annotations

import math
import shutil
import statistics
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.errors import ModelError, WorkerError
from edgeq.runtime.process import Loaded, Worker
from edgeq.scratch import scratch_folder
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.flatbuffer import Flatbuffer, Table
from edgeq.tflite.model import OPTIONAL, Operator, Subgraph, Tensor, TfliteModel, read_model

# Slots of the tables in schema.fbs.
_SUBGRAPHS, _SIGNATURES = 2, 7
_INPUTS, _OUTPUTS, _OPERATORS = 1, 2, 3

_DISCARD = 3
_LONGEST_S = 120.0
"""For all operators together: after that, those that are left are not measured."""

_MOST_NUMBERS = 100_000_000
"""In all inputs of an operator: 0.4 GB; activations of large networks have some millions."""

_MOST_SIZES = 16


@dataclass(frozen=True)
class Patch:
    """Bytes to write over a file, or behind its end.

    Attributes:
        position: of the first.
        content: the bytes.
    """

    position: int
    content: bytes


def time_singly(
    path: Path,
    *,
    threads: int,
    runtime: str | None,
    runs: int,
    seconds: float,
    verbose: bool = False,
) -> tuple[dict[int, float], list[str]]:
    """Measures each operator of the first subgraph alone.

    Args:
        path: the .tflite file.
        threads: of the interpreter.
        runtime: which runtime; None for the best installed.
        runs: of each operator at most.
        seconds: for all operators together, about.
        verbose: whether the runtime's own output is let through.

    Returns:
        Median time in microseconds by the operator's index, without those that compute shapes; and why others could
        not be measured, a sentence each.

    Raises:
        ModelError: the file is no model.
    """
    model = read_model(path)
    operators = model.subgraphs[0].operators
    times: dict[int, float] = {}
    failures: list[str] = []
    end = time.monotonic() + _LONGEST_S
    with scratch_folder("operators") as folder:
        # The runtime maps what it has loaded into memory: a file is changed only when the other one is loaded.
        copies = [folder / "even.tflite", folder / "odd.tflite"]
        for copy in copies:
            shutil.copyfile(path, copy)
        worker = Worker("operator", verbose=verbose)
        try:
            for operator in operators:
                if time.monotonic() > end:
                    failures.append(
                        f"operators from {operator.index} on were not measured: {_LONGEST_S:.0f} s were over"
                    )
                    break
                if _is_folded(operator, model.subgraphs[0]):
                    times[operator.index] = 0.0
                    continue
                if _computes_shapes(operator, model.subgraphs[0]):
                    continue
                copy = copies[operator.index % 2]
                try:
                    _apply(copy, patches(path, model, operator.index))
                    loaded = worker.load(copy, threads, runtime)
                    _set_inputs(worker, loaded, folder / "inputs.npz")
                    times[operator.index] = _median_us(worker, runs, seconds / len(operators))
                except (WorkerError, ModelError) as error:
                    failures.append(
                        f"operator {operator.index} ({operator.name}) does not run alone: {error}"
                    )
                    if worker.is_dead:
                        worker.close()
                        worker = Worker("operator", verbose=verbose)
        finally:
            worker.close()
    return times, failures


def patches(path: Path, model: TfliteModel, index: int) -> tuple[Patch, ...]:
    """What makes a file of the model that holds one operator, and others that prepare its weights and shapes.

    Args:
        path: the model's file.
        model: read from it.
        index: of the operator in the first subgraph.

    Raises:
        ModelError: the file is laid out in a way that cannot be changed so.
    """
    subgraph = model.subgraphs[0]
    operator = subgraph.operators[index]
    chosen = sorted({*_preparations(operator, subgraph), index})
    made = {tensor for position in chosen for tensor in subgraph.operators[position].outputs}
    inputs = [
        tensor
        for tensor in dict.fromkeys(operator.inputs)
        if tensor != OPTIONAL and tensor not in made and not _is_given(subgraph, tensor)
    ]
    outputs = [tensor for tensor in dict.fromkeys(operator.outputs) if tensor != OPTIONAL]
    with open_flatbuffer(path) as file:
        root = file.root()
        table = next(root.tables(_SUBGRAPHS, "subgraph"))
        end = file.size + -file.size % 4
        changed = [Patch(file.size, bytes(end - file.size))]
        for slot, tensors in ((_INPUTS, inputs), (_OUTPUTS, outputs)):
            changed += _new_vector(table, slot, tensors, end)
            end += 4 + 4 * len(tensors)
        changed += _fewer_tables(file, table, chosen)
        signatures = root.place(_SIGNATURES, 4)
        if signatures is not None:
            # They name tensors that are no inputs and outputs any more.
            changed.append(Patch(signatures[0] - 4, struct.pack("<I", 0)))
    return tuple(changed)


def _new_vector(table: Table, slot: int, numbers: Sequence[int], end: int) -> list[Patch]:
    field = table.field(slot)
    if field is None:
        raise ModelError(f"{table.file.name}: its first subgraph lists no inputs or no outputs")
    content = struct.pack(f"<I{len(numbers)}i", len(numbers), *numbers)
    return [Patch(end, content), Patch(field, struct.pack("<I", end - field))]


def _fewer_tables(file: Flatbuffer, table: Table, chosen: Sequence[int]) -> list[Patch]:
    """The vector of operators with only these: an offset leads forward, so it may stand earlier but not later."""
    place = table.place(_OPERATORS, 4)
    if place is None:
        raise ModelError(f"{file.name} has no operators")
    start, _ = place
    offsets = [
        file.follow(start + 4 * index, "operator") - (start + 4 * position)
        for position, index in enumerate(chosen)
    ]
    return [Patch(start - 4, struct.pack(f"<{1 + len(chosen)}I", len(chosen), *offsets))]


def _preparations(operator: Operator, subgraph: Subgraph) -> set[int]:
    """Operators without which this one would not be itself: conversions of its weights, computations of shapes."""
    producer = {tensor: other for other in subgraph.operators for tensor in other.outputs}
    found: set[int] = set()
    waiting = list(operator.inputs)
    while waiting:
        tensor = waiting.pop()
        maker = producer.get(tensor)
        if maker is None or maker.index >= operator.index or maker.index in found:
            continue
        if _is_folded(maker, subgraph) or _is_shape(subgraph.tensors[tensor]):
            found.add(maker.index)
            waiting += maker.inputs
    return found


def _computes_shapes(operator: Operator, subgraph: Subgraph) -> bool:
    """Whether it handles a few integers: no work to speak of, and without its predecessors it fails."""
    outputs = [tensor for tensor in operator.outputs if tensor != OPTIONAL]
    return bool(outputs) and all(_is_shape(subgraph.tensors[tensor]) for tensor in outputs)


def _is_shape(tensor: Tensor) -> bool:
    """Whether its values are likely sizes or positions, for which zeros would not do."""
    return (
        tensor.dtype in ("int32", "int64")
        and len(tensor.shape) <= 1
        and math.prod(tensor.shape) <= _MOST_SIZES
    )


def _is_folded(operator: Operator, subgraph: Subgraph) -> bool:
    """Whether it converts a constant, which the runtime does once and not in every inference."""
    return operator.name == "DEQUANTIZE" and all(_is_given(subgraph, tensor) for tensor in operator.inputs)


def _is_given(subgraph: Subgraph, index: int) -> bool:
    return index == OPTIONAL or subgraph.tensors[index].is_constant or subgraph.tensors[index].is_variable


def _apply(path: Path, changes: Sequence[Patch]) -> None:
    with path.open("r+b") as file:
        for change in changes:
            file.seek(change.position)
            file.write(change.content)


def _set_inputs(worker: Worker, loaded: Loaded, path: Path) -> None:
    """Random numbers where the values are real ones: some kernels are done at once where all are zero.

    Inputs of more than a hundred million numbers stay zero: the random ones would take this process's memory.
    """
    if sum(math.prod(info.shape) for info in loaded.inputs) > _MOST_NUMBERS:
        return
    generator = np.random.default_rng(0)
    values = {}
    for info in loaded.inputs:
        if info.quantization is not None:
            values[info.name] = generator.random(info.shape, np.float32) * np.float32(
                127 * info.quantization.scale
            )
        elif info.dtype == "float32":
            values[info.name] = generator.random(info.shape, np.float32)
        else:
            values[info.name] = np.zeros(info.shape, info.dtype)
    np.savez(path, **values)  # type: ignore[arg-type]
    worker.set_inputs(path)


def _median_us(worker: Worker, runs: int, seconds: float) -> float:
    # The worker ran it once on zeros already.
    (first,) = worker.time(0, 1)
    affordable = max(1, int(seconds * 1e9 / max(first, 1)))
    return statistics.median(worker.time(min(_DISCARD, affordable), min(runs, affordable))) / 1e3
