from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.accuracy_statistics import drop_pp, mcnemar_exact
from edgeq.benchmark.classification import in_top, top1
from edgeq.benchmark.measurement import ClassScore
from edgeq.benchmark.tasks.base import Observed, Score
from edgeq.benchmark.tasks.classification import Classification, share_metric, threshold
from edgeq.data.truth import ClassLabels, Targets, Truth
from edgeq.errors import DataError

Array = npt.NDArray[np.float32]


def truth(labels: Sequence[int], names: tuple[str, ...] = ()) -> ClassLabels:
    return ClassLabels(np.array(labels, dtype=np.int64), names)


def answers(classes: Sequence[int], of: int = 3) -> Observed:
    """Observations of scores whose largest one is at these classes."""
    return observe(np.eye(of, dtype=np.float32)[np.array(classes)])


def observe(scores: Array) -> Observed:
    return Classification(scores.shape[1]).observe({"scores": scores}, None, dict)


def observe_single(scores: Sequence[float]) -> Observed:
    return Classification(2, single=True).observe({"p": np.array(scores, np.float32)[:, None]}, None, dict)


def score(labels: Truth | None, ours: Observed, theirs: Observed | None = None, of: int = 3) -> Score:
    return Classification(of).score(ours, labels, theirs)


def test_numbers_are_those_of_a_calculation_by_hand() -> None:
    labels = truth([0, 1, 2, 0, 1, 2, 0, 1])
    fp32 = answers([0, 1, 2, 0, 1, 2, 1, 0])  # right on the first 6
    int8 = answers([0, 1, 2, 0, 2, 2, 0, 0])  # right on 0–3, 5 and 6
    result = score(labels, int8, fp32)
    (metric,) = result.metrics  # with three classes everything would be among five
    assert (metric.key, metric.label, metric.is_rate, metric.higher_is_better) == (
        "top1",
        "top-1",
        True,
        True,
    )
    assert (metric.value.value, metric.value.n) == (6 / 8, 8)
    # Wilson's interval of 6 of 8.
    assert (metric.value.low, metric.value.high) == pytest.approx((0.40927, 0.92852), abs=1e-5)
    assert metric.drop is not None
    assert metric.drop.value == 0.0  # one lost, one gained
    assert metric.drop.low < -20 < 20 < metric.drop.high
    assert metric.p_value == 1.0
    assert result.correct is not None
    assert result.correct.tolist() == [True] * 4 + [False, True, True, False]
    agreeing = Classification(3).agreement(int8, fp32)
    assert agreeing is not None
    assert np.flatnonzero(~agreeing).tolist() == [4, 6]


def test_a_loss_is_a_positive_drop_in_percentage_points_with_mcnemars_p_value() -> None:
    labels = [0, 1] * 10
    result = score(truth(labels), answers([0, 1] * 7 + [1, 0] * 3), answers(labels))
    (metric,) = result.metrics
    assert metric.drop is not None
    assert metric.drop.value == pytest.approx(30.0)
    assert metric.drop.n == 20
    assert metric.p_value == mcnemar_exact(6, 0)


def test_the_baseline_is_compared_with_nothing() -> None:
    (metric,) = score(truth([0, 1]), answers([0, 1])).metrics
    assert (metric.drop, metric.p_value) == (None, None)


def test_agreement_needs_no_labels() -> None:
    ours, theirs = answers([0, 1, 2, 0]), answers([0, 1, 2, 1])
    agreeing = Classification(3).agreement(ours, theirs)
    assert agreeing is not None
    assert agreeing.tolist() == [True, True, True, False]
    assert score(None, ours, theirs) == Score()


def test_the_task_travels_to_workers() -> None:
    assert pickle.loads(pickle.dumps(Classification(10))) == Classification(10)  # noqa: S301


class TestTop5:
    def test_it_is_scored_from_six_classes_on_and_has_a_drop_of_its_own(self) -> None:
        ours = observe(np.array([[6, 5, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1]], np.float32))
        theirs = observe(np.array([[6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]], np.float32))
        top1_metric, top5_metric = score(truth([4, 5]), ours, theirs, of=6).metrics
        assert (top5_metric.key, top5_metric.label, top5_metric.value.value) == ("top5", "top-5", 0.5)
        assert top5_metric.drop == drop_pp(np.array([True, False]), np.array([True, True]))
        assert top1_metric.value.value == 0

    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(1, 6))
    def test_what_is_kept_gives_the_same_as_all_scores(self, seed: int, classes: int, levels: int) -> None:
        generator = np.random.default_rng(seed)
        # Few levels make ties, as int8 outputs have them.
        scores = generator.integers(0, levels, size=(20, classes)).astype(np.float32)
        labels = generator.integers(classes, size=20)
        kept = observe(scores)["top"]
        assert kept.shape == (20, min(5, classes))
        assert kept.dtype == np.int32
        assert (kept[:, 0] == top1(scores)).all()
        assert ((kept == labels[:, None]).any(axis=1) == in_top(scores, labels, 5)).all()

    def test_axes_of_a_pooling_do_not_matter(self) -> None:
        scores = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
        kept = Classification(7).observe({"s": scores.reshape(4, 1, 1, 7)}, None, dict)
        assert np.array_equal(kept["top"], observe(scores)["top"])


class TestSingleScore:
    task = Classification(2, single=True)

    @pytest.mark.parametrize(
        ("baseline", "expected"), [([0.1, 0.6, 0.4], 0.5), ([-0.1, 0.6, 0.4], 0.0), ([0.1, 3, 0.4], 0.0)]
    )
    def test_probabilities_are_split_at_half_and_logits_at_zero(
        self, baseline: list[float], expected: float
    ) -> None:
        assert threshold(np.array(baseline, np.float32)) == expected

    def test_the_baseline_decides_for_all_variants(self) -> None:
        logits = observe_single([-2, -1, 0.3, 2])
        # By itself this would look like probabilities, of which 0.3 means no.
        variant = observe_single([0.0, 0.0, 0.3, 0.9])
        agreeing = self.task.agreement(variant, logits)
        assert agreeing is not None
        assert agreeing.all()
        (metric,) = self.task.score(variant, truth([0, 0, 1, 1]), logits).metrics
        assert metric.value.value == 1
        (alone,) = self.task.score(variant, truth([0, 0, 1, 1]), None).metrics
        assert alone.value.value == 3 / 4

    def test_the_score_is_kept_in_whatever_shape_it_comes(self) -> None:
        flat = self.task.observe({"p": np.array([0.2, 0.7], np.float32)}, None, dict)
        assert flat["score"].tolist() == observe_single([0.2, 0.7])["score"].tolist()
        assert flat["score"].dtype == np.float32

    def test_classes_are_those_of_the_labels(self) -> None:
        result = self.task.score(observe_single([0.2, 0.7, 0.9]), truth([0, 0, 1], ("cat", "dog")), None)
        assert result.confusion == ((1, 1), (0, 1))
        assert [one.name for one in result.classes] == ["cat", "dog"]

    def test_labels_of_more_than_two_classes_are_refused(self) -> None:
        with pytest.raises(
            DataError,
            match=r"ages.npz: label 37 is out of range: the model has one output for two classes \(0 to 1\); "
            "--task regression if it predicts numbers",
        ):
            self.task.check(truth([0, 37]), {"p": (1,)}, "ages.npz")

    def test_classes_the_other_way_round_are_refused(self) -> None:
        labels = np.arange(40) % 2
        with pytest.raises(DataError, match=r"float32 is right on 0 of 40 items \(0.0%\), not above chance"):
            self.task.require_sound(observe_single((1 - labels).tolist()), truth(labels.tolist()), "float32")


class TestTables:
    def test_shares_are_those_of_scikit_learn(self) -> None:
        generator = np.random.default_rng(0)
        labels, found = generator.integers(5, size=(2, 200))
        result = score(truth(labels.tolist()), answers(found.tolist(), 5), of=5)
        precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(labels, found)
        for index, row in enumerate(result.classes):
            assert (row.name, row.n) == (str(index), support[index])
            assert row.metrics == pytest.approx(
                {"recall": recall[index], "precision": precision[index], "f1": f1[index]}
            )
        assert np.array_equal(result.confusion, sklearn.metrics.confusion_matrix(labels, found))

    def test_shares_of_nothing_are_left_out(self) -> None:
        result = score(truth([0, 0], ("cat", "dog", "cow")), answers([0, 1]))
        assert result.classes == (
            ClassScore("cat", 2, {"recall": 0.5, "precision": 1.0, "f1": 2 / 3}),
            ClassScore("dog", 0, {"precision": 0.0, "f1": 0.0}),
            ClassScore("cow", 0, {}),
        )

    @pytest.mark.parametrize(("classes", "rows"), [(100, 100), (101, 0)])
    def test_a_confusion_of_too_many_classes_is_not_kept(self, classes: int, rows: int) -> None:
        result = score(truth([0, 1]), answers([0, 1], classes), of=classes)
        assert len(result.confusion) == rows
        assert len(result.classes) == classes


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_items_changes_nothing(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels, ours, theirs = generator.integers(7, size=(3, 30))
    order = generator.permutation(30)
    one, other = (
        score(truth(labels[by].tolist()), answers(ours[by], 7), answers(theirs[by], 7), of=7)
        for by in (np.arange(30), order)
    )
    assert one.metrics == other.metrics
    assert (one.classes, one.confusion) == (other.classes, other.confusion)


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1))
def test_a_variant_equal_to_the_baseline_lost_nothing(correct: list[bool]) -> None:
    metric = share_metric("k", "K", np.array(correct), np.array(correct))
    assert metric.drop is not None
    assert (metric.drop.value, metric.p_value) == (0, 1)


class TestChance:
    def test_a_baseline_that_guesses_is_refused_with_what_to_look_at(self) -> None:
        guesses = answers([1, 2, 0] * 20 + [0, 1, 2] * 10)
        with pytest.raises(DataError) as refused:
            Classification(3).require_sound(guesses, truth([0, 1, 2] * 30), "float32")
        assert str(refused.value) == (
            "float32 is right on 30 of 90 items (33.3%), not above chance: the preprocessing or the order of the "
            "labels is wrong (see --preprocess and --labels); no drop can be measured"
        )

    def test_always_the_commonest_class_is_a_guess_however_often_it_is_right(self) -> None:
        with pytest.raises(DataError, match=r"right on 80 of 100 items \(80.0%\), not above chance"):
            Classification(3).require_sound(answers([0] * 100), truth([0] * 80 + [1, 2] * 10), "float32")

    @pytest.mark.parametrize("correct", [40, 90])
    def test_a_baseline_that_knows_something_passes(self, correct: int) -> None:
        labels = np.array([0, 1, 2] * 30)
        found = np.where(np.arange(90) < correct, labels, (labels + 1) % 3)
        Classification(3).require_sound(answers(found.tolist()), truth(labels.tolist()), "float32")

    def test_labels_in_another_order_are_an_error_although_fp32_is_above_chance(self) -> None:
        right = np.arange(120) % 6
        # Two of the six classes keep their number, so that a third of the answers still fits.
        shuffled = np.array([0, 1, 3, 4, 5, 2])[right]
        with pytest.raises(DataError) as refused:
            Classification(6).require_sound(answers(right.tolist(), 6), truth(shuffled.tolist()), "float32")
        assert str(refused.value) == (
            "float32 is right on 33.3% of 120 items and would be on 100.0% if the classes were numbered otherwise "
            "(label 2 is the model's output 5): the labels are in another order than the model's outputs; give the "
            "model's order with --labels"
        )


class TestLabels:
    def test_a_label_beyond_the_outputs_is_refused(self) -> None:
        with pytest.raises(DataError) as refused:
            Classification(3).check(truth([0, 3]), {"s": (3,)}, "data.npz")
        assert str(refused.value) == "data.npz: label 3 is out of range: the model has 3 outputs (0 to 2)"

    def test_another_number_of_classes_is_refused(self) -> None:
        with pytest.raises(DataError) as refused:
            Classification(3).check(truth([0, 1], ("cat", "dog")), {"s": (3,)}, "data.npz")
        assert str(refused.value) == (
            "data.npz has 2 classes (cat, dog), the model has 3 outputs: expected one class an output, in their order"
        )

    def test_of_many_classes_three_are_named(self) -> None:
        with pytest.raises(DataError, match=r"has 4 classes \(a, b, c, …\), the model has 3 outputs"):
            Classification(3).check(truth([0], ("a", "b", "c", "d")), {"s": (3,)}, "data.npz")

    def test_labels_that_fit_pass_and_so_do_none(self) -> None:
        task = Classification(3)
        task.check(truth([0, 2], ("a", "b", "c")), {"s": (3,)}, "data.npz")
        task.check(None, {"s": (3,)}, "data.npz")
        with pytest.raises(DataError, match="expected one class an item, found Targets"):
            task.check(Targets(np.zeros(3, np.float32)), {"s": (3,)}, "data.npz")
