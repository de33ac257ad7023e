"""What can be tried about a layer, how it is put, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.layers.choice import listed
from edgeq.layers.edits import Grid
from edgeq.layers.plans import Layer, Planner, Treatment
from edgeq.layers.ranges import FIXED, describe_range, other_grids, per_channel
from edgeq.layers.structure import INT16, KEEP_FLOAT, PER_CHANNEL, RANGE, LayerCost
from edgeq.layers.subject import Subject
from edgeq.tflite.weights import read_values


@dataclass(frozen=True)
class Trial:
    """A treatment and how it is put.

    Attributes:
        kind: of the remedy.
        names: of the layers that it changes, each once.
        treatment: to be tried.
        sentence: what to do.
        cost: what it costs.
        extra_bytes: that the file grows by; None where unknown.
    """

    kind: str
    names: tuple[str, ...]
    treatment: Treatment
    sentence: str
    cost: str
    extra_bytes: int | None


class Trials:
    """Makes trials for the layers of one variant."""

    def __init__(
        self,
        subject: Subject,
        planner: Planner,
        costs: Mapping[Layer, LayerCost],
        float_us: Mapping[int, float],
    ) -> None:
        """Keeps what it needs.

        Args:
            subject: the variant and the float32 file.
            planner: of its recipes.
            costs: of all layers.
            float_us: latency of the float32 file's operators; empty where it was not profiled.
        """
        self._subject = subject
        self._recipes = subject.recipes
        self._planner = planner
        self._costs = costs
        self._float_us = float_us
        self._per_tensor = subject.per_tensor
        self._siblings: dict[str, set[Layer]] = {}
        for recipe in subject.recipes:
            index = recipe.operator.index
            if recipe.edit is not None and costs[index].name:
                self._siblings.setdefault(costs[index].name, set()).add(index)

    def has_free_range(self, layer: int) -> bool:
        """Whether the range of a layer's output is calibrated, and not given by the operator."""
        recipe = self._recipes[layer]
        return recipe.edit is not None and 0 in recipe.edit.grids and recipe.operator.name not in FIXED

    def extra_bytes(self, members: Sequence[Layer]) -> int:
        """What the file grows by where these layers are in float32."""
        costs = [self._costs[member] for member in members]
        return sum(max(0, (cost.float_bytes or 0) - cost.size_bytes) for cost in costs)

    def of(self, layer: Layer, samples: npt.NDArray[np.float32] | None) -> list[Trial]:
        """What can be tried about a layer.

        Args:
            layer: which.
            samples: of its output, float32[n, k]; None where its range cannot be chosen.
        """
        edit = self._recipes[layer].edit if isinstance(layer, int) else None
        has_grid = edit is None or bool(edit.grids)
        alone = self._whole(frozenset([layer]))
        readers = frozenset[Layer]().union(*(self._planner.readers(member) for member in alone))
        together = alone | self._whole(readers) if has_grid else alone
        groups = [alone] if isinstance(layer, int) else []
        groups += [together] if together != alone or not groups else []
        trials = [self._keep_float(layer, members) for members in groups]
        if has_grid and (edit is None or any(grid.dtype != "int16" for grid in edit.grids.values())):
            trials.append(self._wide(layer, together))
        if isinstance(layer, int) and edit is not None:
            if samples is not None:
                trials += self._ranges(layer, edit.grids[0], samples)
            trials += self._per_channel(layer)
        return trials

    def _keep_float(self, layer: Layer, members: frozenset[Layer]) -> Trial:
        extra = self.extra_bytes(tuple(members))
        inner = sorted(member for member in members if isinstance(member, int))
        cost = f"{_bytes(extra)} more"
        ours = [self._costs[member].latency_us for member in inner]
        if inner and all(index in self._float_us for index in inner) and None not in ours:
            float_us = sum(self._float_us[index] for index in inner)
            integer_us = sum(value or 0.0 for value in ours)
            cost += f"; {float_us:.3g} µs in float32 instead of {integer_us:.3g} µs, and conversions at the borders"
        else:
            cost += "; slower by what float32 costs there, and by conversions at the borders"
        return Trial(
            KEEP_FLOAT,
            self._names(layer, members),
            Treatment(floats=members),
            f"keep {self._named(layer, members)} in float32",
            cost,
            extra,
        )

    def _wide(self, layer: Layer, members: frozenset[Layer]) -> Trial:
        total = sum(cost.macs for cost in self._costs.values())
        share = sum(self._costs[member].macs for member in members) / total if total else 0.0
        return Trial(
            INT16,
            self._names(layer, members),
            Treatment(wide=members),
            f"give {self._named(layer, members)} 16-bit activations",
            f"no size; {share:.0%} of the multiply-accumulates leave XNNPACK, which has no 16-bit kernels, for "
            "slow ones: measure it",
            0,
        )

    def _ranges(self, layer: int, current: Grid, samples: npt.NDArray[np.float32]) -> list[Trial]:
        return [
            Trial(
                RANGE,
                (self._costs[layer].name,),
                Treatment(grids={layer: grid}),
                f"calibrate its output by {method}: {describe_range(grid)} instead of {describe_range(current)}",
                "none in size or latency",
                0,
            )
            for method, grid in other_grids(samples, current).items()
        ]

    def _per_channel(self, layer: int) -> list[Trial]:
        """One scale a channel, where the variant's weights have one for all."""
        recipe = self._recipes[layer]
        if recipe.edit is None or recipe.edit.like is not None or layer not in self._per_tensor:
            return []
        path, model = self._subject.floats, self._subject.float_model
        place = 1
        tensor = model.subgraphs[0].tensors[recipe.operator.inputs[place]]
        constant = per_channel(read_values(path, model, tensor), recipe.operator.name)
        if constant is None:
            return []
        constants = {**recipe.edit.constants, place: constant}
        return [
            Trial(
                PER_CHANNEL,
                (self._costs[layer].name,),
                Treatment(constants={layer: constants}),
                "quantize its weights with one scale a channel",
                "a few bytes a channel; a runtime before 2.17 refuses such dense layers",
                None,
            )
        ]

    def _named(self, layer: Layer, members: frozenset[Layer]) -> str:
        """A group as a person would say it."""
        own, *others = self._names(layer, members)
        if isinstance(layer, str):
            return f"the input and {listed(others)}" if others else "the input"
        if not others:
            return own
        return f"{own} and {listed(others)}, which read{'s' * (len(others) == 1)} it,"

    def _names(self, layer: Layer, members: frozenset[Layer]) -> tuple[str, ...]:
        """The layer's own name, then those of the others, each once."""
        others = sorted(members - {layer}, key=in_order)
        return tuple(dict.fromkeys(self._costs[member].name for member in (layer, *others)))

    def _whole(self, members: frozenset[Layer]) -> frozenset[Layer]:
        """With all operators of the same layers: by its name, a layer is kept in float as a whole."""
        operators = [member for member in members if isinstance(member, int)]
        return members.union(*(self._siblings.get(self._costs[one].name, ()) for one in operators))


def in_order(layer: Layer) -> tuple[int, str]:
    """Inputs first, then operators in order."""
    return (layer, "") if isinstance(layer, int) else (-1, layer)


def _bytes(count: int) -> str:
    return f"{count / 1000:.1f} kB" if count >= 1000 else f"{count} bytes"
