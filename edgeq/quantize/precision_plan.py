"""What each operator of a float32 file computes in, from a recipe's scheme and layers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgeq.errors import UsageError
from edgeq.printing import printable
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.recipe import Recipe

_SHOWN = 3
"""Names that an error proposes."""


@dataclass(frozen=True)
class PrecisionPlan:
    """What operators compute in.

    Attributes:
        scheme: of all operators that `exceptions` does not name.
        exceptions: precision by the index of the operator in the first subgraph.
    """

    scheme: str
    exceptions: Mapping[int, str]


def plan_of(float32: bytes, recipe: Recipe) -> PrecisionPlan:
    """Finds the operators that a recipe's layers name.

    Args:
        float32: content of the file, as it is quantized.
        recipe: of which the scheme and the layers count.

    Raises:
        UsageError: a layer that is not in the file; names close ones.
    """
    writers = operators_by_output(EditableModel(float32))
    for name in recipe.layers:
        if name not in writers:
            raise UsageError(_unknown(name, writers))
    exceptions = {
        writers[name]: precision for name, precision in recipe.layers.items() if precision != recipe.scheme
    }
    return PrecisionPlan(recipe.scheme, dict(sorted(exceptions.items())))


def operators_by_output(model: EditableModel) -> dict[str, int]:
    """Indices of the first subgraph's operators by the names of what they write."""
    return {
        model.name(int(index)): place
        for place, operator in enumerate(model.graph.operators)
        for index in operator.outputs
    }


def _unknown(name: str, known: Iterable[str]) -> str:
    """Layers in question are those whose name has what was typed in it, then those that are spelled alike."""
    names = list(known)
    close = [one for one in names if name and name.lower() in one.lower()]
    close += [one for one in difflib.get_close_matches(name, names, _SHOWN, cutoff=0.4) if one not in close]
    close = close or names
    shown = ", ".join(repr(printable(one)) for one in close[:_SHOWN])
    more = ", …" if len(close) > _SHOWN else ""
    return (
        f"the recipe names the layer {printable(name)!r}, which the model does not have: expected one of "
        f"{shown}{more}"
    )
