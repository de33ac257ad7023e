"""Moments say what any weights' error on the rows is."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.quantize.weights.moments import distance, moments_of, total


@pytest.fixture
def rows():
    generator = np.random.default_rng(0)
    return generator.normal(1, 2, (2, 50, 4)), generator.normal(3, 1, (2, 50, 3))


@pytest.fixture
def weights():
    return np.random.default_rng(1).normal(size=(2, 4, 3))


def test_error_with_the_best_bias_is_that_of_the_rows(rows, weights):
    read, wanted = rows
    apart = np.matmul(read, weights) - wanted
    expected = apart.var(axis=1)
    np.testing.assert_allclose(moments_of(read, wanted).centred().error(weights), expected)


def test_error_with_a_given_bias_is_that_of_the_rows(rows, weights):
    read, wanted = rows
    bias = np.arange(6.0).reshape(2, 3)
    expected = np.mean((np.matmul(read, weights) + bias[:, None] - wanted) ** 2, axis=1)
    np.testing.assert_allclose(moments_of(read, wanted).about_bias(bias).error(weights), expected)


def test_moments_of_parts_add_up(rows, weights):
    read, wanted = rows
    whole, parts = (
        moments_of(read, wanted),
        [
            moments_of(read[:, :20], wanted[:, :20]),
            moments_of(read[:, 20:20], wanted[:, 20:20]),
            moments_of(read[:, 20:], wanted[:, 20:]),
        ],
    )
    added = total(parts)
    assert added.count == 50
    np.testing.assert_allclose(added.centred().error(weights), whole.centred().error(weights))


def test_no_rows_have_no_moments():
    assert total([]) is None


def test_distance_is_the_error_of_the_difference(rows, weights):
    read, _ = rows
    other = weights + 0.1
    second = moments_of(read, np.zeros((2, 50, 3))).about_bias(np.zeros((2, 3))).second
    expected = np.mean(np.matmul(read, other - weights) ** 2, axis=1)
    np.testing.assert_allclose(distance(other, weights, second), expected)
