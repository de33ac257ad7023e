"""How much memory the activations of a file take, planned as TensorFlow Lite plans it.

The method is that of ``tensorflow/lite/arena_planner.cc`` and ``simple_memory_arena.cc``: every tensor lives from
the operator that computes it to the last that reads it; the largest is placed first, into the smallest gap between
the tensors that live at the same time, or behind them. What an operator reads may become what it writes where its
kernel allows that. Scratch memory of kernels is not in the file and therefore not in the plan.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edgeq.tflite.model import Subgraph, Tensor, TfliteModel
from edgeq.tflite.schema import BITS
from edgeq.tflite.weights import elements

_ALIGNMENT = 64
"""Bytes: ``kDefaultTensorAlignment`` of tensorflow/lite/util.h."""

_SCALAR_BYTES = 4
"""``kScalarTensorBytes``: a result as small as that never overwrites an input."""

_MOST_PLACED = 10_000
"""Tensors that are placed one by one, in 1 s; the plan of a file with more is bounded from below."""

_Offsets = npt.NDArray[np.int64]

_FOREVER = np.iinfo(np.int64).max

# Kernels of tensorflow/lite/kernels that may write over that many of their first inputs (``inplace_operator`` in their
# registrations); the plans agree with those of LiteRT 2.3.
_OVERWRITES: Final = {
    "ADD": 2, "SUB": 2, "MUL": 2, "DIV": 2, "SOFTMAX": 1, "DYNAMIC_UPDATE_SLICE": 1,
}  # fmt: skip
_EXPANDED_ONCE: Final = frozenset({"DEQUANTIZE", "DENSIFY"})
_KEEPS_DATA: Final = frozenset({"RESHAPE", "EXPAND_DIMS", "SQUEEZE", "BITCAST"})


@dataclass(frozen=True)
class _Lifetime:
    """When a tensor is in memory: indices of operators, both included."""

    tensor: int
    size: int
    first: int
    last: int


def planned_arena_bytes(model: TfliteModel) -> int:
    """Bytes of activations of the first subgraph, without the scratch memory that kernels ask for.

    Inputs, outputs and state stay for the whole run, as in the runtime. Tensors whose size is only known when the
    model runs count with the shape in the file.
    """
    graph = model.subgraphs[0]
    lifetimes = _lifetimes(graph)
    if len(lifetimes) > _MOST_PLACED:
        return _most_alive_bytes(lifetimes)
    return _placed_bytes(lifetimes)


def activation_tensors(model: TfliteModel) -> tuple[int, ...]:
    """Indices of the tensors of the first subgraph that hold activations or state, ascending."""
    return tuple(sorted(item.tensor for item in _lifetimes(model.subgraphs[0], shared=False)))


def tensor_bytes(tensor: Tensor) -> int:
    """Size of a tensor in memory; 0 for text and for types of no fixed size."""
    bits = BITS.get(tensor.dtype, 0)
    return -(-elements(tensor.shape) * bits // 8)


def _lifetimes(graph: Subgraph, *, shared: bool = True) -> list[_Lifetime]:
    """When each activation is in memory; with `shared`, results that overwrite an input are part of its lifetime."""
    held = {*graph.inputs, *graph.outputs} | {tensor.index for tensor in graph.tensors if tensor.is_variable}
    readers = Counter(index for operator in graph.operators for index in operator.inputs if index >= 0)
    readers.update(held)
    shares = _shared(graph, readers) if shared else {}
    first: dict[int, int] = {index: 0 for index in (*graph.inputs, *held - set(graph.outputs)) if index >= 0}
    last: dict[int, int] = {}
    for operator in graph.operators:
        for index in operator.outputs:
            if index >= 0:
                first.setdefault(index, operator.index)
        for index in operator.inputs:
            if index >= 0:
                last[shares.get(index, index)] = operator.index
    expanded = _expanded_constants(graph)
    lifetimes = []
    for index, start in first.items():
        tensor = graph.tensors[index]
        size = tensor_bytes(tensor)
        if size and not tensor.is_constant and index not in shares and index not in expanded:
            kept = index in held or index not in last
            lifetimes.append(_Lifetime(index, size, start, _FOREVER if kept else last[index]))
    return lifetimes


def _expanded_constants(graph: Subgraph) -> set[int]:
    """Tensors that are expanded from constants once, such as float16 weights: they are no activations."""
    constants = {tensor.index for tensor in graph.tensors if tensor.is_constant}
    return {
        operator.outputs[0]
        for operator in graph.operators
        if operator.name in _EXPANDED_ONCE
        and operator.outputs
        and operator.inputs[:1]
        and operator.inputs[0] in constants
    }


def _shared(graph: Subgraph, readers: Counter[int]) -> dict[int, int]:
    """Results that lie where an input lay, by tensor index, with the tensor whose place it first was."""
    inputs, outputs = set(graph.inputs), set(graph.outputs)
    shares: dict[int, int] = {}
    for operator in graph.operators:
        changes = operator.name in _OVERWRITES
        count = _OVERWRITES.get(operator.name, 1 if operator.name in _KEEPS_DATA else 0)
        if not count or not operator.outputs or operator.outputs[0] < 0 or operator.custom_code is not None:
            continue
        result = graph.tensors[operator.outputs[0]]
        size = tensor_bytes(result)
        for index in operator.inputs[:count]:
            if index < 0 or index in inputs or result.index in outputs:
                continue
            given = graph.tensors[index]
            origin = shares.get(index, index)
            if given.is_constant or given.is_variable or tensor_bytes(graph.tensors[origin]) != size:
                continue
            if changes and (size <= _SCALAR_BYTES or readers[index] > 1 or readers[origin] > 1):
                continue
            shares[result.index] = origin
            break
    return shares


def _placed_bytes(lifetimes: list[_Lifetime]) -> int:
    """The end of the last tensor when all are placed, the largest first."""
    ordered = sorted(lifetimes, key=_placing_order)
    # Sorted by where they begin: what lies there already.
    starts = np.empty(len(ordered), np.int64)
    ends, firsts, lasts = np.empty_like(starts), np.empty_like(starts), np.empty_like(starts)
    end = 0
    for count, item in enumerate(ordered):
        if end + item.size > _FOREVER // 2:
            return sum(item.size for item in lifetimes)
        alive = (firsts[:count] <= item.last) & (lasts[:count] >= item.first)
        start = _best_gap(starts[:count][alive], ends[:count][alive], item.size)
        at = int(np.searchsorted(starts[:count], start, side="right"))
        for column, value in (
            (starts, start),
            (ends, start + item.size),
            (firsts, item.first),
            (lasts, item.last),
        ):
            column[at + 1 : count + 1] = column[at:count].copy()
            column[at] = value
        end = max(end, start + item.size)
    return end


def _placing_order(item: _Lifetime) -> tuple[int, int, int]:
    if item.first == 0 and item.last == _FOREVER:
        return (0, item.tensor, 0)
    return (1, -item.size, item.first)


def _best_gap(starts: _Offsets, ends: _Offsets, size: int) -> int:
    """The start of the smallest gap that is large enough; behind all where there is none.

    As in the runtime, a gap is smaller than another one when it is so without what alignment takes of it and with
    what it takes of the other.
    """
    if not len(starts):
        return 0
    reached = np.concatenate([np.zeros(1, np.int64), np.maximum.accumulate(ends)])
    aligned = -(-reached // _ALIGNMENT) * _ALIGNMENT
    usable, whole = starts - aligned[:-1], starts - reached[:-1]
    fitting = np.flatnonzero(usable >= size)
    if not len(fitting):
        return int(aligned[-1])
    best = fitting[0]
    while len(fitting := fitting[(fitting > best) & (usable[fitting] < whole[best])]):
        best = fitting[0]
    return int(aligned[best])


def _most_alive_bytes(lifetimes: list[_Lifetime]) -> int:
    """The most that is in memory at one time: no plan can do with less, and greedy ones come near it."""
    changes: Counter[int] = Counter()
    for item in lifetimes:
        size = -(-item.size // _ALIGNMENT) * _ALIGNMENT
        changes[item.first] += size
        if item.last != _FOREVER:
            changes[item.last + 1] -= size
    most = alive = 0
    for moment in sorted(changes):
        alive += changes[moment]
        most = max(most, alive)
    return most
