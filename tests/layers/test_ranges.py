from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.layers.edits import Grid
from edgeq.layers.plans import widened
from edgeq.layers.ranges import LEAST_ERROR, MIN_MAX, Q999, other_grids, per_channel, range_grid
from edgeq.layers.simulation_worker import on_grid
from edgeq.runtime.quantization import Quantization, dequantize, quantize

DTYPES = st.sampled_from(["int8", "uint8", "int16"])
REALS = st.floats(-1e6, 1e6, width=32)


@given(low=REALS, high=REALS, dtype=DTYPES)
def test_a_grid_spans_its_range_and_holds_0(low: float, high: float, dtype: str) -> None:
    grid = range_grid(min(low, high), max(low, high), dtype)
    if grid is None:
        assert max(abs(low), abs(high)) < 1e-30
        return
    step = grid.scale
    assert grid.low <= min(low, 0) + step
    assert grid.high >= max(high, 0) - step
    assert on_grid(np.zeros(1), grid) == (np.zeros(1), 0)


@given(low=REALS, high=REALS)
def test_16_bits_reach_at_least_as_far_as_8(low: float, high: float) -> None:
    grid = range_grid(min(low, high), max(low, high), "int8")
    if grid is None:
        return
    wide = widened(grid)
    assert wide.zero_point == 0
    assert wide.high >= max(abs(grid.low), abs(grid.high)) * (1 - 1e-6)
    assert wide.scale < grid.scale


@given(
    values=st.lists(REALS, min_size=1, max_size=20),
    scale=st.floats(1e-3, 1e3),
    zero_point=st.integers(-128, 127),
)
def test_a_grid_rounds_and_clips_as_the_runtime_does(
    values: list[float], scale: float, zero_point: int
) -> None:
    real = np.array(values, np.float32)
    quantization = Quantization(float(np.float32(scale)), zero_point)
    ours, _ = on_grid(real, Grid("int8", quantization.scale, zero_point))
    theirs = dequantize(quantize(real, quantization, np.int8), quantization)
    assert np.array_equal(ours, theirs)


def test_only_values_more_than_half_a_step_beyond_a_grid_are_clipped() -> None:
    grid = Grid("int8", 0.5, -128)
    _, beyond = on_grid(np.array([-0.3, -0.1, 0.0, 127.5, 127.7, 127.8, 400.0]), grid)
    assert beyond == 3


def test_no_number_is_on_no_grid() -> None:
    real, _ = on_grid(np.array([np.nan, np.inf, -np.inf]), Grid("int8", 1.0, 0))
    assert np.isnan(real[0])
    assert list(real[1:]) == [127, -128]


def test_a_heavy_tail_gets_narrower_ranges_than_its_extremes() -> None:
    random = np.random.default_rng(0)
    samples = random.normal(size=(64, 500)).astype(np.float32)
    samples[0, 0] = 300
    samples = np.hstack([samples, samples.min(1, keepdims=True), samples.max(1, keepdims=True)])
    found = other_grids(samples, Grid("int8", 1e-3, 0))
    assert found[MIN_MAX].high == pytest.approx(300, rel=0.01)
    assert found[Q999].high < 5


def test_no_other_method_has_less_error_than_least_squared_error() -> None:
    samples = np.random.default_rng(0).standard_t(3, size=(64, 500)).astype(np.float32)
    samples = np.hstack([samples, samples.min(1, keepdims=True), samples.max(1, keepdims=True)])
    found = other_grids(samples, Grid("int8", 1e-3, 0))
    errors = {name: np.square(on_grid(samples, grid)[0] - samples).mean() for name, grid in found.items()}
    assert errors[LEAST_ERROR] == min(errors.values())
    assert errors[LEAST_ERROR] < errors[Q999]


def test_a_method_that_gives_the_same_grid_is_left_out() -> None:
    samples = np.array([[0.0, 1.0, 0.0, 1.0]], np.float32)
    grid = range_grid(0.0, 1.0, "int8")
    assert grid is not None
    assert MIN_MAX not in other_grids(samples, grid)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_samples_without_extent_have_no_grid(value: float) -> None:
    assert other_grids(np.full((4, 6), value, np.float32), Grid("int8", 1.0, 0)) == {}


def test_weights_with_a_scale_a_channel_are_off_by_half_a_step_of_that_channel() -> None:
    weights = np.random.default_rng(0).normal(size=(4, 3, 3, 2)).astype(np.float32)
    weights[1] *= 1000
    constant = per_channel(weights, "CONV_2D")
    assert constant is not None
    real = np.frombuffer(constant.content, "<f4").reshape(weights.shape)
    half = np.abs(weights).max(axis=(1, 2, 3)) / 127 / 2
    assert (np.abs(real - weights).max(axis=(1, 2, 3)) <= half * 1.001).all()
    assert per_channel(weights, "ADD") is None
