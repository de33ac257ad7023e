"""Weights that make up for errors of their inputs."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.quantize.weights.moments import moments_of
from edgeq.quantize.weights.targets import compensated_weights


@pytest.fixture
def weights():
    return np.random.default_rng(1).normal(size=(2, 6, 3))


@pytest.fixture
def read():
    return np.random.default_rng(0).normal(size=(2, 200, 6))


def test_nothing_moves_where_the_inputs_are_right(read, weights):
    quadratic = moments_of(read, np.matmul(read, weights)).centred()
    np.testing.assert_allclose(compensated_weights(weights, quadratic, 1.0), weights, atol=1e-9)


def test_inputs_that_are_half_of_what_they_should_be_double_the_weights(read, weights):
    quadratic = moments_of(read / 2, np.matmul(read, weights)).centred()
    np.testing.assert_allclose(compensated_weights(weights, quadratic, 1e-9), 2 * weights, atol=1e-6)


def test_a_strong_ridge_keeps_the_plain_weights(read, weights):
    quadratic = moments_of(read / 2, np.matmul(read, weights)).centred()
    np.testing.assert_allclose(compensated_weights(weights, quadratic, 1e9), weights, atol=1e-6)


def test_inputs_that_are_always_zero_keep_the_plain_weights(weights):
    quadratic = moments_of(np.zeros((2, 50, 6)), np.ones((2, 50, 3))).centred()
    np.testing.assert_allclose(compensated_weights(weights, quadratic, 1.0), weights)
