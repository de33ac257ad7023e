"""Rounding with error feedback."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from edgeq.quantize.weights.error_feedback import round_with_feedback
from edgeq.quantize.weights.moments import distance
from edgeq.quantize.weights.scales import largest_scales, nearest
from tests.quantize.weights.problems import limits, problem, problems


@settings(max_examples=25)
@given(problems, limits)
def test_integers_are_whole_and_within_the_limit(drawn, limit):
    weights, second = drawn
    integers = round_with_feedback(weights, second, largest_scales(weights, limit, False), limit)
    assert np.array_equal(integers, np.rint(integers))
    assert np.abs(integers).max() <= limit


@pytest.mark.parametrize("limit", [7, 127])
@pytest.mark.parametrize("length", [9, 40, 150])
def test_error_is_less_than_that_of_nearest_rounding_on_average(limit, length):
    ratios = []
    for seed in range(8):
        weights, second = problem(seed, 2, length, 8)
        scales = largest_scales(weights, limit, shared=False)
        mine = round_with_feedback(weights, second, scales, limit)
        plain = nearest(weights, scales, limit)
        ratios.append(
            distance(mine * scales[:, None], weights, second).sum()
            / distance(plain * scales[:, None], weights, second).sum()
        )
    assert np.mean(ratios) < 0.5


@settings(max_examples=25)
@given(problems, limits)
def test_independent_inputs_leave_the_nearest_integers(drawn, limit):
    weights, second = drawn
    scales = largest_scales(weights, limit, shared=False)
    diagonal = second * np.eye(second.shape[1])
    np.testing.assert_array_equal(
        round_with_feedback(weights, diagonal, scales, limit), nearest(weights, scales, limit)
    )


def test_a_layer_that_reads_only_zeros_is_rounded_to_the_nearest():
    weights, _ = problem(0, 1, 10, 3)
    scales = largest_scales(weights, 7, shared=False)
    found = round_with_feedback(weights, np.zeros((1, 10, 10)), scales, 7)
    np.testing.assert_array_equal(found, nearest(weights, scales, 7))


def test_blocks_do_what_one_weight_after_the_other_does():
    """The published recursion, which updates the inverse's Cholesky factor row by row (GPTQ, algorithm 1)."""
    weights, second = problem(3, 1, 150, 4)
    scales = largest_scales(weights, 7, shared=False)
    order = np.argsort(-np.diagonal(second[0]), kind="stable")
    damped = second[0][np.ix_(order, order)] + 0.01 * np.trace(second[0]) / 150 * np.eye(150)
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T
    rest, expected = weights[0][order].copy(), np.empty((150, 4))
    for row in range(150):
        integers = np.clip(np.rint(rest[row] / scales[0]), -7, 7)
        expected[order[row]] = integers
        rest[row + 1 :] -= np.outer(
            factor[row, row + 1 :], (rest[row] - integers * scales[0]) / factor[row, row]
        )
    np.testing.assert_array_equal(round_with_feedback(weights, second, scales, 7)[0], expected)
