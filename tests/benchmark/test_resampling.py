from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.accuracy_statistics import drop_pp, proportion
from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Metric
from edgeq.benchmark.resampling import (
    REPLICATES,
    bootstrap,
    bootstrap_means,
    bootstrap_sums,
    interval,
    p_value,
    resampled_metric,
)
from edgeq.errors import DataError, ResultsError

Floats = npt.NDArray[np.float64]


def mean_metric(ours: Floats, theirs: Floats | None = None, **options: bool) -> Metric:
    sides = [side[:, None] for side in (ours, theirs) if side is not None]
    columns = [side[:, 0] for side in bootstrap_means(sides)]
    return resampled_metric("m", "M", len(ours), *columns, **options)


class TestBootstrap:
    def test_the_first_row_is_of_all_items_and_the_others_of_as_many_draws(self) -> None:
        seen = []

        def statistic(weights: Floats) -> Floats:
            seen.append(weights)
            return weights.sum(axis=1, keepdims=True)

        (result,) = bootstrap([statistic], 7)
        assert result.shape == (1 + REPLICATES, 1)
        assert (result == 7).all()
        assert (seen[0] == 1).all()
        weights = np.concatenate(seen[1:])
        assert not (weights == 1).all(axis=1).all()
        # Each item is drawn once on average; the spread of a mean of 2,000 counts of variance 6 / 7 is 0.02.
        assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)

    def test_all_statistics_see_the_same_draws(self) -> None:
        values = np.random.default_rng(0).normal(size=(40, 1))
        ours, theirs = bootstrap_means([values, values + 1])
        assert theirs - ours == pytest.approx(np.ones_like(ours))

    def test_one_seed_gives_one_result_and_another_seed_another(self) -> None:
        values = np.random.default_rng(0).normal(size=(40, 1))
        (first,), (again,), (other,) = (bootstrap_means([values], seed=seed) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_a_dear_statistic_gets_fewer_replicates(self) -> None:
        (result,) = bootstrap([lambda weights: weights[:, :1]], 100, passes=10**9)
        assert len(result) == 1 + 1000

    def test_nothing_cannot_be_resampled(self) -> None:
        with pytest.raises(ResultsError, match="at least one item"):
            bootstrap([lambda weights: weights], 0)

    def test_sums_are_those_of_the_items_drawn(self) -> None:
        values = np.arange(12.0).reshape(6, 2)
        (by_sums,) = bootstrap_sums([values], lambda sums: sums)
        (by_weights,) = bootstrap([lambda weights: weights @ values], 6)
        assert np.array_equal(by_sums, by_weights)

    def test_joined_items_keep_their_mean_and_their_spread(self) -> None:
        # Sorted, as the items of folders by class are: neighbours resemble each other.
        values = np.sort(np.random.default_rng(0).normal(size=20_500))[:, None]
        (result,) = bootstrap_means([values])
        assert result[0, 0] == pytest.approx(values.mean())
        assert result[1:].std() == pytest.approx(values.std() / np.sqrt(20_500), rel=0.08)


class TestInterval:
    def test_it_is_scipys_but_for_the_widening(self) -> None:
        values = np.random.default_rng(0).exponential(size=400)
        expected = scipy.stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
        ).confidence_interval
        found = mean_metric(values, is_rate=False).value
        # The ends of 2,000 replicates scatter by about a tenth of the standard error, 0.05.
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.012)
        assert (found.value, found.n) == (pytest.approx(values.mean()), 400)

    def test_it_covers_the_mean_of_skewed_errors(self) -> None:
        generator = np.random.default_rng(0)
        hits = 0
        for _ in range(300):
            estimate = mean_metric(generator.exponential(size=100), is_rate=False).value
            hits += estimate.low <= 1 <= estimate.high
        assert 0.91 <= hits / 300 <= 0.98

    def test_it_is_wider_for_few_items_than_the_percentiles_are(self) -> None:
        (replicated,) = bootstrap_means([np.random.default_rng(0).normal(size=(5, 1))])
        low, high = np.quantile(replicated[1:, 0], (0.025, 0.975))
        estimate = interval(replicated[:, 0], 5)
        assert (estimate.high - estimate.low) / (high - low) == pytest.approx(
            np.sqrt(5 / 4) * scipy.stats.t.ppf(0.975, 4) / scipy.stats.norm.ppf(0.975)
        )

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_a_rate_of_none_or_all_is_as_uncertain_as_so_many_trials(self, value: float) -> None:
        found = mean_metric(np.full(30, value)).value
        assert found == proportion(round(30 * value), 30)

    def test_rounding_does_not_make_a_perfect_rate_certain(self) -> None:
        found = interval(np.full(2001, 1 - 1e-16), 30, trials=30)
        assert found == proportion(30, 30)

    def test_a_rate_stays_a_rate(self) -> None:
        found = mean_metric(np.array([1.0, 1.0, 0.9])).value
        assert (found.low >= 0, found.high) == (True, 1.0)

    def test_one_item_says_nothing_about_the_spread(self) -> None:
        assert mean_metric(np.array([0.5])).value.low == 0
        amount = mean_metric(np.array([0.5]), np.array([0.4]), is_rate=False, higher_is_better=False)
        assert (amount.value.low, amount.value.high) == (-UNBOUNDED, UNBOUNDED)
        assert amount.drop is not None
        assert amount.drop.value == pytest.approx(25)
        assert (amount.drop.low, amount.drop.high, amount.p_value) == (-UNBOUNDED, UNBOUNDED, 1.0)

    def test_replicates_on_which_the_metric_is_not_defined_are_left_out(self) -> None:
        replicated = np.concatenate([[0.5], np.linspace(0.4, 0.6, 1001)])
        holes = np.insert(replicated, [5, 50, 500], np.nan)
        assert interval(holes, 100) == interval(replicated, 100)

    def test_a_metric_that_is_no_number_is_refused(self) -> None:
        with pytest.raises(DataError, match="a metric is nan on these items"):
            interval(np.full(2001, np.nan), 10)


class TestDrop:
    @settings(deadline=None)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.booleans(), st.booleans())
    def test_a_variant_equal_to_the_baseline_lost_nothing(
        self, values: list[float], is_rate: bool, higher: bool
    ) -> None:
        numbers = np.array(values)
        metric = mean_metric(numbers, numbers, is_rate=is_rate, higher_is_better=higher)
        assert metric.drop is not None
        assert (metric.drop.value, metric.p_value) == (0.0, 1.0)
        assert metric.drop.low <= 0 <= metric.drop.high

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)), min_size=2, max_size=30))
    def test_the_direction_turns_the_sign(self, pairs: list[tuple[float, float]]) -> None:
        ours, theirs = np.array(pairs).T
        up, down = (mean_metric(ours, theirs, higher_is_better=higher).drop for higher in (True, False))
        assert up is not None
        assert down is not None
        assert up.value == -down.value
        assert (up.low, up.high) == pytest.approx((-down.high, -down.low))

    def test_rates_lose_points_and_amounts_percent(self) -> None:
        theirs = np.array([0.4, 0.6, 0.5, 0.5])
        rate = mean_metric(theirs - 0.1, theirs).drop
        amount = mean_metric(theirs - 0.1, theirs, is_rate=False).drop
        assert rate is not None
        assert amount is not None
        assert rate.value == pytest.approx(10)
        assert amount.value == pytest.approx(20)

    def test_a_loss_that_is_the_same_share_of_every_item_is_certain(self) -> None:
        theirs = np.random.default_rng(0).exponential(size=50)
        metric = mean_metric(1.1 * theirs, theirs, is_rate=False, higher_is_better=False)
        assert metric.drop is not None
        assert (metric.drop.low, metric.drop.high) == pytest.approx((10, 10))
        assert metric.p_value == pytest.approx(2 / 2001)

    def test_two_perfect_rates_differ_by_no_more_than_items_can_tell(self) -> None:
        metric = mean_metric(np.ones(30), np.ones(30))
        alike = np.zeros(30, dtype=bool)
        assert metric.drop == drop_pp(alike, alike)

    def test_a_rate_never_loses_more_than_all(self) -> None:
        metric = mean_metric(np.array([0.0, 0.0, 0.1]), np.array([1.0, 0.8, 1.0]))
        assert metric.drop is not None
        assert metric.drop.high == 100

    def test_an_error_where_the_baseline_has_none_is_infinitely_worse_and_fits_into_json(self) -> None:
        metric = mean_metric(np.ones(20), np.zeros(20), is_rate=False, higher_is_better=False)
        assert metric.drop is not None
        assert metric.drop.value == UNBOUNDED
        none = mean_metric(np.zeros(20), np.zeros(20), is_rate=False, higher_is_better=False)
        assert none.drop is not None
        assert none.drop.value == 0

    def test_a_baseline_around_zero_is_compared_with_its_value_on_all_items(self) -> None:
        theirs = np.array([-1.0, 1.0, -1.0, 1.2] * 5)
        metric = mean_metric(theirs - 0.1, theirs, is_rate=False)
        assert metric.drop is not None
        assert metric.drop.value == pytest.approx(100 * 0.1 / 0.05)
        assert (metric.drop.low, metric.drop.high) == pytest.approx((200, 200))

    def test_its_interval_covers_the_true_loss_and_its_test_keeps_its_level(self) -> None:
        generator = np.random.default_rng(0)
        hits = rejected = 0
        for _ in range(300):
            theirs = generator.exponential(size=100)
            worse = theirs * generator.uniform(0.6, 1.6, size=100)  # by 10 % on average
            metric = mean_metric(worse, theirs, is_rate=False, higher_is_better=False)
            assert metric.drop is not None
            hits += metric.drop.low <= 10 <= metric.drop.high
            same = mean_metric(theirs * generator.uniform(0.5, 1.5, size=100), theirs, is_rate=False)
            assert same.p_value is not None
            rejected += same.p_value <= 0.05
        assert 0.91 <= hits / 300 <= 0.98
        assert 0.02 <= rejected / 300 <= 0.09


class TestPValue:
    def test_it_is_twice_the_smaller_share_with_one_added(self) -> None:
        lost = np.concatenate([[3.0], np.arange(-9, 990)])
        widening = interval(np.concatenate([[0.0], np.linspace(-1, 1, 999)]), 10**9)
        assert widening.high == pytest.approx(0.95, abs=1e-3)  # of so many items there is none
        assert p_value(lost, 10**9) == pytest.approx(2 * (10 + 1) / 1000)

    def test_it_is_never_zero(self) -> None:
        assert p_value(np.full(2001, 5.0), 50) == 2 / 2001

    def test_differences_of_rounding_are_none(self) -> None:
        theirs = np.random.default_rng(0).uniform(size=50)
        metric = mean_metric(theirs * (1 - 1e-15), theirs)
        assert metric.p_value == 1
        assert metric.drop is not None
        assert str(metric.drop.value) == "0.0"
