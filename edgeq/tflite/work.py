"""How much an operator computes: multiply-accumulates of one execution, from the shapes in the file alone.

Only products that are summed up count, as tools for networks usually count them: a bias, an activation or an
addition of two tensors has none. An absurd shape gives an absurd number, at most `MOST_ELEMENTS`,
and no error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edgeq.tflite.model import Operator, Subgraph
from edgeq.tflite.weights import MOST_ELEMENTS, elements

Shape = tuple[int, ...]

_MOST_INPUTS = 48
"""BIDIRECTIONAL_SEQUENCE_LSTM has as many, and no operator that multiplies has more."""

_MOST_DIMENSIONS = 64
"""Runtimes take 8 at most."""


@dataclass(frozen=True)
class _Shapes:
    """Shapes of an operator's inputs and outputs; an input that is left out has none."""

    inputs: tuple[Shape | None, ...]
    outputs: tuple[Shape | None, ...]

    def input(self, place: int, rank: int | None = None) -> Shape | None:
        return _ranked(self.inputs, place, rank)

    def output(self, rank: int | None = None) -> Shape | None:
        return _ranked(self.outputs, 0, rank)


def _ranked(shapes: tuple[Shape | None, ...], place: int, rank: int | None) -> Shape | None:
    shape = shapes[place] if place < len(shapes) else None
    return shape if shape is not None and rank in (None, len(shape)) else None


def multiply_accumulates(operator: Operator, graph: Subgraph) -> int:
    """Multiply-accumulates of one execution of an operator; 0 for what has none and for unknown operators.

    Args:
        operator: of the subgraph. One in the body of a loop counts for one turn; how many there are,
            `edgeq.tflite.loops` finds where the file tells.
        graph: its subgraph.
    """
    count = _COUNTS.get(operator.name) if operator.custom_code is None else None
    if count is None:
        return 0
    shapes = _Shapes(_shapes(operator.inputs[:_MOST_INPUTS], graph), _shapes(operator.outputs[:1], graph))
    return min(count(shapes), MOST_ELEMENTS)


def _shapes(indices: tuple[int, ...], graph: Subgraph) -> tuple[Shape | None, ...]:
    return tuple(
        tuple(max(0, size) for size in graph.tensors[index].shape[:_MOST_DIMENSIONS]) if index >= 0 else None
        for index in indices
    )


def _convolution(shapes: _Shapes) -> int:
    """CONV_2D: filters [output channels, height, width, input channels of a group]."""
    filters, output = shapes.input(1, rank=4), shapes.output()
    return elements(output) * elements(filters[1:]) if filters and output is not None else 0


def _depthwise(shapes: _Shapes) -> int:
    """DEPTHWISE_CONV_2D: filters [1, height, width, output channels]."""
    filters, output = shapes.input(1, rank=4), shapes.output()
    return elements(output) * filters[1] * filters[2] if filters and output is not None else 0


def _transposed(shapes: _Shapes) -> int:
    """TRANSPOSE_CONV: each input value meets a filter [output channels, height, width, input channels]."""
    filters, values = shapes.input(1, rank=4), shapes.input(2)
    return elements(values) * elements(filters[:3]) if filters and values is not None else 0


def _convolution_3d(shapes: _Shapes) -> int:
    """CONV_3D: filters [depth, height, width, input channels, output channels]."""
    filters, output = shapes.input(1, rank=5), shapes.output()
    return elements(output) * elements(filters[:4]) if filters and output is not None else 0


def _transposed_3d(shapes: _Shapes) -> int:
    """CONV_3D_TRANSPOSE: filters [depth, height, width, output channels, input channels]."""
    filters, values = shapes.input(1, rank=5), shapes.input(2)
    return elements(values) * elements(filters[:4]) if filters and values is not None else 0


def _fully_connected(shapes: _Shapes) -> int:
    """FULLY_CONNECTED: weights [outputs, inputs]."""
    weights, output = shapes.input(1, rank=2), shapes.output()
    return elements(output) * weights[1] if weights and output is not None else 0


def _batch_matmul(shapes: _Shapes) -> int:
    """BATCH_MATMUL: left [..., rows, depth], or transposed; result [..., rows, columns]."""
    left, output = shapes.input(0), shapes.output()
    if left is None or output is None or len(left) < 2 or len(output) < 2 or not output[-2]:
        return 0
    # Whichever of the last two is the rows, the other one is the depth.
    return elements(output) * (left[-1] * left[-2] // output[-2])


def _svdf(shapes: _Shapes) -> int:
    """SVDF: input [batch, features], weights [filters, features] and [filters, memory]."""
    values, features, time = shapes.input(0), shapes.input(1), shapes.input(2)
    return values[0] * (elements(features) + elements(time)) if values and features and time else 0


def _recurrent(places: tuple[int, ...]) -> Callable[[_Shapes], int]:
    """Recurrent operators: each step of each item meets each weight once."""

    def count(shapes: _Shapes) -> int:
        values = shapes.input(0)
        weights = (shapes.input(place, rank=2) for place in places)
        return elements(values[:-1]) * sum(elements(shape) for shape in weights if shape) if values else 0

    return count


_LSTM = _recurrent((*range(1, 9), 16))
_COUNTS: Final[Mapping[str, Callable[[_Shapes], int]]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "CONV_3D": _convolution_3d,
    "CONV_3D_TRANSPOSE": _transposed_3d,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    "SVDF": _svdf,
    "RNN": _recurrent((1, 2)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": _recurrent((1, 2)),
    "BIDIRECTIONAL_SEQUENCE_RNN": _recurrent((1, 2, 5, 6, 10, 11)),
    "LSTM": _LSTM,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _LSTM,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _recurrent((*range(1, 9), 16, *range(18, 26), 33, *range(40, 48))),
}
