"""What the first layer of a float32 file expects of its input: how far data move it against its own bias.

A trained layer computes W x + b, and training (or a batch normalization that was folded into it) gave b the scale
that W x had on the training data. Data that are 255 times too small leave the layer at its bias; data that are 255
times too large leave the bias without effect. Of 31 networks with data in the right range the spread of W x is 0.4 to
38 times the bias, of the 3 that were trained on pixels 0..255 without any normalization 250 to 800 times; data 128 to
255 times too small give 0.004 to 0.07.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.feeding import ModelInput
from edgeq.doctor.case import Case
from edgeq.tflite.io import model_io
from edgeq.tflite.model import Operator, Subgraph, TfliteModel, read_buffer

Floats = npt.NDArray[np.float64]

_ARITHMETIC = ("MUL", "ADD", "SUB", "DIV")
_RESHAPING = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

_PATCHES = 1000
"""Places that a convolution is computed at: the spread of its values is known to 3 % then."""

_CONSTANT_BYTES = 64 << 20
"""Weights of a first layer that are looked at; larger ones are no first layer of an edge model."""

_NORMAL_DEVIATION = 0.5
"""Of an input that the file rescales to -1..1 or to unit variance: 0.46 to 1.1 in the same networks."""

_USUAL = 4.0
"""Spread of W x over the bias: the middle of what was measured."""

_LEAST_BIAS = 1e-4
"""Smaller biases were hardly trained: those of a network with random weights are 0."""

_LONGEST_WAY = 16
"""Operators between the input and the first layer."""


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """The way from an input to the first layer that computes with weights.

    Attributes:
        operators: before the layer, in order: arithmetic with constants, and what only moves values.
        layer: the layer; None where something else stands there.
    """

    path: Path
    model: TfliteModel
    operators: tuple[tuple[Operator, int], ...]
    layer: Operator | None

    @property
    def scales_input(self) -> bool:
        """Whether the file does arithmetic on its input before anything else: it rescales or normalizes it."""
        return any(operator.name in _ARITHMETIC for operator, _ in self.operators)

    def rescaled(self, values: npt.NDArray[Any]) -> Floats | None:
        """The input as the layer gets it: float64[n, *shape]; None where the file does what is not understood.

        Args:
            values: of the input, [n, *shape without batch axis].
        """
        result: Floats = values.astype(np.float64)
        graph = self.model.subgraphs[0]
        for operator, tensor in self.operators:
            moved = self._applied(graph, operator, tensor, result)
            if moved is None:
                return None
            result = moved
        return result

    def spread_over_bias(self, values: npt.NDArray[Any], seed: int = 0) -> float | None:
        """Spread of W x over the size of b, each the median of the layer's channels.

        Args:
            values: of the input, [n, *shape without batch axis].
            seed: of the places that a convolution is computed at.

        Returns:
            The ratio; None where the layer has no bias, is none, or the way to it is not understood.
        """
        if self.layer is None:
            return None
        computed = self._computed(values, seed)
        if computed is None:
            return None
        products, bias = computed
        return float(np.median(products.std(axis=0)) / np.median(np.abs(bias)))

    def moved(self, values: npt.NDArray[Any]) -> float | None:
        """How far values move the layer: `spread_over_bias`, or what the file's own rescaling makes of them.

        Args:
            values: of the input, [n, *shape without batch axis].

        Returns:
            About 1 to 10 for values as in training; None where it cannot be told.
        """
        found = self.spread_over_bias(values)
        if found is not None or not self.scales_input:
            return found
        rescaled = self.rescaled(values)
        if rescaled is None or not rescaled.size or not np.isfinite(rescaled).all():
            return None
        deviation = rescaled.reshape(-1, rescaled.shape[-1]).std(axis=0)
        return float(np.median(deviation)) / _NORMAL_DEVIATION

    def strangeness(self, values: npt.NDArray[Any]) -> float | None:
        """How unlike those of training values are: decimal logarithm of how far the layer's results are from the usual.

        Args:
            values: of the input, [n, *shape without batch axis].

        Returns:
            The larger of two: how far the spread of W x over b is from `_USUAL`, and the mean of W x + b over its
            spread where that is above 1. Networks whose data fit reach 1.0. None where it cannot be told.
        """
        computed = self._computed(values, seed=0)
        if computed is None:
            return None
        products, bias = computed
        spread = float(np.median(products.std(axis=0)))
        if spread == 0:
            return math.inf
        off_centre = float(np.median(np.abs(products.mean(axis=0) + bias))) / spread
        off_scale = abs(math.log10(spread / float(np.median(np.abs(bias))) / _USUAL))
        return max(off_scale, math.log10(max(1.0, off_centre)))

    def _computed(self, values: npt.NDArray[Any], seed: int) -> tuple[Floats, Floats] | None:
        """W x at some places, float64[places, channels], and b, float64[channels]."""
        if self.layer is None or len(self.layer.inputs) < 3:
            return None
        with np.errstate(all="ignore"):
            rescaled = self.rescaled(values)
            weights, bias = self._constant(self.layer.inputs[1]), self._constant(self.layer.inputs[2])
            if rescaled is None or weights is None or bias is None:
                return None
            products = _products(self.layer.name, rescaled, weights, seed)
        if products is None or not products.size or not np.isfinite(products).all():
            return None
        return (products, bias) if float(np.median(np.abs(bias))) >= _LEAST_BIAS else None

    def _applied(self, graph: Subgraph, operator: Operator, tensor: int, values: Floats) -> Floats | None:
        if operator.name in _RESHAPING:
            shape = graph.tensors[operator.outputs[0]].shape[1:]
            fits = int(np.prod(shape, dtype=np.int64)) == int(np.prod(values.shape[1:], dtype=np.int64))
            return values.reshape(len(values), *shape) if fits else None
        if operator.name not in _ARITHMETIC:
            # Padding adds zeros at the edges, which say nothing of the data.
            return values
        first = operator.inputs[0] == tensor
        constant = self._constant(operator.inputs[1 if first else 0])
        if constant is None or not _broadcasts(constant, values):
            return None
        with np.errstate(all="ignore"):
            return _arithmetic(operator.name, values, constant, first)

    def _constant(self, index: int) -> Floats | None:
        """A float32 constant of the file; None where it is none, is too large, or its content is not its shape's."""
        if index < 0:
            return None
        tensor = self.model.subgraphs[0].tensors[index]
        count = int(np.prod(tensor.shape, dtype=np.int64))
        if tensor.dtype != "float32" or not tensor.is_constant or tensor.buffer_bytes > _CONSTANT_BYTES:
            return None
        if tensor.buffer_bytes != 4 * count:
            return None
        numbers = np.frombuffer(read_buffer(self.path, self.model, tensor.buffer), "<f4").astype(np.float64)
        return numbers.reshape(tensor.shape) if np.isfinite(numbers).all() else None


def first_layer_of(case: Case, spec: ModelInput) -> FirstLayer | None:
    """The first layer that an input meets in the float32 file; None where the file has no input of that name."""
    assert case.float32_file is not None and case.float32_model is not None  # noqa: S101, PT018 - needed
    inputs, _ = model_io(case.float32_model)
    index = next((info.index for info in inputs if info.name == spec.name), None)
    if index is None:
        # A file without signature has a name of its own for its one input.
        index = inputs[0].index if len(inputs) == len(case.inputs) == 1 else None
    return None if index is None else _followed(case.float32_file, case.float32_model, index)


def _followed(path: Path, model: TfliteModel, tensor: int) -> FirstLayer:
    """Follows an input of the file to the first layer with weights.

    Args:
        path: of the file.
        model: its structure.
        tensor: index of the input in the first subgraph.
    """
    graph = model.subgraphs[0]
    way: list[tuple[Operator, int]] = []
    for operator, at in _way(graph, tensor):
        if operator.name in _LAYERS:
            layer = operator if operator.inputs[0] == at else None
            return FirstLayer(path, model, tuple(way), layer)
        way.append((operator, at))
    return FirstLayer(path, model, tuple(way), None)


def _way(graph: Subgraph, tensor: int) -> Iterator[tuple[Operator, int]]:
    """The operators from a tensor on, each with the tensor that it takes, as far as there is one way only."""
    for _ in range(_LONGEST_WAY):
        takers = [one for one in graph.operators if tensor in one.inputs and one.name != "SHAPE"]
        if len(takers) != 1:
            return
        (operator,) = takers
        yield operator, tensor
        follows = operator.name in (*_ARITHMETIC, *_RESHAPING, "PAD")
        if not follows or len(operator.inputs) < 2 or len(operator.outputs) != 1:
            return
        tensor = operator.outputs[0]


def _broadcasts(constant: Floats, values: Floats) -> bool:
    try:
        return np.broadcast_shapes(constant.shape, (1, *values.shape[1:])) == (1, *values.shape[1:])
    except ValueError:
        return False


def _arithmetic(operator: str, values: Floats, constant: Floats, first: bool) -> Floats:
    if operator == "MUL":
        return values * constant
    if operator == "ADD":
        return values + constant
    if operator == "SUB":
        return values - constant if first else constant - values
    return values / constant if first else constant / values


def _products(layer: str, values: Floats, weights: Floats, seed: int) -> Floats | None:
    """W x at places drawn at random: float64[places, channels]; None where the shapes do not go together."""
    if layer == "FULLY_CONNECTED":
        if weights.ndim != 2 or values.size % weights.shape[1] or not weights.size:
            return None
        return values.reshape(-1, weights.shape[1])[: 16 * _PATCHES] @ weights.T
    if weights.ndim != 4 or values.ndim != 4:
        return None
    patches = _patches(values, weights.shape[1], weights.shape[2], seed)
    if patches is None:
        return None
    if layer == "CONV_2D":
        if patches.shape[-1] != weights.shape[3]:
            return None
        return patches.reshape(len(patches), -1) @ weights.reshape(len(weights), -1).T
    channels = patches.shape[-1]
    if not channels or weights.shape[3] % channels:
        return None
    # Output channel c * multiplier + m of a depthwise convolution sees input channel c alone.
    result: Floats = np.einsum(
        "nhwc,hwc->nc", np.repeat(patches, weights.shape[3] // channels, axis=-1), weights[0]
    )
    return result


def _patches(values: Floats, height: int, width: int, seed: int) -> Floats | None:
    rows, columns = values.shape[1] - height + 1, values.shape[2] - width + 1
    if rows < 1 or columns < 1 or not height or not width:
        return None
    random = np.random.default_rng(seed)
    places = zip(
        random.integers(len(values), size=_PATCHES),
        random.integers(rows, size=_PATCHES),
        random.integers(columns, size=_PATCHES),
        strict=True,
    )
    return np.stack(
        [values[item, row : row + height, column : column + width] for item, row, column in places]
    )
