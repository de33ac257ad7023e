"""Calibration items by coverage: what is drawn, from what, and what is said of it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.convert.coverage import CANDIDATES, SECTIONS, advise, coverage_draw, draw_by_coverage, reached
from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import RAW
from edgeq.data.splitting import draw
from edgeq.demo import assets

FLOAT32 = assets.bundle_path() / "fashion_mnist.float32.tflite"

Ranges = npt.NDArray[np.float32]


def digest(content: int) -> str:
    return hashlib.sha256(str(content).encode()).hexdigest()


def digests_of(count: int) -> list[str]:
    return [digest(content) for content in range(count)]


def ranges_of(seed: int, items: int, tensors: int) -> Ranges:
    """Maxima with a long tail and minima that are 0 in every second tensor, as after ReLU."""
    random = np.random.default_rng(seed)
    values = random.lognormal(sigma=0.7, size=(items, tensors, 2)).astype(np.float32)
    values[..., 0] *= -1
    values[:, ::2, 0] = 0
    return values


@st.composite
def pools(draw_from: st.DrawFn) -> tuple[Ranges, list[str], npt.NDArray[np.int64]]:
    """Ranges, digests and labels; equal contents have equal ranges and labels."""
    contents = draw_from(st.lists(st.integers(0, 40), min_size=1, max_size=50))
    tensors, classes = draw_from(st.integers(1, 4)), draw_from(st.integers(1, 5))
    own = ranges_of(draw_from(st.integers(0, 99)), 41, tensors)
    if draw_from(st.booleans()):
        # Few values, so that many items reach the same sections and ties decide.
        own = own.round()
    return own[contents], [digest(content) for content in contents], np.array(contents) % classes


counts = st.integers(0, 60)
seeds = st.integers(0, 5)


class TestDrawing:
    @given(pools(), counts, seeds, st.booleans())
    def test_so_many_different_contents_are_drawn_as_asked_for_or_as_there_are(
        self, pool, count, seed, labelled
    ):
        ranges, digests, labels = pool
        rows = draw_by_coverage(ranges, digests, labels if labelled else None, count, seed)
        assert len(rows) == min(count, len(set(digests)))
        assert len({digests[row] for row in rows}) == len(rows)
        assert list(rows) == sorted(rows)

    @given(pools(), counts, seeds, st.booleans())
    def test_no_fewer_sections_are_reached_than_at_random(self, pool, count, seed, labelled):
        ranges, digests, labels = pool
        classes = labels if labelled else None
        rows = draw_by_coverage(ranges, digests, classes, count, seed)
        assert reached(ranges, rows) >= reached(ranges, draw(digests, classes, count, seed))

    @given(pools(), st.integers(1, 10), seeds, st.randoms())
    def test_whatever_is_drawn_instead_greed_reaches_63_percent_of_it(self, pool, count, seed, random):
        ranges, digests, _ = pool
        rows = draw_by_coverage(ranges, digests, None, count, seed)
        other = random.sample(range(len(digests)), min(count, len(digests)))
        assert reached(ranges, rows) >= (1 - 1 / math.e) * reached(ranges, other)

    @given(pools(), counts, seeds, st.booleans(), st.randoms())
    def test_the_order_of_the_candidates_does_not_matter(self, pool, count, seed, labelled, random):
        ranges, digests, labels = pool
        order = list(range(len(digests)))
        random.shuffle(order)
        rows = draw_by_coverage(ranges, digests, labels if labelled else None, count, seed)
        shuffled = [digests[row] for row in order]
        again = draw_by_coverage(ranges[order], shuffled, labels[order] if labelled else None, count, seed)
        assert {digests[row] for row in rows} == {shuffled[row] for row in again}

    @settings(max_examples=20)
    @given(st.integers(0, 99), seeds)
    def test_with_enough_items_all_sections_are_reached_and_all_extremes_nearly(self, content, seed):
        ranges = ranges_of(content, 300, 6)
        rows = list(draw_by_coverage(ranges, digests_of(300), None, 100, seed))
        assert reached(ranges, rows) == reached(ranges, range(300))
        width = (ranges.max(axis=0) - ranges.min(axis=0)) / SECTIONS
        assert (ranges[rows].max(axis=0) >= ranges.max(axis=0) - width * 1.001).all()
        assert (ranges[rows].min(axis=0) <= ranges.min(axis=0) + width * 1.001).all()

    def test_another_kind_is_drawn_before_a_second_of_the_same(self):
        ranges = np.zeros((5, 3, 2), np.float32)
        ranges[[1, 3], :, 1] = 9
        ranges[4, 0, 1] = 5
        for seed in range(8):
            rows = set(draw_by_coverage(ranges, digests_of(5), None, 3, seed))
            assert [len(rows & kind) for kind in ({0, 2}, {1, 3}, {4})] == [1, 1, 1]

    def test_the_seed_decides_between_items_that_reach_the_same(self):
        ranges = np.repeat(ranges_of(0, 10, 2), 10, axis=0)
        draws = [draw_by_coverage(ranges, digests_of(100), None, 10, seed) for seed in range(4)]
        assert len(set(draws)) == 4
        assert draw_by_coverage(ranges, digests_of(100), None, 10, 0) == draws[0]

    def test_when_all_is_reached_the_rest_is_stratified(self):
        ranges = np.zeros((100, 1, 2), np.float32)
        labels = np.array([0] * 75 + [1] * 25)
        rows = draw_by_coverage(ranges, digests_of(100), labels, 20, 0)
        assert Counter(labels[list(rows)].tolist()) == {0: 15, 1: 5}


class TestWhatCounts:
    def test_extremes_that_move_less_than_a_step_of_int8_change_nothing(self):
        ranges = np.zeros((60, 1, 2), np.float32)
        ranges[:, 0, 1] = 100 + np.linspace(0, 0.3, 60)
        assert reached(ranges, range(60)) == 0
        ranges[:, 0, 1] = 100 + np.linspace(0, 0.6, 60)
        assert reached(ranges, range(60)) == SECTIONS

    def test_a_tensor_that_is_infinite_on_some_item_is_left_out(self):
        ranges = ranges_of(0, 50, 3)
        without = draw_by_coverage(ranges[:, :2], digests_of(50), None, 10, 0)
        ranges[7, 2, 0] = -np.inf
        assert draw_by_coverage(ranges, digests_of(50), None, 10, 0) == without
        assert advise(ranges, without) == advise(ranges[:, :2], without)

    def test_values_near_the_end_of_float32_do_not_overflow(self):
        ranges = ranges_of(0, 50, 3)
        huge = ranges * np.float32(1e37)
        assert draw_by_coverage(huge, digests_of(50), None, 10, 0) == draw_by_coverage(
            ranges, digests_of(50), None, 10, 0
        )

    def test_a_model_without_activations_has_a_random_draw(self):
        nothing = np.zeros((50, 0, 2), np.float32)
        assert draw_by_coverage(nothing, digests_of(50), None, 10, 3) == draw(digests_of(50), None, 10, 3)
        assert advise(nothing, range(10)) is None


class TestAdvice:
    def test_it_tells_the_share_on_the_median_tensor_with_zero_in_every_range(self):
        ranges = np.zeros((100, 3, 2), np.float32)
        ranges[..., 0], ranges[..., 1] = 0.5, 1
        ranges[0, :, 1] = 10, 2, 1
        # Of 10, 2 and 1 the others span 1.
        assert advise(ranges, range(1, 100)).startswith("99 of 100 items span 50% of the range of all")

    def test_ranges_that_settle_say_when(self):
        # A fifth of the items reach all there is: 15 orders meet one of them soon.
        ranges = np.zeros((1000, 4, 2), np.float32)
        ranges[:, :, 1] = np.where(np.arange(1000) % 5 == 0, 2, 1)[:, None]
        advice = advise(ranges, range(10))
        number = int(advice.partition("drawn at random, ")[2].partition(" would")[0])
        assert 1 < number < 20

    def test_ranges_that_grow_until_the_pool_ends_say_so(self):
        ranges = np.zeros((1000, 30, 2), np.float32)
        ranges[np.arange(30), np.arange(30), 1] = 5
        ranges[..., 1] += 1
        assert "not even 500 would be enough for 99% of 30 tensors" in advise(ranges, range(10))

    def test_the_order_of_the_chosen_and_the_seed_alone_decide_nothing_else(self):
        ranges = ranges_of(0, 200, 5)
        assert advise(ranges, [3, 1, 2], seed=1) == advise(ranges, [1, 2, 3], seed=1)
        assert advise(ranges, []) is None


class TestTheDemo:
    @staticmethod
    def feed(dataset) -> Feed:
        return Feed(dataset, [ModelInput("image", (28, 28, 1), "float32")], RAW)

    def test_items_are_drawn_from_a_data_set_with_a_sentence_on_what_they_cover(self):
        dataset = assets.calibration()
        told: list[tuple[int, int]] = []
        indices, note = coverage_draw(FLOAT32, self.feed(dataset), 20, 0, lambda *step: told.append(step))
        assert len(set(indices)) == 20
        assert list(indices) == sorted(indices)
        assert set(indices) <= set(range(256))
        assert note.startswith("calibration items by coverage: 20 of 256 items span ")
        assert "17 tensors" in note
        assert "\n" not in note
        assert told[-1] == (256, 256)
        assert coverage_draw(FLOAT32, self.feed(dataset), 20, 0, None)[0] == indices

    def test_where_all_are_wanted_nothing_is_run(self):
        dataset = assets.calibration()
        indices, note = coverage_draw(Path("none.tflite"), self.feed(dataset), 256, 0, None)
        assert indices == tuple(range(256))
        assert note.startswith("calibration items: all 256 candidates are taken")

    def test_no_more_than_a_thousand_candidates_are_run(self):
        pixels = np.random.default_rng(0).integers(0, 256, (CANDIDATES + 200, 28, 28, 1), dtype=np.uint8)
        dataset = ArrayDataset({"image": pixels}, np.arange(len(pixels)) % 10)
        told: list[tuple[int, int]] = []
        indices, note = coverage_draw(FLOAT32, self.feed(dataset), 30, 4, lambda *step: told.append(step))
        assert told[-1] == (1000, 1000)
        assert "30 of 1,000 items" in note
        assert set(indices) <= set(draw(dataset.digests(), dataset.labels, 1000, 4))
