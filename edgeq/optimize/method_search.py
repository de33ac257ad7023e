"""The search for the methods of a scheme: coordinate descent on the output error, which needs no labels.

One axis after the other is changed from the best recipe so far until none of its neighbours is better. It begins at the
better of two opposite corners, for methods help each other: scaling channels may only pay with ranges that follow, and
a corner of plain values would not show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeq.optimize.candidate import Candidate
from edgeq.optimize.keeping import has_uniform_layers, with_layers
from edgeq.optimize.ledger import Ledger
from edgeq.optimize.result import LATENCY
from edgeq.optimize.space import AXES, WEIGHT_AXES, Space, in_words, value_of, with_value
from edgeq.optimize.tried import Tried
from edgeq.quantize.recipe import CHOSEN, ERROR_FEEDBACK, INT8, INT8X4, MSE, Recipe

ROUNDS = 3
"""Of the axes at most; the third finds something only where the second one changed two axes."""

LEADERS = 3
"""Recipes of a scheme that are measured on the validation set: the output error ranks them, and not without fault."""


def search_int8(ledger: Ledger, space: Space) -> Candidate | None:
    """Finds int8's methods.

    Returns:
        The candidate that loses least of those that were measured; None where none could be made.

    Raises:
        BudgetEndedError: the budget ended first.
    """
    plain = space.plainest(INT8, ledger.goal)
    starts = [
        Candidate(plain, None, "plain int8, as stock tools make it"),
        Candidate(_corrected(plain, space), None, "all corrections at once"),
    ]
    return _search(ledger, space, starts, AXES)


def search_int8x4(ledger: Ledger, space: Space, best_int8: Candidate) -> Candidate | None:
    """Finds the methods for 4-bit weights, from int8's best; activations are int8's, so only the weights' are searched.

    Returns:
        The candidate that loses least of those that were measured; None where none could be made.

    Raises:
        BudgetEndedError: the budget ended first.
    """
    if best_int8.recipe is None:
        return None
    start = four_bits(ledger, best_int8.recipe)
    corrected = _with_offered(start, space, {"scales": MSE, "rounding": ERROR_FEEDBACK, "compensate": True})
    starts = [
        Candidate(start, None, "4-bit weights with the methods of the best int8 recipe"),
        Candidate(corrected, None, "4-bit weights whose errors later layers make up for"),
    ]
    return _search(ledger, space, starts, WEIGHT_AXES)


def four_bits(ledger: Ledger, recipe: Recipe) -> Recipe:
    """An int8 recipe with 4-bit weights in all layers whose precision is not given."""
    return with_layers(replace(recipe, scheme=INT8X4, layers={}), ledger.goal.kept)


def leaders(ledger: Ledger, scheme: str) -> list[Tried]:
    """The recipes of a scheme with the least output error; of files that are equal in size and error one.

    Under the objective ``latency`` the best of each set of rewrites is among them: these decide which operators run,
    and one that loses a little more may be several times as fast. Ranges and weights change no operator.
    """
    distinct: dict[tuple[float, int], Tried] = {}
    for one in of_scheme(ledger, scheme):
        if one.built is not None and not one.same_as:
            distinct.setdefault((one.error, one.built.size_bytes), one)
    ranked = sorted(distinct.values(), key=lambda one: one.error)
    first = ranked[:LEADERS]
    if ledger.goal.objective == LATENCY:
        rewritten = {one.candidate.recipe.rewrites: one for one in reversed(ranked) if one.candidate.recipe}
        first += [one for one in ranked if one not in first and one in rewritten.values()]
    return first


def least_loss(ledger: Ledger, scheme: str) -> Candidate | None:
    """Of the recipes of a scheme that were measured the one that loses least; None where none was."""
    judged = [one for one in of_scheme(ledger, scheme) if one.quality is not None]
    best = min(judged, key=lambda one: (_drop(one), one.error), default=None)
    return None if best is None else best.candidate


def of_scheme(ledger: Ledger, scheme: str) -> list[Tried]:
    """Recipes of a scheme that were tried and differ in their methods only, not in the precision of layers."""
    return [
        one
        for one in ledger.tried
        if (recipe := one.candidate.recipe) is not None
        and not one.skipped
        and recipe.scheme == scheme
        and has_uniform_layers(recipe, ledger.goal.kept)
    ]


def _search(
    ledger: Ledger, space: Space, starts: Sequence[Candidate], axes: Sequence[str]
) -> Candidate | None:
    scheme = starts[0].recipe.scheme if starts[0].recipe else INT8
    ledger.build(starts)
    best = min(starts, key=ledger.error)
    for _ in range(ROUNDS):
        before = best.key
        for axis in axes:
            best = _along(ledger, space, best, axis)
        if best.key == before:
            break
    first = leaders(ledger, scheme)
    ledger.judge([one.candidate for one in first])
    _say(ledger, scheme, starts[0], first)
    return least_loss(ledger, scheme)


def _along(ledger: Ledger, space: Space, best: Candidate, axis: str) -> Candidate:
    """The best on one axis through a candidate; itself where nothing on it is better."""
    recipe = best.recipe
    if recipe is None:
        return best
    own = value_of(recipe, axis)
    others = [
        Candidate(
            with_value(recipe, axis, value), None, f"{in_words(axis, value)} instead of {in_words(axis, own)}"
        )
        for value in space.values(axis)
        if value != own
    ]
    ledger.build(others)
    return min([best, *others], key=ledger.error)


def _corrected(plain: Recipe, space: Space) -> Recipe:
    return _with_offered(
        plain,
        space,
        {
            "rewrites": max(space.rewrites, key=len),
            "range_method": CHOSEN,
            "scales": MSE,
            "rounding": ERROR_FEEDBACK,
            "correct_bias": True,
        },
    )


def _with_offered(recipe: Recipe, space: Space, wanted: dict[str, object]) -> Recipe:
    """A recipe with those values that the space has."""
    for axis, value in wanted.items():
        if value in space.values(axis):
            recipe = with_value(recipe, axis, value)
    return recipe


def _drop(one: Tried) -> float:
    return float("inf") if one.quality is None else one.quality.drop_pp


def _say(ledger: Ledger, scheme: str, plain: Candidate, first: Sequence[Tried]) -> None:
    made = of_scheme(ledger, scheme)
    if not first:
        reason = made[0].failure if made else "nothing was tried"
        ledger.say(f"No {scheme} recipe could be made: {reason}.")
        return
    best = first[0]
    beside = "" if best.key == plain.key else f"; {plain.title} has {_number(ledger.error(plain))}"
    ledger.say(
        f"{best.candidate.title} has the least output error on held-back calibration items of the "
        f"{len(made)} {scheme} recipes that were built: {_number(best.error)}{beside}."
    )


def _number(error: float) -> str:
    return "none, it could not be made" if error == float("inf") else f"{error:.3g}"
