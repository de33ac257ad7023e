"""Learned rounding."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from edgeq.quantize.weights.adaround import learned_rounding
from edgeq.quantize.weights.moments import distance
from edgeq.quantize.weights.scales import largest_scales, nearest
from tests.quantize.weights.problems import limits, problem, problems


@settings(max_examples=5)
@given(problems, limits)
def test_no_output_is_worse_than_before_and_integers_are_whole(drawn, limit):
    weights, second = drawn
    scales = largest_scales(weights, limit, shared=False)
    start = nearest(weights, scales, limit)
    found = learned_rounding(start, weights, second, scales, limit)
    assert np.array_equal(found, np.rint(found))
    assert np.abs(found).max() <= limit
    before = distance(start * scales[:, None], weights, second)
    assert np.all(distance(found * scales[:, None], weights, second) <= before)


def test_correlated_inputs_are_rounded_far_better_than_to_the_nearest():
    weights, second = problem(5, 2, 40, 6)
    scales = largest_scales(weights, 7, shared=False)
    start = nearest(weights, scales, 7)
    found = learned_rounding(start, weights, second, scales, 7)
    before = distance(start * scales[:, None], weights, second).sum()
    assert distance(found * scales[:, None], weights, second).sum() < 0.6 * before
