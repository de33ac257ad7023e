from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark import statistics
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


def session(
    rounds: int, seed: int, *, size: int = 20, spread: float = 0.05, scale: float = 1.0
) -> np.ndarray:
    """Chunks whose samples share a shift, as samples measured one after another do."""
    generator = np.random.default_rng(seed)
    shift = generator.normal(0, spread, size=(rounds, 1))
    return scale * np.exp(shift + generator.normal(0, spread, size=(rounds, size)))


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


class TestMedianLatency:
    @given(sessions)
    def test_is_the_median_of_all_samples_inside_its_interval(self, chunks: list[list[float]]) -> None:
        samples = [sample for chunk in chunks for sample in chunk]
        estimate = statistics.median_latency(chunks)
        assert estimate.value == pytest.approx(float(np.median(samples)))
        assert contains(estimate, estimate.value)
        assert estimate.n == len(samples)

    @given(sessions, st.floats(1e-3, 1e3))
    def test_scales_with_the_unit(self, chunks: list[list[float]], factor: float) -> None:
        estimate = statistics.median_latency(chunks)
        scaled = statistics.median_latency([[factor * sample for sample in chunk] for chunk in chunks])
        assert scaled.value == pytest.approx(factor * estimate.value)
        if estimate.high < statistics.UNBOUNDED and scaled.high < statistics.UNBOUNDED:
            assert scaled.low == pytest.approx(factor * estimate.low)
            assert scaled.high == pytest.approx(factor * estimate.high)

    def test_is_the_same_every_time_and_depends_on_the_seed(self) -> None:
        chunks = session(20, seed=1)
        assert statistics.median_latency(chunks) == statistics.median_latency(chunks)
        assert statistics.median_latency(chunks) != statistics.median_latency(chunks, seed=1)

    def test_agrees_with_a_plain_block_bootstrap(self) -> None:
        chunks = session(40, seed=2, size=7)
        generator = np.random.default_rng(3)
        medians = [np.median(chunks[generator.integers(40, size=40)]) for _ in range(4000)]
        low, high = np.quantile(medians, (0.025, 0.975))
        estimate = statistics.median_latency(chunks)
        assert estimate.low == pytest.approx(low, abs=0.1 * (high - low))
        assert estimate.high == pytest.approx(high, abs=0.1 * (high - low))

    def test_agrees_with_a_plain_block_bootstrap_for_chunks_of_different_lengths(self) -> None:
        generator = np.random.default_rng(4)
        chunks = [row[: generator.integers(1, 15)] for row in session(40, seed=5)]
        medians = [
            np.median(np.concatenate([chunks[i] for i in generator.integers(40, size=40)]))
            for _ in range(4000)
        ]
        low, high = np.quantile(medians, (0.025, 0.975))
        estimate = statistics.median_latency(chunks)
        assert estimate.low == pytest.approx(low, abs=0.1 * (high - low))
        assert estimate.high == pytest.approx(high, abs=0.1 * (high - low))

    def test_is_wider_than_resampling_samples_where_a_chunk_shares_its_shift(self) -> None:
        chunks = session(30, seed=6)
        assert width(statistics.median_latency(chunks)) > 2 * width(
            statistics.median_latency(chunks.reshape(-1, 1))
        )

    def test_narrows_with_more_chunks(self) -> None:
        widths = [width(statistics.median_latency(session(rounds, seed=7))) for rounds in (10, 100, 1000)]
        assert widths == sorted(widths, reverse=True)

    @pytest.mark.parametrize("rounds", [2, 5, 10])
    def test_covers_the_true_median(self, rounds: int) -> None:
        hits = sum(
            contains(statistics.median_latency(session(rounds, seed=seed)), 1.0) for seed in range(300)
        )
        assert hits / 300 >= 0.92

    def test_thousands_of_chunks_are_thinned_without_moving_the_interval(self) -> None:
        chunks = session(5000, seed=8)
        estimate = statistics.median_latency(chunks)
        # The median of 5000 chunk medians has a standard error of about 0.05 * sqrt(pi / 2 / 5000).
        assert contains(estimate, 1.0)
        assert width(estimate) == pytest.approx(2 * Z95 * 0.05 * math.sqrt(math.pi / 2 / 5000), rel=0.5)

    def test_one_chunk_is_judged_by_its_samples(self) -> None:
        estimate = statistics.median_latency([[1.0, 1.1, 1.2, 1.1, 1.0, 1.05, 1.15]])
        assert 0.9 < estimate.low < estimate.value < estimate.high < 1.3

    def test_one_sample_says_nothing_about_its_spread(self) -> None:
        assert statistics.median_latency([[2.0]]) == Estimate(2.0, 0.0, statistics.UNBOUNDED, 1)

    @pytest.mark.parametrize(
        "chunks", [[], [[]], [[1.0], []], [[0.0]], [[-1.0]], [[math.nan]], [[1.0], [math.inf]]]
    )
    def test_refuses_what_is_no_latency(self, chunks: list[list[float]]) -> None:
        with pytest.raises(ResultsError, match="measure again"):
            statistics.median_latency(chunks)


class TestStudentsQuantile:
    @pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 6, 10, 30, 1000])
    def test_is_scipys(self, degrees: int) -> None:
        expected = scipy.stats.t.ppf(0.975, degrees)
        assert statistics._student_t95(degrees) == pytest.approx(expected, rel=2e-3)


class TestPercentile:
    @given(sessions, st.floats(0, 1))
    def test_is_that_of_all_samples(self, chunks: list[list[float]], share: float) -> None:
        samples = [sample for chunk in chunks for sample in chunk]
        assert statistics.percentile(chunks, share) == pytest.approx(float(np.quantile(samples, share)))


class TestPairedRatio:
    @given(paired_sessions)
    def test_contains_its_value_and_counts_rounds(self, sides: tuple[list[list[float]], ...]) -> None:
        estimate = statistics.paired_ratio(*sides)
        assert contains(estimate, estimate.value)
        assert estimate.n == len(sides[0])

    @given(paired_sessions, st.floats(1e-2, 1e2))
    def test_ignores_the_unit(self, sides: tuple[list[list[float]], ...], factor: float) -> None:
        estimate = statistics.paired_ratio(*sides)
        scaled = statistics.paired_ratio(*[[[factor * x for x in chunk] for chunk in side] for side in sides])
        assert scaled.value == pytest.approx(estimate.value)
        assert scaled.low == pytest.approx(estimate.low)
        assert scaled.high == pytest.approx(estimate.high)

    @given(paired_sessions, st.randoms(use_true_random=False))
    def test_ignores_the_order_of_rounds(self, sides: tuple[list[list[float]], ...], random) -> None:
        order = list(range(len(sides[0])))
        random.shuffle(order)
        shuffled = statistics.paired_ratio(*[[side[i] for i in order] for side in sides])
        assert shuffled == statistics.paired_ratio(*sides)

    @given(st.lists(st.lists(latencies, min_size=1, max_size=4), min_size=2, max_size=10))
    def test_of_equal_sides_is_one_without_doubt(self, chunks: list[list[float]]) -> None:
        assert statistics.paired_ratio(chunks, chunks) == Estimate(1.0, 1.0, 1.0, len(chunks))

    def test_cancels_what_slows_both_in_a_round(self) -> None:
        weather = np.exp(np.random.default_rng(9).normal(0, 0.5, size=(50, 1)))
        ours, theirs = (
            session(50, seed=10, scale=0.9, spread=0.01) * weather,
            session(50, seed=11, spread=0.01) * weather,
        )
        paired, independent = (
            statistics.paired_ratio(ours, theirs),
            statistics.independent_ratio(ours, theirs),
        )
        assert contains(paired, 0.9)
        assert width(paired) < 0.2 * width(independent)

    @pytest.mark.parametrize("rounds", [2, 5, 6, 10, 30])
    def test_covers_the_true_ratio(self, rounds: int) -> None:
        hits = sum(
            contains(
                statistics.paired_ratio(session(rounds, seed=seed), session(rounds, seed=seed + 1000)), 1.0
            )
            for seed in range(300)
        )
        assert hits / 300 >= 0.92

    def test_one_round_says_nothing(self) -> None:
        estimate = statistics.paired_ratio([[2.0, 2.0]], [[1.0, 1.0]])
        assert estimate == Estimate(2.0, 0.0, statistics.UNBOUNDED, 1)
        assert statistics.verdict(estimate) == statistics.NO_DIFFERENCE

    def test_refuses_different_numbers_of_rounds(self) -> None:
        with pytest.raises(ResultsError, match="expected as many as the baseline's 2, found 1"):
            statistics.paired_ratio([[1.0]], [[1.0], [1.0]])


class TestIndependentRatio:
    @given(sessions, sessions)
    def test_contains_the_ratio_of_the_medians(self, ours: list, theirs: list) -> None:
        estimate = statistics.independent_ratio(ours, theirs)
        expected = np.median(np.concatenate(ours)) / np.median(np.concatenate(theirs))
        assert estimate.value == pytest.approx(expected)
        assert contains(estimate, estimate.value)

    def test_never_trusts_two_sessions_more_than_sessions_repeat(self) -> None:
        chunks = [[1.0] * 10] * 50
        half = math.exp(Z95 * math.sqrt(2) * statistics.SESSION_SPREAD)
        estimate = statistics.independent_ratio(chunks, chunks)
        assert (estimate.value, estimate.n) == (1.0, 50)
        assert (estimate.low, estimate.high) == pytest.approx((1 / half, half))

    def test_a_lone_sample_says_nothing(self) -> None:
        estimate = statistics.independent_ratio([[2.0]], session(40, seed=12))
        assert (estimate.low, estimate.high) == (0.0, statistics.UNBOUNDED)

    def test_takes_sessions_of_different_lengths(self) -> None:
        estimate = statistics.independent_ratio(session(40, seed=12, scale=1.2), session(25, seed=13))
        assert contains(estimate, 1.2)
        assert estimate.n == 25

    @pytest.mark.parametrize(("rounds", "baseline_rounds"), [(2, 40), (10, 10)])
    def test_covers_the_true_ratio(self, rounds: int, baseline_rounds: int) -> None:
        hits = sum(
            contains(
                statistics.independent_ratio(
                    session(rounds, seed=seed), session(baseline_rounds, seed=seed + 1000)
                ),
                1.0,
            )
            for seed in range(200)
        )
        assert hits / 200 >= 0.92


class TestVerdict:
    @pytest.mark.parametrize(
        ("estimate", "expected"),
        [
            (Estimate(0.80, 0.75, 0.85, 9), statistics.FASTER),
            (Estimate(1.25, 1.20, 1.30, 9), statistics.SLOWER),
            (Estimate(0.90, 0.80, 1.01, 9), statistics.NO_DIFFERENCE),
            (Estimate(1.10, 0.99, 1.20, 9), statistics.NO_DIFFERENCE),
            (Estimate(0.995, 0.994, 0.996, 9), statistics.NO_DIFFERENCE),
            (Estimate(1.005, 1.004, 1.006, 9), statistics.NO_DIFFERENCE),
        ],
        ids=["faster", "slower", "maybe faster", "maybe slower", "barely faster", "barely slower"],
    )
    def test_needs_an_interval_off_one_and_a_relevant_difference(
        self, estimate: Estimate, expected: str
    ) -> None:
        assert statistics.verdict(estimate) == expected

    @given(st.floats(0.5, 2), st.floats(1, 1.5), st.floats(1, 1.5))
    def test_turns_around_with_the_ratio(self, value: float, below: float, above: float) -> None:
        opposite = {
            statistics.FASTER: statistics.SLOWER,
            statistics.SLOWER: statistics.FASTER,
            statistics.NO_DIFFERENCE: statistics.NO_DIFFERENCE,
        }
        ratio = Estimate(value, value / below, value * above, 9)
        inverse = Estimate(1 / value, 1 / ratio.high, 1 / ratio.low, 9)
        assert statistics.verdict(inverse) == opposite[statistics.verdict(ratio)]


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
