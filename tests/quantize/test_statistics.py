"""Statistics of the demo model's activations, against its activations themselves."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.demo import assets
from edgeq.errors import ModelError, OutputError
from edgeq.quantize.activation_counts import TensorCounts, spread_places, total_counts
from edgeq.quantize.items import CalibrationItems, write_arrays
from edgeq.quantize.local_run import Floats, LocalModel
from edgeq.quantize.statistics import (
    TensorStatistics,
    gather_in_parallel,
    gather_statistics,
    load_statistics,
    save_statistics,
)

ITEMS = 19
"""Two chunks and a part of one."""


@pytest.fixture(scope="session")
def float32_file() -> Path:
    return next(assets.bundle_path().glob("*.float32.tflite"))


@pytest.fixture(scope="session")
def items(tmp_path_factory: pytest.TempPathFactory) -> CalibrationItems:
    images = np.random.default_rng(0).uniform(0, 255, (ITEMS + 1, 28, 28, 1)).astype(np.float32)
    every = write_arrays({"image": images}, tmp_path_factory.mktemp("items"))
    return CalibrationItems(every.folder, ITEMS, 1)


@pytest.fixture(scope="session")
def gathered(float32_file: Path, items: CalibrationItems) -> dict[str, TensorStatistics]:
    return gather_statistics(float32_file.read_bytes(), items)


def same(one: dict[str, TensorStatistics], other: dict[str, TensorStatistics]) -> bool:
    return list(one) == list(other) and all(
        np.array_equal(getattr(one[name], field), getattr(other[name], field))
        for name in one
        for field in vars(one[name])
    )


def test_extremes_and_counts_are_those_of_the_activations(
    float32_file: Path, items: CalibrationItems, gathered: dict[str, TensorStatistics]
) -> None:
    model = LocalModel(float32_file.read_bytes(), batch=1)
    activations = model.activations(list(gathered), items.inputs())
    for name, values in activations.items():
        rows = values.reshape(ITEMS, -1)
        found = gathered[name]
        # Other batches may round the last digit otherwise.
        np.testing.assert_allclose(found.minima, rows.min(axis=1), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.maxima, rows.max(axis=1), rtol=1e-4, atol=1e-5)
        assert found.counted == rows.size
        assert found.zeros == pytest.approx(np.count_nonzero(rows == 0), abs=2)
        wanted, _ = np.histogram(rows, found.edges)
        assert np.abs(wanted - found.counts).sum() <= 0.01 * rows.size


@pytest.mark.parametrize("processes", [1, 3])
def test_any_number_of_processes_gives_the_same_bits(
    float32_file: Path, items: CalibrationItems, gathered: dict[str, TensorStatistics], processes: int
) -> None:
    told: list[tuple[int, int]] = []
    found = gather_in_parallel(
        float32_file, items, processes=processes, progress=lambda *done: told.append(done)
    )
    assert same(found, gathered)
    assert told == [(8, ITEMS), (16, ITEMS), (ITEMS, ITEMS)]


def test_only_the_tensors_asked_for_are_measured(
    float32_file: Path, items: CalibrationItems, gathered: dict[str, TensorStatistics]
) -> None:
    last = list(gathered)[-1]
    found = gather_statistics(float32_file.read_bytes(), items, [last])
    assert same(found, {last: gathered[last]})


def test_a_name_that_the_file_does_not_have_is_refused(float32_file: Path, items: CalibrationItems) -> None:
    with pytest.raises(ModelError, match="tensor 'block9' is no float32 activation of the file"):
        gather_statistics(float32_file.read_bytes(), items, ["block9"])


def test_a_damaged_file_is_an_error_and_no_crash(
    float32_file: Path, items: CalibrationItems, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(float32_file.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"the activations of damaged\.tflite cannot be measured"):
        gather_in_parallel(damaged, items)


def test_what_is_saved_is_loaded(gathered: dict[str, TensorStatistics], tmp_path: Path) -> None:
    save_statistics(tmp_path / "statistics.npz", gathered)
    assert same(load_statistics(tmp_path / "statistics.npz"), gathered)
    save_statistics(tmp_path / "none.npz", {})
    assert load_statistics(tmp_path / "none.npz") == {}


def test_a_file_of_statistics_that_is_damaged_is_refused(
    gathered: dict[str, TensorStatistics], tmp_path: Path
) -> None:
    path = tmp_path / "statistics.npz"
    save_statistics(path, gathered)
    content = path.read_bytes()
    for part in (b"", b"PK", content[: len(content) // 2], content[:-40], b"\x93NUMPY" + content):
        path.write_bytes(part)
        with pytest.raises(ModelError, match=r"statistics\.npz has no statistics of activations"):
            load_statistics(path)
    np.savez(path, head=np.zeros(3, np.uint8))
    with pytest.raises(ModelError, match="has no statistics of activations"):
        load_statistics(path)
    with pytest.raises(ModelError, match="has no statistics of activations"):
        load_statistics(tmp_path / "missing.npz")


def test_statistics_are_not_written_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        save_statistics(tmp_path / "none" / "statistics.npz", {})


@given(st.integers(1, 5_000), st.integers(0, 10**6), st.integers(1, 5_000))
def test_places_are_evenly_spread_and_about_as_many_as_wanted(size: int, number: int, wanted: int) -> None:
    places = np.arange(size)[spread_places(size, number, wanted)]
    if size < 2 * wanted:
        assert len(places) == size
        return
    step = places[1] - places[0] if len(places) > 1 else size
    assert len(places) <= 2 * wanted
    assert len(places) == 1 or math.gcd(int(step), size) == 1
    assert not len(places) or (places[0] < step and places[-1] + step >= size)


def test_every_channel_is_counted_equally_often() -> None:
    height, width, channels = 56, 56, 96
    size = height * width * channels
    seen = np.arange(size)[spread_places(size, 3, 10_000)] % channels
    counts = np.bincount(seen, minlength=channels)
    assert counts.max() - counts.min() <= 1


def test_a_sample_has_the_distribution_of_all_values() -> None:
    generator = np.random.default_rng(0)
    rows = [generator.standard_normal(200_000).astype(np.float32) for _ in range(4)]
    counts = TensorCounts(4)
    for row, values in enumerate(rows):
        counts.add(row, values, row, 20_000)
    counts.flush()
    histogram = counts.histogram
    shares = np.concatenate([[0], np.cumsum(histogram.counts)]) / histogram.counts.sum()
    values = np.sort(np.concatenate(rows))
    wanted = np.searchsorted(values, histogram.edges) / len(values)
    # Kolmogorov's bound for 80,000 values at one in a million.
    assert np.abs(shares - wanted).max() < 2.7 / math.sqrt(80_000)
    assert (histogram.minimum, histogram.maximum) == (values[0], values[-1])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(width=32), min_size=1, max_size=30).map(lambda row: np.array(row, np.float32)),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 6),
)
def test_parts_add_up_to_the_whole_wherever_items_are_divided(rows: list[Floats], cut: int) -> None:
    def counted(first: int, last: int) -> TensorCounts:
        counts = TensorCounts(last - first)
        for row in range(first, last):
            counts.add(row - first, rows[row], row, 10)
        counts.flush()
        return counts

    cut = min(cut, len(rows))
    whole = total_counts([counted(0, len(rows))])
    parts = total_counts([counted(0, cut), counted(cut, len(rows))])
    np.testing.assert_array_equal(whole.minima, parts.minima)
    np.testing.assert_array_equal(whole.maxima, parts.maxima)
    assert (whole.zeros, whole.not_finite) == (parts.zeros, parts.not_finite)
    if whole.histogram.count:
        finite = [value for row in rows for value in row if math.isfinite(value)]
        assert np.isfinite(whole.minima).any()
        assert min(finite) == whole.minima.min()
        np.testing.assert_array_equal(whole.histogram.counts, parts.histogram.counts)
        np.testing.assert_array_equal(whole.histogram.edges, parts.histogram.edges)
