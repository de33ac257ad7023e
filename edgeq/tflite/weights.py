"""Which constants of a file are weights and biases, and the real numbers that they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.tflite.model import Operator, Quantization, Subgraph, Tensor, TfliteModel, read_buffer
from edgeq.tflite.schema import BITS

Array = npt.NDArray[Any]

WEIGHTS, BIAS, CONSTANT = "weights", "bias", "constant"
"""What a constant is to the operator that reads it."""

_LSTM_WEIGHTS = (*range(1, 9), 9, 10, 11, 16, 20, 21, 22, 23)
WEIGHT_INPUTS: Final[Mapping[str, tuple[int, ...]]] = {
    "CONV_2D": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "TRANSPOSE_CONV": (1,),
    "CONV_3D": (1,),
    "CONV_3D_TRANSPOSE": (1,),
    "FULLY_CONNECTED": (1,),
    "BATCH_MATMUL": (0, 1),
    "EMBEDDING_LOOKUP": (1,),
    "EMBEDDING_LOOKUP_SPARSE": (3,),
    "GATHER": (0,),
    "SVDF": (1, 2),
    "RNN": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": (1, 2, 5, 6, 10, 11),
    "LSTM": _LSTM_WEIGHTS,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _LSTM_WEIGHTS,
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 12), 16, *range(18, 29), 33, *range(40, 48)),
    "STABLEHLO_CONVOLUTION": (1,),
    "STABLEHLO_DOT_GENERAL": (0, 1),
}
"""Places of the weights among an operator's inputs, as the kernels in tensorflow/lite/kernels number them."""

BIAS_INPUTS: Final[Mapping[str, tuple[int, ...]]] = {
    "CONV_2D": (2,),
    "DEPTHWISE_CONV_2D": (2,),
    "TRANSPOSE_CONV": (3,),
    "CONV_3D": (2,),
    "CONV_3D_TRANSPOSE": (3,),
    "FULLY_CONNECTED": (2,),
    "SVDF": (3,),
    "RNN": (3,),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (3,),
    "BIDIRECTIONAL_SEQUENCE_RNN": (3, 7),
    "LSTM": (12, 13, 14, 15, 17),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (12, 13, 14, 15, 17),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*range(12, 16), 17, *range(29, 33), 34),
}
"""Places of the biases likewise."""

ACTIVATION_TYPES: Final = frozenset(
    {"float64", "float32", "float16", "bfloat16", "int16", "int8", "uint8", "int4"}
)
"""Types that operators compute in."""

WEIGHT_TYPES: Final = ACTIVATION_TYPES | {"float8_e4m3fn", "float8_e5m2", "uint4", "int2"}
"""Types that weights are stored in: a table of int32 indices is no weight."""

# What stands between a stored weight and the operator that uses it: a float16 or a sparse weight is
# expanded when it is needed.
_EXPANDING = frozenset({"DEQUANTIZE", "DENSIFY", "CAST", "RESHAPE", "TRANSPOSE", "EXPAND_DIMS", "SQUEEZE"})
_MOST_EXPANSIONS = 8

MOST_ELEMENTS: Final = 1 << 62
"""What an absurd shape counts as: a number that sums and ratios can still be computed with."""

_MOST_DIMENSIONS = 64
"""Runtimes take 8 at most; the product of millions of them would take hours."""

_PACKED = {"int4": 4, "uint4": 4, "int2": 2}
_STORED = {
    "float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "<u2",
    "int64": "<i8", "int32": "<i4", "int16": "<i2", "int8": "i1",
    "uint64": "<u8", "uint32": "<u4", "uint16": "<u2", "uint8": "u1", "bool": "u1",
}  # fmt: skip

NUMBER_TYPES: Final = frozenset(_STORED) | frozenset(_PACKED)
"""Types whose values edgeq reads."""


def producers_of(graph: Subgraph) -> dict[int, Operator]:
    """The operator that computes each tensor of a subgraph, by tensor index."""
    return {output: operator for operator in graph.operators for output in operator.outputs if output >= 0}


def weight_places(operator: Operator) -> Sequence[int]:
    """Places of an operator's inputs that may be weights: of custom and of unknown operators, all."""
    if operator.custom_code is None and not operator.name.startswith("OP_"):
        return WEIGHT_INPUTS.get(operator.name, ())
    return range(len(operator.inputs))


def stored_constant(tensor: Tensor, graph: Subgraph, producers: Mapping[int, Operator]) -> Tensor | None:
    """The constant that a weight is expanded from, itself where it is one; None for an activation.

    Args:
        tensor: an input of an operator.
        graph: the subgraph of both.
        producers: of that subgraph, see `producers_of`.
    """
    for _ in range(_MOST_EXPANSIONS):
        if tensor.is_constant:
            return tensor
        producer = producers.get(tensor.index)
        if producer is None or producer.name not in _EXPANDING or not producer.inputs:
            return None
        if producer.inputs[0] < 0:
            return None
        tensor = graph.tensors[producer.inputs[0]]
    return None


def role_of(operator: Operator, place: int, dtype: str) -> str:
    """What a constant is to an operator: `WEIGHTS`, `BIAS` or `CONSTANT`.

    Args:
        operator: that reads it.
        place: among the operator's inputs.
        dtype: as stored.
    """
    if place in weight_places(operator) and dtype in WEIGHT_TYPES:
        return WEIGHTS
    return BIAS if place in BIAS_INPUTS.get(operator.name, ()) else CONSTANT


def elements(shape: Sequence[int]) -> int:
    """How many values a tensor of that shape has, at most `MOST_ELEMENTS`; 0 where a dimension is negative."""
    if any(size <= 0 for size in shape):
        return 0
    return min(math.prod(shape[:_MOST_DIMENSIONS]), MOST_ELEMENTS)


def read_values(path: Path | bytes, model: TfliteModel, tensor: Tensor) -> npt.NDArray[np.float32]:
    """The real numbers of a constant.

    Args:
        path: what the model was read from.
        model: the model.
        tensor: a constant of it, quantized or not, of any type with numbers but complex and float8.

    Returns:
        float32 of the tensor's shape: dequantized where it has a scale, else the numbers as stored.

    Raises:
        ModelError: it is no constant, is sparse, has another size than its shape says, scales that do not fit
            it, or a type that is not supported.
    """
    if tensor.is_sparse:
        raise _unreadable(tensor, "it is stored sparsely")
    if tensor.dtype not in _STORED and tensor.dtype not in _PACKED:
        raise _unreadable(tensor, f"its type {tensor.dtype} holds no numbers that edgeq reads")
    count = elements(tensor.shape)
    needed = -(-count * BITS[tensor.dtype] // 8)
    if any(size < 0 for size in tensor.shape) or tensor.buffer_bytes < needed or not tensor.is_constant:
        raise _unreadable(
            tensor, f"expected {needed} bytes for the shape {list(tensor.shape)}, found {tensor.buffer_bytes}"
        )
    content = read_buffer(path, model, tensor.buffer)[:needed]
    stored = stored_numbers(content, tensor.dtype, count).reshape(tensor.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        if tensor.quantization is None:
            if tensor.dtype in _PACKED:
                raise _unreadable(tensor, f"its {tensor.dtype} integers have no scale where one is expected")
            return stored.astype(np.float32)
        if stored.dtype.kind == "f":
            return stored.astype(np.float32)
        return _dequantized(stored, tensor.quantization, tensor)


def stored_numbers(content: bytes, dtype: str, count: int) -> Array:
    """The first values of a buffer or of a part of one, flat, as NumPy can hold them.

    Args:
        content: of the buffer; values of less than a byte begin in its lowest bits.
        dtype: among `NUMBER_TYPES`.
        count: how many.
    """
    if dtype in _PACKED:
        return _unpacked(np.frombuffer(content, np.uint8), _PACKED[dtype], dtype.startswith("u"))[:count]
    values = np.frombuffer(content, _STORED[dtype], count)
    if dtype == "bfloat16":
        # The upper half of a float32.
        return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values


def _unpacked(packed: npt.NDArray[np.uint8], bits: int, unsigned: bool) -> npt.NDArray[np.int8]:
    """Integers of 2 or 4 bits, the first in the lowest bits of a byte."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    values = (packed[:, None] >> shifts).reshape(-1) & np.uint8((1 << bits) - 1)
    signed = values.astype(np.int8)
    if not unsigned:
        signed[signed >= 1 << (bits - 1)] -= np.int8(1 << bits)
    return signed


def _dequantized(stored: Array, quantization: Quantization, tensor: Tensor) -> npt.NDArray[np.float32]:
    # float32 holds every integer of 16 bits less a zero point of 16 bits, but not one of 32.
    exact = np.float32 if stored.dtype.itemsize <= 2 else np.float64
    scales = np.asarray(quantization.scales, exact)
    zero_points = np.asarray(quantization.zero_points, exact)
    if len(scales) > 1:
        axis = quantization.dimension
        if not 0 <= axis < stored.ndim or stored.shape[axis] != len(scales):
            raise _unreadable(
                tensor,
                f"expected {len(scales)} channels on axis {axis}, found the shape {list(tensor.shape)}",
            )
        broadcast = [1] * stored.ndim
        broadcast[axis] = len(scales)
        scales, zero_points = scales.reshape(broadcast), zero_points.reshape(broadcast)
    else:
        # A constant of shape [] stays one: in-place arithmetic with shape [1] would not fit it.
        scales, zero_points = scales[0], zero_points[0]
    real = np.array(stored, exact)
    np.subtract(real, zero_points, out=real)
    np.multiply(real, scales, out=real)
    return real.astype(np.float32, copy=False)


def _unreadable(tensor: Tensor, why: str) -> ModelError:
    return ModelError(f"the values of tensor {tensor.name!r} cannot be read: {why}; convert the model again")
