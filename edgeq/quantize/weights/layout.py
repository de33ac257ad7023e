"""Weights of any layer as matrices, and a layer's inputs as the rows that they are multiplied with.

A convolution is a matrix product of rows cut out of its input with its weights. A grouped convolution is one product
a group, and a depthwise convolution a grouped one whose groups have one input channel each. All methods of this
package work on arrays with the groups in front:

* weights float64[groups, row length, outputs of a group],
* rows float64[groups, rows, row length],
* whatever there is one of for each output: [groups, outputs of a group].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.quantize.editable import DENSE, DEPTHWISE, WeightedLayer

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """How one layer's weights and inputs are arranged.

    Attributes:
        kind: of the layer.
        groups: that share no weights and no inputs.
        outputs: of a group.
        kernel: height and width; (1, 1) of a dense layer.
        inputs: channels that a group reads.
        strides: along height and width.
        dilations: likewise.
        same_padding: whether strides alone decide the size of the output.
    """

    kind: str
    groups: int
    outputs: int
    kernel: tuple[int, int]
    inputs: int
    strides: tuple[int, int]
    dilations: tuple[int, int]
    same_padding: bool

    @property
    def row_length(self) -> int:
        """Weights of one output."""
        return self.kernel[0] * self.kernel[1] * self.inputs

    def matrices(self, weights: Array) -> Doubles:
        """Weights as stored, of any dtype, to float64[groups, row length, outputs of a group]."""
        values = weights.astype(np.float64)
        if self.kind == DEPTHWISE:
            return values.reshape(self.row_length, self.groups, self.outputs).transpose(1, 0, 2).copy()
        return values.reshape(self.groups, self.outputs, self.row_length).transpose(0, 2, 1).copy()

    def stored(self, matrices: Array) -> Array:
        """The other way round, in the shape of the file."""
        height, width = self.kernel
        if self.kind == DEPTHWISE:
            return matrices.transpose(1, 0, 2).reshape(1, height, width, -1)
        rows = matrices.transpose(0, 2, 1)
        if self.kind == DENSE:
            return rows.reshape(-1, self.row_length)
        return rows.reshape(-1, height, width, self.inputs)

    def positions(self, input_shape: tuple[int, ...]) -> int:
        """Rows that one item has.

        Args:
            input_shape: of the layer, with the items in front.
        """
        if self.kind == DENSE:
            return int(np.prod(input_shape[1:])) // self.inputs
        return int(np.prod(self._output_size(input_shape)))

    def rows(self, values: Array, items: Positions, positions: Positions, padding: int = 0) -> Array:
        """Cuts rows out of a layer's input.

        Args:
            values: [n, height, width, channels], or [n, ...] of a dense layer; of any dtype.
            items: which item each row is of.
            positions: the row's number within its item.
            padding: what stands for the real value 0.

        Returns:
            [groups, rows, row length] of the same dtype.
        """
        if self.kind == DENSE:
            return values.reshape(len(values), -1, self.inputs)[items, positions][None]
        padded = self._padded(values, padding)
        width = self._output_size(values.shape)[1]
        down = self._taps(positions // width, 0)
        across = self._taps(positions % width, 1)
        taken = padded[items[:, None, None], down[:, :, None], across[:, None, :]]
        split = taken.reshape(len(items), -1, self.groups, self.inputs)
        return split.transpose(2, 0, 1, 3).reshape(self.groups, len(items), -1)

    def _taps(self, places: Positions, axis: int) -> Positions:
        """Where along an axis of the padded input each row's kernel looks: int64[rows, kernel]."""
        offsets = np.arange(self.kernel[axis]) * self.dilations[axis]
        return places[:, None] * self.strides[axis] + offsets[None, :]

    def _reach(self, axis: int) -> int:
        return (self.kernel[axis] - 1) * self.dilations[axis] + 1

    def _output_size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        if self.same_padding:
            return -(-shape[1] // self.strides[0]), -(-shape[2] // self.strides[1])
        return (
            (shape[1] - self._reach(0)) // self.strides[0] + 1,
            (shape[2] - self._reach(1)) // self.strides[1] + 1,
        )

    def _padded(self, values: Array, padding: int) -> Array:
        if not self.same_padding:
            return values
        around = []
        for axis, size in enumerate(self._output_size(values.shape)):
            # As TensorFlow Lite pads (padding.h, ComputePaddingWithOffset): the odd one goes behind.
            total = max(0, (size - 1) * self.strides[axis] + self._reach(axis) - values.shape[axis + 1])
            around.append((total // 2, total - total // 2))
        if not any(before or behind for before, behind in around):
            return values
        return np.pad(values, ((0, 0), *around, (0, 0)), constant_values=padding)


def layout_of(layer: WeightedLayer, input_shape: tuple[int, ...]) -> Layout:
    """The arrangement of a layer of a float32 file.

    Args:
        layer: of the file.
        input_shape: of its input, items in front.

    Raises:
        ModelError: weights and input do not fit each other.
    """
    shape, channels = layer.weights.shape, input_shape[-1] if input_shape else 0
    if layer.kind == DENSE:
        groups, kernel, inputs = 1, (1, 1), shape[1]
        fits = inputs > 0 and int(np.prod(input_shape[1:])) % inputs == 0
    elif layer.kind == DEPTHWISE:
        groups, kernel, inputs = channels, (shape[1], shape[2]), 1
        fits = len(input_shape) == 4 and channels > 0 and shape[3] % channels == 0
    else:
        groups, kernel, inputs = channels // max(1, shape[3]), (shape[1], shape[2]), shape[3]
        fits = len(input_shape) == 4 and groups > 0 and channels % inputs == 0 and shape[0] % groups == 0
    if not fits:
        raise ModelError(
            f"layer {layer.output!r}: weights of shape {list(shape)} do not fit its input {list(input_shape)}"
        )
    return Layout(
        layer.kind,
        groups,
        layer.channels // groups,
        kernel,
        inputs,
        layer.strides,
        layer.dilations,
        layer.same_padding,
    )
