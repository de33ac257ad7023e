from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgeq.convert.calibrating import (
    CHECKED_ITEMS,
    check_before_opening,
    check_inputs,
    choose,
    model_inputs,
    parity_count,
    reference_outputs,
    shaped,
    write_items,
)
from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import Feed
from edgeq.data.preprocessing import find_preprocessing
from edgeq.errors import DataError
from edgeq.sources.graph import Frozen, GraphInput, SourceGraph

Array = npt.NDArray[np.float32]


def source(*inputs: GraphInput, scales_input: bool = False) -> SourceGraph:
    """A graph of which only the inputs matter; it answers with the mean of its first one."""

    def predict(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"mean": arrays[inputs[0].name].mean(keepdims=True)}

    return SourceGraph(
        "m", "keras", "0", inputs, ("mean",), Frozen("graphdef", b""), predict, scales_input=scales_input
    )


def image(batch: int = 1) -> GraphInput:
    return GraphInput("image", (batch, 2, 2, 1), "float32", batched=True)


def data(count: int, labels: Array | None = None) -> ArrayDataset:
    values = np.arange(count * 4, dtype=np.int64).reshape(count, 2, 2, 1) % 256
    return ArrayDataset({"image": values.astype(np.uint8)}, labels, source="data")


def fed(dataset: ArrayDataset, graph: SourceGraph) -> Feed:
    return Feed(dataset, model_inputs(graph), find_preprocessing("0..1"))


class TestDrawing:
    def test_the_seed_decides_and_nothing_else(self) -> None:
        feed = fed(data(60), source(image()))
        assert choose(feed, 30, seed=0).indices == choose(feed, 30, seed=0).indices
        assert choose(feed, 30, seed=0).indices != choose(feed, 30, seed=1).indices

    def test_classes_are_drawn_in_proportion(self) -> None:
        labels = np.array([0] * 40 + [1] * 20)
        drawn = choose(fed(data(60, labels), source(image())), 30, seed=0)
        assert np.bincount(labels[list(drawn.indices)]).tolist() == [20, 10]

    def test_digests_are_those_of_the_items(self) -> None:
        dataset = data(60)
        drawn = choose(fed(dataset, source(image())), 12, seed=0)
        assert drawn.digests == tuple(dataset.digests()[index] for index in drawn.indices)

    def test_too_few_items_are_refused(self) -> None:
        graph = source(image())
        with pytest.raises(DataError, match="expected at least 10"):
            choose(fed(data(9), graph), 40, seed=0)

    def test_bad_data_are_refused_without_a_model(self) -> None:
        with pytest.raises(DataError, match="expected at least 10"):
            check_before_opening(data(9), 200, seed=0)
        spoilt = ArrayDataset({"x": np.full((20, 3), np.nan) * np.arange(20)[:, None]}, source="spoilt")
        with pytest.raises(DataError, match="spoilt"):
            check_before_opening(spoilt, 200, seed=0)


class TestFeeding:
    def test_items_are_written_preprocessed_and_by_input(self, tmp_path: Path) -> None:
        graph = source(image())
        calibration = choose(fed(data(20), graph), 12, seed=0)
        told: list[tuple[int, int]] = []
        (path,) = write_items(graph, calibration, tmp_path, lambda *step: told.append(step))
        written = np.load(path)
        assert (written.dtype, written.shape) == (np.float32, (12, 1, 2, 2, 1))
        expected = data(20).raw("image", calibration.indices).astype(np.float32) / np.float32(255)
        assert np.allclose(written[:, 0], expected)
        assert told[-1] == (12, 12)

    def test_a_last_batch_is_filled_with_items_and_not_with_zeros(self, tmp_path: Path) -> None:
        graph = source(image(batch=5))
        calibration = choose(fed(data(20), graph), 12, seed=0)
        (path,) = write_items(graph, calibration, tmp_path, lambda *_: None)
        written = np.load(path)
        assert written.shape == (3, 5, 2, 2, 1)
        flat = written.reshape(15, 4)
        assert np.array_equal(flat[12:], np.concatenate([flat[10:12], flat[10:11]]))

    def test_inputs_are_in_the_order_of_the_graph_whatever_the_datas_is(self, tmp_path: Path) -> None:
        inputs = [GraphInput(name, (1, 3), "float32", batched=True) for name in ("zulu", "alpha")]
        graph = source(*inputs)
        random = np.random.default_rng(0)
        alpha, zulu = random.normal(size=(2, 15, 3)).astype(np.float32)
        dataset = ArrayDataset({"alpha": alpha, "zulu": zulu})
        calibration = choose(Feed(dataset, model_inputs(graph), find_preprocessing("raw")), 15, seed=0)
        first, second = write_items(graph, calibration, tmp_path, lambda *_: None)
        assert np.array_equal(np.load(first)[:, 0], zulu)
        assert np.array_equal(np.load(second)[:, 0], alpha)

    def test_an_input_without_batch_axis_gets_an_item_without_one(self) -> None:
        graph = source(image(), GraphInput("threshold", (2,), "float32", batched=False))
        items = {"image": np.zeros((1, 2, 2, 1)), "threshold": np.ones((1, 2))}
        assert [array.shape for array in shaped(graph, items)] == [(1, 2, 2, 1), (2,)]


class TestChecking:
    def test_what_is_checked_was_not_calibrated_on(self) -> None:
        graph = source(image())
        feed = fed(data(60), graph)
        exclude = list(range(0, 60, 2))
        inputs = check_inputs(graph, feed, exclude, seed=0)["image"]
        assert inputs.shape == (CHECKED_ITEMS, 1, 2, 2, 1)
        # An item begins with four times its index.
        indices = (inputs[:, 0, 0, 0, 0] * 255).round().astype(int) // 4
        assert len(set(indices)) == CHECKED_ITEMS
        assert not set(indices) & set(exclude)

    def test_where_all_were_calibrated_on_they_serve(self) -> None:
        graph = source(image())
        inputs = check_inputs(graph, fed(data(20), graph), range(20), seed=0)
        assert inputs["image"].shape == (CHECKED_ITEMS, 1, 2, 2, 1)

    @pytest.mark.parametrize(("scales_input", "low", "high"), [(False, -1, 1), (True, 0, 255)])
    def test_without_data_they_are_random_in_the_range_of_the_model(
        self, scales_input: bool, low: float, high: float
    ) -> None:
        graph = source(image(), scales_input=scales_input)
        values = check_inputs(graph, None, (), seed=0)["image"]
        assert values.dtype == np.float32
        assert low <= values.min() < low + (high - low) / 4
        assert high - (high - low) / 4 < values.max() <= high
        assert np.array_equal(values, check_inputs(graph, None, (), seed=0)["image"])
        assert not np.array_equal(values, check_inputs(graph, None, (), seed=1)["image"])

    def test_random_token_ids_are_within_any_vocabulary(self) -> None:
        graph = source(GraphInput("tokens", (1, 8), "int32", batched=True))
        values = check_inputs(graph, None, (), seed=0)["tokens"]
        assert values.dtype == np.int32
        assert set(np.unique(values)) == {0, 1}

    def test_the_reference_is_the_source_itself_item_by_item(self) -> None:
        graph = source(image())
        inputs = check_inputs(graph, None, (), seed=0)
        outputs = reference_outputs(graph, inputs)["mean"]
        assert outputs.dtype == np.float32
        assert np.allclose(outputs.ravel(), inputs["image"].reshape(CHECKED_ITEMS, -1).mean(axis=1))

    @pytest.mark.parametrize(
        ("shape", "kept"),
        [((16, 1, 10), 16), ((16, 1, 224, 224, 3), 1), ((16, 1, 100, 200), 13), ((3, 1, 4), 3)],
    )
    def test_parity_keeps_as_many_as_fit_into_a_megabyte_and_one_at_least(
        self, shape: tuple[int, ...], kept: int
    ) -> None:
        assert parity_count({"x": np.zeros(shape, np.float32)}) == kept
