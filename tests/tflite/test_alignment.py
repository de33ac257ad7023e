from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hand_made import Graph, tflite
from hypothesis import given, settings
from hypothesis import strategies as st

import edgeq.demo
from edgeq.tflite.alignment import aligned_operators, aligned_tensors
from edgeq.tflite.model import Operator, Subgraph, Tensor, TfliteModel, read_model

BUNDLE = Path(edgeq.demo.__file__).parent / "bundle"
NAMES = ("float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8")


def _model(items: list[tuple[str, int, str]]) -> TfliteModel:
    """A chain of operators given as (operator, size of the result, layer)."""
    tensors = [Tensor("input", 0, (1,), (1,), "float32", 0, 0, False, False, None)]
    operators = []
    for index, (operator, size, layer) in enumerate(items):
        name = f"model/net/{layer}/out"
        tensors.append(Tensor(name, index + 1, (size,), (size,), "float32", 0, 0, False, False, None))
        operators.append(Operator(index, operator, 1, None, (index,), (index + 1,)))
    graph = Subgraph("", tuple(tensors), (0,), (len(items),), tuple(operators))
    return TfliteModel(3, "", (), (graph,), (), (), {}, 0)


@pytest.mark.parametrize("one", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_every_layer_of_the_demo_is_found_at_every_precision(one, other):
    models = [read_model(BUNDLE / f"fashion_mnist.{name}.tflite") for name in (one, other)]
    graphs = [model.subgraphs[0] for model in models]
    pairs = aligned_operators(*models)
    both = [(left, right) for left, right in pairs if left is not None and right is not None]
    computing = [
        (graphs[0].operators[left].name, graphs[1].operators[right].name)
        for left, right in both
        if graphs[0].operators[left].name not in ("QUANTIZE", "DEQUANTIZE")
    ]
    assert len(computing) == 16
    assert all(left == right for left, right in computing)
    tensors = aligned_tensors(*models)
    assert tensors[graphs[0].inputs[0]] == graphs[1].inputs[0]
    assert all(
        graphs[0].tensors[left].shape == graphs[1].tensors[right].shape for left, right in tensors.items()
    )


def test_conversions_in_one_file_have_no_partner():
    layers = [("CONV_2D", 10, "a"), ("NEG", 10, "b"), ("CONV_2D", 20, "c")]
    converted = [layers[0], ("DEQUANTIZE", 10, "x"), layers[1], ("QUANTIZE", 10, "y"), layers[2]]
    pairs = aligned_operators(_model(layers), _model(converted))
    assert pairs == ((0, 0), (None, 1), (1, 2), (None, 3), (2, 4))


def test_layers_of_other_names_are_paired_by_what_they_are():
    one = [("CONV_2D", 10, "a"), ("ADD", 10, "a"), ("CONV_2D", 20, "b")]
    other = [("CONV_2D", 10, "left/a"), ("CONV_2D", 20, "left/b")]
    assert aligned_operators(_model(one), _model(other)) == ((0, 0), (1, None), (2, 1))


def test_inputs_are_paired_by_name_where_signatures_name_them(signed):
    model = read_model(signed)
    graph = model.subgraphs[0]
    assert {index: aligned_tensors(model, model)[index] for index in graph.inputs} == {
        index: index for index in graph.inputs
    }


_ITEMS = st.lists(
    st.tuples(
        st.sampled_from(["CONV_2D", "ADD", "QUANTIZE", "MUL"]), st.integers(1, 3), st.sampled_from("abc")
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(_ITEMS, _ITEMS)
def test_every_operator_is_there_once_and_in_order(one, other):
    pairs = aligned_operators(_model(one), _model(other))
    assert [left for left, _ in pairs if left is not None] == list(range(len(one)))
    assert [right for _, right in pairs if right is not None] == list(range(len(other)))
    assert all(
        one[left][0] == other[right][0] for left, right in pairs if left is not None and right is not None
    )


@settings(max_examples=80, deadline=None)
@given(_ITEMS, st.data())
def test_what_was_left_out_of_a_copy_is_all_that_has_no_partner(items, data):
    kept = [item for item in items if data.draw(st.booleans())]
    pairs = aligned_operators(_model(items), _model(kept))
    assert sum(left is not None and right is not None for left, right in pairs) == len(kept)


def test_thousands_of_unlike_operators_are_still_aligned():
    generator = np.random.default_rng(0)
    kinds = ["ADD", "MUL", "CONV_2D"]
    one, other = (
        [(str(generator.choice(kinds)), int(generator.integers(1, 51)), "same") for _ in range(5000)]
        for _ in range(2)
    )
    pairs = aligned_operators(_model(one), _model(other))
    assert len(pairs) <= 10_000
    assert sum(None not in pair for pair in pairs) > 100


def test_a_file_without_operators_has_no_pairs():
    empty = read_model(tflite(Graph()))
    assert aligned_operators(empty, empty) == ()
    assert aligned_tensors(empty, empty) == {}
