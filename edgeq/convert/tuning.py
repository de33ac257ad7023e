"""Variants that the converter does not make: `edgeq.quantize` makes them of the float32 file, each by its recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from edgeq.convert.options import Options
from edgeq.errors import UsageError
from edgeq.quantize.io_types import require_io
from edgeq.quantize.recipe import ERROR_FEEDBACK, INT8, INT8X4, MSE, Recipe, WeightMethod
from edgeq.schemes import BASELINE, TUNED, Selection, VariantSpec, find

TUNED_SCHEMES = (INT8, INT8X4)
"""Schemes whose files `Options.methods` tune."""

FOUR_BIT_WEIGHTS = WeightMethod(scales=MSE, rounding=ERROR_FEEDBACK, correct_bias=True)
"""How int8x4 rounds where nobody says: of a CIFAR-10 ResNet's 82.2 % this keeps 81.1 %, the nearest integers 71.9 %."""


def with_tuned(selection: Selection, options: Options) -> Selection:
    """Adds the tuned files that options ask for to those that were selected.

    Raises:
        UsageError: there is nothing to tune, both a recipe and methods are asked for, or the recipe does not go with
            the I/O types.
    """
    if options.methods is not None and options.recipe is not None:
        raise UsageError("a recipe has its own ranges, weights and rewrites: leave out the options for them")
    if options.methods is not None:
        tuned = [
            dataclasses.replace(spec, label=TUNED)
            for spec in selection.specs
            if spec.scheme.name in TUNED_SCHEMES
        ]
        if not tuned:
            raise UsageError(
                f"ranges, weights and rewrites are those of {' and '.join(TUNED_SCHEMES)}: add --scheme {INT8}"
            )
        return dataclasses.replace(selection, specs=_united(selection.specs, tuned))
    if options.recipe is not None:
        recipe = options.recipe.recipe
        scheme = find(recipe.scheme, options.scheme_table)
        io_types = tuple(dict.fromkeys(options.io)) or (recipe.io,)
        for io in io_types:
            require_io(scheme.name, io)
        tuned = [VariantSpec(scheme, io, TUNED) for io in io_types]
        # A recipe is what is asked for, unless schemes are named too.
        kept = [spec for spec in selection.specs if options.schemes or spec.scheme.name == BASELINE]
        notes = selection.notes if options.schemes else ()
        return Selection(_united(kept, tuned), notes)
    return selection


def recipe_of(spec: VariantSpec, options: Options) -> Recipe | None:
    """The recipe that makes a variant; None for what the converter makes."""
    if spec.label == TUNED:
        base = options.recipe.recipe if options.recipe is not None else options.methods
        if base is None:
            raise UsageError(f"{spec.name} has no recipe")
        return dataclasses.replace(base, scheme=spec.scheme.name, io=spec.io)
    if spec.scheme.converter is None:
        return Recipe(scheme=spec.scheme.name, io=spec.io, weights=FOUR_BIT_WEIGHTS)
    return None


def _united(specs: Iterable[VariantSpec], more: Iterable[VariantSpec]) -> tuple[VariantSpec, ...]:
    return tuple(dict.fromkeys((*specs, *more)))
