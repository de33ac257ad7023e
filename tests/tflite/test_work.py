from __future__ import annotations

import pytest
from hand_made import Graph, tflite
from hypothesis import given
from hypothesis import strategies as st

from edgeq.tflite.model import Operator, Subgraph, Tensor, read_model
from edgeq.tflite.work import _COUNTS, multiply_accumulates


def _count(operator: str, inputs, output) -> int:
    graph = Graph()
    places = [-1 if shape is None else graph.tensor("input", shape) for shape in inputs]
    graph.operator(operator, places, graph.tensor("output", output))
    subgraph = read_model(tflite(graph)).subgraphs[0]
    return multiply_accumulates(subgraph.operators[0], subgraph)


@pytest.mark.parametrize(
    ("operator", "inputs", "output", "expected"),
    [
        # Each expected number written out: results × what is summed up for each.
        ("CONV_2D", [(1, 8, 8, 3), (16, 3, 3, 3)], (1, 6, 6, 16), 6 * 6 * 16 * (3 * 3 * 3)),
        ("CONV_2D", [(1, 8, 8, 4), (16, 3, 3, 2)], (1, 6, 6, 16), 6 * 6 * 16 * (3 * 3 * 2)),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 4), (1, 3, 3, 8)], (1, 6, 6, 8), 6 * 6 * 8 * 9),
        ("TRANSPOSE_CONV", [(4,), (5, 2, 2, 3), (1, 4, 4, 3)], (1, 8, 8, 5), 4 * 4 * 3 * (5 * 2 * 2)),
        ("CONV_3D", [(1, 4, 4, 4, 2), (2, 2, 2, 2, 7)], (1, 3, 3, 3, 7), 27 * 7 * (8 * 2)),
        ("CONV_3D_TRANSPOSE", [(5,), (2, 2, 2, 7, 3), (1, 2, 2, 2, 3)], (1, 4, 4, 4, 7), 8 * 3 * (8 * 7)),
        ("FULLY_CONNECTED", [(2, 8), (5, 8), None], (2, 5), 2 * 5 * 8),
        ("BATCH_MATMUL", [(3, 4, 6), (3, 6, 5)], (3, 4, 5), 3 * 4 * 5 * 6),
        ("BATCH_MATMUL", [(3, 6, 4), (3, 6, 5)], (3, 4, 5), 3 * 4 * 5 * 6),
        ("SVDF", [(2, 10), (8, 10), (8, 4)], (2, 8), 2 * (8 * 10 + 8 * 4)),
        ("RNN", [(2, 10), (8, 10), (8, 8)], (2, 8), 2 * (80 + 64)),
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            [(1, 7, 10), *[(8, 10)] * 4, *[(8, 8)] * 4],
            (1, 7, 8),
            7 * 4 * (80 + 64),
        ),
        ("ADD", [(1, 8), (1, 8)], (1, 8), 0),
        ("MyOperator", [(1, 8), (1, 8)], (1, 8), 0),
    ],
)
def test_an_operators_multiply_accumulates(operator, inputs, output, expected):
    assert _count(operator, inputs, output) == expected


_SHAPES = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6).map(tuple)


@given(
    operator=st.sampled_from(sorted(_COUNTS)),
    shapes=st.lists(_SHAPES, min_size=1, max_size=10),
    inputs=st.lists(st.integers(-1, 9), max_size=50),
    outputs=st.lists(st.integers(-1, 9), max_size=2),
)
def test_absurd_shapes_and_missing_inputs_count_as_some_number(operator, shapes, inputs, outputs):
    tensors = tuple(
        Tensor("t", index, shape, shape, "float32", 0, 0, False, False, None)
        for index, shape in enumerate(shapes)
    )
    places = tuple(min(place, len(tensors) - 1) for place in inputs)
    results = tuple(min(place, len(tensors) - 1) for place in outputs)
    found = Operator(0, operator, 1, None, places, results)
    assert 0 <= multiply_accumulates(found, Subgraph("", tensors, (), (), (found,))) < 2**63
