"""Layers whose precision the user gives: ``--keep LAYER=PRECISION``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from edgeq.errors import UsageError
from edgeq.optimize.workshop import LayerFacts
from edgeq.quantize.recipe import PRECISIONS, Recipe

_SHOWN = 3
"""Names that an error proposes."""


def resolve_kept(options: Sequence[str], layers: Sequence[LayerFacts]) -> dict[str, str]:
    """Finds the layers that options name.

    Args:
        options: ``LAYER=PRECISION`` each; LAYER is a layer's name as the user knows it or that of its output, or a
            pattern with ``*``, ``?`` and ``[…]``. Of two that name one layer, the later one counts.
        layers: of the model.

    Returns:
        Precision by name of the layer's output.

    Raises:
        UsageError: an option that is none, or names no layer.
    """
    kept: dict[str, str] = {}
    for option in options:
        pattern, equals, precision = option.rpartition("=")
        if not equals or not pattern:
            raise UsageError(f"--keep {option}: expected LAYER=PRECISION, as in --keep 'block_1*=int16x8'")
        if precision not in PRECISIONS:
            raise UsageError(f"--keep {option}: expected one of the precisions {', '.join(PRECISIONS)}")
        names = _matching(pattern, layers)
        if not names:
            raise UsageError(f"--keep {option}: no layer is named {pattern!r}{_proposal(pattern, layers)}")
        kept.update(dict.fromkeys(names, precision))
    return kept


def with_layers(recipe: Recipe, precisions: Mapping[str, str]) -> Recipe:
    """The recipe with layers at other precisions; one at the scheme's own is not named in it."""
    layers = {**recipe.layers, **precisions}
    return replace(
        recipe, layers={name: layers[name] for name in sorted(layers) if layers[name] != recipe.scheme}
    )


def has_uniform_layers(recipe: Recipe, kept: Mapping[str, str]) -> bool:
    """Whether no layer has a precision of its own but those whose precision is given."""
    return recipe == with_layers(replace(recipe, layers={}), kept)


def variant_keeps(variant: str, kept: Mapping[str, str]) -> bool:
    """Whether a variant as the converter makes it has all layers at the precisions that are given."""
    return all(variant == precision for precision in kept.values())


def _matching(pattern: str, layers: Iterable[LayerFacts]) -> list[str]:
    """Names are compared as they are before they are read as patterns: some have brackets in them."""
    layers = list(layers)
    exact = [layer.name for layer in layers if pattern in (layer.title, layer.name)]
    return exact or [
        layer.name
        for layer in layers
        if fnmatchcase(layer.title, pattern) or fnmatchcase(layer.name, pattern)
    ]


def _proposal(pattern: str, layers: Iterable[LayerFacts]) -> str:
    titles = list(dict.fromkeys(layer.title for layer in layers))
    if not titles:
        return ": the model has no layer with weights"
    close = difflib.get_close_matches(pattern, titles, n=_SHOWN, cutoff=0.4)
    if close:
        return f": did you mean {' or '.join(close)}?"
    shown = ", ".join(titles[:_SHOWN])
    return f": expected one of {shown}{', …' if len(titles) > _SHOWN else ''}"
