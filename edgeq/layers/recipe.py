"""What a variant does to each layer, as an edit of the float32 file: its constants, its scales, its zero points."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeq.errors import ModelError
from edgeq.layers.edits import Grid, NewConstant, OperatorEdit
from edgeq.tflite.alignment import aligned_operators
from edgeq.tflite.io import model_io
from edgeq.tflite.model import Operator, Tensor, TfliteModel, read_buffer
from edgeq.tflite.precision import CONTROLLING, MOVING
from edgeq.tflite.weights import producers_of, read_values, stored_constant

_INTEGERS = ("int8", "uint8", "int16")

# Results of these are values of their inputs: where the scale stays, quantizing them again changes nothing.
_SELECTING = MOVING | {"MAX_POOL_2D", "MAXIMUM", "MINIMUM", "RELU", "SELECT", "SELECT_V2"}


_MOST_ROUNDING = 0.25
"""Of the weights' power. Rounding to 4 bits takes 2 % of it from normally distributed ones, up to 10 with few outliers;
channels that were scaled by factors are mostly off by more than they are."""

_REWRITTEN = (
    "the variant was made of a rewritten float graph, whose channels have other scales, so that none of its layers "
    "fits into the float32 file alone"
)


@dataclass(frozen=True)
class LayerRecipe:
    """What a variant does to one operator of the float32 file.

    Attributes:
        operator: of the float32 file.
        counterpart: index of the same operator in the variant's file; None where it has none.
        edit: that does the same to the float32 file; None where the variant does nothing to it.
        inside: why its effect is more than the edit does, as a half-sentence; empty where it is not.
        problem: why it cannot be measured alone, or has no edit although there should be one; empty otherwise.
    """

    operator: Operator
    counterpart: int | None
    edit: OperatorEdit | None
    inside: str = ""
    problem: str = ""


def layer_recipes(
    floats_path: Path, floats: TfliteModel, path: Path, model: TfliteModel
) -> tuple[LayerRecipe, ...]:
    """Reads from a variant's file what it does to each operator of the float32 file.

    Args:
        floats_path: the float32 file.
        floats: its structure.
        path: the variant's file.
        model: its structure.

    Returns:
        One recipe for each operator of the float32 file's first subgraph, in order.
    """
    reader = _Reader(floats_path, floats, path, model)
    counterparts = dict(aligned_operators(floats, model))
    operators = model.subgraphs[0].operators
    recipes = []
    for operator in floats.subgraphs[0].operators:
        index = counterparts.get(operator.index)
        recipes.append(reader.recipe(operator, None if index is None else operators[index]))
    if any(_has_other_weights(recipe, reader) for recipe in recipes):
        return tuple(replace(recipe, problem=recipe.problem or _REWRITTEN) for recipe in recipes)
    return tuple(recipes)


def input_grids(model: TfliteModel) -> dict[str, Grid | None]:
    """How a variant quantizes each input, also where it takes floats and quantizes them itself; None for not at all.

    Raises:
        ModelError: a scale or a zero point is impossible.
    """
    graph = model.subgraphs[0]
    grids = {}
    for info in model_io(model)[0]:
        tensor = graph.tensors[info.index]
        readers = [operator for operator in graph.operators if info.index in operator.inputs]
        if tensor.dtype == "float32" and [operator.name for operator in readers] == ["QUANTIZE"]:
            tensor = graph.tensors[readers[0].outputs[0]]
        grids[info.name] = tensor_grid(tensor)
    return grids


def tensor_grid(tensor: Tensor) -> Grid | None:
    """The grid of an activation; None where it is not quantized.

    Raises:
        ModelError: its scale or zero point is impossible.
    """
    quantization = tensor.quantization
    if tensor.dtype not in _INTEGERS or quantization is None:
        return None
    limits = np.iinfo(tensor.dtype)
    scale, zero_point = quantization.scales[0], quantization.zero_points[0]
    if len(quantization.scales) != 1 or not (math.isfinite(scale) and scale >= np.finfo(np.float32).tiny):
        raise ModelError(
            f"tensor {tensor.name!r}: expected one scale above 0, found {quantization.scales[:3]}"
        )
    if not limits.min <= zero_point <= limits.max:
        raise ModelError(f"tensor {tensor.name!r}: the zero point {zero_point} is no {tensor.dtype}")
    return Grid(tensor.dtype, scale, zero_point)


def _has_other_weights(recipe: LayerRecipe, reader: _Reader) -> bool:
    """Whether constants of more than one axis differ by more than rounding explains."""
    edit = recipe.edit
    return edit is not None and any(
        reader.distance(recipe.operator.inputs[place], constant) > _MOST_ROUNDING
        for place, constant in edit.constants.items()
        if constant.dtype == "float32"
    )


class _Reader:
    """Both files and what is looked up in them often."""

    def __init__(self, floats_path: Path, floats: TfliteModel, path: Path, model: TfliteModel) -> None:
        self._floats_path = floats_path
        self._floats_model = floats
        self._floats = floats.subgraphs[0]
        self._path = path
        self._model = model
        self._graph = model.subgraphs[0]
        self._producers = producers_of(self._graph)

    def recipe(self, ours: Operator, theirs: Operator | None) -> LayerRecipe:
        """What the variant does to an operator."""
        if ours.name in CONTROLLING:
            return LayerRecipe(
                ours, None, None, problem="it runs other subgraphs, whose layers are not measured"
            )
        if theirs is None:
            return LayerRecipe(ours, None, None, problem="the variant's file has no operator like it")
        if len(theirs.outputs) != len(ours.outputs):
            return LayerRecipe(ours, None, None, problem="the variant's operator has other outputs")
        try:
            return self._matched(ours, theirs)
        except ModelError as error:
            return LayerRecipe(ours, theirs.index, None, problem=str(error))

    def distance(self, index: int, constant: NewConstant) -> float:
        """Squared distance of a constant from the float32 file's, in parts of its power; 0 for vectors, as biases are.

        Args:
            index: of the float32 file's tensor.
            constant: of floats, in its place.
        """
        own = self._floats.tensors[index]
        if len(own.shape) < 2:
            return 0.0
        old = read_values(self._floats_path, self._floats_model, own).astype(np.float64).ravel()
        power = float(np.sum(old**2))
        new = np.frombuffer(constant.content, "<f4")
        return float(np.sum((new - old) ** 2)) / power if power > 0 else 0.0

    def _matched(self, ours: Operator, theirs: Operator) -> LayerRecipe:
        grids = self._grids(ours, theirs)
        hybrid = self._computes_hybrid(theirs)
        constants = {
            place: constant
            for place, (own, their) in enumerate(zip(ours.inputs, theirs.inputs, strict=False))
            if own >= 0 and their >= 0
            if (constant := self._constant(self._floats.tensors[own], their, hybrid)) is not None
        }
        if not constants and (not grids or self._keeps_values(theirs)):
            return LayerRecipe(ours, theirs.index, None)
        like = theirs.index if any(constant.scales for constant in constants.values()) else None
        stateful = any(index >= 0 and self._graph.tensors[index].is_variable for index in theirs.inputs)
        return LayerRecipe(
            ours,
            theirs.index,
            OperatorEdit(ours.index, constants, grids, like),
            inside="its state and its gates are quantized inside, which is not simulated" if stateful else "",
        )

    def _grids(self, ours: Operator, theirs: Operator) -> dict[int, Grid]:
        """The grid of each output that is a float in the one file and quantized in the other, by place."""
        grids = {}
        for place, (own, their) in enumerate(zip(ours.outputs, theirs.outputs, strict=True)):
            grid = tensor_grid(self._graph.tensors[their]) if min(own, their) >= 0 else None
            if grid is not None and self._floats.tensors[own].dtype == "float32":
                grids[place] = grid
        return grids

    def _computes_hybrid(self, theirs: Operator) -> bool:
        """Whether the operator quantizes its floats on the fly, to compute with int8 weights."""
        return bool(theirs.outputs) and self._graph.tensors[theirs.outputs[0]].dtype == "float32"

    def _constant(self, own: Tensor, index: int, hybrid: bool) -> NewConstant | None:
        """What the variant has instead of a constant of floats; None where it has the same, or it is none."""
        theirs = stored_constant(self._graph.tensors[index], self._graph, self._producers)
        if theirs is None or not own.is_constant or own.dtype != "float32" or theirs.dtype == "float32":
            return None
        values = read_values(self._path, self._model, theirs)
        if values.size != math.prod(own.shape):
            raise ModelError(f"expected weights of shape {list(own.shape)}, found {list(theirs.shape)}")
        if hybrid and theirs.index == index and theirs.dtype == "int8" and theirs.quantization is not None:
            content = read_buffer(self._path, self._model, theirs.buffer)[: values.size]
            quantization = theirs.quantization
            return NewConstant("int8", content, quantization.scales, quantization.dimension)
        content = np.ascontiguousarray(values, "<f4").tobytes()
        if content == read_buffer(self._floats_path, self._floats_model, own.buffer):
            return None
        return NewConstant("float32", content)

    def _keeps_values(self, theirs: Operator) -> bool:
        """Whether every value of its result is one of its inputs', on the same grid."""
        if theirs.name not in _SELECTING:
            return False
        tensors = [self._graph.tensors[index] for index in theirs.inputs if index >= 0]
        before = {tensor_grid(tensor) for tensor in tensors if tensor.quantization and not tensor.is_constant}
        after = {tensor_grid(self._graph.tensors[index]) for index in theirs.outputs if index >= 0}
        return len(before | after) == 1
