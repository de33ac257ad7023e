"""The recipe of the chosen file, as the page shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edgeq.optimize.page.sentences import rebuild
from edgeq.optimize.page.view import View
from edgeq.quantize.recipe import Recipe
from edgeq.report import wording

_MOST_NAMES = 12
"""Layers of one precision that are named one by one."""

_CORRECTIONS = {
    "correct_bias": "biases by measured means",
    "compensate": "errors of earlier layers made up for",
}


def recipe_facts(view: View) -> tuple[tuple[str, str], ...]:
    """How the chosen file is made: pairs of a word and a text."""
    winner = view.result.winner
    if winner is None:
        return ()
    recipe = winner.candidate.recipe
    if recipe is None:
        return (
            ("made by", f"the converter, as its variant {wording.visible(winner.candidate.variant or '')}"),
        )
    facts = [
        ("scheme", recipe.scheme),
        ("inputs and outputs", recipe.io),
        ("rewrites of the float graph", wording.enumeration(recipe.rewrites) or "none"),
        ("ranges of activations", _ranges(recipe)),
        ("scales of weights", recipe.weights.scales),
        ("rounding of weights", recipe.weights.rounding),
        ("corrections", _corrections(recipe)),
        *_layers(view, recipe),
    ]
    if winner.built is not None:
        if winner.built.float_layers:
            names = [view.layer(name) for name in winner.built.float_layers]
            facts.append(("in float although not asked to", _some(names)))
        facts.extend(("note", wording.visible(note)) for note in winner.built.notes)
    if command := rebuild(view):
        facts.append(("to make it again", command))
    return tuple(facts)


def _ranges(recipe: Recipe) -> str:
    given = wording.count(len(recipe.ranges), "tensor")
    return f"{recipe.range_method}; given for {given}" if recipe.ranges else recipe.range_method


def _corrections(recipe: Recipe) -> str:
    made = [text for name, text in _CORRECTIONS.items() if getattr(recipe.weights, name)]
    return wording.enumeration(made) or "none"


def _layers(view: View, recipe: Recipe) -> list[tuple[str, str]]:
    counts = Counter(recipe.layers.values())
    return [
        (
            f"{wording.count(counts[precision], 'layer')} in {precision}",
            _some([view.layer(name) for name, own in recipe.layers.items() if own == precision]),
        )
        for precision in sorted(counts)
    ]


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return wording.enumeration(names) if rest <= 0 else f"{', '.join(names[:_MOST_NAMES])} and {rest} more"
