from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark import latency_statistics as statistics
from edgeq.benchmark.measurement import Estimate
from edgeq.errors import ResultsError

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
        assert statistics.student_t95(degrees) == pytest.approx(expected, rel=2e-3)


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
