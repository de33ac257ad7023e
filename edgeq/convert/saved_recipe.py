"""Recipes in files: on their own, or in the ``optimize.json`` of a search."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.errors import DataError, UsageError
from edgeq.files import check_file
from edgeq.printing import printable
from edgeq.quantize.recipe import Recipe

FORMAT, VERSION = "edgeq-optimize", 1
"""Of an ``optimize.json``, which `edgeq.optimize.document` writes."""

MOST_BYTES = 256 << 20
"""Of a file that is read: a search of a thousand candidates with a thousand ranges each is a tenth of that."""


@dataclass(frozen=True)
class SavedRecipe:
    """A recipe out of a file.

    Attributes:
        source: the file, for messages.
        recipe: in it.
        digests: of the calibration items that it was made with, in their order; None where it does not say.
        held_back: how many of them, the last ones, were held back and not learned from.
    """

    source: str
    recipe: Recipe
    digests: tuple[str, ...] | None = None
    held_back: int = 0

    def indices(self, digests: Sequence[str]) -> tuple[int, ...]:
        """The recipe's calibration items among those of a data set.

        Args:
            digests: of the data set's items.

        Raises:
            DataError: some are missing.
        """
        places: dict[str, int] = {}
        for index, digest in enumerate(digests):
            places.setdefault(digest, index)
        wanted = self.digests or ()
        missing = sum(digest not in places for digest in wanted)
        if missing:
            raise DataError(
                f"{self.source} was made with {len(wanted)} calibration items, of which the data have "
                f"{len(wanted) - missing}: give the data that it was made with"
            )
        return tuple(places[digest] for digest in wanted)

    def require_complete(self, used: Collection[str]) -> None:
        """Refuses a search's winner of which ranges are missing: a file with others would not be that winner.

        Args:
            used: names of the tensors that have a range in the file that was made.

        Raises:
            UsageError: it is of a search and lacks some of them. A recipe of its own may leave them to its method.
        """
        missing = sorted(set(used) - set(self.recipe.ranges))
        if self.digests is None or not missing:
            return
        raise UsageError(
            f"{self.source}: its winner has ranges of {len(set(used)) - len(missing)} of {len(set(used))} activations, "
            f"{printable(missing[0][:80])!r} has none: it was changed; search again, or give its recipe alone, so "
            f"that {self.recipe.range_method} finds them"
        )


def read_recipe(path: Path) -> SavedRecipe:
    """Reads a file that holds a recipe, or an ``optimize.json``.

    Raises:
        UsageError: it is neither, is of a newer version, or chose a file that no recipe made.
    """
    check_file(path)
    source = printable(path)
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(f"{source} is larger than {MOST_BYTES >> 20} MiB: expected a recipe")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is no JSON ({error}): expected a recipe or an optimize.json") from error
    try:
        if isinstance(value, dict) and value.get("format") == FORMAT:
            return _of_search(source, value)
        return SavedRecipe(source, Recipe.from_json(value))
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error


def _of_search(source: str, value: Mapping[str, Any]) -> SavedRecipe:
    version = value.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise UsageError(f"expected version {VERSION} or less, found {version!r}: update edgeq")
    chosen, calibration = value.get("chosen"), value.get("calibration")
    if not isinstance(chosen, dict):
        raise UsageError("it has no chosen variant to rebuild")
    if chosen.get("recipe") is None:
        name = printable(str(chosen.get("variant"))[:60])
        raise UsageError(f"its winner is {name}, which needs no recipe: make it with --scheme")
    recipe = Recipe.from_json(chosen["recipe"])
    if not isinstance(calibration, dict):
        raise UsageError("it does not say which items it was calibrated on")
    digests, held_back = calibration.get("digests"), calibration.get("held_back")
    is_list = isinstance(digests, list) and all(isinstance(digest, str) for digest in digests)
    if not is_list or type(held_back) is not int or not 0 <= held_back < max(1, len(digests or ())):
        raise UsageError("its calibration is damaged: expected digests of items, and how many are held back")
    return SavedRecipe(source, recipe, tuple(digests or ()), held_back)
