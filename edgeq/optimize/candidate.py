"""What the search can try: a file as the converter makes it, or a recipe for one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgeq.errors import UsageError
from edgeq.files import sha256_bytes
from edgeq.quantize.recipe import Recipe, WeightMethod


@dataclass(frozen=True)
class Candidate:
    """One file that could be made.

    Attributes:
        recipe: how the float32 file is quantized; None for a variant of the converter.
        variant: which variant of the base bundle it is, as the converter makes it (``float32``, ``float16``, …);
            None for a recipe.
        origin: why it is tried, as a sentence without a full stop; no part of what it is.
    """

    recipe: Recipe | None
    variant: str | None
    origin: str

    def __post_init__(self) -> None:
        """Refuses what is both or neither."""
        if (self.recipe is None) == (self.variant is None):
            raise UsageError("a candidate is a recipe or a variant of the converter: give one of the two")

    @cached_property
    def key(self) -> str:
        """Digest of what makes it: equal for equal files, whatever they are tried for."""
        made_of = {"variant": self.variant, "recipe": None if self.recipe is None else self.recipe.to_json()}
        return sha256_bytes(json.dumps(made_of, sort_keys=True).encode())[:16]

    @cached_property
    def title(self) -> str:
        """Short and readable; the differences from plain int8 in words."""
        if self.recipe is None:
            return f"{self.variant} of the converter"
        recipe = self.recipe
        parts = [recipe.scheme]
        if recipe.rewrites:
            parts.append("+".join(recipe.rewrites))
        parts.append(f"{recipe.range_method} ranges")
        parts.extend(_weights_in_words(recipe.weights))
        counts = _by_precision(recipe.layers)
        parts.extend(
            f"{count} layer{'s' if count > 1 else ''} {precision}"
            for precision, count in sorted(counts.items())
        )
        return ", ".join(parts)


def variant_candidate(name: str) -> Candidate:
    """A variant as the converter makes it."""
    return Candidate(None, name, "every search starts with the converter's own variants")


def _weights_in_words(weights: WeightMethod) -> list[str]:
    if weights.is_plain:
        return []
    words = [f"{weights.scales} scales"] if weights.scales != WeightMethod().scales else []
    words += [weights.rounding] if weights.rounding != WeightMethod().rounding else []
    words += ["bias correction"] if weights.correct_bias else []
    return words + (["compensated"] if weights.compensate else [])


def _by_precision(layers: Mapping[str, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for precision in layers.values():
        counts[precision] = counts.get(precision, 0) + 1
    return counts
