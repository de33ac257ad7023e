from __future__ import annotations

import pytest

from edgeq.errors import UsageError
from edgeq.optimize.keeping import resolve_kept, variant_keeps, with_layers
from edgeq.optimize.workshop import LayerFacts
from edgeq.quantize.recipe import Recipe
from tests.optimize.landscape import layers

LAYERS = layers(12)


def test_a_name_names_one_layer_by_title_or_output():
    assert resolve_kept(["block_1/conv=int16x8", "tensor_3=float32"], LAYERS) == {
        "tensor_1": "int16x8",
        "tensor_3": "float32",
    }


def test_a_pattern_names_several_and_the_later_option_counts():
    kept = resolve_kept(["block_1*=int8", "block_11/conv=float32"], LAYERS)
    assert kept == {"tensor_1": "int8", "tensor_10": "int8", "tensor_11": "float32"}


def test_names_with_brackets_and_equals_are_names_first():
    odd = [
        LayerFacts("out", "cell[0]/w=1", "CONV_2D", 1, 1),
        LayerFacts("other", "cell0/w=1", "CONV_2D", 1, 1),
    ]
    assert resolve_kept(["cell[0]/w=1=int8"], odd) == {"out": "int8"}
    assert resolve_kept(["cell*=int8"], odd) == {"out": "int8", "other": "int8"}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("block_1/conv", "expected LAYER=PRECISION"),
        ("=int8", "expected LAYER=PRECISION"),
        ("block_1/conv=int4", "expected one of the precisions int8, int8x4, int16x8, float32"),
        ("blok_1/conv=int8", r"no layer is named 'blok_1/conv': did you mean block_1/conv"),
        ("Q=int8", r"no layer is named 'Q': expected one of block_0/conv, block_1/conv, block_2/conv, …"),
    ],
)
def test_an_option_that_names_nothing_is_refused_with_what_there_is(option, message):
    with pytest.raises(UsageError, match=message):
        resolve_kept([option], LAYERS)


def test_a_model_without_layers_says_so():
    with pytest.raises(UsageError, match="the model has no layer with weights"):
        resolve_kept(["a=int8"], [])


def test_the_schemes_own_precision_is_not_named_in_a_recipe():
    recipe = with_layers(Recipe(scheme="int8"), {"a": "int8", "b": "float32"})
    assert recipe.layers == {"b": "float32"}
    assert with_layers(recipe, {"b": "int8"}) == Recipe(scheme="int8")


def test_the_converters_variants_keep_only_their_own_precision():
    assert variant_keeps("float16", {})
    assert variant_keeps("int8", {"a": "int8"})
    assert not variant_keeps("int8", {"a": "int8", "b": "float32"})
    assert not variant_keeps("dynamic", {"a": "int8"})
