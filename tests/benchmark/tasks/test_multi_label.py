from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.tasks.base import Observed, Score
from edgeq.benchmark.tasks.multi_label import MultiLabel, average_precision
from edgeq.data.truth import ClassLabels, MultiLabels, Targets
from edgeq.errors import DataError

Array = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


def observe(scores: Array) -> Observed:
    return MultiLabel(scores.shape[1]).observe({"s": scores.astype(np.float32)}, None, dict)


def score(labels: Bools, ours: Array, theirs: Array | None = None, names: tuple[str, ...] = ()) -> Score:
    baseline = None if theirs is None else observe(theirs)
    return MultiLabel(labels.shape[1]).score(observe(ours), MultiLabels(labels, names), baseline)


def values(result: Score) -> dict[str, float]:
    return {metric.key: metric.value.value for metric in result.metrics}


def samples(seed: int, n: int = 60, classes: int = 4, levels: int = 0) -> tuple[Bools, Array]:
    """Labels, and logits that know something of them; few levels make ties, as int8 outputs have them."""
    generator = np.random.default_rng(seed)
    labels = generator.random((n, classes)) < 0.3
    labels[0] = True
    scores = 2.0 * labels + generator.normal(size=(n, classes)) - 1
    if levels:
        scores = np.round(scores * levels / 4)
    return labels, scores.astype(np.float32)


SEEDS = st.integers(0, 2**32 - 1)


class TestAveragePrecision:
    @settings(deadline=None)
    @given(SEEDS, st.integers(0, 6))
    def test_it_is_that_of_scikit_learn(self, seed: int, levels: int) -> None:
        labels, scores = samples(seed, levels=levels)
        for index in range(4):
            value, _ = average_precision(scores[:, index], labels[:, index])
            assert value == pytest.approx(
                sklearn.metrics.average_precision_score(labels[:, index], scores[:, index])
            )

    @settings(deadline=None)
    @given(SEEDS, st.integers(0, 6))
    def test_what_an_item_adds_is_the_derivative_by_its_weight(self, seed: int, levels: int) -> None:
        labels, scores = (part[:20, 0] for part in samples(seed, levels=levels))
        value, derivative = average_precision(scores, labels)
        assert derivative.sum() == pytest.approx(0, abs=1e-12)
        weights = np.ones(20)
        weights[seed % 20] += 1e-6
        moved = sklearn.metrics.average_precision_score(labels, scores, sample_weight=weights)
        assert (moved - value) / 1e-6 == pytest.approx(derivative[seed % 20], abs=1e-5)


class TestMetrics:
    @settings(deadline=None)
    @given(SEEDS, st.integers(0, 6))
    def test_they_are_those_of_scikit_learn(self, seed: int, levels: int) -> None:
        labels, scores = samples(seed, levels=levels)
        answers = scores > 0
        assert values(score(labels, scores)) == pytest.approx(
            {
                "map": sklearn.metrics.average_precision_score(labels, scores, average="macro"),
                "f1_micro": sklearn.metrics.f1_score(labels, answers, average="micro", zero_division=0),
                "f1_macro": sklearn.metrics.f1_score(labels, answers, average="macro", zero_division=0),
            }
        )

    def test_they_are_rates(self) -> None:
        metrics = score(*samples(0)).metrics
        assert [(metric.label, metric.is_rate, metric.value.n) for metric in metrics] == [
            ("mAP", True, 60),
            ("F1 (micro)", True, 60),
            ("F1 (macro)", True, 60),
        ]
        assert all(metric.value.low < metric.value.value < metric.value.high for metric in metrics)

    def test_probabilities_are_split_at_half_and_the_baseline_decides(self) -> None:
        labels, logits = samples(0)
        probabilities = 1 / (1 + np.exp(-logits))
        expected = values(score(labels, logits))
        assert values(score(labels, probabilities)) == pytest.approx(expected)
        # A variant whose outputs leave 0 to 1 is judged as its baseline is.
        beyond = np.where(probabilities > 0.9, 1.1, probabilities)
        assert values(score(labels, beyond, probabilities))["f1_micro"] == pytest.approx(expected["f1_micro"])

    def test_classes_without_items_are_left_out(self) -> None:
        labels, scores = samples(0)
        found = values(score(labels, scores))
        more = np.column_stack([labels, np.zeros(60, bool)])
        with_one_more = score(more, np.column_stack([scores, np.full(60, -1.0)]))
        assert values(with_one_more) == pytest.approx(found)

    def test_the_values_of_items_have_the_first_metric_as_their_mean(self) -> None:
        result = score(*samples(0))
        assert result.item_values is not None
        assert result.item_values.mean() == pytest.approx(values(result)["map"])

    def test_the_interval_is_about_that_of_scipys_bootstrap(self) -> None:
        labels, scores = samples(0, n=400)

        def mean_average_precision(indices: npt.NDArray[np.int64]) -> float:
            return float(sklearn.metrics.average_precision_score(labels[indices], scores[indices]))

        expected = scipy.stats.bootstrap(
            (np.arange(400),),
            mean_average_precision,
            n_resamples=300,
            method="percentile",
            vectorized=False,
            rng=np.random.default_rng(0),
        ).standard_error
        found = score(labels, scores).metrics[0].value
        assert (found.high - found.low) / 2 == pytest.approx(1.96 * expected, rel=0.15)

    def test_the_interval_covers_the_truth(self) -> None:
        labels, scores = samples(0, n=50_000)
        truth = np.array(list(values(score(labels, scores)).values()))
        hits = np.zeros(3)
        for seed in range(1, 101):
            metrics = score(*samples(seed, n=500)).metrics
            hits += [
                metric.value.low <= expected <= metric.value.high
                for metric, expected in zip(metrics, truth, strict=True)
            ]
        assert ((hits / 100 >= 0.9) & (hits / 100 <= 0.99)).all()

    def test_items_that_have_one_class_each_are_read_as_classes(self) -> None:
        labels = np.eye(3, dtype=bool)[[0, 1, 2, 0, 1, 1]]
        scores = np.random.default_rng(0).normal(size=(6, 3))
        task, truth = MultiLabel(3), ClassLabels(labels.argmax(axis=1))
        task.check(truth, {"s": (3,)}, "data.npz")
        assert task.score(observe(scores), truth, None).metrics == score(labels, scores).metrics

    def test_without_labels_there_is_nothing_to_score(self) -> None:
        observed = observe(np.zeros((4, 3)))
        assert MultiLabel(3).score(observed, None, observed) == Score()

    def test_scores_that_are_no_numbers_are_named(self) -> None:
        labels, scores = samples(0)
        scores[7, 2] = np.nan
        with pytest.raises(DataError, match="scores of 1 of 60 items are NaN or infinite"):
            score(labels, scores)


class TestDrop:
    @settings(deadline=None)
    @given(SEEDS)
    def test_a_variant_equal_to_the_baseline_lost_nothing(self, seed: int) -> None:
        labels, scores = samples(seed, n=20)
        for metric in score(labels, scores, scores).metrics:
            assert metric.drop is not None
            assert (metric.drop.value, metric.p_value) == (0, 1)
            assert metric.drop.low < 0 < metric.drop.high

    def test_so_did_a_variant_that_ranks_and_decides_alike(self) -> None:
        labels, scores = samples(0)
        for metric in score(labels, 3 * scores, scores).metrics:
            assert metric.drop is not None
            assert (metric.drop.value, metric.p_value) == (0, 1)

    @settings(deadline=None)
    @given(SEEDS)
    def test_the_order_of_items_changes_nothing(self, seed: int) -> None:
        labels, ours = samples(seed, n=30)
        theirs = ours + np.random.default_rng(seed).normal(size=ours.shape)
        order = np.random.default_rng(seed).permutation(30)
        one, other = score(labels, ours, theirs), score(labels[order], ours[order], theirs[order])
        assert values(one) == pytest.approx(values(other))
        for before, after in zip(one.metrics, other.metrics, strict=True):
            assert before.drop is not None
            assert after.drop is not None
            assert before.drop.value == pytest.approx(after.drop.value, abs=1e-6)

    def test_noise_is_a_positive_drop_in_percentage_points(self) -> None:
        labels, scores = samples(0, n=300)
        noisy = scores + 2 * np.random.default_rng(1).normal(size=scores.shape)
        result = score(labels, noisy, scores)
        before = values(score(labels, scores))
        for metric in result.metrics:
            assert metric.drop is not None
            assert metric.drop.value == pytest.approx(100 * (before[metric.key] - metric.value.value))
            assert metric.drop.low > 0
            assert metric.p_value is not None
            assert metric.p_value < 0.01

    def test_answers_agree_where_all_classes_do(self) -> None:
        theirs = observe(np.array([[-1, 1], [-1, 1], [2, 2]]))
        ours = observe(np.array([[-2, 3], [1, 1], [0.1, 1]]))
        agreeing = MultiLabel(2).agreement(ours, theirs)
        assert agreeing is not None
        assert agreeing.tolist() == [True, False, True]


def test_the_table_has_the_shares_of_scikit_learn_and_leaves_out_those_of_nothing() -> None:
    labels, scores = samples(0)
    labels[:, 3], scores[:, 3] = False, -1
    table = score(labels, scores, names=("cat", "dog", "cow")).classes
    assert [row.name for row in table] == ["cat", "dog", "cow", "3"]
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        labels, scores > 0, zero_division=0
    )
    for index, row in enumerate(table[:3]):
        assert row.n == support[index]
        assert row.metrics == pytest.approx(
            {
                "ap": sklearn.metrics.average_precision_score(labels[:, index], scores[:, index]),
                "recall": recall[index],
                "precision": precision[index],
                "f1": f1[index],
            }
        )
    assert (table[3].n, table[3].metrics) == (0, {})


class TestChecks:
    def test_another_number_of_classes_is_refused(self) -> None:
        with pytest.raises(
            DataError, match=r"data has labels of 2 classes, the model has 3 outputs: expected"
        ):
            MultiLabel(3).check(MultiLabels(np.ones((4, 2), bool)), {"s": (3,)}, "data")
        with pytest.raises(DataError, match=r"data has 2 classes \(cat, dog\), the model has 3 outputs"):
            MultiLabel(3).check(MultiLabels(np.ones((4, 2), bool), ("cat", "dog")), {"s": (3,)}, "data")
        with pytest.raises(DataError, match=r"data has labels of 4 classes, the model has 3 outputs"):
            MultiLabel(3).check(ClassLabels(np.array([0, 3])), {"s": (3,)}, "data")

    def test_items_without_any_class_are_refused(self) -> None:
        with pytest.raises(DataError, match="data: none of 4 items has any class: there is nothing to find"):
            MultiLabel(3).check(MultiLabels(np.zeros((4, 3), bool)), {"s": (3,)}, "data")

    def test_labels_that_are_no_classes_are_refused(self) -> None:
        with pytest.raises(DataError, match="expected any number of classes an item, found Targets"):
            MultiLabel(3).check(Targets(np.zeros((4, 3))), {"s": (3,)}, "data")

    def test_labels_that_fit_pass_and_so_do_none(self) -> None:
        MultiLabel(3).check(MultiLabels(np.ones((4, 3), bool), ("a", "b", "c")), {"s": (3,)}, "data")
        MultiLabel(3).check(ClassLabels(np.array([0, 1])), {"s": (3,)}, "data")
        MultiLabel(3).check(None, {"s": (3,)}, "data")

    def test_a_baseline_that_knows_something_passes_and_one_that_guesses_does_not(self) -> None:
        labels, scores = samples(0)
        task = MultiLabel(4)
        task.require_sound(observe(scores), MultiLabels(labels), "float32")
        with pytest.raises(
            DataError,
            match=r"float32 has a mAP of \d\d\.\d% on 60 items, not above chance: the preprocessing",
        ):
            task.require_sound(observe(scores[::-1]), MultiLabels(labels), "float32")
