"""The operators of a file as layers: what they are called, compute in, store and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from edgeq.inspection.structure import Constant, Layer, OperatorUse
from edgeq.tflite.layer_names import layer_names
from edgeq.tflite.model import Operator, Subgraph, Tensor, TfliteModel
from edgeq.tflite.precision import CONTROLLING, CONVERTING, MIXED, MOVING, operator_types
from edgeq.tflite.weights import CONSTANT, MOST_ELEMENTS, WEIGHTS, producers_of, role_of, stored_constant
from edgeq.tflite.work import multiply_accumulates

BUILTIN, CUSTOM, FLEX = "builtin", "custom", "flex"
CONVERTS, MOVES = "converts", "moves"
"""Precisions of operators that compute nothing."""

FLOATS = frozenset({"float32", "float16", "bfloat16", "float64"})
_INTEGER_WEIGHTS = frozenset({"int8", "uint8", "int4", "uint4", "int2", "int16"})

Place = tuple[int, int]
"""A subgraph and an operator in it."""


def inspect_layers(
    model: TfliteModel, delegated: Iterable[int] | None = None, turns: Sequence[int | None] = ()
) -> tuple[Layer, ...]:
    """All operators of a model, in order.

    Args:
        model: of any converter.
        delegated: operators of the first subgraph that a delegate took; None where the model was not run.
        turns: how often each subgraph is executed in one inference, as `edgeq.tflite.loops.executions` says; None
            and what is left out count as once.
    """
    names = layer_names(model)
    taken = None if delegated is None else set(delegated)
    used = [_used_constants(graph) for graph in model.subgraphs]
    owners = _owners(model, used)
    layers = []
    for subgraph, graph in enumerate(model.subgraphs):
        # Thousands of operators may share a constant with thousands of scales.
        described: dict[tuple[int, str], Constant] = {}
        for operator in graph.operators:
            for tensor, role in used[subgraph][operator.index]:
                if (tensor.index, role) not in described:
                    described[tensor.index, role] = describe_constant(tensor, role)
            constants = tuple(
                described[tensor.index, role] for tensor, role in used[subgraph][operator.index]
            )
            buffers = {tensor.buffer: tensor.buffer_bytes for tensor, _ in used[subgraph][operator.index]}
            place = (subgraph, operator.index)
            layer = _layer(operator, graph, place, names[subgraph][operator.index], constants)
            size = sum(bytes_ for buffer, bytes_ in buffers.items() if owners[buffer] == place)
            is_delegated = None if taken is None or subgraph else operator.index in taken
            macs = min(layer.macs * _times(turns, subgraph), MOST_ELEMENTS)
            layers.append(replace(layer, size_bytes=size, delegated=is_delegated, macs=macs))
    return tuple(layers)


def _times(turns: Sequence[int | None], subgraph: int) -> int:
    known = turns[subgraph] if subgraph < len(turns) else None
    return 1 if known is None else known


def kind_of(operator: Operator) -> str:
    """`BUILTIN`, `CUSTOM` or `FLEX`."""
    if operator.custom_code is None:
        return BUILTIN
    return FLEX if operator.is_flex else CUSTOM


def operator_uses(layers: Iterable[Layer]) -> tuple[OperatorUse, ...]:
    """The kinds of operators among layers, the most frequent first."""
    found: dict[tuple[str, str], list[Layer]] = {}
    for layer in layers:
        found.setdefault((layer.operator, layer.kind), []).append(layer)
    uses = [
        OperatorUse(
            operator=operator,
            versions=tuple(sorted({layer.version for layer in group})),
            kind=kind,
            count=len(group),
            precisions=dict(Counter(layer.precision for layer in group)),
            size_bytes=sum(layer.size_bytes for layer in group),
            macs=sum(layer.macs for layer in group),
        )
        for (operator, kind), group in found.items()
    ]
    return tuple(sorted(uses, key=lambda use: (-use.count, use.operator)))


def describe_constant(tensor: Tensor, role: str) -> Constant:
    """A constant of the file as a value."""
    scales = tensor.quantization.scales if tensor.quantization is not None else ()
    per_channel = tensor.quantization is not None and len(scales) > 1
    return Constant(
        tensor=tensor.name,
        role=role,
        dtype=tensor.dtype,
        shape=tensor.shape,
        size_bytes=tensor.buffer_bytes,
        scales=len(scales),
        dimension=tensor.quantization.dimension if tensor.quantization is not None and per_channel else None,
        least_scale=min(scales, default=None),
        largest_scale=max(scales, default=None),
    )


def _layer(
    operator: Operator, graph: Subgraph, place: Place, name: str, constants: tuple[Constant, ...]
) -> Layer:
    result = graph.tensors[operator.outputs[0]] if operator.outputs[:1] and operator.outputs[0] >= 0 else None
    return Layer(
        subgraph=place[0],
        index=place[1],
        name=name,
        operator=operator.name,
        version=operator.version,
        kind=kind_of(operator),
        precision=_precision(operator, graph, constants),
        output="" if result is None else result.name,
        output_shape=() if result is None else result.shape,
        output_dtype="" if result is None else result.dtype,
        constants=constants,
        size_bytes=0,
        macs=multiply_accumulates(operator, graph),
        delegated=None,
    )


def _precision(operator: Operator, graph: Subgraph, constants: tuple[Constant, ...]) -> str:
    if operator.name in CONVERTING:
        return CONVERTS
    if operator.name in MOVING or operator.name in CONTROLLING:
        return MOVES
    types = operator_types(operator, graph)
    if not types:
        # Counters, conditions and indices: the type of what is read.
        read = [graph.tensors[i].dtype for i in (*operator.inputs, *operator.outputs) if i >= 0]
        return read[0] if read else MOVES
    if len(types) > 1:
        return MIXED
    dtype = next(iter(types))
    weights = [constant.dtype for constant in constants if constant.role == WEIGHTS]
    if dtype in FLOATS and weights and weights[0] in _INTEGER_WEIGHTS:
        return f"{weights[0]} weights"
    return dtype


def _used_constants(graph: Subgraph) -> list[list[tuple[Tensor, str]]]:
    """The constants that each operator computes with and their roles, weights first.

    A weight that is expanded from a smaller one belongs to the operator that computes with it, not to the one that
    expands it.
    """
    producers = producers_of(graph)
    used: list[list[tuple[Tensor, str]]] = []
    expanded: set[int] = set()
    for operator in graph.operators:
        found: dict[int, tuple[Tensor, str]] = {}
        for place, index in enumerate(operator.inputs):
            tensor = graph.tensors[index] if index >= 0 else None
            stored = None if tensor is None else stored_constant(tensor, graph, producers)
            if tensor is None or stored is None or (operator.name in CONVERTING and not tensor.is_constant):
                continue
            role = role_of(operator, place, stored.dtype)
            if stored is not tensor and operator.name not in CONVERTING | MOVING:
                expanded.add(stored.index)
            elif stored is not tensor:
                continue
            found.setdefault(stored.index, (stored, role))
        used.append(sorted(found.values(), key=lambda item: _ROLE_ORDER.get(item[1], 1)))
    for operator in graph.operators:
        if operator.name in CONVERTING or operator.name in MOVING:
            used[operator.index] = [item for item in used[operator.index] if item[0].index not in expanded]
    return used


_ROLE_ORDER: Mapping[str, int] = {WEIGHTS: 0, CONSTANT: 2}


def _owners(model: TfliteModel, used: list[list[list[tuple[Tensor, str]]]]) -> dict[int, Place]:
    """The first operator that computes with each buffer; one that only moves or converts it where none does."""
    owners: dict[int, Place] = {}
    idle: dict[int, Place] = {}
    for subgraph, graph in enumerate(model.subgraphs):
        for operator in graph.operators:
            claims = idle if operator.name in CONVERTING or operator.name in CONTROLLING else owners
            for tensor, _ in used[subgraph][operator.index]:
                claims.setdefault(tensor.buffer, (subgraph, operator.index))
    return idle | owners
