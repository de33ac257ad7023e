from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.accuracy_statistics import drop_pp, mcnemar_exact
from edgeq.benchmark.tasks.base import Score
from edgeq.benchmark.tasks.custom import Custom, CustomMetric, read_custom
from edgeq.data.truth import Boxes, ClassLabels, Masks, MultiLabels, ObjectBoxes, Targets, Truth
from edgeq.errors import DataError

Write = Callable[[str], Path]

OUTPUT = {"y": np.arange(6, dtype=np.float32).reshape(3, 2)}
TARGETS = Targets(np.ones((3, 2), np.float32))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a converter script with these metrics."""

    def script(text: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text("import numpy as np\n" + text, encoding="utf-8")
        return path

    return script


def observe(path: Path, outputs=OUTPUT, truth: Truth | None = TARGETS) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    return read_custom(path).observe(outputs, truth, dict)


def score(task: Custom, ours: np.ndarray, theirs: np.ndarray | None = None) -> Score:
    (metric,) = task.metrics
    baseline = None if theirs is None else {metric.key: theirs}
    return task.score({metric.key: ours}, TARGETS, baseline)


class TestReading:
    def test_a_function_alone_is_an_amount_of_which_more_is_better(self, write: Write) -> None:
        task = read_custom(write("metrics = {'Snr (dB)': lambda outputs, truth: outputs[:, 0]}"))
        assert task.metrics == (CustomMetric("Snr (dB)", "snr_db", False, True),)
        (metric,) = score(task, np.array([1.0, 2.0])).metrics
        assert (metric.key, metric.label, metric.is_rate, metric.higher_is_better) == (
            "snr_db",
            "Snr (dB)",
            False,
            True,
        )

    @pytest.mark.parametrize(
        ("words", "is_rate", "higher"),
        [("'lower'", False, False), ("'higher'", False, True), ("'lower', 'rate'", True, False)],
    )
    def test_words_say_what_its_number_is(
        self, write: Write, words: str, is_rate: bool, higher: bool
    ) -> None:
        (metric,) = read_custom(write(f"metrics = {{'m': (lambda o, t: o[:, 0], {words})}}")).metrics
        assert (metric.is_rate, metric.higher_is_better) == (is_rate, higher)

    def test_the_first_metric_is_the_first_of_the_script(self, write: Write) -> None:
        task = read_custom(write("f = lambda o, t: o[:, 0]\nmetrics = {'z': f, 'a': (f, 'lower')}"))
        assert [metric.key for metric in task.metrics] == ["z", "a"]

    def test_a_script_without_metrics_is_refused(self, write: Write) -> None:
        path = write("labels = ['a']")
        with pytest.raises(DataError, match=r"mine\.py has no metrics: expected metrics = \{name: function"):
            read_custom(path)

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ("'äö': f", "metric 'äö' has the key '', without letters or digits"),
            ("'A b': f, 'a-b': f", "metric 'A b' has the key 'a_b', another metric has too"),
        ],
    )
    def test_names_that_cannot_be_told_apart_are_refused(
        self, write: Write, names: str, message: str
    ) -> None:
        path = write(f"f = lambda o, t: o[:, 0]\nmetrics = {{{names}}}")
        with pytest.raises(DataError, match=message):
            read_custom(path)


class TestCalling:
    def test_the_task_travels_to_workers_that_read_the_script_again(self, write: Write) -> None:
        task = read_custom(write("metrics = {'m': lambda outputs, truth: (outputs - truth).sum(axis=1)}"))
        there = pickle.loads(pickle.dumps(task))  # noqa: S301
        assert there == task
        assert there.observe(OUTPUT, TARGETS, dict)["m"].tolist() == [-1, 3, 7]

    def test_numbers_of_any_kind_become_float64(self, write: Write) -> None:
        observed = observe(write("metrics = {'m': lambda outputs, truth: outputs[:, 0] > 1}"))
        assert (observed["m"].dtype, observed["m"].tolist()) == (np.float64, [0, 1, 1])

    def test_several_outputs_come_by_name(self, write: Write) -> None:
        path = write("metrics = {'m': lambda outputs, truth: outputs['b'] - outputs['a']}")
        outputs = {"a": np.zeros(3, np.float32), "b": np.ones(3, np.float32)}
        assert observe(path, outputs)["m"].tolist() == [1, 1, 1]

    @pytest.mark.parametrize(
        ("truth", "length"),
        [
            (ClassLabels(np.array([1, 2, 3])), "truth"),
            (MultiLabels(np.eye(3, dtype=bool)), "truth.sum(axis=1)"),
            (TARGETS, "truth[:, 0]"),
            (Masks(values=np.ones((3, 4, 4), np.uint8)), "truth[:, 0, 0]"),
            (Masks(files=(Path("a.png"),) * 3), "[len(path.name) for path in truth]"),
            (
                Boxes(
                    (ObjectBoxes(np.zeros((1, 4)), np.zeros(1, int), np.zeros(1, bool), np.ones(1), (9, 9)),)
                    * 3
                ),
                "[len(one.boxes) for one in truth]",
            ),
            (None, "[1 * (truth is None)] * 3"),
        ],
        ids=["classes", "several classes", "targets", "masks", "mask files", "boxes", "none"],
    )
    def test_a_function_gets_what_is_known_of_the_items(
        self, write: Write, truth: Truth | None, length: str
    ) -> None:
        observed = observe(write(f"metrics = {{'m': lambda outputs, truth: {length}}}"), truth=truth)
        assert observed["m"].shape == (3,)
        assert (observed["m"] >= 1).all()

    def test_it_runs_in_the_scripts_folder(self, write: Write) -> None:
        path = write("metrics = {'m': lambda outputs, truth: np.load('weights.npy') * outputs[:, 0]}")
        np.save(path.parent / "weights.npy", np.array([1, 2, 3]))
        assert observe(path)["m"].tolist() == [0, 4, 12]

    def test_it_cannot_change_the_outputs(self, write: Write) -> None:
        path = write(
            "def halved(outputs, truth):\n    outputs /= 2\n    return outputs[:, 0]\n\nmetrics = {'m': halved}"
        )
        outputs = {"y": np.ones((3, 2), np.float32)}
        with pytest.raises(DataError, match=r"mine\.py, line 3: ValueError: output array is read-only"):
            observe(path, outputs)
        assert outputs["y"].flags.writeable
        assert (outputs["y"] == 1).all()

    def test_what_it_raises_is_one_line_with_script_line_and_metric(self, write: Write) -> None:
        path = write("def bad(outputs, truth):\n    return outputs[:, 7]\n\nmetrics = {'m': bad}")
        with pytest.raises(DataError) as refused:
            observe(path)
        assert str(refused.value).startswith(f"{path}, line 3: IndexError: index 7 is out of bounds")
        assert str(refused.value).endswith("(in the metric 'm')")
        assert "\n" not in str(refused.value)

    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            ("outputs", r"returned float32\[3, 2\], expected one number for each of 3 items"),
            ("1.0", r"returned float64\[\], expected one number for each of 3 items"),
            ("['a', 'b', 'c']", r"returned <U1\[3\], expected one number for each of 3 items"),
            ("outputs[:, 0] + np.nan", "returned nan, expected finite numbers"),
        ],
    )
    def test_what_it_returns_is_checked(self, write: Write, returned: str, message: str) -> None:
        path = write(f"metrics = {{'m': lambda outputs, truth: {returned}}}")
        with pytest.raises(DataError, match=f"mine.py: metric 'm' {message}"):
            observe(path)

    def test_a_rate_beyond_one_is_refused(self, write: Write) -> None:
        path = write("metrics = {'m': (lambda outputs, truth: outputs[:, 1] / 4, 'higher', 'rate')}")
        with pytest.raises(
            DataError, match=r"returned 1\.25, expected numbers between 0 and 1, as it is a rate"
        ):
            observe(path)


class TestScore:
    amount = Custom(Path("mine.py"), (CustomMetric("m", "m", False, True),))
    error = Custom(Path("mine.py"), (CustomMetric("m", "m", False, False),))
    rate = Custom(Path("mine.py"), (CustomMetric("m", "m", True, True),))

    def test_it_is_the_mean_with_the_items_kept(self) -> None:
        result = score(self.amount, np.array([1.0, 2.0, 6.0]))
        (metric,) = result.metrics
        assert (metric.value.value, metric.value.n) == (3, 3)
        assert metric.value.low < 3 < metric.value.high
        assert result.item_values is not None
        assert result.item_values.tolist() == [1, 2, 6]
        assert result.correct is None

    def test_amounts_change_in_percent_in_their_direction(self) -> None:
        theirs = np.array([1.0, 2.0, 6.0])
        for task, expected in ((self.amount, -10), (self.error, 10)):
            (metric,) = score(task, 1.1 * theirs, theirs).metrics
            assert metric.drop is not None
            assert metric.drop.value == pytest.approx(expected)

    def test_a_rate_changes_in_points(self) -> None:
        (metric,) = score(self.rate, np.array([0.5, 0.3]), np.array([0.6, 0.4])).metrics
        assert metric.drop is not None
        assert metric.drop.value == pytest.approx(10)

    def test_a_rate_of_right_and_wrong_items_is_compared_as_one(self) -> None:
        ours, theirs = np.array([1.0, 0, 0, 0, 1]), np.array([1.0, 1, 1, 0, 0])
        (metric,) = score(self.rate, ours, theirs).metrics
        assert metric.drop == drop_pp(ours == 1, theirs == 1)
        assert metric.p_value == mcnemar_exact(2, 1)

    def test_every_metric_is_scored(self) -> None:
        task = Custom(
            Path("mine.py"), (CustomMetric("A", "a", False, True), CustomMetric("B", "b", True, True))
        )
        observed = {"a": np.array([1.0, 3.0]), "b": np.array([0.25, 0.75])}
        result = task.score(observed, None, observed)
        assert [(metric.key, metric.value.value) for metric in result.metrics] == [("a", 2), ("b", 0.5)]
        assert {metric.p_value for metric in result.metrics} == {1.0}
