from __future__ import annotations

import numpy as np
import pytest
from small_graphs import RELU, Graph

from edgeq.errors import UsageError
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.recipe import REWRITES
from edgeq.quantize.rewrites import applying
from edgeq.quantize.rewrites.applying import applicable_rewrites, rewrite


@pytest.fixture
def network():
    graph = Graph(6, 6, 4)
    hidden = graph.pool(graph.conv(graph.x, 8, act=RELU), window=6, stride=6)
    return graph.content(graph.dense(hidden, 3))


def test_all_rewrites_are_made_in_their_order_with_a_sentence_each(network, items_of):
    found = rewrite(network, tuple(reversed(REWRITES)), items_of(6, 6, 4))
    assert found.notes[0] == "pool-to-mean: 1 average poolings became means, 0 became depthwise convolutions."
    assert found.notes[3].startswith("equalize: ")
    assert "2 activations were scaled" in found.notes[3]
    model = EditableModel(found.content)
    assert [model.kind(operator) for operator in model.graph.operators] == [
        "CONV_2D",
        "MEAN",
        "FULLY_CONNECTED",
    ]


def test_the_same_file_and_items_give_the_same_bytes(network, items_of):
    items = items_of(6, 6, 4)
    assert rewrite(network, REWRITES, items).content == rewrite(network, REWRITES, items).content


def test_nothing_asked_is_nothing_done(network, items_of):
    found = rewrite(network, (), items_of(6, 6, 4))
    assert (found.content, found.notes) == (network, ())


def test_what_finds_nothing_to_do_keeps_the_bytes_and_says_so(demo, demo_items):
    found = rewrite(demo, REWRITES, demo_items)
    assert found.content == demo
    assert found.notes == (
        "pool-to-mean: no average pooling without padding.",
        "hard-swish: no hard-swish whose readers can divide by 6.",
        "scale-gates: no SiLU and no hard-swish as a product.",
        "equalize: no channel could be scaled.",
    )


def test_a_rewrite_that_changes_outputs_is_left_out_and_says_why(network, items_of, monkeypatch):
    def broken(content):
        model = EditableModel(content)
        layer = next(model.weighted_layers())
        model.set_constant(model.index(layer.weights_name), layer.weights * np.float32(1.01))
        return model.content(), 1

    monkeypatch.setattr(applying, "pool_to_mean", broken)
    found = rewrite(network, ("pool-to-mean",), items_of(6, 6, 4))
    assert found.content == network
    assert found.notes[0].startswith("pool-to-mean: left out, output 't3' moved by")


def test_an_unknown_rewrite_is_refused(network, items_of):
    with pytest.raises(UsageError, match=r"unknown rewrite 'polish': expected one of pool-to-mean, "):
        rewrite(network, ("polish",), items_of(6, 6, 4))


def test_rewrites_that_can_find_nothing_are_not_offered(network):
    assert applicable_rewrites(network) == ("pool-to-mean", "equalize")
    plain = Graph(6, 6, 4)
    assert applicable_rewrites(plain.content(plain.conv(plain.x, 8, act=RELU))) == ("equalize",)
