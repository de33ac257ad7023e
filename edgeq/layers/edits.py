"""How an operator of a float file is changed, as values; `edgeq.layers.editing` carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Grid:
    """The real numbers that a tensor's integers stand for.

    Attributes:
        dtype: ``int8``, ``uint8`` or ``int16``.
        scale: between neighbours, above 0.
        zero_point: the integer that stands for 0.
    """

    dtype: str
    scale: float
    zero_point: int

    @property
    def low(self) -> float:
        """The least real number."""
        return self.scale * (float(np.iinfo(self.dtype).min) - self.zero_point)

    @property
    def high(self) -> float:
        """The largest real number."""
        return self.scale * (float(np.iinfo(self.dtype).max) - self.zero_point)


@dataclass(frozen=True)
class NewConstant:
    """What an operator computes with instead of its own constant.

    Attributes:
        dtype: ``float32``, or ``int8`` for weights that the operator quantizes its input for (dynamic range).
        content: little-endian, of the old tensor's shape.
        scales: of integers; empty for floats.
        dimension: axis of the scales.
    """

    dtype: str
    content: bytes
    scales: tuple[float, ...] = ()
    dimension: int = 0


@dataclass(frozen=True)
class OperatorEdit:
    """How one operator is changed.

    Attributes:
        index: of the operator in the first subgraph.
        constants: by the place among the operator's inputs.
        grids: by the place among its outputs.
        like: index of the operator in the other file whose version and options it takes; None for its own.
        probe: whether its first output is added to the model's outputs twice: as the unchanged operator computes
            it from the same inputs, and as the changed one does, before it is quantized.
    """

    index: int
    constants: Mapping[int, NewConstant] = field(default_factory=dict)
    grids: Mapping[int, Grid] = field(default_factory=dict)
    like: int | None = None
    probe: bool = False

    def probed(self) -> OperatorEdit:
        """The same with the probe."""
        return replace(self, probe=True)
