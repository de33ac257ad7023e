"""Leaves out of a file what nothing in it uses: tensors, constants and kinds of operators that were replaced."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.quantize.editable import EditableModel


def compact(model: EditableModel) -> None:
    """Drops tensors that no operator, input, output or signature names, buffers that nothing uses, and unused kinds.

    The first buffer stays: it is that of all tensors without constants (schema.fbs).
    """
    root = model.model
    for place, graph in enumerate(root.subgraphs):
        _drop_tensors(root, graph, place)
    _drop_buffers(root)
    _drop_codes(root)


def _drop_tensors(root: Any, graph: Any, place: int) -> None:
    lists = [graph.inputs, graph.outputs]
    for operator in graph.operators:
        lists += [operator.inputs, operator.outputs, _numbers(operator.intermediates)]
    signatures = [entry for entry in root.signatureDefs or () if entry.subgraphIndex == place]
    named = [tensor for entry in signatures for tensor in (*(entry.inputs or ()), *(entry.outputs or ()))]
    used = {int(index) for indices in lists for index in indices if index >= 0}
    used |= {tensor.tensorIndex for tensor in named}
    places = {index: new for new, index in enumerate(sorted(used))} | {-1: -1}

    def moved(indices: Any) -> Any:
        return np.array([places[int(index)] for index in indices], np.int32)

    graph.tensors = [graph.tensors[index] for index in sorted(used)]
    graph.inputs, graph.outputs = moved(graph.inputs), moved(graph.outputs)
    for operator in graph.operators:
        operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
        if operator.intermediates is not None:
            operator.intermediates = moved(operator.intermediates)
    for tensor in named:
        tensor.tensorIndex = places[tensor.tensorIndex]


def _drop_buffers(root: Any) -> None:
    tensors = [tensor for graph in root.subgraphs for tensor in graph.tensors]
    metadata = list(root.metadata or ())
    listed = _numbers(root.metadataBuffer)
    for tensor in tensors:
        # What is computed has nothing in a buffer of its own.
        if root.buffers[tensor.buffer].data is None and not root.buffers[tensor.buffer].size:
            tensor.buffer = 0
    used = sorted({0, *(tensor.buffer for tensor in tensors), *(entry.buffer for entry in metadata), *listed})
    places = {index: new for new, index in enumerate(used)}
    root.buffers = [root.buffers[index] for index in used]
    for tensor in tensors:
        tensor.buffer = places[tensor.buffer]
    for entry in metadata:
        entry.buffer = places[entry.buffer]
    if root.metadataBuffer is not None:
        root.metadataBuffer = np.array([places[index] for index in listed], np.int32)


def _drop_codes(root: Any) -> None:
    operators = [operator for graph in root.subgraphs for operator in graph.operators]
    used = sorted({operator.opcodeIndex for operator in operators})
    places = {index: new for new, index in enumerate(used)}
    root.operatorCodes = [root.operatorCodes[index] for index in used]
    for operator in operators:
        operator.opcodeIndex = places[operator.opcodeIndex]


def _numbers(indices: Any) -> list[int]:
    return [] if indices is None else [int(index) for index in indices]
