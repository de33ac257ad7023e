from __future__ import annotations

import numpy as np
import pytest
from small_graphs import Graph

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.ranges.gated import least_useful_values
from edgeq.quantize.rewrites.gates import hard_swish_to_product
from edgeq.quantize.rewrites.guard import require_equal

SHAPE = (6, 6, 4)


def kinds(content):
    model = EditableModel(content)
    return [model.kind(operator) for operator in model.graph.operators]


def swish(graph, x):
    return graph.unary("HARD_SWISH", x)


@pytest.mark.parametrize(
    "behind",
    [
        lambda graph, x: graph.conv(x, 5),
        lambda graph, x: graph.conv(graph.depthwise(x), 5),
        lambda graph, x: graph.dense(graph.mean(x), 5),
        lambda graph, x: graph.conv(graph.binary("ADD", x, graph.conv(graph.x, 8)), 5),
        lambda graph, x: graph.conv(graph.concat(x, graph.conv(graph.x, 3)), 5),
        lambda graph, x: graph.conv(
            graph.binary("MUL", x, graph.unary("LOGISTIC", graph.conv(graph.mean(x), 8))), 5
        ),
        lambda graph, x: graph.conv(graph.binary("ADD", x, swish(graph, graph.conv(x, 8))), 5),
    ],
    ids=["convolution", "depthwise", "dense", "sum", "concatenation", "squeeze and excite", "two of them"],
)
def test_hard_swish_becomes_an_equal_product(behind, items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    before = graph.content(behind(graph, swish(graph, graph.conv(graph.x, 8))))
    after, count = hard_swish_to_product(before)
    assert count == kinds(before).count("HARD_SWISH")
    assert "HARD_SWISH" not in kinds(after)
    assert kinds(after)[:3] == ["CONV_2D", "ADD", "MUL"]
    require_equal(before, after, items)


@pytest.mark.parametrize(
    "behind",
    [
        lambda graph, x: x,
        lambda graph, x: graph.conv(graph.unary("TANH", x), 5),
        lambda graph, x: graph.conv(graph.binary("ADD", x, graph.constant(np.array([1.0], np.float32))), 5),
    ],
    ids=["output", "tanh", "sum with a scalar"],
)
def test_a_result_that_cannot_be_divided_keeps_the_bytes(behind):
    graph = Graph(*SHAPE)
    content = graph.content(behind(graph, swish(graph, graph.conv(graph.x, 8))))
    assert hard_swish_to_product(content) == (content, 0)


def test_one_that_can_be_divided_is_replaced_beside_one_that_cannot(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    inner = swish(graph, graph.conv(graph.x, 8))
    before = graph.content(swish(graph, graph.conv(inner, 5)))
    after, count = hard_swish_to_product(before)
    assert count == 1
    assert kinds(after) == ["CONV_2D", "ADD", "MUL", "CONV_2D", "HARD_SWISH"]
    require_equal(before, after, items)


def test_the_sum_and_the_product_need_nothing_of_their_input_below_minus_3():
    graph = Graph(*SHAPE)
    before = graph.content(graph.conv(swish(graph, graph.conv(graph.x, 8)), 5))
    after, _ = hard_swish_to_product(before)
    assert least_useful_values(after) == least_useful_values(before)
    assert list(least_useful_values(after).values()) == [-3.0]
