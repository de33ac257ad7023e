from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.tasks.base import Observed, Score
from edgeq.benchmark.tasks.regression import Regression
from edgeq.data.truth import ClassLabels, MultiLabels, Targets
from edgeq.errors import DataError

Array = npt.NDArray[np.float32]


def observe(output: Array, targets: Array) -> Observed:
    return Regression(output.shape[1:]).observe({"y": output}, Targets(targets), dict)


def score(output: Array, targets: Array, baseline: Array | None = None) -> Score:
    theirs = None if baseline is None else observe(baseline, targets)
    return Regression(output.shape[1:]).score(observe(output, targets), Targets(targets), theirs)


def values(result: Score) -> dict[str, float]:
    return {metric.key: metric.value.value for metric in result.metrics}


def drops(result: Score) -> dict[str, float]:
    return {metric.key: metric.drop.value for metric in result.metrics if metric.drop is not None}


def samples(seed: int, *shape: int, noise: float = 0.5) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    targets = generator.normal(size=shape).astype(np.float32)
    return (targets + noise * generator.normal(size=shape)).astype(np.float32), targets


class TestMetrics:
    @pytest.mark.parametrize("shape", [(60,), (60, 1), (60, 3), (60, 8, 8)])
    def test_they_are_those_of_scikit_learn(self, shape: tuple[int, ...]) -> None:
        output, targets = samples(0, *shape)
        flat, expected = output.reshape(60, -1), targets.reshape(60, -1)
        found = values(score(output, targets))
        assert found["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(expected, flat))
        assert found["rmse"] == pytest.approx(np.sqrt(sklearn.metrics.mean_squared_error(expected, flat)))
        assert found["r2"] == pytest.approx(sklearn.metrics.r2_score(expected, flat))

    def test_they_are_amounts_and_only_r2_is_better_where_it_is_higher(self) -> None:
        metrics = score(*samples(0, 30, 2)).metrics
        assert [
            (metric.label, metric.is_rate, metric.higher_is_better, metric.drop_unit) for metric in metrics
        ] == [
            ("MAE", False, False, "%"),
            ("RMSE", False, False, "%"),
            ("R²", False, True, "%"),
        ]
        assert all(metric.value.n == 30 for metric in metrics)
        assert all(metric.value.low < metric.value.value < metric.value.high for metric in metrics)

    def test_numbers_of_an_image_are_explained_together(self) -> None:
        output, targets = samples(0, 20, 9, 9)
        expected = sklearn.metrics.r2_score(targets.ravel(), output.ravel())
        assert values(score(output, targets))["r2"] == pytest.approx(expected)

    def test_columns_of_other_units_count_alike_in_r2(self) -> None:
        output, targets = samples(0, 50, 2)
        scale = np.array([1, 1000], np.float32)
        offset = np.array([0, 5000], np.float32)
        scaled = score(output * scale + offset, targets * scale + offset)
        assert values(scaled)["r2"] == pytest.approx(values(score(output, targets))["r2"], rel=1e-4)

    def test_a_constant_target_is_left_out_of_r2(self) -> None:
        output, targets = samples(0, 50, 2)
        targets[:, 1] = 0.1
        expected = sklearn.metrics.r2_score(targets[:, 0], output[:, 0])
        assert values(score(output, targets))["r2"] == pytest.approx(expected)

    def test_constant_targets_have_no_r2(self) -> None:
        output, targets = samples(0, 50)
        found = values(score(output, np.full_like(targets, 0.1)))
        assert list(found) == ["mae", "rmse"]

    def test_the_values_of_items_have_the_first_metric_as_their_mean(self) -> None:
        result = score(*samples(0, 30, 9, 9))
        assert result.item_values is not None
        assert result.item_values.shape == (30,)
        assert result.item_values.mean() == pytest.approx(values(result)["mae"])

    def test_a_target_without_an_axis_fits_an_output_with_one(self) -> None:
        output, targets = samples(0, 30)
        task = Regression((1,))
        task.check(Targets(targets), {"y": (1,)}, "data.npz")
        observed = task.observe({"y": output[:, None]}, Targets(targets), dict)
        assert values(task.score(observed, Targets(targets), None)) == values(score(output, targets))

    def test_whole_numbers_are_targets_too(self) -> None:
        ages = np.array([30, 41, 52, 63])
        task = Regression((1,))
        truth = ClassLabels(ages)
        task.check(truth, {"age": (1,)}, "ages.npz")
        observed = task.observe({"age": (ages[:, None] + 2).astype(np.float32)}, truth, dict)
        assert values(task.score(observed, truth, None))["mae"] == 2

    def test_items_observed_in_parts_score_as_if_at_once(self) -> None:
        output, targets = samples(0, 30, 3)
        parts = [observe(output[part], targets[part]) for part in (slice(0, 7), slice(7, 30))]
        joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        truth = Targets(targets)
        assert Regression((3,)).score(joined, truth, None).metrics == score(output, targets).metrics

    def test_without_labels_there_is_nothing_to_score(self) -> None:
        task = Regression((3,))
        observed = task.observe({"y": np.zeros((4, 3), np.float32)}, None, dict)
        assert task.score(observed, None, observed) == Score()
        assert task.agreement(observed, observed) is None


class TestDrop:
    def test_a_larger_error_is_a_positive_drop_in_percent_of_the_baselines(self) -> None:
        output, targets = samples(0, 100, 2)
        worse = targets + 1.2 * (output - targets)
        found = drops(score(worse, targets, output))
        assert (found["mae"], found["rmse"]) == pytest.approx((20, 20), rel=1e-4)
        explained = values(score(output, targets))["r2"]
        assert found["r2"] == pytest.approx(100 * 0.44 * (1 - explained) / explained, rel=1e-3)

    def test_a_smaller_error_is_a_negative_drop(self) -> None:
        output, targets = samples(0, 100)
        better = targets + 0.5 * (output - targets)
        metric = score(better, targets, output).metrics[0]
        assert metric.drop is not None
        assert metric.drop.high < 0
        assert metric.p_value == pytest.approx(2 / 2001)

    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 30))
    def test_a_variant_equal_to_the_baseline_lost_nothing(self, seed: int, n: int) -> None:
        output, targets = samples(seed, n, 2)
        result = score(output, targets, output)
        assert set(drops(result).values()) == {0.0}
        assert {metric.p_value for metric in result.metrics} == {1.0}

    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_the_order_of_items_changes_nothing(self, seed: int) -> None:
        ours, targets = samples(seed, 20, 2)
        theirs = samples(seed + 1, 20, 2)[0]
        order = np.random.default_rng(seed).permutation(20)
        one, other = score(ours, targets, theirs), score(ours[order], targets[order], theirs[order])
        assert values(one) == pytest.approx(values(other))
        assert drops(one) == pytest.approx(drops(other), abs=1e-6)

    def test_it_is_computed_for_any_number_of_items(self) -> None:
        output, targets = samples(0, 25_000, 1)
        metric = score(targets + 1.1 * (output - targets), targets, output).metrics[0]
        assert metric.drop is not None
        assert metric.drop.value == pytest.approx(10, rel=1e-4)
        assert metric.value.n == 25_000
        # The standard error of the mean of 25,000 absolute errors, 1.1 × 0.5 × sqrt(1 − 2/π) / sqrt(25,000).
        assert (metric.value.high - metric.value.low) / 2 == pytest.approx(
            1.96 * 1.1 * 0.5 * 0.6028 / 158.1, rel=0.1
        )


class TestChecks:
    def test_another_shape_is_refused(self) -> None:
        with pytest.raises(DataError) as refused:
            Regression((1,)).check(Targets(np.zeros((5, 2), np.float32)), {"y": (1,)}, "data.npz")
        assert str(refused.value) == (
            "data.npz has targets of shape [2] an item, the model's output is [1]: expected the same shape"
        )

    def test_labels_that_are_no_numbers_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"data\.npz: expected numbers to predict, found MultiLabels"):
            Regression((1,)).check(MultiLabels(np.zeros((5, 2), bool)), {"y": (1,)}, "data.npz")

    def test_a_baseline_no_better_than_the_mean_is_refused(self) -> None:
        output, targets = samples(0, 100, noise=0.3)
        Regression(()).require_sound(observe(output, targets), Targets(targets), "float32")
        with pytest.raises(
            DataError,
            match=r"float32 is no better on 100 items than always to answer the targets' mean \(R² = -\d",
        ):
            Regression(()).require_sound(observe(output[::-1], targets), Targets(targets), "float32")

    def test_a_baseline_that_only_knows_each_columns_mean_is_refused(self) -> None:
        _, targets = samples(0, 100, 2)
        targets += np.array([0, 100], np.float32)
        means = np.broadcast_to(targets.mean(axis=0) + 0.1, targets.shape)
        with pytest.raises(DataError, match="no better on 100 items"):
            Regression((2,)).require_sound(observe(means, targets), Targets(targets), "float32")

    def test_constant_targets_say_nothing_about_the_baseline(self) -> None:
        output, targets = samples(0, 10)
        constant = np.zeros_like(targets)
        Regression(()).require_sound(observe(output, constant), Targets(constant), "float32")

    def test_outputs_that_are_no_numbers_are_named(self) -> None:
        output, targets = samples(0, 10, 2)
        output[3, 1] = np.nan
        output[5] = np.inf
        with pytest.raises(DataError, match="outputs or targets of 2 of 10 items are NaN or infinite"):
            score(output, targets)
