from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.accuracy import Accuracies, data_digest, measure_accuracy, output_names, output_shapes
from edgeq.benchmark.targets import find_targets
from edgeq.data.columns import ArrayColumn
from edgeq.data.dataset import SKIP, ArrayDataset, Dataset
from edgeq.data.feeding import Feed
from edgeq.data.truth import ClassLabels
from edgeq.demo import assets
from edgeq.errors import DataError, UsageError

Clothes = Callable[[int], ArrayDataset]
File = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def measured(dataset: Dataset, **options: object) -> Accuracies:
    targets = find_targets([assets.bundle_path()], ["float32", "int8"])
    feed = Feed(dataset, targets.inputs, targets.preprocessing)
    return measure_accuracy(targets, feed, baseline="float32", **options)  # type: ignore[arg-type]


class TestDigest:
    def of(self, values: list[int], labels: list[int] | None, source: str = "here") -> str:
        arrays = {"x": np.array(values)[:, None]}
        return data_digest(ArrayDataset(arrays, None if labels is None else np.array(labels), source=source))

    def test_it_depends_on_items_labels_and_their_order(self) -> None:
        digests = {
            self.of([1, 2], [0, 1]),
            self.of([2, 1], [0, 1]),
            self.of([1, 2], [1, 0]),
            self.of([1, 2], None),
            self.of([1], [0]),
        }
        assert len(digests) == 5

    def test_it_does_not_depend_on_where_the_data_came_from(self) -> None:
        assert self.of([1], None) == self.of([1], None, source="there")

    def test_it_does_not_depend_on_what_the_input_is_called(self) -> None:
        named = {name: ArrayDataset({name: np.ones((2, 3))}) for name in ("", "image")}
        assert data_digest(named[""]) == data_digest(named["image"])


def test_one_output_is_compared_whatever_another_converter_calls_it(clothes: Clothes, tmp_path: Path) -> None:
    bundle = assets.bundle_path()
    int8 = tmp_path / "net.int8.tflite"
    content = (bundle / "fashion_mnist.int8.tflite").read_bytes()
    assert content.count(b"class\0") > 0
    int8.write_bytes(content.replace(b"class\0", b"other\0"))
    targets = find_targets([bundle / "fashion_mnist.float32.tflite", int8])
    feed = Feed(clothes(50), targets.inputs, targets.preprocessing)
    result = measure_accuracy(targets, feed, baseline="fashion_mnist.float32")
    assert result.failures == {}
    drop = result.by_variant["net.int8"].metrics[0].drop
    assert drop is not None
    assert abs(drop.value) < 10


def test_outputs_of_which_none_knows_which_is_which_are_refused(two_inputs: Path) -> None:
    assert output_names(two_inputs, ("hidden", "total")) == ("total", "hidden")
    with pytest.raises(UsageError, match=r"\(total, hidden instead of a, b\): convert both alike"):
        output_names(two_inputs, ("a", "b"))


def test_shapes_of_outputs_are_without_the_batch_axis(two_inputs: Path) -> None:
    targets = find_targets([two_inputs])
    left, right = np.zeros((2, 3, 32), np.float32)
    feed = Feed(ArrayDataset({"left": left, "right": right}), targets.inputs, targets.preprocessing)
    assert output_shapes(targets, feed) == {"total": (3,), "hidden": (64,)}


class TestSplits:
    def data(self, clothes: Clothes, splits: list[str]) -> Dataset:
        data = clothes(len(splits))
        return Dataset(data.columns, data.truth, source="split", splits=splits)

    @pytest.mark.parametrize("apart", ["train", "calibration"])
    def test_what_a_data_set_sets_apart_for_training_is_not_measured_on(
        self, apart: str, clothes: Clothes
    ) -> None:
        result = measured(self.data(clothes, [apart] * 20 + ["validation"] * 30))
        assert result.by_variant["int8"].n == 30
        assert result.notes == [f"20 of 50 items are left out: the data set sets them apart for {apart}"]

    def test_a_data_set_of_nothing_else_is_measured(self, clothes: Clothes) -> None:
        assert measured(self.data(clothes, ["train"] * 30)).by_variant["int8"].n == 30


class TestBadItems:
    def spoilt(self, clothes: Clothes) -> Dataset:
        values = clothes(60).columns["image"].rows(range(60)).astype(np.float32)  # type: ignore[attr-defined]
        values[11] = np.nan
        return ArrayDataset({"image": values}, clothes(60).labels, source="spoilt")

    def test_they_are_named_and_counted_where_they_are_skipped(self, clothes: Clothes) -> None:
        result = measured(self.spoilt(clothes).inspected(SKIP), on_bad_input=SKIP)
        accuracy = result.by_variant["int8"]
        assert (accuracy.n, accuracy.skipped) == (59, 1)
        assert result.notes == [
            "1 bad item is left out, 59 are measured (item 11 of input 'image' holds NaN or infinity)"
        ]

    def test_they_are_an_error_by_default(self, clothes: Clothes) -> None:
        with pytest.raises(DataError, match=r"1 of 60 items is bad .*item 11 .*--on-bad-input skip"):
            self.spoilt(clothes).inspected()


def test_an_evaluation_that_was_interrupted_goes_on_and_says_so(clothes: Clothes) -> None:
    def stop(done: int, total: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(clothes(300), progress=stop)
    result = measured(clothes(300))
    (note,) = result.notes
    assert note.endswith(" of 300 items were measured before an interruption: it went on from there")
    assert result.by_variant == measured(clothes(300)).by_variant


def test_labels_that_do_not_fit_the_model_are_refused_before_anything_runs(clothes: Clothes) -> None:
    data = clothes(20)
    unfit = data.with_truth(ClassLabels(np.full(20, 12)))
    with pytest.raises(DataError, match="label 12 is out of range: the model has 10 outputs"):
        measured(unfit)


def test_without_labels_agreement_and_fidelity_are_measured(clothes: Clothes) -> None:
    accuracy = measured(clothes(40).with_truth(None)).by_variant["int8"]
    assert (accuracy.task, accuracy.metrics) == ("classification", ())
    assert accuracy.agreement is not None
    assert accuracy.agreement.value > 0.9
    (fidelity,) = accuracy.fidelity
    assert fidelity.output == "class"
    assert fidelity.sqnr_db == accuracy.sqnr_db
    assert fidelity.cosine is not None
    assert 0.98 < fidelity.cosine <= 1


def test_rows_are_not_copied_when_items_are_taken() -> None:
    values = np.arange(12).reshape(4, 3)
    column = ArrayColumn(values).take([2, 3])
    assert np.shares_memory(column.rows([0, 1]), values)
