from __future__ import annotations

import dataclasses

import pytest

from edgeq.errors import UsageError
from edgeq.optimize.candidate import Candidate, variant_candidate
from edgeq.optimize.result import SIZE, Goal
from edgeq.optimize.space import AXES, VARIANTS, Space, value_of, with_value
from edgeq.quantize.recipe import Recipe, WeightMethod


def test_the_key_is_of_the_file_and_not_of_the_reason():
    recipe = Recipe(layers={"a": "float32", "b": "int8x4"}, ranges={"x": (0.0, 1.0)})
    turned = dataclasses.replace(recipe, layers={"b": "int8x4", "a": "float32"})
    assert Candidate(recipe, None, "one").key == Candidate(turned, None, "other").key
    assert Candidate(recipe, None, "one").key != Candidate(Recipe(), None, "one").key
    assert variant_candidate("int8").key != variant_candidate("float16").key


@pytest.mark.parametrize(("recipe", "variant"), [(None, None), (Recipe(), "int8")])
def test_a_candidate_is_a_recipe_or_a_variant(recipe, variant):
    with pytest.raises(UsageError, match="give one of the two"):
        Candidate(recipe, variant, "why not")


def test_the_title_says_what_is_not_plain():
    recipe = Recipe(
        scheme="int8x4",
        rewrites=("pool-to-mean", "equalize"),
        range_method="mse",
        weights=WeightMethod("mse", "error-feedback", correct_bias=True, compensate=True),
        layers={"a": "int8", "b": "int8", "c": "float32"},
    )
    assert Candidate(recipe, None, "x").title == (
        "int8x4, pool-to-mean+equalize, mse ranges, mse scales, error-feedback, bias correction, compensated, "
        "1 layer float32, 2 layers int8"
    )
    assert Candidate(Recipe(), None, "x").title == "int8, minmax ranges"


def test_the_space_is_as_large_as_it_says():
    space, goal = (
        Space.with_rewrites(("pool-to-mean", "equalize")),
        Goal(1.0, SIZE, io="uint8", kept={"a": "float32", "b": "int8"}),
    )
    keys = {
        Candidate(one, None, "").key for scheme in ("int8", "int8x4") for one in space.recipes(scheme, goal)
    }
    assert len(keys) + len(VARIANTS) == space.size(goal) == 1156
    plain = space.plainest("int8x4", goal)
    assert plain == Recipe(scheme="int8x4", io="uint8", layers={"a": "float32", "b": "int8"})


@pytest.mark.parametrize("axis", AXES)
def test_an_axis_changes_itself_alone(axis):
    value = Space().values(axis)[-1]
    changed = with_value(Recipe(), axis, value)
    assert value_of(changed, axis) == value
    assert with_value(changed, axis, value_of(Recipe(), axis)) == Recipe()
