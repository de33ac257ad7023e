from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_graphs import RELU, RELU6, Graph, spans_of, values_of

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import write_arrays
from edgeq.quantize.output_error import watched_tensors
from edgeq.quantize.rewrites.channel_rules import CHANNEL_RULES
from edgeq.quantize.rewrites.equalization import LIMIT, channel_factors, equalize
from edgeq.quantize.rewrites.guard import require_equal
from edgeq.quantize.rewrites.spaces import channel_spaces

SHAPE = (6, 6, 4)


def equalized(graph, items, *outputs):
    """The two files, after the outputs were found to be equal."""
    before = graph.content(*outputs)
    after = equalize(before, items).content
    require_equal(before, after, items)
    return before, after


def unevenness(content, items, tensor):
    """Largest channel in parts of the smallest that is not dead."""
    spans = spans_of(content, items, tensor)
    return spans.max() / spans[spans > 0].min()


def test_channels_of_a_pair_of_convolutions_come_to_span_the_same(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8, size=3, act=RELU)
    before, after = equalized(graph, items, graph.conv(hidden, 5))
    assert unevenness(before, items, graph.name(hidden)) > 5
    assert unevenness(after, items, graph.name(hidden)) == pytest.approx(1, abs=1e-5)


def test_the_span_of_a_tensor_stays(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8)
    before, after = equalized(graph, items, graph.conv(hidden, 5))
    (old,), (new,) = (values_of(content, items, graph.name(hidden)) for content in (before, after))
    assert (new.min(), new.max()) == pytest.approx((old.min(), old.max()), rel=1e-5)


@pytest.mark.parametrize(
    "between",
    [
        lambda graph, x: graph.unary("RELU", x),
        lambda graph, x: graph.unary("LEAKY_RELU", x, "LeakyReluOptions", alpha=0.1),
        lambda graph, x: graph.operator("PRELU", [x, graph.weights((1, 1, 8), axis=2)], graph.shape(x), None),
        lambda graph, x: graph.pool(x, window=2, stride=2),
        lambda graph, x: graph.pool(x, kind="MAX_POOL_2D", window=2, stride=2),
        lambda graph, x: graph.mean(x),
        lambda graph, x: graph.pad(x, (0, 0), (1, 2), (0, 1), (0, 0)),
        lambda graph, x: graph.pad(x, (0, 0), (0, 0), (0, 0), (1, 2)),
        lambda graph, x: graph.depthwise(x),
        lambda graph, x: graph.depthwise(x, multiplier=2),
        lambda graph, x: graph.concat(x, graph.conv(graph.x, 3)),
        lambda graph, x: graph.concat(graph.conv(graph.x, 3), x),
        lambda graph, x: graph.binary("ADD", x, graph.conv(graph.x, 8), act=RELU),
        lambda graph, x: graph.binary("SUB", x, graph.conv(graph.x, 8)),
        lambda graph, x: graph.binary("ADD", x, graph.constant(np.arange(8, dtype=np.float32))),
        lambda graph, x: graph.binary("MUL", x, graph.constant(np.arange(1, 9, dtype=np.float32))),
        lambda graph, x: graph.binary("MUL", x, graph.unary("LOGISTIC", graph.mean(graph.conv(graph.x, 8)))),
        lambda graph, x: graph.binary("MUL", graph.unary("LOGISTIC", graph.mean(graph.conv(graph.x, 8))), x),
        lambda graph, x: graph.reshape(x, 1, 1, 36, 8),
    ],
    ids=[
        "relu",
        "leaky relu",
        "prelu",
        "average pooling",
        "max pooling",
        "mean",
        "padding of space",
        "padding of channels",
        "depthwise",
        "depthwise with a multiplier",
        "concatenation, first",
        "concatenation, last",
        "sum",
        "difference",
        "sum with a constant",
        "product with a constant",
        "gate",
        "gate first",
        "reshape that keeps channels",
    ],
)
def test_factors_pass_an_operator(between, items_of):
    graph, items = Graph(*SHAPE, seed=1), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8)
    before, after = equalized(graph, items, graph.conv(between(graph, hidden), 5))
    name = graph.name(hidden)
    assert unevenness(after, items, name) < 0.7 * unevenness(before, items, name)


@pytest.mark.parametrize("middle", [(1, 36 * 8), (36, 8)], ids=["flattened", "rows"])
def test_channels_that_are_flattened_before_a_dense_layer_are_scaled(middle, items_of):
    graph, items = Graph(*SHAPE, seed=2), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8, act=RELU)
    flat = graph.reshape(graph.reshape(hidden, *middle), 1, 36 * 8)
    before, after = equalized(graph, items, graph.dense(flat, 5))
    assert unevenness(before, items, graph.name(hidden)) > 5
    assert unevenness(after, items, graph.name(hidden)) < 1.01


def test_a_map_that_a_dense_layer_flattens_itself_is_scaled(items_of):
    graph, items = Graph(*SHAPE, seed=2), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8, act=RELU)
    _, after = equalized(graph, items, graph.dense(hidden, 5))
    assert unevenness(after, items, graph.name(hidden)) < 1.01


@pytest.mark.parametrize(
    "reader",
    [
        lambda graph, x: graph.unary("LOGISTIC", x),
        lambda graph, x: graph.unary("HARD_SWISH", x),
        lambda graph, x: graph.unary("TANH", x),
        lambda graph, x: graph.unary("SOFTMAX", x, "SoftmaxOptions", beta=1.0),
        lambda graph, x: graph.unary("RELU6", x),
        lambda graph, x: graph.binary("ADD", x, graph.constant(np.array([0.5], np.float32))),
        lambda graph, x: graph.binary("ADD", x, x, act=RELU6),
        lambda graph, x: graph.binary("MUL", x, x),
        lambda graph, x: graph.operator(
            "MEAN",
            [x, graph.constant(np.array([-1], np.int32))],
            (1, 6, 6, 1),
            "ReducerOptions",
            act=None,
            keepDims=True,
        ),
        lambda graph, x: graph.operator(
            "TRANSPOSE",
            [x, graph.constant(np.array([0, 3, 1, 2], np.int32))],
            (1, 8, 6, 6),
            "TransposeOptions",
            act=None,
        ),
    ],
    ids=[
        "logistic",
        "hard-swish",
        "tanh",
        "softmax",
        "relu6",
        "sum with a scalar",
        "sum with relu6",
        "square",
        "mean of channels",
        "transposition",
    ],
)
def test_channels_keep_their_scale_before_what_takes_no_factors(reader, items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8)
    before, after = equalized(graph, items, graph.conv(reader(graph, hidden), 5))
    (old,), (new,) = (values_of(content, items, graph.name(hidden)) for content in (before, after))
    np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("case", ["output", "fused relu6", "only layer"])
def test_nothing_to_scale_keeps_the_bytes(case, items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8, act=RELU6 if case == "fused relu6" else RELU)
    content = graph.content(
        *([hidden] if case != "fused relu6" else []),
        *([graph.conv(hidden, 5)] if case != "only layer" else []),
    )
    found = equalize(content, items)
    assert found.content == content
    assert (found.channels, found.tensors) == (0, 0)


def test_weights_that_two_layers_share_are_left(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    one = graph.conv(graph.x, 4)
    other = graph.conv(one, 4)
    graph.graph.operators[-1].inputs[1] = graph.graph.operators[0].inputs[1]
    content = graph.content(graph.conv(other, 5))
    assert equalize(content, items).content == content


def test_a_bias_of_zeros_that_layers_share_is_no_obstacle(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    zeros = graph.constant(np.zeros(8, np.float32))
    one = graph.conv(graph.x, 8, bias=False)
    other = graph.conv(one, 8, bias=False)
    for operator in graph.graph.operators:
        operator.inputs.append(zeros)
    _, after = equalized(graph, items, graph.conv(other, 5))
    assert unevenness(after, items, graph.name(one)) < 2
    assert unevenness(after, items, graph.name(other)) < 2


def test_a_grouped_convolution_keeps_the_scale_of_what_it_reads(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8)
    weights = graph.weights((6, 1, 1, 4), axis=0)
    bias = graph.weights((6,), axis=0)
    grouped = graph.operator("CONV_2D", [hidden, weights, bias], (1, 6, 6, 6), "Conv2DOptions")
    before, after = equalized(graph, items, graph.conv(grouped, 5))
    (old,), (new,) = (values_of(content, items, graph.name(hidden)) for content in (before, after))
    np.testing.assert_array_equal(old, new)
    assert unevenness(after, items, graph.name(grouped)) < unevenness(before, items, graph.name(grouped))


def test_dead_channels_keep_their_scale_and_faint_ones_grow_to_the_limit(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    hidden = graph.conv(graph.x, 8, act=RELU)
    kernel, bias = (graph.graph.tensors[index] for index in graph.graph.operators[0].inputs[1:])
    for tensor in (kernel, bias):
        data = graph.model.buffers[tensor.buffer].data.view(np.float32).copy().reshape(8, -1)
        data[0], data[1] = -np.abs(data[0]) * (tensor is bias), 1e-6 * data[1]
        graph.model.buffers[tensor.buffer].data = data.ravel().view(np.uint8)
    before, after = equalized(graph, items, graph.conv(hidden, 5))
    old, new = (next(iter(EditableModel(content).weighted_layers())) for content in (before, after))
    np.testing.assert_array_equal(new.bias[0], old.bias[0])
    np.testing.assert_allclose(new.weights[1], LIMIT * old.weights[1], rtol=1e-6)


def test_items_that_are_no_numbers_scale_nothing(tmp_path):
    graph = Graph(*SHAPE)
    content = graph.content(graph.conv(graph.conv(graph.x, 8), 5))
    items = write_arrays({"x": np.full((2, *SHAPE), np.nan, np.float32)}, tmp_path / "items")
    assert equalize(content, items).content == content


def test_a_trained_network_with_relu6_after_each_convolution_keeps_its_bytes(demo, demo_items):
    assert equalize(demo, demo_items).content == demo


@given(data=st.data())
@settings(max_examples=25)
def test_random_networks_compute_the_same_and_no_range_grows(data, tmp_path_factory):
    graph = Graph(*SHAPE, seed=data.draw(st.integers(0, 1000)))
    made = [graph.conv(graph.x, 4, act=RELU)]
    for _ in range(data.draw(st.integers(1, 7))):
        x = made[data.draw(st.integers(0, len(made) - 1))]
        same = [other for other in made if graph.shape(other) == graph.shape(x)]
        y = same[data.draw(st.integers(0, len(same) - 1))]
        step = data.draw(
            st.sampled_from(["conv", "depthwise", "add", "concat", "pool", "gate", "relu6", "silu"])
        )
        if step == "conv":
            made.append(graph.conv(x, data.draw(st.sampled_from([1, 4, 6])), size=3, act=RELU))
        elif step == "depthwise":
            made.append(graph.depthwise(x, multiplier=data.draw(st.sampled_from([1, 2]))))
        elif step == "add":
            made.append(graph.binary("ADD", x, y, act=RELU))
        elif step == "concat":
            made.append(graph.concat(x, y))
        elif step == "pool":
            made.append(graph.pool(x, window=3, stride=1))
        elif step == "gate":
            made.append(graph.binary("MUL", x, graph.unary("LOGISTIC", graph.mean(y))))
        elif step == "relu6":
            made.append(graph.conv(x, 4, act=RELU6))
        else:
            made.append(graph.binary("MUL", x, graph.unary("LOGISTIC", y)))
    before = graph.content(*(graph.dense(graph.mean(x), 3) for x in made))
    values = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    items = write_arrays({"x": values}, tmp_path_factory.mktemp("items"))
    after = equalize(before, items).content
    require_equal(before, after, items)
    names = [graph.name(x) for x in made]
    for old, new in zip(values_of(before, items, *names), values_of(after, items, *names), strict=True):
        assert new.min() >= old.min() - 1e-4 * np.ptp(old)
        assert new.max() <= old.max() + 1e-4 * np.ptp(old)


def test_channels_that_a_sum_joins_have_one_factor():
    graph = Graph(*SHAPE)
    one, other = graph.conv(graph.x, 3), graph.conv(graph.x, 3)
    total = graph.binary("ADD", one, other)
    model = EditableModel(graph.content(graph.conv(total, 2)))
    spaces = channel_spaces(model, CHANNEL_RULES)
    spans = {
        one: (np.zeros(3, np.float32), np.array([1, 8, 2], np.float32)),
        other: (np.zeros(3, np.float32), np.array([4, 2, 2], np.float32)),
        total: (np.zeros(3, np.float32), np.array([5, 10, 4], np.float32)),
    }
    factors = channel_factors(spaces, spans)
    for tensor in spans:
        np.testing.assert_allclose(factors[spaces.numbers(tensor)], [1, 1, 2])


def test_logits_are_never_scaled(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    logits = graph.dense(graph.mean(graph.conv(graph.x, 8)), 5)
    content = graph.content(graph.unary("SOFTMAX", logits, "SoftmaxOptions", beta=1.0))
    assert watched_tensors(content)[0].name == graph.name(logits)
    (old,), (new,) = (
        values_of(found, items, graph.name(logits)) for found in (content, equalize(content, items).content)
    )
    np.testing.assert_allclose(new, old, rtol=0, atol=1e-5 * np.abs(old).max())
