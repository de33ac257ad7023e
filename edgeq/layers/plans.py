"""Forms of the float32 file in which some layers are quantized as in a variant, and others are treated otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgeq.layers.edits import Grid, NewConstant, OperatorEdit
from edgeq.layers.outcome import Plan
from edgeq.layers.recipe import LayerRecipe
from edgeq.tflite.io import model_io
from edgeq.tflite.model import TfliteModel

Layer = int | str
"""The index of an operator of the float32 file, or the name of an input."""


@dataclass(frozen=True)
class Treatment:
    """What is done otherwise than in the variant.

    Attributes:
        floats: layers in float32. What they hand on stays a float where all that read it are among them; else it is
            quantized as in the variant, as a converter does where float meets integers.
        wide: layers with 16-bit activations; likewise.
        grids: of outputs of operators, instead of the variant's.
        constants: of operators, instead of the variant's.
    """

    floats: frozenset[Layer] = frozenset()
    wide: frozenset[Layer] = frozenset()
    grids: Mapping[int, Grid] = field(default_factory=dict)
    constants: Mapping[int, Mapping[int, NewConstant]] = field(default_factory=dict)


class Planner:
    """Makes plans of a variant's recipes."""

    def __init__(
        self, model: TfliteModel, recipes: Sequence[LayerRecipe], grids: Mapping[str, Grid | None]
    ) -> None:
        """Looks up who reads what.

        Args:
            model: structure of the float32 file.
            recipes: of its operators, in order.
            grids: of the inputs that the variant quantizes.
        """
        self._recipes = recipes
        reading: dict[int, list[LayerRecipe]] = {}
        for recipe in recipes:
            for index in recipe.operator.inputs:
                reading.setdefault(index, []).append(recipe)
        self._reading = reading
        inputs, _ = model_io(model)
        self._inputs = {info.name: info.index for info in inputs if grids.get(info.name) is not None}
        self._tensors: dict[Layer, tuple[int, ...]] = {
            recipe.operator.index: recipe.operator.outputs for recipe in recipes
        }
        self._tensors |= {info.name: (info.index,) for info in inputs}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that the variant quantizes."""
        return tuple(self._inputs)

    def tensors(self, layer: Layer) -> tuple[int, ...]:
        """What a layer hands on, as indices of tensors of the float32 file."""
        return self._tensors[layer]

    def alone(self, layer: Layer) -> Plan:
        """Only this layer quantized, with a probe at its output where it can have one."""
        if isinstance(layer, str):
            return Plan((), frozenset([layer]))
        recipe = self._recipes[layer]
        if recipe.edit is None:
            return Plan()
        # A second copy of an operator with a state would change it twice.
        return Plan((recipe.edit if recipe.inside else recipe.edit.probed(),))

    def everything(self, treatment: Treatment | None = None) -> Plan:
        """All layers as in the variant, but for the treatment."""
        chosen = treatment or Treatment()
        edits = (self._edit(recipe.edit, chosen) for recipe in self._recipes if recipe.edit is not None)
        kept = frozenset(name for name in self._inputs if not self._stays(name, chosen.floats))
        return Plan(tuple(edit for edit in edits if edit is not None), kept)

    def readers(self, layer: Layer) -> frozenset[Layer]:
        """Operators that compute with what a layer hands on, also through others that only pass it on."""
        found: set[Layer] = set()
        waiting = list(self._tensors[layer])
        seen: set[int] = set()
        while waiting:
            tensor = waiting.pop()
            if tensor < 0 or tensor in seen:
                continue
            seen.add(tensor)
            for recipe in self._reading.get(tensor, ()):
                if recipe.edit is None and not recipe.problem:
                    waiting += recipe.operator.outputs
                else:
                    found.add(recipe.operator.index)
        return frozenset(found)

    def _edit(self, edit: OperatorEdit, treatment: Treatment) -> OperatorEdit | None:
        constants = treatment.constants.get(edit.index, edit.constants)
        like = edit.like
        if edit.index in treatment.floats:
            constants, like = {}, None
        grids = dict(edit.grids)
        if edit.index in treatment.grids and grids:
            grids[0] = treatment.grids[edit.index]
        if self._stays(edit.index, treatment.floats):
            grids = {}
        elif self._stays(edit.index, treatment.wide):
            grids = {place: widened(grid) for place, grid in grids.items()}
        if not constants and not grids:
            return None
        return replace(edit, constants=constants, grids=grids, like=like)

    def _stays(self, layer: Layer, members: frozenset[Layer]) -> bool:
        """Whether a layer and all that read it are members."""
        return layer in members and self.readers(layer) <= members


def widened(grid: Grid) -> Grid:
    """The symmetric 16-bit grid that reaches as far, as TensorFlow Lite has it for int16 activations."""
    reach = max(abs(grid.low), abs(grid.high))
    return Grid("int16", float(np.float32(reach / np.iinfo(np.int16).max)), 0)
