from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import BuiltFile, Quality
from edgeq.optimize.tried import Tried
from edgeq.optimize.twins import join
from edgeq.quantize.recipe import Recipe

PLAIN = Recipe()
REWRITTEN = Recipe(rewrites=("equalize",))
QUALITY = Quality("top-1", 0.8, 0.8, 0.1, 0.0, 0.2, None, 1000)


def tried(recipe: Recipe, sha256: str = "same", quality: Quality | None = None) -> Tried:
    built = BuiltFile(Path("x.tflite"), 1, 1, 0.1, {}, 1, 1, (), (), sha256)
    return Tried(Candidate(recipe, None, "a test"), built, quality)


@pytest.mark.parametrize("order", [(PLAIN, REWRITTEN), (REWRITTEN, PLAIN)])
def test_of_equal_files_the_plainer_recipe_stands_for_both_with_what_was_measured(order):
    book: dict[str, Tried] = {}
    for place, recipe in enumerate(order):
        one = tried(recipe, quality=None if place else QUALITY)
        book[one.key] = one
        join(book, one.key)
    plain, rewritten = (book[tried(one).key] for one in (PLAIN, REWRITTEN))
    assert plain.quality == QUALITY
    assert not plain.same_as
    assert rewritten.quality is None
    assert rewritten.same_as == plain.key


def test_files_that_differ_or_are_not_known_and_recipes_of_other_schemes_stay_apart():
    pairs = [
        (tried(PLAIN), tried(REWRITTEN, "other")),
        (tried(PLAIN, ""), tried(REWRITTEN, "")),
        (tried(PLAIN), tried(Recipe(scheme="int8x4"))),
    ]
    for pair in pairs:
        book = {one.key: one for one in pair}
        join(book, pair[1].key)
        assert not any(one.same_as for one in book.values())
