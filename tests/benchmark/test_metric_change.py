"""How much a metric changed from one result to another, and whether the intervals hold what they promise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from bare_measurement import BARE
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark.item_values import pack_bits, pack_values
from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import (
    Accuracy,
    Estimate,
    Measurement,
    Metric,
)
from edgeq.benchmark.metric_change import metric_change
from edgeq.errors import ResultsError


def measured(
    metric: Metric,
    n: int = 500,
    *,
    correct: np.ndarray | None = None,
    values: np.ndarray | None = None,
    sha256: str = "1" * 64,
) -> Measurement:
    """A measurement with that primary metric and, where they are given, its items."""
    bits = None if correct is None else pack_bits(correct)
    packed = None if values is None else pack_values(values)
    accuracy = Accuracy(n, 0, "data", "task", (metric,), None, None, bits, item_values=packed)
    return dataclasses.replace(
        BARE, accuracy=accuracy, variant=dataclasses.replace(BARE.variant, sha256=sha256)
    )


def rate(value: float, half: float = 0.02, key: str = "miou") -> Metric:
    return Metric(key, key, Estimate(value, value - half, value + half, 500))


def error(values: np.ndarray) -> Measurement:
    """A measurement whose metric is the mean of these errors."""
    mean = float(values.mean())
    metric = Metric(
        "mae",
        "MAE",
        Estimate(mean, 0.9 * mean, 1.1 * mean, values.size),
        is_rate=False,
        higher_is_better=False,
    )
    return measured(metric, values.size, values=values)


def test_right_and_wrong_items_are_paired() -> None:
    before = np.arange(1000) >= 100
    now = before.copy()
    now[100:120] = False
    change = metric_change(measured(rate(0.88), 1000, correct=now), measured(rate(0.9), 1000, correct=before))
    assert change is not None
    assert change.is_paired
    assert change.change.value == pytest.approx(-2.0)
    assert change.drop.value == pytest.approx(2.0)
    assert change.drop.low == -change.change.high


def test_an_error_that_grew_dropped() -> None:
    before = 1 + np.arange(100) % 7
    change = metric_change(error(before * 1.1), error(before))
    assert change is not None
    assert change.change.value == pytest.approx(10.0, abs=1e-4)
    assert change.drop == change.change
    # Every error grew by the same share: there is no doubt about it.
    assert change.change.high - change.change.low < 1e-3


def test_the_interval_of_a_ratio_of_means_holds_the_truth_in_95_of_100_cases() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        before = generator.gamma(2.0, 0.2, size=200)
        now = 1.05 * before * generator.lognormal(-0.02, 0.2, size=200)
        change = metric_change(error(now), error(before))
        assert change is not None
        held += change.change.low <= 5.0 <= change.change.high
    assert 920 <= held <= 975


def test_the_interval_of_a_difference_of_means_holds_the_truth_in_95_of_100_cases() -> None:
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        before = generator.beta(5, 2, size=200)
        now = np.clip(before - 0.02 + generator.normal(0, 0.03, size=200), -1, 2)
        metrics = [rate(float(values.mean())) for values in (now, before)]
        change = metric_change(
            measured(metrics[0], 200, values=now), measured(metrics[1], 200, values=before)
        )
        assert change is not None
        held += change.change.low <= -2.0 <= change.change.high
    assert 920 <= held <= 975


def test_a_metric_of_all_items_at_once_is_compared_by_its_intervals() -> None:
    change = metric_change(measured(rate(0.7, 0.03)), measured(rate(0.72, 0.04)))
    assert change is not None
    assert not change.is_paired
    assert change.change.value == pytest.approx(-2.0)
    assert change.change.high == pytest.approx(-2.0 + 5.0)
    assert change.change.low == pytest.approx(-2.0 - 5.0)


def test_lopsided_intervals_count_on_the_side_they_are_on() -> None:
    now = dataclasses.replace(rate(0.7), value=Estimate(0.7, 0.67, 0.70, 500))
    then = dataclasses.replace(rate(0.7), value=Estimate(0.7, 0.70, 0.74, 500))
    change = metric_change(measured(now), measured(then))
    assert change is not None
    assert (change.change.low, change.change.high) == (pytest.approx(-5.0), pytest.approx(0.0))


def test_one_file_that_computed_the_same_twice_has_not_changed() -> None:
    same = metric_change(measured(rate(0.7)), measured(rate(0.7)))
    assert same is not None
    assert (same.change, same.is_paired) == (Estimate(0.0, 0.0, 0.0, 500), True)
    other_file = metric_change(measured(rate(0.7)), measured(rate(0.7), sha256="2" * 64))
    assert other_file is not None
    assert not other_file.is_paired


def test_a_single_item_says_nothing_about_the_spread() -> None:
    one = Metric(
        "mae", "MAE", Estimate(1000.0, -UNBOUNDED, UNBOUNDED, 1), is_rate=False, higher_is_better=False
    )
    other = dataclasses.replace(one, value=dataclasses.replace(one.value, value=1100.0))
    change = metric_change(measured(other, 1), measured(one, 1, sha256="2" * 64))
    assert change is not None
    assert change.change == Estimate(10.0, -UNBOUNDED, UNBOUNDED, 1)


def test_a_change_from_next_to_nothing_still_fits_into_a_number() -> None:
    change = metric_change(error(np.full(10, 1e6)), error(np.full(10, 1e-30)))
    assert change is not None
    assert change.change.value == change.change.high == UNBOUNDED


def test_different_metrics_are_refused_by_name() -> None:
    with pytest.raises(ResultsError, match=r"'miou' now, 'map' before.: measure both with one --task"):
        metric_change(measured(rate(0.7)), measured(rate(0.7, key="map")))


def test_without_a_metric_nothing_changed() -> None:
    assert metric_change(BARE, measured(rate(0.7))) is None
    assert metric_change(measured(rate(0.7)), BARE) is None
    zero = Metric("mae", "MAE", Estimate(0.0, 0.0, 0.0, 8), is_rate=False)
    assert metric_change(measured(zero), measured(zero)) is None


finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=20), st.booleans())
def test_the_interval_contains_the_value_and_swaps_its_ends_with_the_direction(
    pairs: list[tuple[float, float]], higher: bool
) -> None:
    now, before = (np.array(side) for side in zip(*pairs, strict=True))
    options = {"is_rate": False, "higher_is_better": higher}
    metrics = [
        Metric("m", "m", Estimate(float(side.mean()), -2e6, 2e6, len(pairs)), **options)
        for side in (now, before)
    ]
    change = metric_change(
        measured(metrics[0], len(pairs), values=now),
        measured(metrics[1], len(pairs), values=before, sha256="2" * 64),
    )
    if change is None:
        assert metrics[1].value.value == 0
        return
    assert change.change.low <= change.change.value <= change.change.high
    assert change.drop.low <= change.drop.value <= change.drop.high
    assert change.drop.value == (-change.change.value if higher else change.change.value)
