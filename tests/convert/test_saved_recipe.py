from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgeq.convert.options import Options
from edgeq.convert.saved_recipe import SavedRecipe, read_recipe
from edgeq.convert.tuning import recipe_of, with_tuned
from edgeq.errors import DataError, UsageError
from edgeq.quantize.recipe import Recipe
from edgeq.schemes import select

RECIPE = Recipe(scheme="int8x4", io="uint8", ranges={"a": (0.0, 1.5)}, layers={"a": "float32"})


def written(folder: Path, value: Any) -> Path:
    path = folder / "recipe.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def search(**changes: Any) -> dict[str, Any]:
    return {
        "format": "edgeq-optimize",
        "version": 1,
        "chosen": {"variant": "int8x4-tuned", "recipe": RECIPE.to_json()},
        "calibration": {"digests": ["one", "two", "three"], "held_back": 1, "seed": 0},
    } | changes


def test_a_recipe_of_its_own_is_read(tmp_path: Path) -> None:
    saved = read_recipe(written(tmp_path, RECIPE.to_json()))
    assert (saved.recipe, saved.digests, saved.held_back) == (RECIPE, None, 0)


def test_the_winner_of_a_search_is_read_with_its_calibration_items(tmp_path: Path) -> None:
    saved = read_recipe(written(tmp_path, search()))
    assert (saved.recipe, saved.digests, saved.held_back) == (RECIPE, ("one", "two", "three"), 1)
    assert saved.indices(["three", "zero", "two", "one", "two"]) == (3, 2, 0)
    with pytest.raises(DataError, match="3 calibration items, of which the data have 2"):
        saved.indices(["one", "two"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ([], "expected a recipe"),
        (search(version=2), "found 2: update edgeq"),
        (search(chosen=None), "no chosen variant"),
        (
            search(chosen={"variant": "float16", "recipe": None}),
            "its winner is float16, which needs no recipe",
        ),
        (search(calibration=None), "which items"),
        (search(calibration={"digests": ["one"], "held_back": 1}), "damaged"),
        (search(calibration={"digests": [1], "held_back": 0}), "damaged"),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_line(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read_recipe(written(tmp_path, value))
    assert "\n" not in str(raised.value)


def names(options: Options) -> list[str]:
    selection = select(options.schemes, options.io, has_data=True)
    return [spec.name for spec in with_tuned(selection, options).specs]


def test_methods_make_a_tuned_file_beside_each_int8_and_int8x4_file() -> None:
    methods = Recipe(range_method="mse")
    assert names(Options(schemes=("int8", "int8x4", "int16x8"), methods=methods)) == [
        "float32",
        "int8",
        "int8x4",
        "int16x8",
        "int8-tuned",
        "int8x4-tuned",
    ]
    assert names(Options(schemes=("int8",), io=("uint8",), methods=methods))[-1] == "int8-tuned-io-uint8"
    with pytest.raises(UsageError, match="add --scheme int8"):
        names(Options(schemes=("int16x8",), methods=methods))


def test_a_recipe_is_made_alone_unless_schemes_are_named_too() -> None:
    saved = SavedRecipe("optimize.json", RECIPE)
    assert names(Options(recipe=saved)) == ["float32", "int8x4-tuned-io-uint8"]
    assert names(Options(recipe=saved, schemes=("int8",))) == ["float32", "int8", "int8x4-tuned-io-uint8"]
    with pytest.raises(UsageError, match="int16"):
        names(Options(recipe=saved, io=("int16",)))
    with pytest.raises(UsageError, match="leave out the options"):
        names(Options(recipe=saved, methods=Recipe()))


def test_each_file_has_the_recipe_that_makes_it() -> None:
    options = Options(schemes=("int8", "int8x4"), io=("uint8",), methods=Recipe(range_method="mse"))
    specs = with_tuned(select(options.schemes, options.io, has_data=True), options).specs
    recipes = {spec.name: recipe_of(spec, options) for spec in specs}
    assert recipes["float32"] is recipes["int8-io-uint8"] is None
    tuned, plain = recipes["int8x4-tuned-io-uint8"], recipes["int8x4-io-uint8"]
    assert tuned is not None
    assert plain is not None
    assert (tuned.scheme, tuned.io, tuned.range_method) == ("int8x4", "uint8", "mse")
    assert plain.weights.rounding == "error-feedback"


def test_a_winner_must_have_all_ranges_and_a_recipe_of_its_own_need_not(tmp_path: Path) -> None:
    winner = read_recipe(written(tmp_path, search()))
    winner.require_complete(["a"])
    with pytest.raises(
        UsageError, match=r"recipe\.json: its winner has ranges of 1 of 2 activations, 'b' has none"
    ):
        winner.require_complete(["a", "b"])
    read_recipe(written(tmp_path, RECIPE.to_json())).require_complete(["a", "b"])
