"""Integer weights, steps and biases of a quantized file: read, and written back into its objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.quantize.editable import CHANNEL_AXES, EditableModel
from edgeq.quantize.weights.bias import LARGEST

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

LIMITS = {"INT8": 127, "INT4": 7}
"""The largest integer of weights by dtype; the smallest is its negative (LiteRT's quantization specification)."""

_ACTIVATIONS = ("INT8", "INT16")

_BIAS_DTYPES = {"INT8": "INT32", "INT16": "INT64"}
"""Of a bias that a layer gets where it had none, by the dtype of its input."""


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """A layer of a quantized file that computes in integers.

    Attributes:
        index: of its operator in the first subgraph.
        kind: of the operator.
        output: name of the tensor that it writes.
        weights_name: of the tensor.
        integers: int8 in the shape of the file, also of four bits.
        dtype: of the weights: ``INT8`` or ``INT4``.
        scales: step of each output's weights, float32[O]; equal where the file has one for all.
        shared_scale: whether the file has one for all.
        input_scale: step of the layer's input.
        bias: in real values, float64[O]; None where the layer has none.
        bias_dtype: as the schema names it, of the bias that the layer has or would get.
    """

    index: int
    kind: str
    output: str
    weights_name: str
    integers: npt.NDArray[np.int8]
    dtype: str
    scales: npt.NDArray[np.float32]
    shared_scale: bool
    input_scale: float
    bias: Doubles | None
    bias_dtype: str

    @property
    def limit(self) -> int:
        """The largest integer of the weights."""
        return LIMITS[self.dtype]

    def real_weights(self) -> Doubles:
        """What the integers stand for, in their shape."""
        shape = [1] * self.integers.ndim
        shape[CHANNEL_AXES[self.kind]] = -1
        return self.integers.astype(np.float64) * self.scales.astype(np.float64).reshape(shape)


def stored_layers(model: EditableModel) -> Iterator[StoredLayer]:
    """Layers with weights of their own that compute in integers, in the order of execution.

    Those that compute in float, whose weights another operator reads too, or whose weights have a zero point (files of
    unsigned integers) are left out.
    """
    readers = _readers(model)
    for place in range(len(model.graph.operators)):
        layer = _stored_layer(model, place, readers)
        if layer is not None:
            yield layer


def read_layer(model: EditableModel, layer_output: str) -> StoredLayer:
    """The layer that writes a tensor.

    Args:
        model: a quantized file.
        layer_output: name of the tensor.

    Raises:
        ModelError: no layer that computes in integers writes it, or several do.
    """
    readers = _readers(model)
    places = [
        place
        for place, operator in enumerate(model.graph.operators)
        if len(operator.outputs) and model.name(int(operator.outputs[0])) == layer_output
    ]
    candidates = [_stored_layer(model, place, readers) for place in places]
    found = [layer for layer in candidates if layer is not None]
    if len(found) != 1:
        raise ModelError(
            f"expected one layer with integer weights that writes {layer_output!r}, found {len(found)}"
        )
    return found[0]


def store_weights(
    model: EditableModel,
    layer_output: str,
    integers: Array,
    scales: npt.NDArray[np.floating[Any]],
    bias: npt.NDArray[np.floating[Any]] | None,
) -> None:
    """Writes a layer's weights, their steps and its bias into a quantized file's objects.

    A bias takes the step that the kernels compute with, that of the input times that of the weights. A layer without
    a bias gets one where it is given one that is not 0.

    Args:
        model: changed in place.
        layer_output: name of the tensor that the layer writes.
        integers: in the shape of the file, within the limits of its dtype.
        scales: step of each output's weights, [O], above 0; all equal where the file has one for all.
        bias: in real values, [O]; None: as it is, in integers of the new step.

    Raises:
        ModelError: there is no such layer, or what is given does not fit into it.
    """
    layer = read_layer(model, layer_output)
    _check(layer, integers, scales)
    operator = model.graph.operators[layer.index]
    weights = int(operator.inputs[1])
    steps = np.asarray(scales, np.float32)
    small = np.ascontiguousarray(integers, np.int8)
    model.set_bytes(weights, packed(small) if layer.dtype == "INT4" else small.tobytes())
    quantization = model.graph.tensors[weights].quantization
    quantization.scale = steps[:1].copy() if layer.shared_scale else steps.copy()
    real = layer.bias if bias is None else np.asarray(bias, np.float64)
    if real is not None and (layer.bias is not None or np.any(real)):
        _store_bias(model, operator, layer, real, steps)


def packed(integers: npt.NDArray[np.int8]) -> bytes:
    """Integers of four bits, two a byte, the first in the lower half; an odd last one beside 0."""
    flat = integers.reshape(-1).astype(np.int8)
    if flat.size % 2:
        flat = np.append(flat, np.int8(0))
    halves = flat.view(np.uint8) & 0x0F
    return (halves[0::2] | (halves[1::2] << 4)).astype(np.uint8).tobytes()


def unpacked(content: bytes, count: int) -> npt.NDArray[np.int8]:
    """Integers of four bits from their bytes.

    Args:
        content: as `packed` makes it.
        count: of the integers.

    Raises:
        ModelError: there are not as many bytes as they need.
    """
    if len(content) != (count + 1) // 2:
        raise ModelError(
            f"expected {(count + 1) // 2} bytes of {count} weights of 4 bits, found {len(content)}"
        )
    halves = np.frombuffer(content, np.uint8)
    both = np.stack([halves & 0x0F, halves >> 4], axis=1).reshape(-1)[:count].astype(np.int8)
    return np.where(both > 7, both - 16, both).astype(np.int8)


def _readers(model: EditableModel) -> Counter[int]:
    """How many inputs of operators each tensor is."""
    return Counter(int(index) for operator in model.graph.operators for index in operator.inputs)


def _stored_layer(model: EditableModel, place: int, readers: Counter[int]) -> StoredLayer | None:
    operator = model.graph.operators[place]
    if model.kind(operator) not in CHANNEL_AXES:
        return None
    read, weights = int(operator.inputs[0]), int(operator.inputs[1])
    if readers[weights] != 1 or model.dtype(weights) not in LIMITS or not model.is_constant(weights):
        return None
    if model.dtype(read) not in _ACTIVATIONS:
        return None
    input_scale = scale_of(model, read)
    scales = _weight_scales(model, weights)
    if input_scale is None or scales is None:
        return None
    integers = _integers(model, weights)
    channels = integers.shape[CHANNEL_AXES[model.kind(operator)]]
    if scales.size not in (1, channels):
        raise ModelError(
            f"tensor {model.name(weights)!r}: expected 1 or {channels} scales, found {scales.size}"
        )
    each = np.broadcast_to(scales, (channels,)).copy()
    bias, bias_dtype = _bias(model, operator, each.astype(np.float64) * input_scale)
    return StoredLayer(
        index=place,
        kind=model.kind(operator),
        output=model.name(int(operator.outputs[0])),
        weights_name=model.name(weights),
        integers=integers,
        dtype=model.dtype(weights),
        scales=each,
        shared_scale=scales.size == 1 and channels > 1,
        input_scale=input_scale,
        bias=bias,
        bias_dtype=bias_dtype,
    )


def scale_of(model: EditableModel, index: int) -> float | None:
    """The one step of an activation; None where it has none."""
    quantization = model.graph.tensors[index].quantization
    scales = None if quantization is None else quantization.scale
    return float(scales[0]) if scales is not None and len(scales) == 1 and scales[0] > 0 else None


def _weight_scales(model: EditableModel, index: int) -> npt.NDArray[np.float32] | None:
    """Steps of symmetric weights; None where they are not."""
    quantization = model.graph.tensors[index].quantization
    if quantization is None or quantization.scale is None or len(quantization.scale) == 0:
        return None
    if quantization.zeroPoint is not None and np.any(np.asarray(quantization.zeroPoint)):
        return None
    return np.asarray(quantization.scale, np.float32)


def _integers(model: EditableModel, index: int) -> npt.NDArray[np.int8]:
    if model.dtype(index) == "INT8":
        return np.asarray(model.constant(index), np.int8)
    shape = model.shape(index)
    content = bytes(model.model.buffers[model.graph.tensors[index].buffer].data)
    return unpacked(content, int(np.prod(shape, dtype=np.int64))).reshape(shape)


def _bias(model: EditableModel, operator: Any, steps: Doubles) -> tuple[Doubles | None, str]:
    index = int(operator.inputs[2]) if len(operator.inputs) > 2 else -1
    if index < 0:
        return None, _BIAS_DTYPES[model.dtype(int(operator.inputs[0]))]
    dtype = model.dtype(index)
    if dtype not in LARGEST:
        raise ModelError(f"tensor {model.name(index)!r}: expected a bias of 32 or 64 bits, found {dtype}")
    values = model.constant(index).reshape(-1).astype(np.float64)
    return (values if dtype == "FLOAT32" else values * steps), dtype


def _check(layer: StoredLayer, integers: Array, scales: npt.NDArray[np.floating[Any]]) -> None:
    what = f"layer {layer.output!r}"
    if integers.shape != layer.integers.shape:
        raise ModelError(
            f"{what}: expected weights of shape {list(layer.integers.shape)}, found {list(integers.shape)}"
        )
    if integers.size and np.abs(np.asarray(integers, np.int64)).max() > layer.limit:
        raise ModelError(f"{what}: expected integers within ±{layer.limit}, found larger ones")
    steps = np.asarray(scales, np.float32)
    if steps.shape != layer.scales.shape or not np.all(np.isfinite(steps) & (steps > 0)):
        raise ModelError(f"{what}: expected {layer.scales.size} scales above 0, found others")
    if layer.shared_scale and np.any(steps != steps[0]):
        raise ModelError(f"{what}: its file has one scale for all channels, found several")


def _store_bias(
    model: EditableModel, operator: Any, layer: StoredLayer, real: Doubles, scales: npt.NDArray[np.float32]
) -> None:
    # As the kernels multiply: in float32.
    steps = np.float32(layer.input_scale) * scales
    integers = np.rint(real / steps.astype(np.float64))
    if real.shape != layer.scales.shape or not np.all(np.abs(integers) <= LARGEST[layer.bias_dtype] + 1):
        raise ModelError(
            f"layer {layer.output!r}: its bias does not fit into {layer.bias_dtype} beside its weights' scales"
        )
    has_bias = layer.bias is not None
    index = _own_bias(model, operator) if has_bias else _add_bias(model, operator, layer, len(integers))
    if layer.bias_dtype == "FLOAT32":
        model.set_constant(index, real.reshape(model.shape(index)))
        return
    model.set_constant(index, integers.reshape(model.shape(index)))
    quantization = model.graph.tensors[index].quantization or model.schema.QuantizationParametersT()
    quantization.scale = steps[:1].copy() if layer.shared_scale else steps
    quantization.zeroPoint = np.zeros(len(quantization.scale), np.int64)
    quantization.quantizedDimension = 0
    model.graph.tensors[index].quantization = quantization


def _own_bias(model: EditableModel, operator: Any) -> int:
    """The layer's bias; a copy of it where another operator reads the same tensor."""
    index = int(operator.inputs[2])
    if sum(int(other) == index for one in model.graph.operators for other in one.inputs) == 1:
        return index
    name = f"{model.name(index)}/{model.name(int(operator.outputs[0]))}"
    copied = model.add_constant(name, model.constant(index), model.dtype(index))
    operator.inputs = np.array([*operator.inputs[:2], copied, *operator.inputs[3:]], np.int32)
    return copied


def _add_bias(model: EditableModel, operator: Any, layer: StoredLayer, channels: int) -> int:
    index = model.add_constant(f"{layer.output}/bias", np.zeros(channels), layer.bias_dtype)
    operator.inputs = np.array([*operator.inputs[:2], index, *operator.inputs[3:]], np.int32)
    return index
