from __future__ import annotations

import numpy as np
import pytest
from small_graphs import RELU6, Graph, spans_of

from edgeq.quantize.building import build
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.output_error import output_error, watched_tensors, watched_values
from edgeq.quantize.ranges.gated import least_useful_values
from edgeq.quantize.recipe import Recipe
from edgeq.quantize.rewrites.gate_scales import count_gates, scale_gates
from edgeq.quantize.rewrites.guard import require_equal

SHAPE = (6, 6, 4)


def silu(graph, x):
    return graph.binary("MUL", x, graph.unary("LOGISTIC", x))


def hard_swish(graph, x):
    shift = graph.constant(np.array(3.0, np.float32))
    return graph.binary("MUL", x, graph.binary("ADD", x, shift, act=RELU6))


def kinds(content):
    model = EditableModel(content)
    return [model.kind(operator) for operator in model.graph.operators]


def scales_of(content):
    """Constants before the gates: what each channel is multiplied by."""
    model = EditableModel(content)
    names = [model.name(index) for index in range(len(model.graph.tensors))]
    return [model.constant(place).ravel() for place, name in enumerate(names) if name.endswith("/unscaling")]


@pytest.mark.parametrize("gate", [silu, hard_swish])
@pytest.mark.parametrize(
    "behind",
    [
        lambda graph, x: graph.conv(x, 5),
        lambda graph, x: graph.conv(graph.depthwise(x), 5),
        lambda graph, x: graph.dense(graph.mean(x), 5),
        lambda graph, x: graph.conv(
            graph.binary("MUL", x, graph.unary("LOGISTIC", graph.conv(graph.mean(x), 8))), 5
        ),
        lambda graph, x: graph.conv(silu(graph, graph.conv(x, 8)), 5),
    ],
    ids=["convolution", "depthwise", "dense", "squeeze and excite", "another gate"],
)
def test_a_network_with_gates_stays_equal_and_its_channels_span_alike(gate, behind, items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    source = graph.conv(graph.x, 8)
    before = graph.content(behind(graph, gate(graph, source)))
    made = scale_gates(before, items)
    assert 1 <= made.gates <= made.found == count_gates(before)
    assert kinds(made.content).count("MUL") == kinds(before).count("MUL") + made.gates
    require_equal(before, made.content, items)
    spans = [spans_of(content, items, graph.name(source)) for content in (before, made.content)]
    old, new = (found.max() / found.min() for found in spans)
    assert new < old / 2


def test_scales_are_multiples_of_one_step_as_an_int8_constant_has_them(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    content = scale_gates(graph.content(graph.conv(silu(graph, graph.conv(graph.x, 8)), 5)), items).content
    (scales,) = scales_of(content)
    steps = scales / scales.max() * 127
    assert scales.min() < scales.max() / 2
    assert steps == pytest.approx(np.round(steps), abs=1e-3)


def uneven(gate, sizes, seed=0):
    """A network whose channels before a gate have these sizes, and count the same behind it."""
    graph, rng = Graph(*SHAPE, seed=seed), np.random.default_rng(seed)
    before, behind = rng.normal(size=(len(sizes), 1, 1, 4)), rng.normal(size=(5, 1, 1, len(sizes)))
    hidden = convolution(graph, graph.x, before * np.reshape(sizes, (-1, 1, 1, 1)))
    return graph.content(convolution(graph, gate(graph, hidden), behind / sizes))


def convolution(graph, x, weights):
    channels = len(weights)
    constants = [graph.constant(values.astype(np.float32)) for values in (weights, np.zeros(channels))]
    return graph.operator("CONV_2D", [x, *constants], (*graph.shape(x)[:3], channels), "Conv2DOptions")


@pytest.mark.parametrize("gate", [silu, hard_swish])
def test_small_channels_that_count_survive_eight_bits(gate, items_of):
    content, items = uneven(gate, np.geomspace(0.25, 4.0, 8)), items_of(*SHAPE, count=40)
    watched, inputs = watched_tensors(content), items.inputs()
    wanted = watched_values(LocalModel(content), watched, inputs)

    def error(*rewrites):
        made = build(content, Recipe(rewrites=rewrites), items).content
        return output_error(watched, wanted, watched_values(LocalModel(made), watched, inputs))

    assert error("scale-gates") < 0.5 * error()


@pytest.mark.parametrize(
    "network",
    [
        lambda graph: graph.conv(graph.unary("LOGISTIC", graph.conv(graph.x, 8)), 5),
        lambda graph: graph.conv(graph.unary("HARD_SWISH", graph.conv(graph.x, 8)), 5),
        lambda graph: graph.conv(graph.conv(graph.x, 8), 5),
    ],
    ids=["logistic alone", "hard-swish in one", "no gate"],
)
def test_without_such_a_gate_the_bytes_stay(network, items_of):
    graph = Graph(*SHAPE)
    content = graph.content(network(graph))
    assert count_gates(content) == 0
    assert scale_gates(content, items_of(*SHAPE)).content == content


@pytest.mark.parametrize(
    "network",
    [
        lambda graph, source: graph.unary("TANH", silu(graph, source)),
        lambda graph, source: graph.concat(silu(graph, source), source),
    ],
    ids=["reader that takes no scale", "source with another reader"],
)
def test_a_gate_that_cannot_be_scaled_keeps_the_bytes(network, items_of):
    graph = Graph(*SHAPE)
    content = graph.content(network(graph, graph.conv(graph.x, 8)))
    assert scale_gates(content, items_of(*SHAPE)).gates == 0
    assert scale_gates(content, items_of(*SHAPE)).content == content


def test_equal_channels_gain_nothing_and_keep_the_bytes(items_of):
    graph = Graph(*SHAPE)
    hidden = convolution(graph, graph.x, np.ones((8, 1, 1, 4)))
    content = graph.content(graph.conv(silu(graph, hidden), 5))
    made = scale_gates(content, items_of(*SHAPE))
    assert (made.gates, made.found, made.content) == (0, 1, content)


def test_a_gate_that_gains_is_scaled_beside_one_that_cannot(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    before = graph.content(
        graph.unary("TANH", silu(graph, graph.conv(silu(graph, graph.conv(graph.x, 8)), 5)))
    )
    made = scale_gates(before, items)
    assert (made.gates, made.found) == (1, 2)
    assert kinds(made.content) == ["CONV_2D", "MUL", "LOGISTIC", "MUL", "CONV_2D", "LOGISTIC", "MUL", "TANH"]
    require_equal(before, made.content, items)


def test_a_scaled_hard_swish_needs_nothing_below_minus_3_of_its_own_unit(items_of):
    graph, items = Graph(*SHAPE), items_of(*SHAPE)
    before = graph.content(graph.conv(hard_swish(graph, graph.conv(graph.x, 8)), 5))
    after = scale_gates(before, items).content
    (scales,) = scales_of(after)
    least = least_useful_values(after)
    assert sorted(least.values()) == pytest.approx(sorted([-3.0, -3.0 / scales.min()]))
