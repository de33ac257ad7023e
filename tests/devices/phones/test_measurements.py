"""From what the tool tells of its runs to a latency."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.devices.phones.benchmark_model_output import ToolResult
from edgeq.devices.phones.measurements import latency_of

TIMES = st.floats(1e-6, 1e9)
RUNS = st.lists(
    st.builds(
        ToolResult,
        mean_ms=TIMES,
        median_ms=st.none() | TIMES,
        min_ms=st.none() | TIMES,
        count=st.none() | st.integers(0, 2**53),
    ),
    min_size=1,
    max_size=12,
)


def test_a_sample_is_the_median_of_a_run():
    runs = [
        ToolResult(mean_ms=2.0, median_ms=1.0 + n, p95_ms=3.0 + n, min_ms=0.5 + n, count=10 + n)
        for n in range(3)
    ]
    latency = latency_of(runs, None)
    assert (latency.statistic, latency.chunks_ms) == ("median", ((1.0,), (2.0,), (3.0,)))
    assert (latency.median.value, latency.median.n) == (2.0, 3)
    assert (latency.p95_ms, latency.p90_ms, latency.min_ms, latency.ratio) == (4.0, None, 0.5, None)


def test_where_one_run_tells_no_median_means_are_taken_of_all():
    runs = [ToolResult(mean_ms=2.0, median_ms=1.0), ToolResult(mean_ms=4.0)]
    latency = latency_of(runs, None)
    assert (latency.statistic, latency.chunks_ms) == ("mean", ((2.0,), (4.0,)))
    # What the runs do not tell is not made up, but for the fastest: no run was faster than the fastest sample.
    assert (latency.load_ms, latency.first_ms, latency.p95_ms, latency.min_ms) == (None, None, None, 2.0)


def test_the_mean_is_over_all_inferences():
    runs = [ToolResult(mean_ms=1.0, count=30), ToolResult(mean_ms=2.0, count=10)]
    assert latency_of(runs, None).mean_ms == pytest.approx(1.25)


def test_runs_of_one_round_are_pairs():
    slow_then_fast = [ToolResult(mean_ms=value) for value in (10.0, 20.0, 40.0, 10.0, 30.0, 20.0)]
    halved = [ToolResult(mean_ms=run.mean_ms / 2) for run in slow_then_fast]
    ratio = latency_of(halved, slow_then_fast).ratio
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.5, 0.5, 0.5))


@given(RUNS, RUNS)
def test_any_runs_give_numbers(runs, baseline):
    latency = latency_of(runs[: len(baseline)], baseline[: len(runs)])
    numbers = [latency.mean_ms, latency.min_ms, latency.median.value, latency.median.low, latency.ratio.value]
    assert all(math.isfinite(number) and number >= 0 for number in numbers)
    samples = [sample for chunk in latency.chunks_ms for sample in chunk]
    assert min(samples) <= latency.median.value <= max(samples)
