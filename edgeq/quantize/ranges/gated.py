"""Cuts off the part of a range that the operators behind a tensor cannot tell from its end.

Hard-swish, x · ReLU6(x + 3) / 6, is 0 for every x up to −3 (Howard et al. 2019, arXiv:1905.02244, section 5.2). What a
convolution before it computes below that needs no integers: with the low end at −3 the others lie closer together, and
nothing is lost. That holds, too, where hard-swish is written as a sum with ReLU6 and a product.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.recipe import Range

_HARD_SWISH_ZERO = -3.0


def least_useful_values(float32: bytes) -> dict[str, float]:
    """Tensors of a float32 file that are only read by hard-swish, with the value up to which all give the same."""
    model = EditableModel(float32)
    readers: dict[int, list[Any]] = {}
    for operator in model.graph.operators:
        for index in dict.fromkeys(map(int, operator.inputs)):
            readers.setdefault(index, []).append(operator)
    outputs = set(map(int, model.graph.outputs))
    found = {
        index: _zero_of(model, index, operators)
        for index, operators in readers.items()
        if index not in outputs and model.dtype(index) == "FLOAT32" and not model.is_constant(index)
    }
    return {model.name(index): zero for index, zero in found.items() if zero is not None}


def without_useless_values(ranges: Mapping[str, Range], least: Mapping[str, float]) -> dict[str, Range]:
    """The ranges with their low ends cut, by name.

    Args:
        ranges: of tensors, by name.
        least: from `least_useful_values`.
    """
    return {
        name: (max(low, min(least[name], high)) if name in least else low, high)
        for name, (low, high) in ranges.items()
    }


def _zero_of(model: EditableModel, index: int, readers: list[Any]) -> float | None:
    """The value up to which hard-swish gives 0; None where something else reads the tensor."""
    kinds = [model.kind(operator) for operator in readers]
    if set(kinds) == {"HARD_SWISH"}:
        return _HARD_SWISH_ZERO
    if sorted(kinds) != ["ADD", "MUL"]:
        return None
    total, product = (readers[kinds.index(kind)] for kind in ("ADD", "MUL"))
    constants = [int(place) for place in total.inputs if model.is_constant(int(place))]
    factors = {int(place) for place in product.inputs}
    if len(constants) != 1 or factors != {index, int(total.outputs[0])}:
        return None
    shift = model.constant(constants[0])
    clips = total.builtinOptions.fusedActivationFunction == model.schema.ActivationFunctionType.RELU6
    return -float(shift.reshape(-1)[0]) if clips and shift.size == 1 and shift.reshape(-1)[0] > 0 else None
