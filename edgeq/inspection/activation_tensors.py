"""Which tensors of a file are activations, and how their integers stand for real numbers."""

from __future__ import annotations

from typing import Final

from edgeq.errors import ModelError
from edgeq.runtime.quantization import Quantization
from edgeq.tflite.model import Tensor, TfliteModel

NUMBERS: Final = frozenset({
    "float16", "float32", "float64", "bool",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
})  # fmt: skip
"""Dtypes of tensors that the runtime hands out as numbers."""


def activations(model: TfliteModel) -> tuple[Tensor, ...]:
    """The inputs and results of the first subgraph that hold numbers, in the order of their indices.

    Results inside of loops and branches are other subgraphs' and left out: the runtime does not show them. So is what
    operators make of constants alone, such as the float32 form of float16 weights: a delegate need not compute it.
    """
    main = model.subgraphs[0]
    fixed = {tensor.index for tensor in main.tensors if tensor.is_constant}
    wanted = set(main.inputs)
    for operator in main.operators:
        given = [index for index in operator.inputs if index >= 0]
        results = {index for index in operator.outputs if index >= 0}
        if given and fixed.issuperset(given):
            fixed |= results
        else:
            wanted |= results
    return tuple(tensor for tensor in main.tensors if tensor.index in wanted and tensor.dtype in NUMBERS)


def quantization_of(tensor: Tensor) -> Quantization | None:
    """How an activation's integers stand for real numbers; None for floats and where there is no usable scale."""
    stored = tensor.quantization
    if (
        stored is None
        or tensor.dtype == "bool"
        or tensor.dtype.startswith("float")
        or len(stored.scales) != 1
    ):
        return None
    try:
        return Quantization(stored.scales[0], stored.zero_points[0])
    except ModelError:
        return None
