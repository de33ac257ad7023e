from __future__ import annotations

import numpy as np
import pytest
from small_graphs import RELU, Graph, values_of

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.rewrites.pooling import pool_to_depthwise, pool_to_mean


def kinds(content):
    model = EditableModel(content)
    return [model.kind(operator) for operator in model.graph.operators]


@pytest.mark.parametrize(
    ("window", "stride"), [(6, 1), (6, 6), (6, 2), (9, 6)], ids=["one", "six", "two", "window beyond the map"]
)
def test_pooling_over_the_whole_map_becomes_an_equal_mean(window, stride, items_of):
    graph = Graph(6, 6, 4)
    pooled = graph.pool(graph.x, window=window, stride=stride)
    # SAME padding: one result only where the stride covers the map too, as the runtime computes it.
    if stride < 6:
        graph.graph.operators[-1].builtinOptions.padding = 1  # VALID
        graph.graph.tensors[pooled].shape = [1, 1, 1, 4]
    result = graph.conv(pooled, 3)
    before = graph.content(result)
    after, count = pool_to_mean(before)
    assert count == 1
    assert kinds(after) == ["MEAN", "CONV_2D"]
    items = items_of(6, 6, 4)
    (old,), (new,) = (values_of(content, items, graph.name(result)) for content in (before, after))
    np.testing.assert_allclose(new, old, rtol=0, atol=1e-6 * np.abs(old).max())


def test_pooling_over_parts_of_the_map_keeps_the_file_as_it_is():
    graph = Graph(6, 6, 4)
    content = graph.content(graph.pool(graph.x, window=3, stride=3))
    assert pool_to_mean(content) == (content, 0)


def test_pooling_with_a_fused_activation_stays():
    graph = Graph(6, 6, 4)
    content = graph.content(graph.pool(graph.x, window=6, stride=6, act=RELU))
    assert pool_to_mean(content) == (content, 0)


def test_pooling_of_a_map_of_free_size_stays():
    graph = Graph(6, 6, 4)
    result = graph.pool(graph.x, window=6, stride=6)
    graph.graph.tensors[graph.x].shapeSignature = [1, -1, -1, 4]
    content = graph.content(result)
    assert pool_to_mean(content) == (content, 0)


def test_max_pooling_stays():
    graph = Graph(6, 6, 4)
    content = graph.content(graph.pool(graph.x, kind="MAX_POOL_2D", window=6, stride=6))
    assert pool_to_mean(content) == (content, 0)


def test_several_poolings_share_their_axes():
    graph = Graph(6, 6, 4)
    one, other = (graph.pool(graph.x, window=6, stride=6) for _ in range(2))
    after, count = pool_to_mean(graph.content(one, other))
    assert count == 2
    model = EditableModel(after)
    axes = {int(operator.inputs[1]) for operator in model.graph.operators}
    assert [list(model.constant(index)) for index in axes] == [[1, 2]]


@pytest.mark.parametrize(
    ("window", "stride", "same"), [(2, 2, True), (2, 2, False), (3, 1, False), (3, 3, True)]
)
def test_a_small_window_without_padding_becomes_an_equal_depthwise_convolution(
    window, stride, same, items_of
):
    graph = Graph(6, 6, 4)
    pooled = graph.pool(graph.x, window=window, stride=stride, act=RELU)
    if not same:
        size = (6 - window) // stride + 1
        graph.graph.operators[-1].builtinOptions.padding = 1  # VALID
        graph.graph.tensors[pooled].shape = [1, size, size, 4]
    before = graph.content(pooled)
    after, count = pool_to_depthwise(before)
    assert count == 1
    assert kinds(after) == ["DEPTHWISE_CONV_2D"]
    items = items_of(6, 6, 4)
    (old,), (new,) = (values_of(content, items, graph.name(pooled)) for content in (before, after))
    np.testing.assert_allclose(new, old, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("window", "stride"), [(3, 1), (2, 4), (3, 4), (6, 6)])
def test_padded_and_large_windows_are_told_from_others(window, stride):
    graph = Graph(6, 6, 4)
    content = graph.content(graph.pool(graph.x, window=window, stride=stride))
    pads = (-(-6 // stride) - 1) * stride + window > 6
    assert pool_to_depthwise(content)[1] == (0 if pads or window == 6 else 1)
