"""The histogram of a stream, against NumPy on the raw values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeq.errors import ModelError
from edgeq.inspection.value_histogram import (
    BINS,
    ValueHistogram,
    load_histograms,
    quantile,
    save_histograms,
    share_outside,
)

DTYPES = ("float32", "float16", "int8", "uint8", "int16", "int32", "bool")
thorough = settings(max_examples=200, deadline=None)


def values(dtype: str) -> st.SearchStrategy[npt.NDArray[Any]]:
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.startswith("float") else {}
    elements = arrays.from_dtype(np.dtype(dtype), **finite)
    if dtype == "float32":
        # Beside any number, such as lie near one another.
        elements |= st.floats(-3, 5, width=32)
    return arrays.arrays(dtype, st.integers(1, 60), elements=elements)


any_values = st.sampled_from(DTYPES).flatmap(values)


def counted(given_values: npt.NDArray[Any]) -> ValueHistogram:
    histogram = ValueHistogram(given_values.dtype)
    histogram.add(given_values)
    return histogram


def same(first: ValueHistogram, second: ValueHistogram) -> bool:
    return (
        np.array_equal(first.counts, second.counts)
        and np.array_equal(first.edges, second.edges)
        and (first.minimum, first.maximum) == (second.minimum, second.maximum)
        and (first.count, first.not_finite) == (second.count, second.not_finite)
        and (first.at_lowest, first.at_highest) == (second.at_lowest, second.at_highest)
    )


class TestCounts:
    @thorough
    @given(any_values)
    def test_they_are_those_of_numpy_with_the_same_edges(self, raw: npt.NDArray[Any]) -> None:
        histogram = counted(raw)
        real = raw.astype(np.float64)
        expected = np.searchsorted(histogram.edges, real, side="right") - 1
        assert np.array_equal(histogram.counts, np.bincount(expected, minlength=len(histogram.counts)))
        assert histogram.counts[0] > 0
        assert histogram.counts[-1] > 0
        assert len(histogram.counts) <= BINS

    @thorough
    @given(any_values, st.randoms(use_true_random=False), st.integers(1, 5))
    def test_neither_order_nor_division_among_processes_changes_any(
        self, raw: npt.NDArray[Any], chance: Any, parts: int
    ) -> None:
        shuffled = raw[chance.sample(range(len(raw)), len(raw))]
        histograms = [counted(part) for part in np.array_split(shuffled, parts)]
        merged = ValueHistogram(raw.dtype)
        for histogram in histograms:
            merged.merge(histogram)
        assert same(merged, counted(raw))
        step_by_step = ValueHistogram(raw.dtype)
        for value in shuffled:
            step_by_step.add(value.reshape(1))
        assert same(step_by_step, counted(raw))

    @thorough
    @given(any_values)
    def test_one_more_bin_than_the_most_would_be_needed_at_half_the_width(
        self, raw: npt.NDArray[Any]
    ) -> None:
        histogram = counted(raw)
        largest = max(abs(histogram.minimum), abs(histogram.maximum))
        is_finest = histogram.width == (2.0**-160 if raw.dtype.kind == "f" else 1)
        if is_finest or histogram.width / 2 <= largest * 2.0**-22:
            return
        half = histogram.width / 2
        assert np.floor(histogram.maximum / half) - np.floor(histogram.minimum / half) + 1 > BINS

    def test_every_integer_of_8_bits_has_a_bin_with_itself_in_the_middle(self) -> None:
        histogram = counted(np.arange(-128, 128, dtype=np.int8))
        assert histogram.counts.tolist() == [1] * 256
        assert histogram.edges.tolist() == [number - 0.5 for number in range(-128, 129)]

    def test_nan_and_infinity_are_counted_apart(self) -> None:
        histogram = counted(np.array([1, np.nan, np.inf, -np.inf, 3], np.float32))
        assert (histogram.count, histogram.not_finite) == (2, 3)
        assert (histogram.minimum, histogram.maximum, histogram.mean) == (1, 3, 2)

    @pytest.mark.parametrize("raw", [np.zeros(0, np.float32), np.full(7, np.nan, np.float32)])
    def test_without_a_number_everything_is_0(self, raw: npt.NDArray[np.float32]) -> None:
        histogram = counted(raw)
        assert (histogram.count, histogram.not_finite) == (0, len(raw))
        assert (histogram.minimum, histogram.maximum, histogram.mean, histogram.deviation) == (0, 0, 0, 0)
        assert len(histogram.counts) == 0
        assert quantile(histogram.counts, histogram.edges, 0, 0, 0.5) == 0
        assert share_outside(histogram.counts, histogram.edges, 0, 0, -1, 1) == 0

    def test_values_at_the_ends_of_the_dtype_are_counted_also_where_bins_are_wide(self) -> None:
        raw = np.array([-32768, -32768, -32767, 5, 32767], np.int16)
        histogram = counted(raw)
        assert histogram.width > 1
        assert (histogram.at_lowest, histogram.at_highest) == (2, 1)
        assert (counted(raw.astype(np.float32)).at_lowest, counted(raw.astype(np.float32)).at_highest) == (
            0,
            0,
        )

    def test_the_extremes_of_float32_and_its_smallest_numbers_go_together(self) -> None:
        raw = np.array([3.4e38, -3.4e38, 1e-45, -1e-45, 0], np.float32)
        histogram = counted(raw)
        assert histogram.counts.sum() == 5
        assert (histogram.minimum, histogram.maximum) == (float(raw[1]), float(raw[0]))
        assert np.isfinite(histogram.deviation)


class TestMoments:
    @thorough
    @given(any_values, st.integers(1, 4))
    def test_they_are_those_of_numpy(self, raw: npt.NDArray[Any], parts: int) -> None:
        merged = ValueHistogram(raw.dtype)
        for part in np.array_split(raw, parts):
            merged.merge(counted(part))
        real = raw.astype(np.float64)
        scale = float(np.abs(real).max())
        assert merged.mean == pytest.approx(real.mean(), rel=1e-9, abs=1e-12 * scale)
        assert merged.deviation == pytest.approx(real.std(), rel=1e-6, abs=1e-7 * scale)
        assert (merged.minimum, merged.maximum) == (real.min(), real.max())


class TestQuestions:
    @thorough
    @given(any_values, st.floats(0, 1))
    def test_a_quantile_is_within_a_bin_of_the_value_in_that_place(
        self, raw: npt.NDArray[Any], share: float
    ) -> None:
        histogram = counted(raw)
        found = quantile(histogram.counts, histogram.edges, histogram.minimum, histogram.maximum, share)
        # NumPy's own method "inverted_cdf" rounds the place otherwise.
        place = max(int(np.ceil(share * len(raw))) - 1, 0)
        exact = float(np.sort(raw.astype(np.float64))[place])
        assert abs(found - exact) <= histogram.width
        assert histogram.minimum <= found <= histogram.maximum

    @thorough
    @given(any_values, st.data())
    def test_a_share_outside_is_right_but_for_the_bins_of_the_limits(
        self, raw: npt.NDArray[Any], data: st.DataObject
    ) -> None:
        histogram = counted(raw)
        real = raw.astype(np.float64)
        limits = st.floats(float(real.min()) - 1, float(real.max()) + 1)
        low, high = sorted((data.draw(limits), data.draw(limits)))
        found = share_outside(
            histogram.counts, histogram.edges, histogram.minimum, histogram.maximum, low, high
        )
        exact = np.mean((real < low) | (real > high))
        unsure = sum(
            int(histogram.counts[place])
            for limit in (low, high)
            if 0
            <= (place := int(np.searchsorted(histogram.edges, limit, side="right")) - 1)
            < len(histogram.counts)
        )
        assert abs(found - exact) <= unsure / len(raw) + 1e-9

    def test_nothing_is_outside_of_the_extremes_and_all_is_outside_of_limits_beyond_them(self) -> None:
        histogram = counted(np.array([1, 2, 4], np.float32))
        ends = histogram.minimum, histogram.maximum
        assert share_outside(histogram.counts, histogram.edges, *ends, 1, 4) == 0
        assert share_outside(histogram.counts, histogram.edges, *ends, 5, 9) == 1
        assert share_outside(histogram.counts, histogram.edges, *ends, -9, 0) == 1
        assert share_outside(histogram.counts, histogram.edges, *ends, 3, 4) == pytest.approx(2 / 3)

    def test_a_constant_is_each_of_its_quantiles(self) -> None:
        histogram = counted(np.full(9, 0.1, np.float32))
        for share in (0, 0.5, 1):
            found = quantile(histogram.counts, histogram.edges, histogram.minimum, histogram.maximum, share)
            assert found == histogram.minimum
        assert share_outside(histogram.counts, histogram.edges, *[histogram.minimum] * 4) == 0

    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
    def test_a_share_that_is_none_is_refused(self, share: float) -> None:
        with pytest.raises(ValueError, match="between 0 and 1"):
            quantile(np.ones(1, np.int64), np.arange(2.0), 0, 1, share)


class TestFiles:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(any_values, max_size=4))
    def test_what_is_read_back_is_what_was_written(
        self, tmp_path_factory: pytest.TempPathFactory, raw: list[npt.NDArray[Any]]
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "histograms.npz"
        histograms = [counted(part) for part in raw]
        save_histograms(path, histograms)
        read = load_histograms(path)
        assert len(read) == len(raw)
        for one, other in zip(read, histograms, strict=True):
            assert same(one, other)
            assert (one.mean, one.deviation) == (other.mean, other.deviation)

    def test_numbers_that_do_not_go_together_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "histograms.npz"
        save_histograms(path, [counted(np.arange(5, dtype=np.int8))])
        with np.load(path) as archive:
            parts = dict(archive)
        np.savez(path, **(parts | {"counts": parts["counts"][:-1]}))
        with pytest.raises(ModelError, match="damaged"):
            load_histograms(path)
