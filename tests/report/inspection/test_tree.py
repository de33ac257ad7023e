"""Layers as a tree of name scopes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sample_inspections import int8, plain

from edgeq.report.inspection.tree import tree_lines


def layers(*names, operator="ADD", precision=None):
    return [
        plain(index, name, operator, "float32", (1,), precision=precision) for index, name in enumerate(names)
    ]


def drawn(found):
    return [line.guide + line.label for line in found]


def test_layers_of_a_scope_are_together_in_the_order_of_first_appearance():
    assert drawn(tree_lines(layers("a/x", "b", "a/y", "a/c/z", "a/c/w"))) == [
        "├─ a/",
        "│  ├─ x",
        "│  ├─ y",
        "│  └─ c/",
        "│     ├─ z",
        "│     └─ w",
        "└─ b",
    ]


def test_a_scope_with_one_entry_is_no_scope():
    assert drawn(tree_lines(layers("model/a/x", "model/a/y", "other/z"))) == [
        "├─ model/a/",
        "│  ├─ x",
        "│  └─ y",
        "└─ other/z",
    ]


def test_layers_of_one_name_are_lines_of_their_own():
    assert drawn(tree_lines(layers("rescale", "rescale"))) == ["├─ rescale", "└─ rescale"]


def test_conversions_in_a_row_are_one_line():
    many = layers(*"abcd", operator="DEQUANTIZE", precision="converts")
    lines = tree_lines([*many, *layers("stem")])
    assert drawn(lines) == ["├─ 4 conversions", "└─ stem"]
    assert lines[0].layers == tuple(many)
    assert lines[0].layer is None


def test_three_conversions_stay_apart():
    assert len(tree_lines(layers(*"abc", operator="DEQUANTIZE", precision="converts"))) == 3


def test_other_subgraphs_have_a_scope_of_their_own():
    import dataclasses

    body = [dataclasses.replace(layer, subgraph=1) for layer in layers("x", "y")]
    assert drawn(tree_lines([*layers("while"), *body]))[1] == "└─ subgraph 1/"


def test_scopes_without_end_are_one_name():
    lines = tree_lines(layers("/".join("x" * 5000), "/".join("x" * 4999)))
    assert len(lines) < 20


@given(st.lists(st.text(alphabet="ab/", max_size=12), max_size=30))
def test_every_layer_is_on_exactly_one_line(names):
    found = tree_lines(layers(*names))
    indices = [layer.index for line in found if not line.is_scope for layer in line.layers]
    assert sorted(indices) == list(range(len(names)))


def test_a_scope_stands_for_all_its_layers():
    scope = next(line for line in tree_lines(int8().layers) if line.is_scope)
    assert scope.label == "block1/"
    assert [layer.index for layer in scope.layers] == [1, 2, 3, 4, 5]
