"""The range methods on histograms whose values are known, against brute force and each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError, UsageError
from edgeq.quantize.activation_counts import TensorCounts
from edgeq.quantize.ranges import averaged, entropy, minmax, mse, percentile
from edgeq.quantize.ranges.by_method import METHODS, ranges_by
from edgeq.quantize.ranges.squared_error import SquaredError
from edgeq.quantize.recipe import INT8, INT16X8
from edgeq.quantize.statistics import TensorStatistics

Floats = npt.NDArray[np.float32]

thorough = settings(max_examples=60, deadline=None)
items_of_values = st.lists(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    min_size=1,
    max_size=6,
)


def counted(*items: npt.ArrayLike) -> TensorStatistics:
    """Statistics of items whose values are all counted."""
    counts = TensorCounts(len(items))
    for row, values in enumerate(items):
        counts.add(row, np.asarray(values, np.float32).reshape(-1), row, 1 << 30)
    counts.flush()
    histogram = counts.histogram
    return TensorStatistics(
        "t", counts.minima, counts.maxima, histogram.counts, histogram.edges, counts.zeros, counts.not_finite
    )


def normal(count: int = 50_000, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32)


def squared_error(values: Floats, low: float, high: float, steps: int = 255) -> float:
    """Of values that are really rounded to the grid."""
    scale = (high - low) / steps
    zero = np.rint(-low / scale)
    stored = np.clip(np.rint(values.astype(np.float64) / scale) + zero, 0, steps)
    return float(np.mean(((stored - zero) * scale - values) ** 2))


@thorough
@given(items_of_values)
def test_every_method_gives_a_range_with_zero_and_within_the_extremes(items: list[list[float]]) -> None:
    statistics = counted(*items)
    widest = minmax.range_of(statistics)
    for method in METHODS:
        for precision in (INT8, INT16X8):
            low, high = ranges_by(method, {"t": statistics}, precision)["t"]
            assert widest[0] <= low <= 0 <= high <= widest[1] or (low, high) == (0.0, 1.0)
            assert low < high


@thorough
@given(items_of_values, st.randoms(use_true_random=False))
def test_the_order_of_items_changes_no_range(items: list[list[float]], shuffle: object) -> None:
    mixed = list(items)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    for method in METHODS:
        one, other = (ranges_by(method, {"t": counted(*order)}) for order in (items, mixed))
        assert one == other


@thorough
@given(items_of_values, st.sampled_from((INT8, INT16X8)))
def test_mse_is_never_worse_than_the_extremes_on_its_histogram(
    items: list[list[float]], precision: str
) -> None:
    statistics = counted(*items)
    error = SquaredError(statistics, precision)
    best = error.of(mse.range_of(statistics, precision))
    assert best <= error.of(minmax.range_of(statistics))


@thorough
@given(items_of_values, st.floats(50.001, 100), st.floats(50.001, 100))
def test_a_higher_percentile_never_gives_a_narrower_range(
    items: list[list[float]], one: float, other: float
) -> None:
    statistics = counted(*items)
    narrow, wide = (percentile.range_of(statistics, share) for share in sorted((one, other)))
    assert wide[0] <= narrow[0] or wide == (0.0, 1.0) or narrow == (0.0, 1.0)
    assert narrow[1] <= wide[1] or wide == (0.0, 1.0) or narrow == (0.0, 1.0)


@pytest.mark.parametrize(("low", "high"), [(-4.0, 4.2), (-2.0, 1.0), (-0.5, 3.0)])
def test_the_expected_error_is_what_rounding_and_clipping_really_cost(low: float, high: float) -> None:
    values = normal()
    assert SquaredError(counted(values), INT8).of((low, high)) == pytest.approx(
        squared_error(values, low, high), rel=0.02
    )


def test_zeros_are_taken_as_exact() -> None:
    values = np.maximum(normal(), 0)
    assert SquaredError(counted(values), INT8).of((0.0, 4.0)) == pytest.approx(
        squared_error(values, 0.0, 4.0), rel=0.02
    )


def test_mse_clips_rare_large_values_and_gains_what_it_promises() -> None:
    values = np.concatenate([normal(400_000), [12.0]]).astype(np.float32)
    low, high = mse.range_of(counted(values))
    assert -5 < low < -3 < 3 < high < 12
    assert squared_error(values, low, high) < 0.8 * squared_error(values, float(values.min()), 12.0)


def test_mse_finds_the_best_of_all_pairs_of_limits() -> None:
    values = np.concatenate([normal(3_000) * 2, np.random.default_rng(1).exponential(1.0, 2_000)])
    statistics = counted(values)
    error = SquaredError(statistics, INT8)
    lows, highs = (
        statistics.edges[statistics.edges < 0][:, None],
        statistics.edges[statistics.edges > 0][None, :],
    )
    assert error.of(mse.range_of(statistics)) <= 1.001 * float(error(lows, highs).min())


@pytest.mark.parametrize("method", METHODS)
def test_a_relu_keeps_zero_for_its_low_end(method: str) -> None:
    low, high = ranges_by(method, {"t": counted(np.maximum(normal(), 0))})["t"]
    assert low == 0
    assert 2 < high < 6


@pytest.mark.parametrize("method", METHODS)
def test_values_below_zero_keep_zero_for_their_high_end(method: str) -> None:
    low, high = ranges_by(method, {"t": counted(-np.abs(normal()))})["t"]
    assert high == 0
    assert -6 < low < -2


def test_entropy_clips_an_outlier_and_keeps_a_distribution_without_one() -> None:
    even = np.linspace(-1, 1, 100_000, dtype=np.float32)
    assert entropy.range_of(counted(even)) == minmax.range_of(counted(even))
    falling = np.random.default_rng(0).exponential(1.0, 200_000)
    assert 5 < entropy.range_of(counted(np.concatenate([falling, [60.0]])))[1] < 30


def test_entropy_does_not_see_how_many_zeros_a_relu_makes() -> None:
    values = np.abs(normal())
    one, other = (entropy.range_of(counted(np.concatenate([values, np.zeros(n)]))) for n in (10, 200_000))
    assert one == other


def test_averaged_takes_the_mean_of_the_items_extremes() -> None:
    assert averaged.range_of(counted([-1, 2], [-3, 4], [-2, 12])) == (-2.0, 6.0)


def test_a_percentile_leaves_out_its_share_at_both_ends() -> None:
    low, high = percentile.range_of(counted(np.linspace(-1, 1, 100_001)), 99)
    assert (low, high) == pytest.approx((-0.98, 0.98), abs=2e-3)


def test_sixteen_bits_clip_less_than_eight() -> None:
    statistics = counted(np.concatenate([normal(400_000), [12.0]]))
    assert mse.range_of(statistics, INT16X8)[1] > mse.range_of(statistics, INT8)[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("value", "wanted"), [(5.0, (0.0, 5.0)), (-3.0, (-3.0, 0.0)), (0.0, (0.0, 1.0)), (1e-38, (0.0, 1.0))]
)
def test_a_constant_tensor_has_a_usable_range(method: str, value: float, wanted: tuple[float, float]) -> None:
    assert ranges_by(method, {"t": counted([value] * 50, [value] * 50)})["t"] == pytest.approx(wanted)


@pytest.mark.parametrize("method", METHODS)
def test_huge_values_give_finite_ranges(method: str) -> None:
    largest = float(np.finfo(np.float32).max)
    low, high = ranges_by(method, {"t": counted(normal(), [-largest, largest])})["t"]
    assert np.isfinite([low, high]).all()
    assert low < 0 < high


@pytest.mark.parametrize("method", METHODS)
def test_values_far_from_zero_and_near_each_other_are_held(method: str) -> None:
    low, high = ranges_by(method, {"t": counted(1e6 + normal())})["t"]
    assert low == 0
    assert high == pytest.approx(1e6, rel=1e-3)


def test_values_that_are_no_numbers_are_left_out_and_counted() -> None:
    statistics = counted([1, np.nan, -2, np.inf], [np.nan] * 4, [-np.inf, 3, 0, 0])
    assert statistics.not_finite == 7
    assert statistics.counted == 5
    assert minmax.range_of(statistics) == (-2.0, 3.0)
    assert averaged.range_of(statistics) == (-1.0, 2.0)


@pytest.mark.parametrize("method", METHODS)
def test_a_tensor_without_a_number_is_refused_with_its_name(method: str) -> None:
    statistics = dataclasses.replace(counted([np.nan, np.inf]), name="block1/add")
    with pytest.raises(ModelError, match="'block1/add' has only NaN or infinite values"):
        ranges_by(method, {"t": statistics})


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("median", "unknown method for ranges 'median': expected minmax, averaged, percentile, mse, entropy"),
        ("chosen", "unknown method for ranges 'chosen'"),
        ("minmax:3", "unknown method for ranges 'minmax:3'"),
        ("percentile:", "expected a number behind percentile:, found ''"),
        ("foo", "unknown method for ranges 'foo': .*entropy, chosen;"),
        ("percentile:most", "expected a number behind percentile:, found 'most'"),
        ("percentile:50", "expected a percentile above 50 and up to 100, found 50"),
        ("percentile:nan", "expected a percentile above 50 and up to 100, found nan"),
        ("percentile:100.1", "found 100.1"),
    ],
)
def test_nonsense_is_refused_before_anything_is_chosen(method: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ranges_by(method, {})


def test_activations_in_float_have_no_range() -> None:
    with pytest.raises(UsageError, match="expected int16x8, int8, int8x4"):
        ranges_by("minmax", {}, "float32")


def test_percentile_without_a_number_is_the_99_99th() -> None:
    statistics = {"t": counted(normal())}
    assert ranges_by("percentile", statistics) == ranges_by("percentile:99.99", statistics)
    assert ranges_by("percentile:100", statistics) == ranges_by("minmax", statistics)
