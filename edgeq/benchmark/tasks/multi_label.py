"""Models that say which of several things an item has: one score a class, each on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import ClassScore
from edgeq.benchmark.resampling import Floats, bootstrap_means, resampled_metric
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task, class_name
from edgeq.benchmark.tasks.classification import check_names, threshold
from edgeq.data.truth import ClassLabels, MultiLabels, Truth
from edgeq.errors import DataError

_SHUFFLES = 19
"""To beat all of 19 shuffles by chance has a probability of one in 20."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MultiLabel(Task):
    """One score a class, where an item may have any number of classes.

    Observations: ``scores`` float32[n, classes].

    Attributes:
        classes: how many.
    """

    classes: int
    name = "multi-label"

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
        """See `Task.check`."""
        if truth is None:
            return
        if not isinstance(truth, MultiLabels | ClassLabels):
            raise DataError(f"{source}: expected any number of classes an item, found {type(truth).__name__}")
        check_names(truth.names, self.classes, f"{self.classes} outputs", source)
        known = truth.values.shape[1] if isinstance(truth, MultiLabels) else int(truth.values.max()) + 1
        if known > self.classes or (known < self.classes and isinstance(truth, MultiLabels)):
            raise DataError(
                f"{source} has labels of {known} classes, the model has {self.classes} outputs: "
                "expected one class an output, in their order"
            )
        self._labels(truth, source)

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        (scores,) = outputs.values()
        return {"scores": scores.reshape(len(scores), self.classes).astype(np.float32, copy=False)}

    def agreement(self, observed: Observed, baseline: Observed) -> Bools | None:
        """All classes of an item alike. See `Task.agreement`."""
        limit = threshold(baseline["scores"])
        same = (observed["scores"] > limit) == (baseline["scores"] > limit)
        return np.asarray(same.all(axis=1))

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:
        """A permutation test at 5 %: the labels must fit better than in any of 19 other orders of the items."""
        scores, labels = observed["scores"], self._labels(truth)
        _require_finite(scores)
        own = _map(scores, labels)
        generator = np.random.default_rng(0)
        if all(own > _map(scores, labels[generator.permutation(len(labels))]) for _ in range(_SHUFFLES)):
            return
        raise DataError(
            f"{variant} has a mAP of {own:.1%} on {len(labels)} items, not above chance: the preprocessing or the "
            "order of the labels is wrong (see --preprocess and --labels); no drop can be measured"
        )

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        if truth is None:
            return Score()
        labels = self._labels(truth)
        limit = threshold((baseline or observed)["scores"])
        sides = [observed] if baseline is None else [observed, baseline]
        for side in sides:
            _require_finite(side["scores"])
        values = [_item_values(side["scores"], labels, limit) for side in sides]
        ours, *others = bootstrap_means(values, seed=seed)
        metrics = [
            resampled_metric(
                key, label, len(labels), ours[:, column], others[0][:, column] if others else None
            )
            for column, (key, label) in enumerate(
                (("map", "mAP"), ("f1_micro", "F1 (micro)"), ("f1_macro", "F1 (macro)"))
            )
        ]
        classes = _class_scores(observed["scores"], labels, limit, truth.names)
        return Score(tuple(metrics), item_values=values[0][:, 0], classes=classes)

    def _labels(self, truth: Truth, source: str = "the measured data") -> Bools:
        """bool[n, classes]; data in which each item happens to have one class are read as `ClassLabels`."""
        if isinstance(truth, ClassLabels):
            return np.asarray(truth.values[:, None] == np.arange(self.classes))
        assert isinstance(truth, MultiLabels)  # noqa: S101 - `check` has refused others
        if not truth.values.any():
            raise DataError(f"{source}: none of {len(truth)} items has any class: there is nothing to find")
        return truth.values


def average_precision(scores: Array, labels: Bools) -> tuple[float, Floats]:
    """Average precision of one class, and how much each item adds to it.

    The sum over the falling scores of the precision times what recall gains (Buckley and Voorhees, "Evaluating
    Evaluation Measure Stability", SIGIR 2000), without interpolation; equal scores are taken together. As
    ``average_precision_score`` of scikit-learn.

    Args:
        scores: float32[items], finite.
        labels: bool[items], at least one of them true.

    Returns:
        The average precision, and float64[items], its derivative by the weight of each item; they sum to 0.
    """
    levels, level = np.unique(-scores, return_inverse=True)
    found = np.bincount(level, weights=labels, minlength=len(levels))
    reached, seen = np.cumsum(found), np.cumsum(np.bincount(level, minlength=len(levels)))
    precision = reached / seen
    value = float((found * precision).sum() / reached[-1])
    # An item counts in the precision at its own score and at all lower ones.
    as_right, as_seen = (_sums_from(found / seen * share) for share in (1.0, precision))
    derivative = labels * (precision + as_right - value)[level] - as_seen[level]
    return value, derivative / reached[-1]


def _sums_from(values: Floats) -> Floats:
    """The sum of each value and all behind it."""
    result: Floats = np.cumsum(values[::-1])[::-1]
    return result


def _item_values(scores: Array, labels: Bools, limit: float) -> Floats:
    """MAP, micro and macro F1 as means over the items: float64[items, 3].

    None of them is one. But the value plus the derivative by each item's weight, times their number, has the metric as
    its mean, and varies as the metric does (the nonparametric delta method: Davison and Hinkley, "Bootstrap Methods
    and their Application", 1997, section 2.7.2). Resampled themselves, average precisions come out too high: an item
    that is drawn twice finds itself. Classes without items are left out.
    """
    present = labels.any(axis=0)
    scores, labels = scores[:, present], labels[:, present]
    by_class = [average_precision(scores[:, index], labels[:, index]) for index in range(labels.shape[1])]
    value = float(np.mean([own for own, _ in by_class]))
    derivative = np.mean([each for _, each in by_class], axis=0)

    answers = scores > limit
    right, counted = 2.0 * (answers & labels), answers.astype(np.float64) + labels
    micro = right.sum() / counted.sum()
    micro_derivative = (right - micro * counted).sum(axis=1) / counted.sum()
    macro = right.sum(axis=0) / counted.sum(axis=0)
    macro_derivative = ((right - macro * counted) / counted.sum(axis=0)).mean(axis=1)

    derivatives = np.column_stack([derivative, micro_derivative, macro_derivative])
    result: Floats = np.array([value, micro, macro.mean()]) + len(labels) * derivatives
    return result


def _map(scores: Array, labels: Bools) -> float:
    """The mean average precision of the classes that have items."""
    present = np.flatnonzero(labels.any(axis=0))
    return float(np.mean([average_precision(scores[:, index], labels[:, index])[0] for index in present]))


def _class_scores(scores: Array, labels: Bools, limit: float, names: Sequence[str]) -> tuple[ClassScore, ...]:
    """Average precision, recall, precision and F1 of each class; what would be a share of nothing is left out."""
    answers = scores > limit
    right, answered, labelled = (part.sum(axis=0) for part in (answers & labels, answers, labels))
    shares = {
        "recall": (right, labelled),
        "precision": (right, answered),
        "f1": (2 * right, labelled + answered),
    }
    table = []
    for index, count in enumerate(labelled):
        metrics = {"ap": average_precision(scores[:, index], labels[:, index])[0]} if count else {}
        metrics |= {
            key: float(part[index] / whole[index]) for key, (part, whole) in shares.items() if whole[index]
        }
        table.append(ClassScore(class_name(names, index), int(count), metrics))
    return tuple(table)


def _require_finite(scores: Array) -> None:
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise DataError(
            f"scores of {broken} of {len(scores)} items are NaN or infinite: they cannot be ranked"
        )
