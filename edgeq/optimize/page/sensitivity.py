"""How sensitive layers are, as the search saw it: from candidates that differ from another in one layer alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgeq.optimize.page.view import View
from edgeq.optimize.result import Outcome
from edgeq.quantize.recipe import Recipe
from edgeq.report import wording

MOST_LAYERS = 40
"""Bars on the page: the rest does next to nothing."""

_LEAST_LAYERS = 2
"""One bar compares nothing."""


@dataclass(frozen=True)
class Bar:
    """A layer's bar.

    Attributes:
        name: of the layer.
        hint: what else is known of it.
        precision: that the layer alone was moved to.
        change: of the output error, as text.
        share: length of the bar, in percent of the longest.
        helps: whether the error falls.
    """

    name: str
    hint: str
    precision: str
    change: str
    share: float
    helps: bool


@dataclass(frozen=True)
class Sensitivity:
    """What moving one layer at a time did.

    Attributes:
        base: the candidate that layers were moved in, in a few words.
        error: its output error, as text.
        bars: of the layers, the strongest first.
    """

    base: str
    error: str
    bars: tuple[Bar, ...]


def sensitivity(view: View) -> Sensitivity | None:
    """The changes around the candidate of which most layers were moved one by one; None where none were."""
    base, changes = _most_varied(view.result.outcomes)
    if base is None or base.built is None or len(changes) < _LEAST_LAYERS:
        return None
    ranked = sorted(changes, key=lambda change: (-abs(change[2]), change[0]))[:MOST_LAYERS]
    longest = abs(ranked[0][2]) or 1.0
    facts = {one.name: one for one in view.layers}
    bars = []
    for name, precision, change in ranked:
        layer = facts.get(name)
        hint = "" if layer is None else f"{wording.visible(layer.kind)}, {layer.weights:,} weights"
        sign = "+" if change > 0 else ""
        share = round(100 * abs(change) / longest, 2)
        said = f"{sign}{wording.significant(change)}"
        bars.append(Bar(view.layer(name), hint, precision, said, share, change < 0))
    title = wording.visible(base.candidate.title)
    return Sensitivity(title, wording.significant(base.built.error), tuple(bars))


def _most_varied(outcomes: Sequence[Outcome]) -> tuple[Outcome | None, list[tuple[str, str, float]]]:
    """The candidate with the most neighbours that differ in one layer, and what each of them changes."""
    families: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        if one.candidate.recipe is not None and one.built is not None and math.isfinite(one.built.error):
            families[str(replace(one.candidate.recipe, layers={}).to_json())].append(one)
    best: tuple[Outcome | None, list[tuple[str, str, float]]] = (None, [])
    for family in families.values():
        for base in family:
            changes = [change for one in family if (change := _change(base, one)) is not None]
            if len(changes) > len(best[1]):
                best = base, changes
    return best


def _change(base: Outcome, other: Outcome) -> tuple[str, str, float] | None:
    """The one layer in which two recipes of a family differ, its precision in the second, and the change of error."""
    first, second = base.candidate.recipe, other.candidate.recipe
    if first is None or second is None or base.built is None or other.built is None:
        return None
    names = {
        name
        for name in {*first.layers, *second.layers}
        if _precision(first, name) != _precision(second, name)
    }
    if len(names) != 1:
        return None
    (name,) = names
    return name, _precision(second, name), other.built.error - base.built.error


def _precision(recipe: Recipe, name: str) -> str:
    return recipe.layers.get(name, recipe.scheme)
