from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark import accuracy_statistics as statistics
from edgeq.benchmark.measurement import Estimate
from edgeq.errors import DataError, ResultsError

Z95 = scipy.stats.norm.ppf(0.975)

latencies = st.floats(1e-3, 1e4)
sessions = st.lists(st.lists(latencies, min_size=1, max_size=8), min_size=1, max_size=12)
paired_sessions = st.integers(1, 10).flatmap(
    lambda rounds: st.tuples(
        *[st.lists(st.lists(latencies, min_size=1, max_size=4), min_size=rounds, max_size=rounds)] * 2
    )
)
counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def contains(estimate: Estimate, value: float) -> bool:
    return estimate.low <= value <= estimate.high


def width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


def outcomes(only_ours: int, only_theirs: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two lists of right and wrong with the given numbers of disagreements."""
    ours, theirs = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    ours[:only_ours] = True
    theirs[only_ours : only_ours + only_theirs] = True
    return ours, theirs


class TestProportion:
    @given(counts)
    def test_is_wilsons_interval(self, case: tuple[int, int]) -> None:
        successes, n = case
        expected = scipy.stats.binomtest(successes, n).proportion_ci(method="wilson")
        estimate = statistics.proportion(successes, n)
        assert estimate.value == successes / n
        assert estimate.low == pytest.approx(expected.low, abs=1e-12)
        assert estimate.high == pytest.approx(expected.high, abs=1e-12)
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1

    # Newcombe (1998), Statistics in Medicine 17, pages 857-872, table I, method 3.
    @pytest.mark.parametrize(
        ("successes", "n", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_reproduces_newcombes_examples(self, successes: int, n: int, low: float, high: float) -> None:
        estimate = statistics.proportion(successes, n)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)

    @pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
    def test_covers_the_true_share(self, share: float) -> None:
        drawn = np.random.default_rng(0).binomial(200, share, size=2000)
        hits = sum(contains(statistics.proportion(int(successes), 200), share) for successes in drawn)
        assert 0.93 <= hits / 2000 <= 0.97

    @pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 3), (4, 3)])
    def test_refuses_impossible_counts(self, successes: int, n: int) -> None:
        with pytest.raises(ResultsError, match=f"found {successes} of {n}"):
            statistics.proportion(successes, n)


class TestPairedDifference:
    # What Tango's method gives in publications: Fagerland, Lydersen and Laake, Statistics in Medicine 33,
    # 2014, pages 2850-2875 (airway reactivity), and their "Statistical Analysis of Contingency Tables", 2017,
    # chapter 8 (complete response).
    @pytest.mark.parametrize(
        ("only_ours", "only_theirs", "n", "low", "high", "precision"),
        [(1, 7, 21, -0.517, -0.026, 5e-4), (6, 16, 161, -0.1240, -0.0054, 5e-5)],
        ids=["airway reactivity", "complete response"],
    )
    def test_reproduces_published_examples(
        self, only_ours: int, only_theirs: int, n: int, low: float, high: float, precision: float
    ) -> None:
        estimate = statistics.paired_difference(*outcomes(only_ours, only_theirs, n))
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=precision)

    def test_reproduces_tangos_own_example_at_its_level(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Tango (1998), section 6.1, contact lenses: b = 0, c = 1, n = 44; the 90 % interval begins at -0.096.
        monkeypatch.setattr(statistics, "_Z95", scipy.stats.norm.ppf(0.95))
        estimate = statistics.paired_difference(*outcomes(0, 1, 44))
        assert estimate.low == pytest.approx(-0.096, abs=5e-4)

    @given(st.integers(1, 5000))
    def test_is_as_uncertain_as_zero_successes_where_the_two_never_disagree(self, n: int) -> None:
        estimate = statistics.paired_difference(*outcomes(0, 0, n))
        high = statistics.proportion(0, n).high
        assert estimate.value == 0
        assert (estimate.low, estimate.high) == pytest.approx((-high, high), abs=1e-9)

    @given(st.data(), st.integers(1, 400))
    def test_contains_its_value_within_bounds_and_mirrors(self, data: st.DataObject, n: int) -> None:
        only_ours = data.draw(st.integers(0, n))
        only_theirs = data.draw(st.integers(0, n - only_ours))
        ours, theirs = outcomes(only_ours, only_theirs, n)
        estimate = statistics.paired_difference(ours, theirs)
        assert estimate.value == (only_ours - only_theirs) / n
        assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert width(estimate) > 0
        mirrored = statistics.paired_difference(theirs, ours)
        assert (mirrored.low, mirrored.high) == pytest.approx((-estimate.high, -estimate.low), abs=1e-12)

    @given(st.integers(0, 60), st.integers(0, 60), st.integers(120, 400))
    def test_excludes_zero_exactly_where_mcnemars_statistic_is_significant(
        self, only_ours: int, only_theirs: int, n: int
    ) -> None:
        estimate = statistics.paired_difference(*outcomes(only_ours, only_theirs, n))
        disagreements = only_ours + only_theirs
        statistic = abs(only_ours - only_theirs) / math.sqrt(disagreements) if disagreements else 0.0
        assert contains(estimate, 0.0) == (statistic <= Z95)

    def test_depends_on_disagreements_not_on_the_order_of_items(self) -> None:
        ours, theirs = outcomes(30, 10, 200)
        order = np.random.default_rng(0).permutation(200)
        assert statistics.paired_difference(ours[order], theirs[order]) == statistics.paired_difference(
            ours, theirs
        )

    @pytest.mark.parametrize(("gain", "loss"), [(0.01, 0.01), (0.02, 0.05), (0.1, 0.15)])
    def test_covers_the_true_difference(self, gain: float, loss: float) -> None:
        drawn = np.random.default_rng(0).multinomial(300, (gain, loss, 1 - gain - loss), size=1000)
        hits = sum(
            contains(statistics.paired_difference(*outcomes(int(ours), int(theirs), 300)), gain - loss)
            for ours, theirs, _ in drawn
        )
        assert 0.93 <= hits / 1000 <= 0.99

    def test_drop_is_the_baselines_lead_in_percentage_points(self) -> None:
        ours, theirs = outcomes(5, 15, 200)
        drop, difference = statistics.drop_pp(ours, theirs), statistics.paired_difference(ours, theirs)
        assert drop.value == pytest.approx(5.0)
        assert (drop.low, drop.high) == pytest.approx((-100 * difference.high, -100 * difference.low))
        assert drop.n == 200

    @pytest.mark.parametrize("lengths", [(0, 0), (3, 4)])
    def test_refuses_what_cannot_be_paired(self, lengths: tuple[int, int]) -> None:
        with pytest.raises(ResultsError, match="only results on the same items"):
            statistics.paired_difference(*(np.ones(n, dtype=bool) for n in lengths))


class TestMcNemar:
    @given(st.integers(0, 500), st.integers(0, 500))
    def test_is_the_two_sided_binomial_test(self, b: int, c: int) -> None:
        expected = scipy.stats.binomtest(b, b + c).pvalue if b + c else 1.0
        assert statistics.mcnemar_exact(b, c) == pytest.approx(expected, rel=1e-7)

    def test_reproduces_a_published_example(self) -> None:
        # "Statistical Analysis of Contingency Tables", 2017, chapter 8: complete response, 6 against 16.
        assert statistics.mcnemar_exact(6, 16) == pytest.approx(0.052479, abs=5e-7)

    def test_refuses_negative_counts(self) -> None:
        with pytest.raises(ResultsError, match="found -1 and 3"):
            statistics.mcnemar_exact(-1, 3)


class TestAboveChance:
    @given(counts, st.integers(2, 1000), st.floats(0, 1))
    @settings(max_examples=200)
    def test_is_the_one_sided_binomial_test(
        self, case: tuple[int, int], classes: int, majority: float
    ) -> None:
        correct, n = case
        chance = max(1 / classes, majority)
        pvalue = scipy.stats.binomtest(correct, n, chance, alternative="greater").pvalue
        if abs(pvalue - 0.05) > 1e-6:
            assert statistics.above_chance(correct, n, classes, majority) == (pvalue <= 0.05)

    @pytest.mark.parametrize(
        ("correct", "n", "classes", "majority", "expected"),
        [
            (12, 100, 10, 0.0, False),
            (20, 100, 10, 0.0, True),
            (60, 100, 2, 0.6, False),
            (900, 1000, 2, 0.9, False),
            (100, 100, 1, 1.0, False),
            (50_100, 100_000, 2, 0.0, False),
            (51_000, 100_000, 2, 0.0, True),
        ],
    )
    def test_knows_guessing_from_knowing(
        self, correct: int, n: int, classes: int, majority: float, expected: bool
    ) -> None:
        assert statistics.above_chance(correct, n, classes, majority) is expected

    @pytest.mark.parametrize(
        "arguments", [(5, 0, 10), (5, 4, 10), (-1, 4, 10), (1, 4, 0), (1, 4, 2, 1.5), (1, 4, 2, math.nan)]
    )
    def test_refuses_counts_that_do_not_fit(self, arguments: tuple) -> None:
        with pytest.raises(ResultsError, match="counts that fit together"):
            statistics.above_chance(*arguments)


class TestSqnr:
    @pytest.mark.parametrize(("noise", "expected"), [(1e-1, 20.0), (1e-2, 40.0), (10.0, -20.0)])
    def test_is_twenty_decibels_a_factor_of_ten(self, noise: float, expected: float) -> None:
        reference = np.random.default_rng(0).normal(size=(4, 10))
        assert statistics.sqnr_db(reference, reference * (1 + noise)) == pytest.approx(expected)

    @given(st.floats(1e-150, 1e150), st.floats(1e-6, 1))
    def test_does_not_depend_on_the_scale(self, scale: float, noise: float) -> None:
        reference = np.linspace(-1, 1, 11)
        value = reference + noise
        assert statistics.sqnr_db(scale * reference, scale * value) == pytest.approx(
            statistics.sqnr_db(reference, value), abs=1e-6
        )

    def test_quantization_costs_six_decibels_a_bit(self) -> None:
        reference = np.random.default_rng(0).uniform(-1, 1, size=100_000).astype(np.float32)
        values = [np.round(reference * 2.0**bits) / 2.0**bits for bits in (7, 8)]
        six = statistics.sqnr_db(reference, values[1]) - statistics.sqnr_db(reference, values[0])
        assert six == pytest.approx(6.02, abs=0.1)

    @pytest.mark.parametrize(
        ("reference", "value", "expected"),
        [
            ([1.0, 2.0], [1.0, 2.0], 200.0),
            ([0.0, 0.0], [0.0, 0.0], 200.0),
            ([0.0, 0.0], [0.0, 1.0], -200.0),
            ([1.0, 2.0], [1.0, math.nan], -200.0),
            ([1.0, 2.0], [1.0, math.inf], -200.0),
            ([1.0, math.nan], [1.0, 5.0], 200.0),
        ],
        ids=["equal", "zeros", "noise only", "nan", "infinity", "nan in the reference"],
    )
    def test_stays_finite(self, reference: list[float], value: list[float], expected: float) -> None:
        assert statistics.sqnr_db(np.array(reference), np.array(value)) == expected

    def test_refuses_a_reference_without_a_number(self) -> None:
        with pytest.raises(DataError, match="no finite output"):
            statistics.sqnr_db(np.array([math.nan]), np.array([1.0]))

    def test_refuses_different_shapes(self) -> None:
        with pytest.raises(DataError, match="one shape"):
            statistics.sqnr_db(np.ones((2, 3)), np.ones((3, 2)))


class TestItemsNeeded:
    @given(st.floats(0.2, 5), st.floats(0, 0.5))
    def test_brings_the_interval_to_the_budget(self, budget_pp: float, discordant: float) -> None:
        n = statistics.items_needed(budget_pp, discordant)
        each = round(discordant * n / 2)
        drop = statistics.drop_pp(*outcomes(each, each, n))
        # Rough: whole items are few where the budget is large.
        assert width(drop) / 2 == pytest.approx(budget_pp, rel=0.25)

    def test_tells_a_user_a_plausible_number(self) -> None:
        assert 380 <= statistics.items_needed(1.0, 0.0) <= 390
        assert 1200 <= statistics.items_needed(1.0, 0.03) <= 1300

    @pytest.mark.parametrize("arguments", [(0.0, 0.1), (-1.0, 0.1), (math.nan, 0.1), (1.0, -0.1), (1.0, 1.1)])
    def test_refuses_nonsense(self, arguments: tuple[float, float]) -> None:
        with pytest.raises(ResultsError, match="expected a budget"):
            statistics.items_needed(*arguments)
