"""Items into a model's input tensors, by the cheapest way there is for their dtypes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeq.runtime.interpreter import Array, TensorInfo
from edgeq.runtime.quantization import apply_table, quantize_into

Writer = Callable[[int], None]
"""Puts the items of the inference of that number into the tensor."""


def scaled_writer(
    items: Array, scale: Array, offset: Array, info: TensorInfo, memory: Callable[[], Array]
) -> Writer:
    """A function that scales pixels into a float tensor: 0.04 ms for 224 × 224 × 3 of them, 0.12 by a table.

    Args:
        items: uint8[n, *item shape].
        scale: float32[1] or float32[channels].
        offset: likewise.
        info: of the tensor.
        memory: returns the tensor's memory.
    """
    group = _grouping(items, info)

    def write(position: int) -> None:
        target = memory()
        np.multiply(group(position), scale, out=target, dtype=np.float32)
        target += offset

    return write


def tensor_writer(items: Array, table: Array | None, info: TensorInfo, memory: Callable[[], Array]) -> Writer:
    """A function that puts items into a tensor's memory.

    Args:
        items: [n, *item shape], pixels or what the tensor's real values are.
        table: what each of the 256 values of uint8 items becomes, of the tensor's integer dtype: [256], or
            [channels, 256]; None where the items are no pixels.
        info: of the tensor.
        memory: returns the tensor's memory.
    """
    group = _grouping(items, info)
    quantization = info.quantization
    if table is not None and table.ndim == 2:
        by_channel = table

        def look_up_channels(position: int) -> None:
            pixels, target = group(position), memory()
            for channel, entries in enumerate(by_channel):
                target[..., channel] = np.take(entries, pixels[..., channel], mode="clip")

        return look_up_channels
    if table is not None:
        return lambda position: _drop(apply_table(table, group(position), out=memory()))
    if quantization is not None and items.dtype.kind == "f":
        return lambda position: _drop(quantize_into(group(position), quantization, memory()))

    def copy(position: int) -> None:
        memory()[...] = group(position)

    return copy


def batch_size(info: TensorInfo, item_shape: tuple[int, ...]) -> int:
    """Items that one inference takes: the size of the batch axis, or 1 where there is none."""
    return info.shape[0] if info.shape and len(info.shape) == len(item_shape) + 1 else 1


def _grouping(items: Array, info: TensorInfo) -> Callable[[int], Array]:
    """A function that returns the items of one inference in the tensor's shape; the last item fills up a batch."""
    if items.ndim == len(info.shape) + 1:
        return lambda position: items[position]
    batch = info.shape[0] if info.shape else 1
    if batch == 1:
        return lambda position: items[position : position + 1]
    last = len(items) - 1
    return lambda position: items[np.minimum(np.arange(position * batch, (position + 1) * batch), last)]


def _drop(_: object) -> None:
    """Lets go of a view of the runtime's memory."""
