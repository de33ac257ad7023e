"""What a ``.tflite`` file holds: subgraphs, tensors, operators, signatures. Nothing in it is trusted.

The schema is ``tensorflow/compiler/mlir/lite/schema/schema.fbs`` of TensorFlow; slot numbers below are
the fields of its tables in their order, which a flatbuffer schema never changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import ModelError
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.flatbuffer import Flatbuffer, Table
from edgeq.tflite.schema import CUSTOM, dtype_name, operator_name

OPTIONAL = -1
"""Stands for an input that an operator leaves out."""

_WHILE_OPTIONS = 93
"""Of the union ``BuiltinOptions``."""

_MOST_DIMENSIONS = 64
"""As many as an array of NumPy may have; kernels take up to 8."""

_MOST_ELEMENTS = 2**63
"""What the runtime's own sizes hold; it refuses larger tensors, too."""


@dataclass(frozen=True)
class Quantization:
    """How a tensor's integers stand for real numbers: ``real = scale * (integer - zero_point)``.

    Attributes:
        scales: one for the tensor, or one for each slice along `dimension`.
        zero_points: as many as scales.
        dimension: the axis of per-channel scales.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    dimension: int


@dataclass(frozen=True)
class Tensor:
    """A tensor of a subgraph.

    Attributes:
        name: the converter's name, not necessarily unique.
        index: in its subgraph.
        shape: dimensions that the file is allocated with; unknown ones are 1.
        shape_signature: the same with -1 for unknown dimensions.
        dtype: as in numpy where numpy has it, such as ``int8``, ``int4``, ``float16``, ``string``.
        buffer: index of its buffer in the model.
        buffer_bytes: size of its content in the file, 0 for what is computed.
        is_constant: whether its content is in the file.
        is_variable: whether it keeps its value from one inference to the next.
        quantization: None where it has none.
        is_sparse: whether its content leaves out zeros, so that it has fewer values than its shape.
    """

    name: str
    index: int
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    buffer: int
    buffer_bytes: int
    is_constant: bool
    is_variable: bool
    quantization: Quantization | None
    is_sparse: bool = False


@dataclass(frozen=True)
class Operator:
    """A node of a subgraph.

    Attributes:
        index: in its subgraph, which is also the order of execution.
        name: the builtin operator, such as ``CONV_2D``; ``OP_<n>`` where it is unknown; a custom
            operator's own name.
        version: of the operator; a runtime refuses versions newer than its own.
        custom_code: name of a custom operator, None for a builtin one.
        inputs: tensor indices, `OPTIONAL` for an input left out.
        outputs: tensor indices.
        loop: indices of the subgraphs that are the condition and the body of a ``WHILE``, as written; None for
            all other operators.
    """

    index: int
    name: str
    version: int
    custom_code: str | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    loop: tuple[int, int] | None = None

    @property
    def is_flex(self) -> bool:
        """Whether it is an operator of TensorFlow itself, which needs the Flex delegate to run."""
        return self.custom_code is not None and self.custom_code.startswith("Flex")


@dataclass(frozen=True)
class OperatorCode:
    """A kind of operator that the model uses; attributes as in `Operator`."""

    name: str
    version: int
    custom_code: str | None


@dataclass(frozen=True)
class Subgraph:
    """A graph; the first is the model, others are bodies of control flow or further signatures."""

    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class Signature:
    """Names for the inputs and outputs of a subgraph, as tensor indices."""

    key: str
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    subgraph_index: int


@dataclass(frozen=True)
class Buffer:
    """Where in the file the content of a constant or of metadata is.

    Attributes:
        start: first byte.
        size: in bytes, 0 for none.
        is_external: whether it lies outside the flatbuffer, as in files of more than 2 GB.
    """

    start: int
    size: int
    is_external: bool


@dataclass(frozen=True)
class TfliteModel:
    """A ``.tflite`` file without its weights.

    Attributes:
        version: of the schema, 3.
        description: the converter's.
        operator_codes: the kinds of operators in use.
        subgraphs: at least one.
        signatures: may be empty.
        buffers: places of the contents in the file; read one with `read_buffer`.
        metadata: name to index of its buffer.
        file_bytes: size of the file.
    """

    version: int
    description: str
    operator_codes: tuple[OperatorCode, ...]
    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[Signature, ...]
    buffers: tuple[Buffer, ...]
    metadata: Mapping[str, int]
    file_bytes: int


def read_model(source: Path | bytes) -> TfliteModel:
    """Reads the structure of a ``.tflite``; weights stay where they are.

    Args:
        source: the file, which is memory-mapped, or its content.

    Raises:
        ModelError: it is missing, is not a TensorFlow Lite model, or is damaged.
    """
    with open_flatbuffer(source) as file:
        return _model(file)


def read_buffer(source: Path | bytes, model: TfliteModel, index: int) -> bytes:
    """The content of one buffer.

    Args:
        source: what the model was read from.
        model: the model.
        index: as in `Tensor.buffer` or `TfliteModel.metadata`.

    Raises:
        ModelError: the file is missing, or is no longer the one that the model was read from.
    """
    buffer = model.buffers[index]
    with open_flatbuffer(source) as file:
        if file.size != model.file_bytes:
            raise ModelError(f"{file.name} has changed since it was read: run the command again")
        return bytes(file.content[buffer.start : buffer.start + buffer.size])


def _model(file: Flatbuffer) -> TfliteModel:
    root = file.root()
    buffers = tuple(_buffer(table) for table in root.tables(4, "buffer"))
    codes = tuple(_operator_code(table) for table in root.tables(1, "operator code"))
    subgraphs = tuple(_subgraph(table, codes, buffers) for table in root.tables(2, "subgraph"))
    if not subgraphs:
        raise file.damaged("it has no subgraph")
    return TfliteModel(
        version=root.scalar(0, "uint32"),
        description=root.string(3) or "",
        operator_codes=codes,
        subgraphs=subgraphs,
        signatures=tuple(_signature(table, subgraphs) for table in root.tables(7, "signature")),
        buffers=buffers,
        metadata=dict(_metadata(table, buffers) for table in root.tables(6, "metadata")),
        file_bytes=file.size,
    )


def _buffer(table: Table) -> Buffer:
    # Contents of 1 byte and less never lie outside: the converter writes the offset 1 as a placeholder.
    start, size = table.scalar(1, "uint64"), table.scalar(2, "uint64")
    if start > 1:
        if start + size > table.file.size:
            raise table.file.damaged(f"{table.what} ends at byte {start + size} of {table.file.size}")
        return Buffer(start, size, is_external=True)
    return Buffer(*(table.place(0, 1) or (0, 0)), is_external=False)


def _operator_code(table: Table) -> OperatorCode:
    # Codes from 127 on do not fit the old one-byte field; the larger of both is the code.
    code = max(table.scalar(0, "int8"), table.scalar(3, "int32"))
    custom = (table.string(1) or "CUSTOM") if code == CUSTOM else None
    return OperatorCode(custom or operator_name(code), table.scalar(2, "int32", default=1), custom)


def _subgraph(table: Table, codes: tuple[OperatorCode, ...], buffers: tuple[Buffer, ...]) -> Subgraph:
    tensors = tuple(_tensor(item, index, buffers) for index, item in enumerate(table.tables(0, "tensor")))
    operators = tuple(
        _operator(item, index, codes, len(tensors)) for index, item in enumerate(table.tables(3, "operator"))
    )
    return Subgraph(
        name=table.string(4) or "",
        tensors=tensors,
        inputs=_tensor_indices(table, 1, len(tensors), least=0),
        outputs=_tensor_indices(table, 2, len(tensors), least=0),
        operators=operators,
    )


def _shape(table: Table) -> tuple[int, ...]:
    shape = table.numbers(0, "int32")
    # The number of dimensions first: the product of millions of them would take hours.
    if len(shape) > _MOST_DIMENSIONS or math.prod(max(1, size) for size in shape) > _MOST_ELEMENTS:
        shown = ", ".join(map(str, shape[:8])) + (", …" if len(shape) > 8 else "")
        raise table.file.damaged(f"{table.what} has the shape [{shown}], which fits no memory")
    return shape


def _tensor(table: Table, index: int, buffers: tuple[Buffer, ...]) -> Tensor:
    shape = _shape(table)
    buffer = table.scalar(2, "uint32")
    # Hand-written models without any constant may have no buffers at all.
    size = buffers[_within(table, buffer, len(buffers), "buffer")].size if buffers or buffer else 0
    return Tensor(
        name=table.string(3) or "",
        index=index,
        shape=shape,
        shape_signature=table.numbers(7, "int32") or shape,
        dtype=dtype_name(table.scalar(1, "int8")),
        buffer=buffer,
        buffer_bytes=size,
        is_constant=size > 0,
        is_variable=bool(table.scalar(5, "bool")),
        quantization=_quantization(table.table(4, f"the quantization of {table.what}")),
        is_sparse=table.field(6) is not None,
    )


def _quantization(table: Table | None) -> Quantization | None:
    if table is None:
        return None
    scales = table.numbers(2, "float32")
    if not scales:
        return None
    zero_points = table.numbers(3, "int64")
    if len(zero_points) <= 1:
        # A file may leave out zero points that are all 0, or give one for all channels.
        zero_points = (zero_points or (0,)) * len(scales)
    if len(zero_points) != len(scales):
        raise table.file.damaged(f"{table.what} has {len(scales)} scales and {len(zero_points)} zero points")
    return Quantization(scales, zero_points, table.scalar(6, "int32"))


def _operator(table: Table, index: int, codes: tuple[OperatorCode, ...], tensors: int) -> Operator:
    code = codes[_within(table, table.scalar(0, "uint32"), len(codes), "operator code")]
    return Operator(
        index=index,
        name=code.name,
        version=code.version,
        custom_code=code.custom_code,
        inputs=_tensor_indices(table, 1, tensors, least=OPTIONAL),
        outputs=_tensor_indices(table, 2, tensors, least=OPTIONAL),
        loop=_loop(table, code),
    )


def _loop(table: Table, code: OperatorCode) -> tuple[int, int] | None:
    if code.name != "WHILE" or code.custom_code is not None or table.scalar(3, "int8") != _WHILE_OPTIONS:
        return None
    options = table.table(4, "the options of a loop")
    return None if options is None else (options.scalar(0, "int32"), options.scalar(1, "int32"))


def _signature(table: Table, subgraphs: tuple[Subgraph, ...]) -> Signature:
    subgraph = _within(table, table.scalar(4, "uint32"), len(subgraphs), "subgraph")
    tensors = len(subgraphs[subgraph].tensors)

    def names(slot: int) -> dict[str, int]:
        return {
            item.string(0) or "": _within(item, item.scalar(1, "uint32"), tensors, "tensor")
            for item in table.tables(slot, "tensor name")
        }

    return Signature(table.string(2) or "", names(0), names(1), subgraph)


def _metadata(table: Table, buffers: tuple[Buffer, ...]) -> tuple[str, int]:
    return table.string(0) or "", _within(table, table.scalar(1, "uint32"), len(buffers), "buffer")


def _tensor_indices(table: Table, slot: int, tensors: int, *, least: int) -> tuple[int, ...]:
    indices = table.numbers(slot, "int32")
    if indices and not least <= min(indices) <= max(indices) < tensors:
        raise table.file.damaged(f"{table.what} names a tensor that is not among its {tensors}")
    return indices


def _within(table: Table, index: int, length: int, kind: str) -> int:
    if index >= length:
        raise table.file.damaged(f"{table.what} names {kind} {index} of {length}")
    return index
