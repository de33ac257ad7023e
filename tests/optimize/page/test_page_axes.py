"""Scales, ticks and labels of a drawing."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.optimize.page.axes import cost_axis, loss_axis, tick_text
from edgeq.optimize.page.labels import place_labels

COSTS = st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=20)
LOSSES = st.lists(st.floats(-100, 100), min_size=1, max_size=20)


@given(COSTS)
def test_all_costs_lie_on_their_axis_in_their_order(costs):
    axis = cost_axis(costs, 64.0, 740.0)
    pixels = [axis.pixel(cost) for cost in sorted(costs)]
    assert pixels == sorted(pixels)
    assert all(64 <= pixel <= 740 for pixel in pixels)


@given(LOSSES)
def test_all_losses_lie_on_their_axis_and_so_does_no_loss(losses):
    axis = loss_axis(losses, 20.0, 360.0)
    assert all(axis.low < value < axis.high for value in (*losses, 0.0))


@given(COSTS)
def test_ticks_are_few_rise_and_lie_within(costs):
    axis = cost_axis(costs, 0.0, 100.0)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 8
    assert all(low < high for low, high in itertools.pairwise(ticks))
    assert all(axis.low <= tick <= axis.high * (1 + 1e-9) for tick in ticks)


def test_costs_far_apart_are_drawn_by_their_ratio():
    axis = cost_axis([0.04, 2.9], 0.0, 100.0)
    assert axis.is_logarithmic
    assert [tick_text(tick) for tick in axis.ticks()] == ["0.05", "0.1", "0.2", "0.5", "1", "2"]


def test_sizes_near_each_other_are_drawn_from_nothing_on():
    axis = cost_axis([52.3, 162.4], 0.0, 100.0)
    assert axis.low == 0
    assert [tick_text(tick) for tick in axis.ticks()] == ["0", "50", "100", "150"]


def test_a_tick_has_a_real_minus_and_no_noise_of_floats():
    assert [tick_text(value) for value in (-0.2, 0.1 * 3, 0.0)] == ["−0.2", "0.3", "0"]


AREA = (0.0, 700.0, 0.0, 400.0)
PLACES = st.tuples(st.floats(0, 700), st.floats(0, 400), st.text("abcdef", min_size=1, max_size=40))


def box(label):
    width = 7.2 * len(label.text)
    left = {"start": label.x, "end": label.x - width, "middle": label.x - width / 2}[label.anchor]
    return left, left + width, label.y - 12, label.y + 3


@given(st.lists(PLACES, max_size=8))
def test_no_two_labels_overlap_and_none_leaves_the_drawing(named):
    labels = [box(label) for label in place_labels(named, AREA)]
    for left, right, top, bottom in labels:
        assert left >= -0.1
        assert right <= 700.1
        assert top >= -0.1
        assert bottom <= 400.1
    for one, other in itertools.combinations(labels, 2):
        apart = one[1] <= other[0] + 0.2 or other[1] <= one[0] + 0.2
        assert apart or one[3] <= other[2] + 0.2 or other[3] <= one[2] + 0.2


def test_a_label_gives_way_to_a_line():
    (free,) = place_labels([(300.0, 200.0, "int8")], AREA)
    (moved,) = place_labels([(300.0, 200.0, "int8")], AREA, line=[(300.0, 200.0), (500.0, 200.0)])
    assert free.anchor == "start"
    assert (moved.anchor, moved.y) != (free.anchor, free.y)


@pytest.mark.parametrize("length", [34, 35])
def test_a_long_name_is_shortened(length):
    (label,) = place_labels([(100.0, 200.0, "n" * length)], AREA)
    assert len(label.text) == 34
