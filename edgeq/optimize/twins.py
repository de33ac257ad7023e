"""Recipes that give the same file: the plainer one stands for both.

A rewrite that finds nothing to do, or ranges that come out as plain ones would, leave the file what it is without them.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace

from edgeq.optimize.tried import Tried
from edgeq.quantize.recipe import CHOSEN, Recipe, WeightMethod


def join(tried: MutableMapping[str, Tried], key: str) -> None:
    """Lets the plainer of two recipes stand for both where a new file is equal, byte for byte, to one from before.

    Recipes of two schemes stay apart: each scheme is searched by its own.

    Args:
        tried: everything by key; the one that gives way gets `Tried.same_as`, the other one what was measured of it.
        key: of the new file.
    """
    new = tried[key]
    old = next((one for one in tried.values() if not one.same_as and _are_equal(one, new)), None)
    if old is None:
        return
    plainer, other = sorted((old, new), key=lambda one: _effort(one.candidate.recipe))
    if plainer.quality is None:
        tried[plainer.key] = replace(plainer, quality=other.quality, failure=other.failure)
    for one in [one for one in tried.values() if other.key in (one.key, one.same_as)]:
        tried[one.key] = replace(one, quality=None, failure="", same_as=plainer.key)


def _are_equal(one: Tried, other: Tried) -> bool:
    ours, theirs = one.candidate.recipe, other.candidate.recipe
    if one.key == other.key or one.built is None or other.built is None or not one.built.sha256:
        return False
    same_scheme = ours is not None and theirs is not None and ours.scheme == theirs.scheme
    return same_scheme and one.built.sha256 == other.built.sha256


def _effort(recipe: Recipe | None) -> tuple[int, int]:
    """What a reader of the recipe has to take in: methods that are not the plain ones, then layers of their own."""
    if recipe is None:
        return (0, 0)
    weights, plain = recipe.weights, WeightMethod()
    methods = [
        weights.scales != plain.scales,
        weights.rounding != plain.rounding,
        weights.correct_bias,
        weights.compensate,
        recipe.range_method != Recipe().range_method,
        recipe.range_method == CHOSEN,
    ]
    return (len(recipe.rewrites) + sum(methods), len(recipe.layers))
