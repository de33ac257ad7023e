from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.accuracy_statistics import proportion
from edgeq.benchmark.resampling import bootstrap
from edgeq.benchmark.tasks.anomaly import Anomaly, are_anomalous, roc_areas
from edgeq.benchmark.tasks.base import Observed, Score
from edgeq.data.truth import ClassLabels, Targets
from edgeq.errors import DataError

Floats = npt.NDArray[np.float64]

TIED_SCORES = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 1 + seed % 12, size=30).astype(np.float64)
)
"""Few levels make ties, as int8 outputs have them."""
LABELS = st.lists(st.booleans(), min_size=28, max_size=28).map(lambda drawn: np.array([False, True, *drawn]))


def observe(scores: npt.ArrayLike) -> Observed:
    return Anomaly().observe({"score": np.array(scores, np.float32)[:, None]}, None, dict)


def score(labels: npt.ArrayLike, ours: npt.ArrayLike, theirs: npt.ArrayLike | None = None) -> Score:
    truth = ClassLabels(np.array(labels, dtype=np.int64))
    return Anomaly().score(observe(ours), truth, None if theirs is None else observe(theirs))


def areas(scores: Floats, positive: npt.NDArray[np.bool_], weights: Floats | None = None) -> list[float]:
    rows = np.ones((1, len(scores))) if weights is None else weights[None]
    return roc_areas(scores, positive, (1.0, 0.1))(rows)[0].tolist()


class TestAreas:
    @settings(deadline=None)
    @given(TIED_SCORES, LABELS)
    def test_they_are_those_of_scikit_learn(self, scores: Floats, positive: npt.NDArray[np.bool_]) -> None:
        expected = [
            sklearn.metrics.roc_auc_score(positive, scores),
            sklearn.metrics.roc_auc_score(positive, scores, max_fpr=0.1),
        ]
        assert areas(scores, positive) == pytest.approx(expected)

    @settings(deadline=None)
    @given(TIED_SCORES, LABELS, st.integers(0, 2**32 - 1))
    def test_an_item_of_weight_two_is_there_twice(
        self, scores: Floats, positive: npt.NDArray[np.bool_], seed: int
    ) -> None:
        weights = np.random.default_rng(seed).integers(0, 4, size=30)
        repeated = np.repeat(np.arange(30), weights)
        if positive[repeated].all() or not positive[repeated].any():
            assert np.isnan(areas(scores, positive, weights.astype(np.float64))).all()
        else:
            assert areas(scores, positive, weights.astype(np.float64)) == pytest.approx(
                areas(scores[repeated], positive[repeated])
            )

    @settings(deadline=None)
    @given(TIED_SCORES, LABELS)
    def test_that_of_the_negated_scores_is_the_rest_to_one(
        self, scores: Floats, positive: npt.NDArray[np.bool_]
    ) -> None:
        assert areas(-scores, positive)[0] == pytest.approx(1 - areas(scores, positive)[0])

    @settings(deadline=None)
    @given(TIED_SCORES, LABELS, st.integers(0, 2**32 - 1))
    def test_the_order_of_items_changes_nothing(
        self, scores: Floats, positive: npt.NDArray[np.bool_], seed: int
    ) -> None:
        order = np.random.default_rng(seed).permutation(30)
        assert areas(scores[order], positive[order]) == pytest.approx(areas(scores, positive))

    def test_replicates_of_one_class_have_none(self) -> None:
        statistic = roc_areas(np.array([1.0, 2.0, 3.0]), np.array([False, False, True]), (1.0,))
        (replicated,) = bootstrap([statistic], 3)
        # The third item is not among three draws in (2/3)³ of cases, and alone in (1/3)³.
        assert np.isnan(replicated).mean() == pytest.approx(9 / 27, abs=0.04)
        assert replicated[0, 0] == 1


class TestScore:
    def test_metrics_are_rates_with_intervals(self) -> None:
        generator = np.random.default_rng(0)
        labels = np.arange(200) % 2
        metrics = score(labels, labels + generator.normal(size=200)).metrics
        assert [(one.key, one.label) for one in metrics] == [("auc", "ROC AUC"), ("pauc", "pAUC (10 % FPR)")]
        auc = metrics[0].value
        assert auc.n == 200
        # Hanley and McNeil, Radiology 143, 1982, equation 2, for 100 items of either class.
        area = auc.value
        spread = area * (1 - area) + 99 * (area / (2 - area) + 2 * area**2 / (1 + area) - 2 * area**2)
        assert (auc.high - auc.low) / 2 == pytest.approx(1.96 * np.sqrt(spread) / 100, rel=0.15)

    def test_a_perfect_ranking_is_as_certain_as_its_independent_pairs(self) -> None:
        result = score([0] * 20 + [1] * 10, np.arange(30))
        assert (result.metrics[0].value.value, result.metrics[0].value.n) == (1, 30)
        assert result.metrics[0].value.low == proportion(10, 10).low

    def test_a_worse_ranking_is_a_positive_drop_in_percentage_points(self) -> None:
        generator = np.random.default_rng(0)
        labels = np.arange(400) % 2
        scores = 2 * labels + generator.normal(size=400)
        noisy = scores + 3 * generator.normal(size=400)
        ours, theirs = (score(labels, one).metrics[0].value.value for one in (noisy, scores))
        metric = score(labels, noisy, scores).metrics[0]
        assert metric.drop is not None
        assert metric.drop.value == pytest.approx(100 * (theirs - ours))
        assert metric.drop.low > 0
        assert metric.p_value is not None
        assert metric.p_value < 0.01

    @settings(deadline=None)
    @given(TIED_SCORES, LABELS)
    def test_a_variant_equal_to_the_baseline_lost_nothing(
        self, scores: Floats, positive: npt.NDArray[np.bool_]
    ) -> None:
        for metric in score(positive, scores, scores).metrics:
            assert metric.drop is not None
            assert (metric.drop.value, metric.p_value) == (0, 1)
            assert metric.drop.low < 0 < metric.drop.high

    def test_the_loss_is_covered_and_the_test_keeps_its_level(self) -> None:
        generator = np.random.default_rng(0)
        labels = np.arange(150) % 3 == 0
        hits = rejected = 0
        for _ in range(100):
            scores = 1.5 * labels + generator.normal(size=150)
            one, other = (scores + 0.5 * generator.normal(size=150) for _ in range(2))
            metric = score(labels, one, other).metrics[0]
            assert metric.drop is not None
            assert metric.p_value is not None
            hits += metric.drop.low <= 0 <= metric.drop.high
            rejected += metric.p_value <= 0.05
        assert 0.91 <= hits / 100 <= 0.99
        assert rejected / 100 <= 0.09

    @settings(deadline=None)
    @given(TIED_SCORES, LABELS)
    def test_the_values_of_items_have_the_area_as_their_mean(
        self, scores: Floats, positive: npt.NDArray[np.bool_]
    ) -> None:
        result = score(positive, scores)
        assert result.item_values is not None
        assert result.item_values.mean() == pytest.approx(result.metrics[0].value.value)

    def test_the_values_of_items_vary_as_the_area_does(self) -> None:
        # DeLong's standard error, as by scipy's rank statistics on the two classes.
        generator = np.random.default_rng(0)
        labels = np.arange(400) % 4 == 0
        scores = labels + generator.normal(size=400)
        result = score(labels, scores)
        assert result.item_values is not None
        error = result.item_values.std(ddof=1) / np.sqrt(400)
        interval = result.metrics[0].value
        assert 1.96 * error == pytest.approx((interval.high - interval.low) / 2, rel=0.1)

    def test_without_labels_there_is_nothing_to_score(self) -> None:
        assert Anomaly().score(observe([1, 2]), None, None) == Score()

    def test_scores_that_are_no_numbers_are_named(self) -> None:
        with pytest.raises(DataError, match="scores of 2 of 4 items are NaN or infinite"):
            score([0, 1, 0, 1], [1, np.nan, np.inf, 2])

    def test_measured_items_of_one_kind_are_refused(self) -> None:
        with pytest.raises(DataError, match="the measured data: all 3 items are normal"):
            score([0, 0, 0], [1, 2, 3])


class TestObservation:
    def test_a_reconstruction_is_judged_by_its_mean_squared_error(self) -> None:
        generator = np.random.default_rng(0)
        given, output = generator.normal(size=(2, 5, 4, 4, 1)).astype(np.float32)
        observed = Anomaly(reconstructs=True).observe({"out": output}, None, lambda: {"in": given})
        expected = [sklearn.metrics.mean_squared_error(a.ravel(), b.ravel()) for a, b in zip(given, output)]  # noqa: B905
        assert observed["score"] == pytest.approx(expected)

    def test_a_score_is_kept_in_whatever_shape_it_comes_and_inputs_are_not_made(self) -> None:
        def never() -> dict[str, npt.NDArray[np.float32]]:
            raise AssertionError

        for shape in ((3,), (3, 1), (3, 1, 1)):
            output = np.array([1, 2, 3], np.float32).reshape(shape)
            assert Anomaly().observe({"out": output}, None, never)["score"].tolist() == [1, 2, 3]


class TestNames:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            ((), [False, True]),
            (("0", "1"), [False, True]),
            (("normal", "anomaly"), [False, True]),
            (("anomaly", "normal"), [True, False]),
            (("Defect", "OK"), [True, False]),
            (("bad", "whatever"), [True, False]),
            (("whatever", "good"), [True, False]),
        ],
    )
    def test_they_say_which_class_is_anomalous_in_any_order(
        self, names: tuple[str, ...], expected: list[bool]
    ) -> None:
        assert are_anomalous(ClassLabels(np.array([0, 1]), names)).tolist() == expected

    def test_all_kinds_of_defects_are_anomalous(self) -> None:
        truth = ClassLabels(np.array([0, 1, 2, 1]), ("crack", "good", "scratch"))
        assert are_anomalous(truth).tolist() == [True, False, True, False]

    @pytest.mark.parametrize(
        "names", [("cat", "dog"), ("normal", "good"), ("bad", "defect"), ("crack", "hole", "scratch")]
    )
    def test_names_that_do_not_tell_are_refused(self, names: tuple[str, ...]) -> None:
        with pytest.raises(DataError, match=f"data has the classes {', '.join(names)}, which do not tell"):
            Anomaly().check(ClassLabels(np.array([0, 1]), names), {"s": (1,)}, "data")

    def test_more_classes_without_names_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"data.npz has labels up to 3: expected 0 \(normal\) and 1"):
            Anomaly().check(ClassLabels(np.array([0, 3])), {"s": (1,)}, "data.npz")

    @pytest.mark.parametrize(("label", "kind"), [(0, "normal"), (1, "anomalous")])
    def test_items_of_one_kind_are_refused(self, label: int, kind: str) -> None:
        with pytest.raises(
            DataError, match=f"data.npz: all 3 items are {kind}, expected normal and anomalous ones"
        ):
            Anomaly().check(ClassLabels(np.full(3, label)), {"s": (1,)}, "data.npz")

    def test_labels_that_are_no_classes_are_refused(self) -> None:
        with pytest.raises(DataError, match="expected normal and anomalous items, found Targets"):
            Anomaly().check(Targets(np.zeros(3)), {"s": (1,)}, "data.npz")


class TestChance:
    labels = np.arange(100) % 2

    def require(self, scores: npt.ArrayLike) -> None:
        Anomaly().require_sound(observe(scores), ClassLabels(self.labels), "float32")

    def test_a_baseline_that_knows_something_passes(self) -> None:
        self.require(self.labels + np.random.default_rng(0).normal(size=100))

    def test_guessing_is_refused(self) -> None:
        with pytest.raises(
            DataError, match=r"ROC AUC of 0\.\d+ on 100 items, not above chance: the preprocessing"
        ):
            self.require(np.random.default_rng(0).normal(size=100))

    def test_of_a_ranking_upside_down_it_is_said_what_the_other_way_round_would_give(self) -> None:
        with pytest.raises(
            DataError,
            match=r"ROC AUC of 0\.000 on 100 items, not above chance, and would be 1\.000 with the two",
        ):
            self.require(-self.labels)
