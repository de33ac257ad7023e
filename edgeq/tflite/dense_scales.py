"""Gives the int8 weights of dense layers one scale each, so that older runtimes take a dynamic range file.

Converters since TensorFlow 2.17 give every output of a dense layer with float activations a scale of its own, which is
version 12 of FULLY_CONNECTED and is refused by older runtimes (tflite-runtime 2.14.0: "Didn't find op for builtin
opcode 'FULLY_CONNECTED' version '12'"). The converter has a switch for it; this does the same to a finished file.
Everything is changed in place, so that nothing that the schema knows and this module does not is lost.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.flatbuffer import Flatbuffer, Table
from edgeq.tflite.model import Operator, Subgraph, Tensor, TfliteModel, read_model

_DENSE = "FULLY_CONNECTED"
_PER_CHANNEL_VERSION = 12
_PER_TENSOR_VERSION = 9
"""Float activations and int8 weights, quantized asymmetrically on the fly or not (op_version.cc of TensorFlow)."""

_LARGEST = 127
"""Weights are symmetric: -128 is not used."""

# Slots of the schema's tables.
_CODE_VERSION = 2
_TENSOR_QUANTIZATION = 4
_SCALES, _ZERO_POINTS = 2, 3


@dataclass(frozen=True)
class PerTensorDense:
    """A file whose dense layers have one scale each.

    Attributes:
        content: the file.
        layers: output tensors of the layers that were changed.
    """

    content: bytes
    layers: tuple[str, ...]


def has_per_channel_dense(model: TfliteModel) -> bool:
    """Whether a dense layer with float activations has int8 weights with a scale for each output."""
    return bool(_dense_layers(model))


def with_per_tensor_dense(content: bytes) -> PerTensorDense:
    """Quantizes the weights of dense layers again, with the largest of their scales.

    Args:
        content: a ``.tflite`` file.

    Returns:
        The file, of the same length; weights of small channels lose resolution.

    Raises:
        ModelError: it is damaged, or has other layers that share the weights or the operator's version.
    """
    model = read_model(content)
    layers = _dense_layers(model)
    codes = _versions_to_change(model)
    changed = bytearray(content)
    with open_flatbuffer(content) as file:
        tables = _Tables(file)
        for position in codes:
            _put(changed, tables.code(position).field(_CODE_VERSION), "<i", _PER_TENSOR_VERSION, file)
        for graph, _, weights in layers:
            _requantize(changed, model, weights)
            _keep_first(changed, tables.quantization(graph, weights), weights, tables)
    names = tuple(model.subgraphs[graph].tensors[operator.outputs[0]].name for graph, operator, _ in layers)
    return PerTensorDense(bytes(changed), names)


def _dense_layers(model: TfliteModel) -> list[tuple[int, Operator, Tensor]]:
    """Subgraph, operator and weights of each layer with a scale an output; weights that are shared once."""
    found: dict[int, tuple[int, Operator, Tensor]] = {}
    for position, graph in enumerate(model.subgraphs):
        for operator in graph.operators:
            weights = _per_channel_weights(operator, graph)
            if weights is not None:
                found.setdefault(weights.buffer, (position, operator, weights))
    return list(found.values())


def _per_channel_weights(operator: Operator, graph: Subgraph) -> Tensor | None:
    if operator.name != _DENSE or len(operator.inputs) < 2 or min(operator.inputs[:2]) < 0:
        return None
    values, weights = (graph.tensors[index] for index in operator.inputs[:2])
    quantization = weights.quantization
    if (
        values.dtype != "float32"
        or weights.dtype != "int8"
        or not weights.is_constant
        or not operator.outputs
    ):
        return None
    if quantization is None or len(quantization.scales) < 2:
        return None
    return weights


def _versions_to_change(model: TfliteModel) -> list[int]:
    """Places of the operator codes of version 12; every operator of such a code must be one of the layers."""
    positions = [
        position
        for position, code in enumerate(model.operator_codes)
        if code.name == _DENSE and code.version == _PER_CHANNEL_VERSION
    ]
    buffers = {weights.buffer for _, _, weights in _dense_layers(model)}
    users = [
        tensor
        for graph in model.subgraphs
        for operator in graph.operators
        for tensor in (graph.tensors[index] for index in operator.inputs if index >= 0)
        if tensor.buffer in buffers
    ]
    if len(users) > len(buffers):
        raise ModelError(
            "the weights of a dense layer are shared by another layer, so that its scales cannot be changed in the "
            "file: convert the model again for the older runtime"
        )
    return positions


def _requantize(changed: bytearray, model: TfliteModel, weights: Tensor) -> None:
    """Rewrites the integers of weights[outputs, inputs] for the largest scale."""
    quantization = weights.quantization
    assert quantization is not None  # noqa: S101 - narrows the type for mypy
    scales = np.asarray(quantization.scales, np.float64)
    buffer = model.buffers[weights.buffer]
    count = int(np.prod(weights.shape, dtype=np.int64))
    if (
        len(weights.shape) != 2
        or weights.shape[0] != len(scales)
        or buffer.size != count
        or quantization.dimension
    ):
        raise ModelError(
            f"the weights {weights.name!r} do not have one scale an output: convert the model again"
        )
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise ModelError(
            f"the weights {weights.name!r} have scales that are no positive numbers: convert again"
        )
    view = np.frombuffer(changed, np.int8, count, buffer.start).reshape(weights.shape)
    view[...] = _rescaled(view, scales)


def _rescaled(values: npt.NDArray[np.int8], scales: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    shares = (scales / scales.max())[:, None]
    rounded = np.rint(values.astype(np.float64) * shares)
    clipped: npt.NDArray[np.int8] = np.clip(rounded, -_LARGEST, _LARGEST).astype(np.int8)
    return clipped


def _keep_first(changed: bytearray, table: Table, weights: Tensor, tables: _Tables) -> None:
    """Cuts the lists of scales and zero points to one item; what was behind it remains as dead bytes."""
    quantization = weights.quantization
    assert quantization is not None  # noqa: S101 - narrows the type for mypy
    for slot in (_SCALES, _ZERO_POINTS):
        start = tables.vector(table, slot)
        if start is None:
            continue
        if tables.users(start) > 1:
            raise ModelError(
                f"the scales of {weights.name!r} are shared in the file: convert the model again"
            )
        _put(changed, start, "<I", 1, table.file)
        if slot == _SCALES:
            _put(changed, start + 4, "<f", max(quantization.scales), table.file)


def _put(changed: bytearray, position: int | None, form: str, value: float, file: Flatbuffer) -> None:
    if position is None:
        raise file.damaged("a field that must be there is left out")
    struct.pack_into(form, changed, position, value)


class _Tables:
    """Places in the file of what is changed."""

    def __init__(self, file: Flatbuffer) -> None:
        root = file.root()
        self._codes = list(root.tables(1, "operator code"))
        self._quantizations = [
            [tensor.table(_TENSOR_QUANTIZATION, "the quantization") for tensor in graph.tables(0, "tensor")]
            for graph in root.tables(2, "subgraph")
        ]
        # Writers may store equal vectors once.
        self._users = Counter(
            self.vector(table, slot)
            for tables in self._quantizations
            for table in tables
            if table is not None
            for slot in (_SCALES, _ZERO_POINTS)
        )
        self._file = file

    def code(self, position: int) -> Table:
        return self._codes[position]

    def quantization(self, graph: int, tensor: Tensor) -> Table:
        table = self._quantizations[graph][tensor.index]
        if table is None:
            raise self._file.damaged("a quantization that must be there is left out")
        return table

    def vector(self, table: Table, slot: int) -> int | None:
        """Where a list begins; None where it is left out."""
        position = table.field(slot)
        return None if position is None else table.file.follow(position, table.what)

    def users(self, start: int) -> int:
        """How many tensors' lists begin there."""
        return self._users[start]
