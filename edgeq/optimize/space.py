"""The space that is searched: rewrites, ranges and weight methods, and how many combinations they have."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeq.optimize.keeping import with_layers
from edgeq.optimize.result import SIZE, Goal
from edgeq.quantize.recipe import (
    CHOSEN,
    INT8,
    INT8X4,
    RANGE_METHODS,
    REWRITES,
    ROUNDINGS,
    SCALES,
    Recipe,
)

VARIANTS = ("float32", "float16", "dynamic", "int8")
"""Of the converter; they are made in any case."""

WEIGHT_AXES = ("scales", "rounding", "correct_bias", "compensate")
AXES = ("rewrites", "range_method", *WEIGHT_AXES)

PERCENTILE = "percentile:99.99"
"""The percentile that is tried: on the CIFAR-10 ResNet it agrees most of those that stock tools offer (FACTS.md)."""


def _subsets(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        itertools.chain.from_iterable(itertools.combinations(names, size) for size in range(len(names) + 1))
    )


@dataclass(frozen=True)
class Space:
    """Values that a recipe can take, the plainest of each first.

    Attributes:
        rewrites: sets of rewrites.
        range_method: of activations.
        scales: of weights.
        rounding: of weights.
        correct_bias: of layers.
        compensate: of layers.
    """

    rewrites: tuple[tuple[str, ...], ...] = _subsets(REWRITES)
    range_method: tuple[str, ...] = tuple(
        PERCENTILE if name == "percentile" else name for name in RANGE_METHODS
    )
    scales: tuple[str, ...] = SCALES
    rounding: tuple[str, ...] = ROUNDINGS
    correct_bias: tuple[bool, ...] = (False, True)
    compensate: tuple[bool, ...] = (False, True)

    @staticmethod
    def with_rewrites(names: Sequence[str]) -> Space:
        """The space of a model for which only these rewrites can do something."""
        return Space(rewrites=_subsets(names))

    def values(self, axis: str) -> tuple[Any, ...]:
        """Of an axis, by its name in `AXES`."""
        found: tuple[Any, ...] = getattr(self, axis)
        return found

    def plainest(self, scheme: str, goal: Goal) -> Recipe:
        """The recipe of all first values."""
        recipe = with_layers(Recipe(scheme=scheme, io=goal.io), goal.kept)
        for axis in AXES:
            recipe = with_value(recipe, axis, self.values(axis)[0])
        return recipe

    def recipes(self, scheme: str, goal: Goal) -> Iterator[Recipe]:
        """Every combination."""
        for values in itertools.product(*map(self.values, AXES)):
            recipe = self.plainest(scheme, goal)
            for axis, value in zip(AXES, values, strict=True):
                recipe = with_value(recipe, axis, value)
            yield recipe

    def size(self, goal: Goal) -> int:
        """How many candidates the full grid of methods has, the converter's variants among them.

        Under the objective ``latency`` 4-bit weights are one candidate: they are tried, not searched.
        """
        combinations = 1
        for axis in AXES:
            combinations *= len(self.values(axis))
        return len(VARIANTS) + (2 * combinations if goal.objective == SIZE else combinations + 1)


def schemes_of(goal: Goal) -> tuple[str, ...]:
    """Schemes whose methods are searched."""
    return (INT8, INT8X4) if goal.objective == SIZE else (INT8,)


def with_value(recipe: Recipe, axis: str, value: Any) -> Recipe:
    """A recipe with another value on an axis."""
    if axis in WEIGHT_AXES:
        changed: dict[str, Any] = {axis: value}
        return replace(recipe, weights=replace(recipe.weights, **changed))
    changed = {axis: value}
    return replace(recipe, **changed)


def value_of(recipe: Recipe, axis: str) -> Any:
    """A recipe's value on an axis."""
    return getattr(recipe.weights if axis in WEIGHT_AXES else recipe, axis)


def in_words(axis: str, value: Any) -> str:
    """A value of an axis as part of a sentence."""
    if axis == "rewrites":
        return " and ".join(value) if value else "no rewrite"
    if axis == "range_method":
        return "ranges chosen per tensor" if value == CHOSEN else f"{value} ranges"
    words = {"scales": f"{value} scales", "rounding": f"{value} rounding"}
    plain = {"correct_bias": "bias correction", "compensate": "compensated weights"}
    return words.get(axis) or f"{'' if value else 'no '}{plain[axis]}"
