from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import pytest

from edgeq.benchmark.accuracy import Judged, check_above_chance, check_labels, score
from edgeq.data.dataset import ArrayDataset
from edgeq.errors import DataError

Array = npt.NDArray[np.float32]


def judged(labels: list[int] | None, n: int, excluded: int = 0) -> Judged:
    digests = [f"{index:064x}" for index in range(n)]
    return Judged(digests, None if labels is None else np.array(labels), excluded, "data.npz")


def answers(classes: list[int], of: int = 3) -> dict[str, Array]:
    """Scores whose largest one is at these classes."""
    return {"scores": np.eye(of, dtype=np.float32)[classes]}


def test_numbers_are_those_of_a_calculation_by_hand() -> None:
    labels = [0, 1, 2, 0, 1, 2, 0, 1]
    fp32 = [0, 1, 2, 0, 1, 2, 1, 0]  # right on the first 6
    int8 = [0, 1, 2, 0, 2, 2, 0, 0]  # right on 0–3, 5 and 6
    result = score(judged(labels, 8, excluded=3), answers(int8), answers(fp32))
    assert (result.n, result.excluded) == (8, 3)
    assert result.top1 is not None
    assert (result.top1.value, result.top1.n) == (6 / 8, 8)
    # Wilson's interval of 6 of 8.
    assert (result.top1.low, result.top1.high) == pytest.approx((0.40927, 0.92852), abs=1e-5)
    assert result.agreement is not None
    assert result.agreement.value == 6 / 8  # they differ on items 4 and 6
    assert result.drop_pp is not None
    assert result.drop_pp.value == 0.0  # one lost, one gained
    assert result.drop_pp.low < -20 < 20 < result.drop_pp.high
    assert result.top5 is None  # with three classes everything would be among five
    # 8 outputs of one 1 each; two of them stand elsewhere: 10 log10(8 / 4).
    assert result.sqnr_db == pytest.approx(10 * np.log10(8 / 4))
    assert result.correct is not None
    assert np.unpackbits(np.frombuffer(base64.b64decode(result.correct), np.uint8))[:8].tolist() == [
        1, 1, 1, 1, 0, 1, 1, 0,
    ]  # fmt: skip


def test_a_loss_is_a_positive_drop_in_percentage_points() -> None:
    labels = [0, 1] * 10
    worse = [0, 1] * 8 + [1, 0] * 2
    result = score(judged(labels, 20), answers(worse), answers(labels))
    assert result.drop_pp is not None
    assert result.drop_pp.value == pytest.approx(20.0)
    assert result.drop_pp.n == 20


def test_the_baseline_is_compared_with_nothing() -> None:
    result = score(judged([0, 1], 2), answers([0, 1]), None)
    assert result.top1 is not None
    assert (result.agreement, result.drop_pp, result.sqnr_db) == (None, None, None)


def test_agreement_needs_no_labels() -> None:
    result = score(judged(None, 4), answers([0, 1, 2, 0]), answers([0, 1, 2, 1]))
    assert result.agreement is not None
    assert result.agreement.value == 3 / 4
    assert (result.top1, result.drop_pp, result.correct) == (None, None, None)


def test_top5_is_scored_from_six_classes_on() -> None:
    scores = {"scores": np.array([[6, 5, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1]], np.float32)}
    result = score(judged([4, 5], 2), scores, None)
    assert result.top5 is not None
    assert result.top5.value == 0.5


def test_outputs_that_do_not_classify_have_a_noise_and_nothing_else() -> None:
    baseline = {"a": np.ones((3, 4, 4), np.float32), "b": np.ones((3, 1), np.float32)}
    # Another order of the outputs does not matter: they go by name.
    noisy = {"b": np.full((3, 1), 1.1, np.float32), "a": np.full((3, 4, 4), 0.9, np.float32)}
    result = score(judged([0, 1, 2], 3), noisy, baseline)
    assert (result.top1, result.top5, result.agreement, result.drop_pp) == (None, None, None, None)
    assert result.sqnr_db == pytest.approx(20.0, abs=1e-4)


class TestDigest:
    def test_it_depends_on_items_labels_and_their_order(self) -> None:
        one, two = "a" * 64, "b" * 64
        digests = {
            Judged([one, two], np.array([0, 1]), 0, "").digest,
            Judged([two, one], np.array([0, 1]), 0, "").digest,
            Judged([one, two], np.array([1, 0]), 0, "").digest,
            Judged([one, two], None, 0, "").digest,
            Judged([one], np.array([0]), 0, "").digest,
        }
        assert len(digests) == 5

    def test_it_does_not_depend_on_where_the_data_came_from(self) -> None:
        assert Judged(["a"], None, 0, "here").digest == Judged(["a"], None, 5, "there").digest


class TestChance:
    def test_a_baseline_that_guesses_is_refused_with_what_to_look_at(self) -> None:
        labels = [0, 1, 2] * 30
        guesses = answers([1, 2, 0] * 20 + [0, 1, 2] * 10)
        with pytest.raises(
            DataError, match=r"float32 is right on 30 of 90 items \(33.3%\), not above chance: .*"
        ):
            check_above_chance(judged(labels, 90), guesses, "float32")

    def test_always_the_commonest_class_is_a_guess_however_often_it_is_right(self) -> None:
        labels = [0] * 80 + [1, 2] * 10
        with pytest.raises(DataError, match=r"right on 80 of 100 items \(80.0%\), not above chance"):
            check_above_chance(judged(labels, 100), answers([0] * 100), "float32")

    @pytest.mark.parametrize("correct", [40, 90])
    def test_a_baseline_that_knows_something_passes(self, correct: int) -> None:
        labels = np.array([0, 1, 2] * 30)
        found = np.where(np.arange(90) < correct, labels, (labels + 1) % 3)
        check_above_chance(judged(labels.tolist(), 90), answers(found.tolist()), "float32")
        assert float(np.mean(found == labels)) == correct / 90

    def test_without_labels_nothing_can_be_said(self) -> None:
        check_above_chance(judged(None, 3), answers([0, 0, 0]), "float32")
        assert score(judged(None, 3), answers([0, 0, 0]), None).top1 is None


class TestLabels:
    def data(self, labels: list[int], names: tuple[str, ...] = ()) -> ArrayDataset:
        arrays = {"x": np.zeros((len(labels), 2))}
        return ArrayDataset(arrays, np.array(labels), source="data.npz", class_names=names)

    def test_a_label_beyond_the_outputs_is_refused(self) -> None:
        with pytest.raises(
            DataError, match=r"data.npz: label 3 is out of range: the model has 3 outputs \(0 to 2"
        ):
            check_labels(self.data([0, 3]), answers([0, 0]))

    def test_another_number_of_classes_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"data.npz has 2 classes \(cat, dog\), the model has 3 outputs"):
            check_labels(self.data([0, 1], ("cat", "dog")), answers([0, 0]))

    def test_labels_that_fit_pass_and_outputs_that_do_not_classify_take_any(self) -> None:
        check_labels(self.data([0, 2]), answers([0, 0]))
        check_labels(self.data([0, 99]), {"map": np.zeros((2, 4, 4), np.float32)})
        with pytest.raises(DataError):
            check_labels(self.data([0, 99]), answers([0, 0]))


def test_labels_in_another_order_are_an_error_although_fp32_is_above_chance() -> None:
    right = np.arange(120) % 6
    # Two of the six classes keep their number, so that a third of the answers still fits.
    shuffled = np.array([0, 1, 3, 4, 5, 2])[right]
    with pytest.raises(DataError, match=r"33\.3% of 120 items and would be on 100\.0%"):
        check_above_chance(judged(shuffled.tolist(), 120), answers(right.tolist(), of=6), "float32")
