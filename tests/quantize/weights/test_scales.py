"""Steps of weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from edgeq.quantize.weights.moments import distance
from edgeq.quantize.weights.scales import largest_scales, least_error_scales, nearest, refitted_scales
from tests.quantize.weights.problems import limits, problems


def error(weights, second, scales, limit):
    return distance(nearest(weights, scales, limit) * scales[:, None], weights, second)


@settings(max_examples=25)
@given(problems, limits)
def test_nothing_is_clipped_by_the_largest_scales(problem, limit):
    weights, _ = problem
    scales = largest_scales(weights, limit, shared=False)
    apart = nearest(weights, scales, limit) * scales[:, None] - weights
    assert np.all(np.abs(apart) <= scales[:, None] * 0.5001)


@settings(max_examples=15)
@given(problems, limits)
def test_scales_of_least_error_are_no_worse_than_the_largest(problem, limit):
    weights, second = problem
    best = least_error_scales(weights, second, limit, False, nearest_of)
    largest = largest_scales(weights, limit, shared=False)
    assert np.all(error(weights, second, best, limit) <= error(weights, second, largest, limit) * (1 + 1e-9))


def nearest_of(target, second, scales, limit):
    return nearest(target, scales, limit)


@pytest.mark.parametrize("limit", [7, 127])
def test_a_shared_scale_is_one_for_all_channels(limit):
    weights = np.random.default_rng(0).normal(size=(1, 20, 5))
    assert len(np.unique(largest_scales(weights, limit, shared=True))) == 1
    assert len(np.unique(least_error_scales(weights, np.eye(20)[None], limit, True, nearest_of))) == 1


def test_one_outlier_is_clipped_at_four_bits():
    weights = np.random.default_rng(0).normal(size=(1, 500, 1))
    weights[0, 0] = 6.0
    best = least_error_scales(weights, np.eye(500)[None], 7, False, nearest_of)
    assert best < 0.8 * largest_scales(weights, 7, shared=False)


def test_a_channel_of_zeros_has_no_scale():
    weights = np.random.default_rng(0).normal(size=(1, 20, 2))
    weights[:, :, 1] = 0
    scales = least_error_scales(weights, np.eye(20)[None], 7, False, nearest_of)
    assert scales[0, 0] > 0
    assert scales[0, 1] == 0


@settings(max_examples=25)
@given(problems, limits)
def test_refitted_scales_are_no_worse_for_their_integers(problem, limit):
    weights, second = problem
    scales = largest_scales(weights, limit, shared=False) * 1.3
    integers = nearest(weights, scales, limit)
    refitted = refitted_scales(integers, weights, second, scales, shared=False)
    before = distance(integers * scales[:, None], weights, second)
    after = distance(integers * refitted[:, None], weights, second)
    # As float32 the best step is known to one part in 10⁷.
    assert np.all(after <= before + 1e-9 * (1 + before))
