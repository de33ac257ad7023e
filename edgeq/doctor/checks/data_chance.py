"""D112: the model in float32 is no better than guessing on labelled data, or much better with its classes renumbered.

`edgeq benchmark` refuses to measure on such data. Here more must come together, since a doctor looks at few items and
at models that are not meant to answer with a class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import above_chance, paired_difference, proportion
from edgeq.benchmark.class_order import likely_order
from edgeq.benchmark.classification import top1
from edgeq.benchmark.evaluation_job import Runner
from edgeq.data.feeding import Feed
from edgeq.data.truth import ClassLabels
from edgeq.doctor.case import Case
from edgeq.doctor.checks.data_order import swapped_inputs
from edgeq.doctor.checks.data_outputs import Answers, answers, sampled
from edgeq.doctor.checks.data_range import wrong_range
from edgeq.doctor.checks.data_sets import place
from edgeq.doctor.rule import Finding

Numbers = npt.NDArray[np.int64]

_LEAST_ITEMS = 30
"""Of fewer, a good model may have the most part wrong by chance."""

_DISTANCE = 1 / 3
"""Of the way from guessing to all right, below which the share that is right must be beyond doubt (Wilson's interval at
95 %). A model that is right on 70 % of two classes is then taken for one that guesses in 0.6 % of samples of 30 items
(binomial distribution), and one that guesses is found in 43 % of these, and in 95 % of samples of 300."""

_LEAST_SHARE_OF_CLASSES = 0.5
"""Of a model's outputs that must be labelled classes: an embedding of 128 numbers is no score of 10 people."""

_LEAST_GAIN = 0.1
"""Of the share that is right, on items that the order of the classes was not found on; as in `class_order`."""

_ONE_ANSWER = 0.8
"""Share of items with one answer above which that is what is wrong."""


def not_above_chance(case: Case) -> Iterator[Finding]:
    """D112: see `DATA_RULES`."""
    if not _may_classify(case):
        return
    for feed in case.feeds:
        if not isinstance(feed.dataset.truth, ClassLabels):
            continue
        predicted = _predicted(case, feed)
        if predicted is None:
            continue
        order = _order(predicted, case.seed)
        if order is None and not _is_guessing(predicted):
            continue
        if any(True for _ in wrong_range(case)) or any(True for _ in swapped_inputs(case)):
            # D104 or D109 tells why.
            return
        yield _finding(feed, predicted, order)


@dataclass(frozen=True, eq=False)
class _Predicted:
    """What a model answers to labelled items.

    Attributes:
        labels: int64[n].
        answers: int64[n].
        classes: of the model.
        names: of the classes; empty where unknown.
    """

    labels: Numbers
    answers: Numbers
    classes: int
    names: tuple[str, ...]

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """bool[n], which are right."""
        result: npt.NDArray[np.bool_] = self.answers == self.labels
        return result

    @property
    def chance(self) -> float:
        """Share that would be right if answers had nothing to do with labels: Cohen's expected agreement."""
        shares = [
            np.bincount(one.astype(np.intp), minlength=self.classes) / len(one)
            for one in (self.labels, self.answers)
        ]
        return max(1 / self.classes, float(shares[0] @ shares[1]))

    def named(self, number: int) -> str:
        """A class as people call it."""
        return f"{number} ({self.names[number]})" if number < len(self.names) else str(number)


def _may_classify(case: Case) -> bool:
    tasks = [None if one is None else one.task for one in (case.dataset, case.calibration)]
    tasks.append(None if case.bundle is None else case.bundle.manifest.task)
    return all(task in (None, "classification") for task in tasks)


def _predicted(case: Case, feed: Feed) -> _Predicted | None:
    """Answers to a sample of the items; None where there are too few, or they are of one class or of no fitting one."""
    assert case.float32_file is not None  # noqa: S101 - needed
    sample = sampled(case, feed)
    if sample is None or len(sample.dataset) < _LEAST_ITEMS:
        return None
    runner = Runner("given", case.float32_file, feed.preprocessing)
    answered = answers({"given": sample}, [runner], runtime=case.runtime).get("given")
    if answered is None or answered.correct is None:
        return None
    found = _of_answers(answered, answered.correct)
    spans = max(len(found.names), int(found.labels.max()) + 1) >= _LEAST_SHARE_OF_CLASSES * found.classes
    enough = len(found.labels) >= _LEAST_ITEMS and len(np.unique(found.labels)) > 1
    return found if spans and enough else None


def _of_answers(answered: Answers, correct: npt.NDArray[np.bool_]) -> _Predicted:
    truth = answered.dataset.truth
    assert isinstance(truth, ClassLabels)  # noqa: S101 - what is right was told by them
    labels = np.asarray(truth.values, np.int64)
    if not answered.classifies:
        # One output that says yes or no.
        return _Predicted(labels, np.where(correct, labels, 1 - labels), 2, truth.names)
    scores = answered.scores
    return _Predicted(labels, top1(scores), scores.shape[1], truth.names)


def _is_guessing(predicted: _Predicted) -> bool:
    """Whether answers have nothing to do with labels, and there are items enough to tell that from a poor model."""
    right, n, chance = int(predicted.correct.sum()), len(predicted.labels), predicted.chance
    if above_chance(right, n, predicted.classes, chance):
        return False
    return proportion(right, n).high < chance + _DISTANCE * (1 - chance)


def _order(predicted: _Predicted, seed: int) -> Numbers | None:
    """The model's number of each class of the data, where one half of the items tells it and the other proves it."""
    half = np.random.default_rng(seed).permutation(len(predicted.labels)) % 2 == 0
    first = likely_order(predicted.labels[half], predicted.answers[half], predicted.classes)
    if first is None:
        return None
    labels, found = predicted.labels[~half], predicted.answers[~half]
    if paired_difference(found == first[labels], found == labels).low <= _LEAST_GAIN:
        return None
    return likely_order(predicted.labels, predicted.answers, predicted.classes)


def _finding(feed: Feed, predicted: _Predicted, order: Numbers | None) -> Finding:
    source, n = feed.dataset.source, len(predicted.labels)
    share = float(predicted.correct.mean())
    details: dict[str, Any] = {"accuracy": share, "items": n, "chance": predicted.chance}
    if order is None:
        what, cause = "not above chance", _cause(predicted)
    else:
        ordered = float((predicted.answers == order[predicted.labels]).mean())
        moved = int(np.flatnonzero(order != np.arange(predicted.classes))[0])
        what = "far less than with the classes in another order"
        cause = (
            f"{ordered:.1%} would be right if the classes were numbered otherwise (class {predicted.named(moved)} of "
            f"the data is the model's output {order[moved]}); number the labels as the model's outputs are, or give "
            "the class names in the model's order to edgeq convert with --labels"
        )
        details |= {"order": order.tolist(), "accuracy_in_order": ordered}
    message = f"{source}: the float32 model is right on {share:.1%} of {n} labelled items, {what}: {cause}"
    return Finding(source, message, place(feed.dataset), details)


def _cause(predicted: _Predicted) -> str:
    found, counts = np.unique(predicted.answers, return_counts=True)
    if len(found) == 1:
        return (
            f"it answers {predicted.named(int(found[0]))} to every item; look at its last layers and at the values "
            "that reach it (edgeq run shows its outputs), and give the preprocessing of its training with --preprocess"
        )
    commonest = counts.max() / counts.sum()
    if commonest > _ONE_ANSWER:
        return (
            f"it answers {predicted.named(int(found[counts.argmax()]))} to {commonest:.0%} of them; give the "
            "preprocessing of its training with --preprocess, and check that these are the trained weights"
        )
    return (
        "its answers have nothing to do with the labels; check that items and labels were not shuffled apart, that the "
        "model is the trained one, and that --preprocess is that of its training"
    )
