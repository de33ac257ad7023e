"""What the weights of a file are: histogram, spread, zeros, and how unlike the ranges of their channels are.

Weights stay in the file and pass through memory in blocks, so that a tensor of any size takes some megabytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.inspection.value_histogram import ValueHistogram
from edgeq.inspection.value_statistics import ValueStatistics
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.model import Operator, Tensor, TfliteModel
from edgeq.tflite.schema import BITS
from edgeq.tflite.weights import (
    NUMBER_TYPES,
    WEIGHTS,
    elements,
    producers_of,
    role_of,
    stored_constant,
    stored_numbers,
)

_BLOCK = 1 << 18
"""Values that are read at once: 2 MB as float64."""

CHANNEL_AXES: Final = {
    "CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0, "CONV_3D": 4,
    "CONV_3D_TRANSPOSE": 3,
}  # fmt: skip
"""The axis of the weights along which the layer's outputs lie, by operator."""


@dataclass(frozen=True, eq=False)
class WeightHistogram(ValueStatistics):
    """The weights of a layer.

    Attributes:
        subgraph: index of the tensor's subgraph.
        zeros: share of the values that are 0.
        channels: outputs that have weights of their own; 0 where the operator has no such axis.
        ranges_ratio: the largest absolute value of the channel with the widest range over that of the one with the
            narrowest; channels of zeros alone are left out. 1 with fewer than two channels.
    """

    subgraph: int
    zeros: float
    channels: int
    ranges_ratio: float


@dataclass(frozen=True, eq=False)
class WeightHistograms:
    """The weights of a file.

    Attributes:
        histograms: of each weight tensor, in the order of the layers; one that several layers share once.
        unreadable: a sentence for each weight tensor whose values cannot be read.
    """

    histograms: tuple[WeightHistogram, ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True)
class _Block:
    """Values of neighbouring channels.

    Attributes:
        start: of the first value in the tensor.
        shape: (repetitions, channels, values).
        channel: of the first.
    """

    start: int
    shape: tuple[int, int, int]
    channel: int


def weight_histograms(path: Path, model: TfliteModel) -> WeightHistograms:
    """Counts the values of all weights of a file.

    Args:
        path: what the model was read from.
        model: the model.

    Raises:
        ModelError: the file is missing, or is no longer the one that the model was read from.
    """
    histograms, unreadable = [], []
    with open_flatbuffer(path) as file:
        if file.size != model.file_bytes:
            raise ModelError(f"{path} has changed since it was read: run the command again")
        for subgraph, tensor, axis in _weights(model):
            problem = _problem(tensor, axis)
            if problem:
                unreadable.append(f"the weights {tensor.name!r} cannot be read: {problem}")
                continue
            buffer = model.buffers[tensor.buffer]
            with file.content[buffer.start : buffer.start + buffer.size] as content:
                histograms.append(_histogram(content, subgraph, tensor, axis))
    return WeightHistograms(tuple(histograms), tuple(unreadable))


def _weights(model: TfliteModel) -> Iterator[tuple[int, Tensor, int | None]]:
    """Subgraph, tensor and axis of the channels of each weight."""
    seen = set()
    for number, graph in enumerate(model.subgraphs):
        producers = producers_of(graph)
        for operator in graph.operators:
            for place, index in enumerate(operator.inputs):
                if index < 0:
                    continue
                tensor = stored_constant(graph.tensors[index], graph, producers)
                if tensor is None or role_of(operator, place, tensor.dtype) != WEIGHTS:
                    continue
                if tensor.buffer not in seen:
                    seen.add(tensor.buffer)
                    yield number, tensor, _axis(operator, graph.tensors[index], tensor)


def _axis(operator: Operator, used: Tensor, stored: Tensor) -> int | None:
    quantization = stored.quantization
    if quantization is not None and len(quantization.scales) > 1:
        return quantization.dimension
    axis = CHANNEL_AXES.get(operator.name)
    # Weights that are transposed or reshaped before they are used have their channels elsewhere.
    return axis if axis is not None and axis < len(stored.shape) and used.shape == stored.shape else None


def _problem(tensor: Tensor, axis: int | None) -> str | None:
    """Why the values of a tensor cannot be read; None where they can."""
    if tensor.is_sparse:
        return "they are stored sparsely"
    if tensor.dtype not in NUMBER_TYPES:
        return f"their type {tensor.dtype} holds no numbers that edgeq reads"
    needed = -(-elements(tensor.shape) * BITS[tensor.dtype] // 8)
    if min(tensor.shape, default=0) < 0 or tensor.buffer_bytes < needed:
        return f"expected {needed} bytes for the shape {list(tensor.shape)}, found {tensor.buffer_bytes}"
    scales = 1 if tensor.quantization is None else len(tensor.quantization.scales)
    if scales > 1 and not (
        axis is not None and 0 <= axis < len(tensor.shape) and tensor.shape[axis] == scales
    ):
        return f"expected {scales} channels on axis {axis}, found the shape {list(tensor.shape)}"
    return None


def _histogram(content: memoryview, subgraph: int, tensor: Tensor, axis: int | None) -> WeightHistogram:
    counted = ValueHistogram(np.float64)
    # A tensor without values may claim any number of channels.
    channels = 0 if not elements(tensor.shape) else 1 if axis is None else tensor.shape[axis]
    largest = np.zeros(channels)
    zeros = 0
    for block in _blocks(tensor.shape, axis):
        values = _real(content, tensor, block)
        zeros += values.size - int(np.count_nonzero(values))
        here = slice(block.channel, block.channel + block.shape[1])
        magnitudes = np.where(np.isfinite(values), np.abs(values), 0)
        largest[here] = np.maximum(largest[here], magnitudes.max(axis=(0, 2)))
        counted.add(values)
    used = largest[largest > 0]
    total = counted.count + counted.not_finite
    return WeightHistogram(
        tensor=tensor.name,
        subgraph=subgraph,
        index=tensor.index,
        dtype=tensor.dtype,
        count=counted.count,
        not_finite=counted.not_finite,
        minimum=counted.minimum,
        maximum=counted.maximum,
        mean=counted.mean,
        deviation=counted.deviation,
        zeros=zeros / total if total else 0.0,
        counts=counted.counts,
        edges=counted.edges if len(counted.counts) else np.zeros(0),
        channels=0 if axis is None else channels,
        ranges_ratio=float(used.max() / used.min()) if len(used) else 1.0,
    )


def _blocks(shape: tuple[int, ...], axis: int | None) -> Iterator[_Block]:
    """Divides a tensor, whose channels lie on an axis or are one, into blocks of at most 262,144 values each.

    All but the last of a tensor begin at an even place, where integers of 2 and 4 bits begin a byte.
    """
    channels = 1 if axis is None else shape[axis]
    inner = math.prod(shape) if axis is None else math.prod(shape[axis + 1 :])
    repetitions = 1 if axis is None else math.prod(shape[:axis])
    if not channels * inner * repetitions:
        return
    period = channels * inner
    if period <= _BLOCK:
        step = _BLOCK // period
        for first in range(0, repetitions, step):
            yield _Block(first * period, (min(step, repetitions - first), channels, inner), 0)
        return
    for repetition in range(repetitions):
        yield from _blocks_of_period(repetition * period, channels, inner)


def _blocks_of_period(start: int, channels: int, inner: int) -> Iterator[_Block]:
    """Likewise for a repetition that does not fit into a block."""
    if inner <= _BLOCK:
        step = _BLOCK // inner
        for first in range(0, channels, step):
            yield _Block(start + first * inner, (1, min(step, channels - first), inner), first)
        return
    for channel in range(channels):
        for first in range(0, inner, _BLOCK):
            yield _Block(start + channel * inner + first, (1, 1, min(_BLOCK, inner - first)), channel)


def _real(content: memoryview, tensor: Tensor, block: _Block) -> npt.NDArray[np.float64]:
    """float64[repetitions, channels, values] of a block, dequantized where the tensor has scales."""
    bits = BITS[tensor.dtype]
    count = math.prod(block.shape)
    # Several integers share a byte: the first of them may belong to the block before.
    first = block.start * bits // 8
    before = block.start - first * 8 // bits
    last = -(-(block.start + count) * bits // 8)
    stored = stored_numbers(bytes(content[first:last]), tensor.dtype, before + count)[before:]
    real = stored.astype(np.float64).reshape(block.shape)
    quantization = tensor.quantization
    if quantization is None or stored.dtype.kind == "f":
        return real
    here = (
        slice(None) if len(quantization.scales) == 1 else slice(block.channel, block.channel + block.shape[1])
    )
    real -= np.asarray(quantization.zero_points[here], np.float64)[:, None]
    # Scales of a damaged file may be NaN or infinite, and are counted as such.
    with np.errstate(over="ignore", invalid="ignore"):
        real *= np.asarray(quantization.scales[here], np.float64)[:, None]
    return real
