"""Coordinate descent on integers."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings

from edgeq.quantize.weights.coordinate_descent import polish
from edgeq.quantize.weights.moments import distance
from edgeq.quantize.weights.scales import largest_scales, nearest
from tests.quantize.weights.problems import limits, problem, problems


@settings(max_examples=30)
@given(problems, limits)
def test_no_sweep_makes_any_output_worse(drawn, limit):
    weights, second = drawn
    scales = largest_scales(weights, limit, shared=False)
    integers = nearest(weights, scales, limit)
    errors = [distance(integers * scales[:, None], weights, second)]
    for _ in range(3):
        integers = polish(integers, weights, second, scales, limit, sweeps=1)
        errors.append(distance(integers * scales[:, None], weights, second))
    for before, after in itertools.pairwise(errors):
        assert np.all(after <= before * (1 + 1e-9) + 1e-12)


def test_no_single_change_makes_the_end_better():
    weights, second = problem(1, 2, 90, 3)
    scales = largest_scales(weights, 7, shared=False)
    found = polish(nearest(weights, scales, 7), weights, second, scales, 7, sweeps=100)
    least = distance(found * scales[:, None], weights, second)
    for place, change in itertools.product(range(90), (-1, 1)):
        other = found.copy()
        other[:, place] = np.clip(other[:, place] + change, -7, 7)
        assert np.all(distance(other * scales[:, None], weights, second) >= least - 1e-9)


def test_what_is_given_stays_as_it_is():
    weights, second = problem(1, 1, 20, 3)
    scales = largest_scales(weights, 7, shared=False)
    start = nearest(weights, scales, 7)
    kept = start.copy()
    polish(start, weights, second, scales, 7)
    np.testing.assert_array_equal(start, kept)
