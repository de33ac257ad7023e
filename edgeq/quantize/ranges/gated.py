"""Cuts off the part of a range that the operators behind a tensor cannot tell from its end.

Hard-swish, x · ReLU6(x + 3) / 6, is 0 for every x up to −3 (Howard et al. 2019, arXiv:1905.02244, section 5.2). What a
convolution before it computes below that needs no integers: with the low end at −3 the others lie closer together, and
nothing is lost. That holds, too, where hard-swish is written as a sum with ReLU6 and a product.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.quantize.editable import EditableModel, Floats
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
        index: _zero_of(model, index, readers)
        for index in readers
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


def _zero_of(model: EditableModel, index: int, readers: Mapping[int, list[Any]]) -> float | None:
    """The value up to which hard-swish gives 0; None where something else reads the tensor."""
    kinds = [model.kind(operator) for operator in readers[index]]
    if set(kinds) == {"HARD_SWISH"}:
        return _HARD_SWISH_ZERO
    if kinds == ["ADD"]:
        return _zero_of_sum(model, readers[index][0])
    for gate, product in (readers[index], readers[index][::-1]) if len(kinds) == 2 else ():
        if model.kind(product) != "MUL":
            continue
        gate_result, factors = int(gate.outputs[0]), {int(place) for place in product.inputs}
        if factors == {index, gate_result}:
            return _zero_of_sum(model, gate)
        # The gate may have a scale for each channel: edgeq.quantize.rewrites.gate_scales.
        sums = readers.get(gate_result, [])
        if len(sums) == 1 and factors == {index, int(sums[0].outputs[0])}:
            return _zero_of_scaled_sum(model, gate, sums[0])
    return None


def _zero_of_sum(model: EditableModel, total: Any) -> float | None:
    """The value up to which ReLU6(x + shift) is 0; None for another operator."""
    if model.kind(total) != "ADD":
        return None
    shift = _constant(model, total)
    clips = total.builtinOptions.fusedActivationFunction == model.schema.ActivationFunctionType.RELU6
    is_shift = shift is not None and shift.size == 1 and shift.reshape(-1)[0] > 0
    return -float(shift.reshape(-1)[0]) if clips and shift is not None and is_shift else None


def _zero_of_scaled_sum(model: EditableModel, scaling: Any, total: Any) -> float | None:
    """The same of ReLU6(c·x + shift), for the smallest of the channels' factors c."""
    zero, factors = _zero_of_sum(model, total), _constant(model, scaling)
    if model.kind(scaling) != "MUL" or zero is None or factors is None or not (factors > 0).all():
        return None
    return zero / float(factors.min())


def _constant(model: EditableModel, operator: Any) -> Floats | None:
    """The only constant that an operator reads, float32."""
    constants = [int(place) for place in operator.inputs if model.is_constant(int(place))]
    if len(constants) != 1 or model.dtype(constants[0]) != "FLOAT32":
        return None
    values: Floats = model.constant(constants[0])
    return values
