from __future__ import annotations

from edgeq.bundle import read_bundle
from edgeq.demo.assets import bundle_path
from edgeq.optimize.bundle_writing import scheme_in, variant_names
from edgeq.optimize.candidate import Candidate
from edgeq.quantize.recipe import INT8, INT8X4, Recipe
from edgeq.schemes import find


def content(scheme: str) -> bytes:
    bundle = read_bundle(bundle_path())
    return bundle.path(next(one for one in bundle.manifest.variants if one.scheme == scheme)).read_bytes()


def test_a_recipe_of_four_bits_whose_layers_are_all_kept_in_int8_is_called_by_what_its_file_is():
    assert scheme_in(content(INT8), Recipe(scheme=INT8X4, layers={"a": INT8})).name == INT8


def test_a_file_of_another_kind_is_called_by_its_recipe():
    assert scheme_in(content("float32"), Recipe(scheme=INT8, layers={"a": "float32"})).name == INT8


def test_names_follow_what_files_are_and_count_within_it():
    kept, plain = (Candidate(Recipe(layers=layers), None, "a test") for layers in ({"a": INT8X4}, {}))
    four = Candidate(Recipe(scheme=INT8X4), None, "a test")
    schemes = {kept.key: find(INT8X4), plain.key: find(INT8), four.key: find(INT8X4)}
    names = variant_names([kept, plain, four], {}, schemes)
    assert list(names.values()) == ["int8x4-tuned", "int8-tuned", "int8x4-tuned-2"]
