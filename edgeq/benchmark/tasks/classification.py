"""Models that say which of several classes an item is: images, sounds, rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import above_chance, drop_pp, mcnemar_exact, proportion
from edgeq.benchmark.class_order import likely_order
from edgeq.benchmark.measurement import ClassScore, Metric
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task, class_name
from edgeq.data.truth import ClassLabels, Truth
from edgeq.errors import DataError

_TOP = 5
_LEAST_CLASSES_FOR_TOP5 = 6
_MOST_CLASSES_OF_CONFUSION = 100
"""A table of 10,000 cells a variant is the most that a report can show and a line of JSON should hold."""


@dataclass(frozen=True)
class Classification(Task):
    """One score a class, or a single score that tells two classes apart.

    Observations: ``top`` int32[n, 5], the classes with the largest scores (fewer where there are fewer), or ``score``
    float32[n].

    Attributes:
        classes: how many.
        single: whether there is one score for two classes; it is the second one's.
    """

    classes: int
    single: bool = False
    name = "classification"

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
        """See `Task.check`."""
        if truth is None:
            return
        if not isinstance(truth, ClassLabels):
            raise DataError(f"{source}: expected one class an item, found {type(truth).__name__}")
        outputs = "one output for two classes" if self.single else f"{self.classes} outputs"
        check_names(truth.names, self.classes, outputs, source)
        largest = int(truth.values.max())
        if largest >= self.classes:
            hint = "; --task regression if it predicts numbers" if self.single else ""
            raise DataError(
                f"{source}: label {largest} is out of range: the model has {outputs} "
                f"(0 to {self.classes - 1}){hint}"
            )

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        (scores,) = outputs.values()
        if self.single:
            return {"score": scores.reshape(len(scores)).astype(np.float32, copy=False)}
        # Stable, so that of equal scores the class with the smaller number comes first, as `in_top` has it.
        order = np.argsort(-scores.reshape(len(scores), self.classes), axis=1, kind="stable")
        return {"top": order[:, :_TOP].astype(np.int32)}

    def agreement(self, observed: Observed, baseline: Observed) -> npt.NDArray[np.bool_] | None:
        """See `Task.agreement`."""
        return np.asarray(self._answers(observed, baseline) == self._answers(baseline, baseline))

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:
        """See `Task.require_sound`."""
        labels = _labels(truth)
        predicted = self._answers(observed, observed)
        correct, n = int((predicted == labels).sum()), len(labels)
        majority = float(np.bincount(labels.astype(np.intp)).max() / n)
        if not above_chance(correct, n, self.classes, majority_share=majority):
            raise DataError(
                f"{variant} is right on {correct} of {n} items ({correct / n:.1%}), not above chance: the "
                "preprocessing or the order of the labels is wrong (see --preprocess and --labels); "
                "no drop can be measured"
            )
        order = likely_order(labels, predicted, self.classes)
        if order is not None:
            better = int((predicted == order[labels]).sum())
            moved = int(np.flatnonzero(order != np.arange(self.classes))[0])
            raise DataError(
                f"{variant} is right on {correct / n:.1%} of {n} items and would be on {better / n:.1%} if the "
                f"classes were numbered otherwise (label {moved} is the model's output {order[moved]}): the labels "
                "are in another order than the model's outputs; give the model's order with --labels"
            )

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        if truth is None:
            return Score()
        labels = _labels(truth)
        answers = self._answers(observed, baseline or observed)
        correct = answers == labels
        theirs = None if baseline is None else self._answers(baseline, baseline) == labels
        metrics = [share_metric("top1", "top-1", correct, theirs)]
        if self.classes >= _LEAST_CLASSES_FOR_TOP5:
            theirs = None if baseline is None else _among_top(baseline, labels)
            metrics.append(share_metric("top5", "top-5", _among_top(observed, labels), theirs))
        return Score(
            tuple(metrics),
            correct=correct,
            classes=_class_scores(labels, answers, self.classes, truth.names),
            confusion=_confusion(labels, answers, self.classes),
        )

    def _answers(self, observed: Observed, baseline: Observed) -> npt.NDArray[np.int64]:
        if not self.single:
            return np.asarray(observed["top"][:, 0], dtype=np.int64)
        return np.asarray(observed["score"] > threshold(baseline["score"]), dtype=np.int64)


def threshold(scores: Array) -> float:
    """Above which a score means yes: 0.5 for probabilities, 0 for logits.

    Args:
        scores: of the baseline on all items, so that one threshold serves all variants.
    """
    return 0.5 if bool(((scores >= 0) & (scores <= 1)).all()) else 0.0


def share_metric(
    key: str, label: str, correct: npt.NDArray[np.bool_], baseline: npt.NDArray[np.bool_] | None
) -> Metric:
    """A share of items as a metric: Wilson's interval, and against the baseline Tango's and McNemar's exact test.

    Args:
        key: of the metric.
        label: of the metric.
        correct: bool[n], the items that count.
        baseline: bool[n], the baseline's; None for the baseline itself and a lone file.
    """
    value = proportion(int(correct.sum()), len(correct))
    if baseline is None:
        return Metric(key, label, value)
    lost, won = int((baseline & ~correct).sum()), int((correct & ~baseline).sum())
    return Metric(key, label, value, drop=drop_pp(correct, baseline), p_value=mcnemar_exact(lost, won))


def check_names(names: Sequence[str], classes: int, outputs: str, source: str) -> None:
    """Checks that there are as many classes as the model knows.

    Args:
        names: of the data set's classes; empty where unknown.
        classes: of the model.
        outputs: of the model, for the message.
        source: of the data, for the message.

    Raises:
        DataError: there are more or fewer.
    """
    if names and len(names) != classes:
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise DataError(
            f"{source} has {len(names)} class{'es' * (len(names) > 1)} ({shown}), the model has {outputs}: "
            "expected one class an output, in their order"
        )


def _labels(truth: Truth) -> npt.NDArray[np.int64]:
    assert isinstance(truth, ClassLabels)  # noqa: S101 - `check` has refused others
    return truth.values


def _among_top(observed: Observed, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.asarray((observed["top"] == labels[:, None]).any(axis=1))


def _class_scores(
    labels: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], classes: int, names: Sequence[str]
) -> tuple[ClassScore, ...]:
    """Recall, precision and F1 of each class; what would be a share of nothing is left out."""
    right = np.bincount(labels[answers == labels].astype(np.intp), minlength=classes)
    labelled, answered = (np.bincount(of.astype(np.intp), minlength=classes) for of in (labels, answers))
    shares = {
        "recall": (right, labelled),
        "precision": (right, answered),
        "f1": (2 * right, labelled + answered),
    }
    return tuple(
        ClassScore(
            class_name(names, index),
            int(labelled[index]),
            {key: float(part[index] / whole[index]) for key, (part, whole) in shares.items() if whole[index]},
        )
        for index in range(classes)
    )


def _confusion(
    labels: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], classes: int
) -> tuple[tuple[int, ...], ...]:
    """How many items of each class (rows) got each answer (columns); empty where there are too many classes."""
    if classes > _MOST_CLASSES_OF_CONFUSION:
        return ()
    counts = np.bincount((labels * classes + answers).astype(np.intp), minlength=classes**2)
    return tuple(tuple(row) for row in counts.reshape(classes, classes).tolist())
