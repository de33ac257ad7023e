"""Biases."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeq.quantize.weights.bias import LARGEST, corrected_bias, least_scales
from edgeq.quantize.weights.moments import moments_of


def test_the_corrected_mean_output_is_the_wanted_one():
    generator = np.random.default_rng(0)
    read, wanted = generator.normal(2, 1, (3, 80, 5)), generator.normal(1, 1, (3, 80, 4))
    weights = generator.normal(size=(3, 5, 4))
    bias = corrected_bias(moments_of(read, wanted), weights)
    made = np.matmul(read, weights) + bias[:, None]
    np.testing.assert_allclose(made.mean(axis=1), wanted.mean(axis=1))


@given(
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6), st.floats(-1e6, -1e-6)),
    st.floats(1e-6, 1e3),
    st.sampled_from(["INT32", "INT64"]),
)
def test_a_bias_fits_beside_the_least_scales(bias, input_scale, dtype):
    least = np.float32(least_scales(np.array([[bias]]), input_scale, dtype))
    if least > 0:
        assert np.abs(bias / (np.float32(input_scale) * least)) <= LARGEST[dtype] * (1 + 1e-6)
