"""A ``.tflite`` as objects that can be changed and written again, with what quantization asks of it.

The objects are those of the schema's generated code in the LiteRT wheel (``ModelT``, ``TensorT``, ``OperatorT``).
`edgeq.tflite` reads files that nobody trusts; what comes here was made or read by edgeq before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

from edgeq.errors import MissingExtraError, ModelError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

CONV, DEPTHWISE, DENSE = "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"

# The channels that weights compute have their scales along this axis: TensorFlow Lite's quantization specification.
CHANNEL_AXES = {CONV: 0, DEPTHWISE: 3, DENSE: 0}

_DTYPES = {
    "FLOAT32": "<f4",
    "INT8": "<i1",
    "UINT8": "<u1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "BOOL": "?",
}


@dataclass(frozen=True, eq=False)
class WeightedLayer:
    """A convolution, depthwise convolution or dense layer of a float32 file whose weights are constants of its own.

    Attributes:
        index: of its operator in the first subgraph.
        kind: `CONV`, `DEPTHWISE` or `DENSE`.
        input: name of the tensor that it reads.
        output: name of the tensor that it writes, which names the layer.
        weights_name: of the tensor.
        weights: float32 as stored: [O, H, W, I] of a convolution, [1, H, W, O] of a depthwise one, [O, I] of a
            dense layer.
        bias: float32[O]; zeros where it has none.
        has_bias: whether there is one.
        strides: along height and width; (1, 1) of a dense layer.
        dilations: likewise.
        same_padding: whether the input is padded so that strides alone decide the size of the output.
        activation: name of the fused activation: ``NONE``, ``RELU``, ``RELU6`` and so on.
    """

    index: int
    kind: str
    input: str
    output: str
    weights_name: str
    weights: Floats
    bias: Floats
    has_bias: bool
    strides: tuple[int, int]
    dilations: tuple[int, int]
    same_padding: bool
    activation: str

    @property
    def channels(self) -> int:
        """Of the output."""
        return int(self.weights.shape[CHANNEL_AXES[self.kind]])


class EditableModel:
    """A file's objects.

    Attributes:
        schema: the module of generated code.
        model: the root, ``ModelT``.
        graph: the first subgraph, ``SubGraphT``.
    """

    def __init__(self, content: bytes) -> None:
        """Reads a file.

        Raises:
            MissingExtraError: LiteRT is not installed.
            ModelError: it is no .tflite, or has no subgraph.
        """
        self.schema = _schema()
        try:
            self.model: Any = self.schema.ModelT.InitFromPackedBuf(content, 0)
            self.graph: Any = self.model.subgraphs[0]
        except (IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"the file cannot be edited: {type(error).__name__}: {error}") from error
        self._take_in(content)

    def _take_in(self, content: bytes) -> None:
        """Puts constants into the objects that were written behind the flatbuffer, which older runtimes do not read."""
        for buffer in self.model.buffers:
            if buffer.offset > 1:
                if buffer.offset + buffer.size > len(content):
                    raise ModelError("the file cannot be edited: a constant ends behind the file")
                buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
                buffer.offset = buffer.size = 0

    def content(self) -> bytes:
        """The file: the same bytes for the same objects."""
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def kind(self, operator: Any) -> str:
        """Name of an operator, such as ``CONV_2D``."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        # Old files have the number in a field of one byte.
        return self._names("BuiltinOperator")[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def name(self, index: int) -> str:
        """Of a tensor; empty for -1, an input that is left out."""
        if index < 0:
            return ""
        name = self.graph.tensors[index].name
        return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")

    def index(self, name: str) -> int:
        """Of the tensor with a name.

        Raises:
            ModelError: there is none, or more than one.
        """
        found = [index for index in range(len(self.graph.tensors)) if self.name(index) == name]
        if len(found) != 1:
            raise ModelError(f"expected one tensor {name!r}, found {len(found)}")
        return found[0]

    def is_constant(self, index: int) -> bool:
        """Whether a tensor's values are in the file."""
        return index >= 0 and self.model.buffers[self.graph.tensors[index].buffer].data is not None

    def shape(self, index: int) -> tuple[int, ...]:
        """Of a tensor."""
        shape = self.graph.tensors[index].shape
        return () if shape is None else tuple(int(size) for size in shape)

    def dtype(self, index: int) -> str:
        """Of a tensor, as the schema names it: ``FLOAT32``, ``INT8``, ``INT4`` and so on."""
        return self._names("TensorType")[self.graph.tensors[index].type]

    def constant(self, index: int) -> Array:
        """A copy of a constant's values in its shape; none of fewer bits than eight.

        Raises:
            ModelError: it is no such constant.
        """
        dtype = _DTYPES.get(self.dtype(index))
        if dtype is None or not self.is_constant(index):
            raise ModelError(f"tensor {self.name(index)!r} is no constant of whole bytes")
        values = np.frombuffer(bytes(self.model.buffers[self.graph.tensors[index].buffer].data), dtype)
        if values.size != math.prod(self.shape(index)):
            raise ModelError(
                f"tensor {self.name(index)!r}: expected {math.prod(self.shape(index))} values, found {values.size}"
            )
        return values.reshape(self.shape(index)).copy()

    def set_constant(self, index: int, values: Array) -> None:
        """Gives a constant other values of the same dtype; tensors that share its buffer keep theirs."""
        self.set_bytes(index, np.ascontiguousarray(values, _DTYPES[self.dtype(index)]).tobytes())

    def set_bytes(self, index: int, content: bytes) -> None:
        """Gives a constant other bytes; tensors that share its buffer keep theirs."""
        tensor = self.graph.tensors[index]
        data = np.frombuffer(content, np.uint8)
        users = sum(
            other.buffer == tensor.buffer for graph in self.model.subgraphs for other in graph.tensors
        )
        if users == 1:
            self.model.buffers[tensor.buffer].data = data
            return
        buffer = self.schema.BufferT()
        buffer.data = data
        self.model.buffers.append(buffer)
        tensor.buffer = len(self.model.buffers) - 1

    def add_constant(self, name: str, values: Array, dtype: str) -> int:
        """Appends a constant tensor; returns its index.

        Args:
            name: of the tensor.
            values: in its shape.
            dtype: as the schema names it.
        """
        buffer, tensor = self.schema.BufferT(), self.schema.TensorT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values, _DTYPES[dtype]).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        tensor.name, tensor.buffer = name.encode(), len(self.model.buffers) - 1
        tensor.shape = np.array(values.shape, np.int32)
        tensor.type = getattr(self.schema.TensorType, dtype)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator_code(self, kind: str, version: int) -> int:
        """Index of an operator's code of at least a version, appended where there is none."""
        number = getattr(self.schema.BuiltinOperator, kind)
        for index, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == number and code.version >= version:
                return index
        code = self.schema.OperatorCodeT()
        # The old field of one byte ends at 127 (schema.fbs: deprecated_builtin_code).
        code.deprecatedBuiltinCode, code.builtinCode, code.version = min(number, 127), number, version
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def weighted_layers(self) -> Iterator[WeightedLayer]:
        """Layers of the first subgraph with float32 weights in the file, in the order of execution.

        A layer whose weights another operator reads too is left out: nothing could be done to it alone.
        """
        readers: dict[int, int] = {}
        for operator in self.graph.operators:
            for index in operator.inputs:
                readers[int(index)] = readers.get(int(index), 0) + 1
        for place, operator in enumerate(self.graph.operators):
            kind = self.kind(operator)
            if kind not in CHANNEL_AXES:
                continue
            weights = int(operator.inputs[1])
            if self.is_constant(weights) and self.dtype(weights) == "FLOAT32" and readers[weights] == 1:
                yield self._weighted_layer(place, operator, kind)

    def _weighted_layer(self, place: int, operator: Any, kind: str) -> WeightedLayer:
        weights_index = int(operator.inputs[1])
        bias_index = int(operator.inputs[2]) if len(operator.inputs) > 2 else -1
        weights, options = self.constant(weights_index), operator.builtinOptions
        channels = weights.shape[CHANNEL_AXES[kind]]
        convolves = kind != DENSE
        return WeightedLayer(
            index=place,
            kind=kind,
            input=self.name(int(operator.inputs[0])),
            output=self.name(int(operator.outputs[0])),
            weights_name=self.name(weights_index),
            weights=weights,
            bias=self.constant(bias_index) if bias_index >= 0 else np.zeros(channels, np.float32),
            has_bias=bias_index >= 0,
            strides=(options.strideH, options.strideW) if convolves else (1, 1),
            dilations=(options.dilationHFactor, options.dilationWFactor) if convolves else (1, 1),
            same_padding=convolves and options.padding == self.schema.Padding.SAME,
            activation=self._names("ActivationFunctionType")[options.fusedActivationFunction],
        )

    def _names(self, enumeration: str) -> dict[int, str]:
        return {
            number: name
            for name, number in vars(getattr(self.schema, enumeration)).items()
            if type(number) is int
        }


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise MissingExtraError("quantizing beyond the converter's own schemes", "optimize") from error
    return schema_py_generated
