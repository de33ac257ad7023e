"""What a float32 file answers under several ways to feed it, and which of them labels prove better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import above_chance, paired_difference
from edgeq.benchmark.classification import classifies, top1
from edgeq.benchmark.evaluation import evaluate
from edgeq.benchmark.evaluation_job import Runner
from edgeq.benchmark.tasks.outputs import Outputs
from edgeq.data.dataset import SKIP, Dataset
from edgeq.data.feeding import Feed
from edgeq.data.splitting import draw
from edgeq.data.truth import ClassLabels, Targets, Truth
from edgeq.doctor.case import Case
from edgeq.tflite.io import model_io

Floats = npt.NDArray[np.float64]

_ITEMS, _LABELLED_ITEMS = 64, 300
"""As in the search for the preprocessing, 300 labelled images show a wrong scaling beyond doubt."""

_BYTES = 128 << 20
"""Of the items, and of the outputs, that are held at a time."""

_LEAST_GAIN = 0.05
"""Of a share of items: 300 images show what a wrong range costs, which is 7 points and more of all networks that were
measured, and the difference between neighbouring roundings, which is none, stays below."""

_LEAST_LOSS_RATIO = 0.5
"""Of the squared error of a regression, which a wrong range multiplies by 10 and more."""

_SIGNIFICANT = 5.0
"""Standard errors: squared errors have heavy tails."""

_GOOD = 0.5
"""Of the way from guessing to all right (or, of a regression, from always the mean to no error), from which on a way to
feed a file is taken for the right one. The demo on values that were standardized by numbers of their own gets 0.28 of
the way with values 255 times larger, which is better than as given and still wrong; on its own data it gets 0.92."""

_SATURATED = 1 - 1e-4
_SMALLEST = 1e-38
"""The smallest normal float32: where a softmax ends."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a file answered to some items under one way to feed it.

    Attributes:
        outputs: float[n, …] by name.
        dataset: the items.
    """

    outputs: Mapping[str, npt.NDArray[np.floating]]
    dataset: Dataset

    @property
    def classifies(self) -> bool:
        """Whether they are one score a class."""
        return classifies([array.shape for array in self.outputs.values()])

    @property
    def scores(self) -> Floats:
        """float64[n, classes]: probabilities as they are, logits made probabilities."""
        (scores,) = (array.astype(np.float64) for array in self.outputs.values())
        if scores.min() < 0 or not np.allclose(scores.sum(axis=-1), 1, atol=1e-2):
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            scores = scores / scores.sum(axis=-1, keepdims=True)
        return scores

    @property
    def finite(self) -> bool:
        """Whether there is no NaN or infinity among them."""
        return all(bool(np.isfinite(array).all()) for array in self.outputs.values())

    @property
    def spread(self) -> float:
        """How far answers differ from item to item: of the logits of a classifier, else of the outputs themselves."""
        if self.classifies:
            logits = np.log(np.maximum(self.scores, _SMALLEST))
            logits -= logits.mean(axis=1, keepdims=True)
            return float(np.median(logits.std(axis=0)))
        parts = [array.astype(np.float64).std(axis=0).ravel() for array in self.outputs.values()]
        return float(np.concatenate(parts).mean())

    @property
    def saturated(self) -> float:
        """Share of items that a classifier is certain of beyond what float32 can tell from 1 in four digits."""
        return float(np.mean(self.scores.max(axis=1) > _SATURATED))

    @property
    def classes_in_use(self) -> float:
        """Effective number of classes that are predicted: the exponential of the entropy of their shares."""
        shares = np.bincount(top1(self.scores).astype(np.intp)) / len(self.scores)
        shares = shares[shares > 0]
        return float(np.exp(-(shares * np.log(shares)).sum()))

    @property
    def correct(self) -> npt.NDArray[np.bool_] | None:
        """bool[n], which items a classifier gets right; None without fitting labels."""
        truth = self.dataset.truth
        if not isinstance(truth, ClassLabels) or len(self.outputs) != 1 or not len(truth.values):
            return None
        (output,) = self.outputs.values()
        if output.shape[1:] == (1,):
            # One output answers yes or no: a probability where it stays within 0..1, else a logit.
            middle = 0.5 if 0 <= output.min() <= output.max() <= 1 else 0.0
            return (output[:, 0] > middle) == (truth.values == 1) if truth.values.max() <= 1 else None
        if not self.classifies or not 0 <= truth.values.min() <= truth.values.max() < output.shape[1]:
            return None
        result: npt.NDArray[np.bool_] = top1(self.scores) == truth.values
        return result

    @property
    def squared_errors(self) -> Floats | None:
        """float64[n], of a regression; None without targets of the output's shape."""
        truth = self.dataset.truth
        if not isinstance(truth, Targets) or len(self.outputs) != 1:
            return None
        (output,) = self.outputs.values()
        wanted = np.asarray(truth.values, np.float64).reshape(len(output), -1)
        found = output.astype(np.float64).reshape(len(output), -1)
        return None if wanted.shape != found.shape else ((wanted - found) ** 2).mean(axis=1)


def answers(
    feeds: Mapping[str, Feed], runners: Sequence[Runner], *, runtime: str | None = None
) -> dict[str, Answers]:
    """Runs items through a file under several ways to feed it.

    Args:
        feeds: of the same items, by the name of the runner.
        runners: the file under one preprocessing each; those with the same feed read it once.
        runtime: which; None for the best installed.

    Returns:
        By runner, for the items that could be read under all; runners that fail or give NaN are left out.

    Raises:
        DataError: no item can be read.
    """
    found: dict[str, Answers] = {}
    for feed in {id(one): one for one in feeds.values()}.values():
        own = [runner for runner in runners if feeds[runner.name] is feed]
        evaluated = evaluate(feed, own, Outputs(), runtime=runtime, on_bad_input=SKIP)
        items = feed.dataset.take(evaluated.good.tolist())
        for name, observed in evaluated.observed.items():
            if observed and all(len(array) == len(items) for array in observed.values()):
                found[name] = Answers(dict(observed), items)
    return {name: one for name, one in found.items() if one.finite}


@dataclass(frozen=True)
class Gain:
    """How much better than the given one another way to feed a file is, by the labels.

    Attributes:
        before: accuracy, or mean squared error, as given.
        after: likewise under the other way.
        n: items.
        is_accuracy: which of the two it is.
        is_good: whether the other way is good by itself, and not only better.
    """

    before: float
    after: float
    n: int
    is_accuracy: bool
    is_good: bool

    def __str__(self) -> str:
        if self.is_accuracy:
            return f"{self.after:.1%} of {self.n} labelled items are right, {self.before:.1%} as given"
        return f"the mean squared error is {self.after:.3g} on {self.n} items, {self.before:.3g} as given"


def gain(given: Answers, other: Answers) -> Gain | None:
    """Whether labels prove another way to feed a file better: paired, far beyond chance; None where they do not."""
    ours, theirs = other.correct, given.correct
    if ours is not None and theirs is not None and len(ours) == len(theirs):
        labels = other.dataset.labels
        assert labels is not None  # noqa: S101 - what is right was told by them
        commonest = float(np.bincount(labels.astype(np.intp)).max() / len(labels))
        classes = max(2, *(array.shape[-1] for array in other.outputs.values()))
        better = paired_difference(ours, theirs).low > _LEAST_GAIN
        if better and above_chance(int(ours.sum()), len(ours), classes, commonest):
            right, chance = float(ours.mean()), max(1 / classes, commonest)
            is_good = right >= chance + _GOOD * (1 - chance)
            return Gain(float(theirs.mean()), right, len(ours), is_accuracy=True, is_good=is_good)
    now, then = other.squared_errors, given.squared_errors
    if now is not None and then is not None and len(now) == len(then) > 1:
        saved = then - now
        error = float(saved.std(ddof=1)) / len(saved) ** 0.5
        enough = float(now.mean()) < _LEAST_LOSS_RATIO * float(then.mean())
        if enough and float(saved.mean()) > _SIGNIFICANT * error:
            is_good = float(now.mean()) <= (1 - _GOOD) * _variance(other.dataset.truth)
            return Gain(float(then.mean()), float(now.mean()), len(now), is_accuracy=False, is_good=is_good)
    return None


def _variance(truth: Truth | None) -> float:
    """Mean squared error of always answering the mean."""
    assert isinstance(truth, Targets)  # noqa: S101 - errors were told by them
    return float(np.asarray(truth.values, np.float64).reshape(len(truth), -1).var(axis=0).mean())


def best_gain(given: Answers, others: Mapping[str, Answers]) -> tuple[str, Gain] | None:
    """The way to feed a file that labels prove better than the given one; None where they prove none.

    Args:
        given: the answers as it is fed now.
        others: answers by way, the most usual way first: it is taken where a better one is not so beyond doubt.
    """
    proven = {name: found for name, other in others.items() if (found := gain(given, other)) is not None}
    if not proven:
        return None
    best = max(
        proven, key=lambda name: proven[name].after if proven[name].is_accuracy else -proven[name].after
    )
    return next((name, found) for name, found in proven.items() if _as_good(others[name], others[best]))


def _as_good(answered: Answers, best: Answers) -> bool:
    """Whether the best is not significantly better."""
    ours, theirs = answered.correct, best.correct
    if ours is None or theirs is None:
        return answered is best
    return paired_difference(theirs, ours).low <= 0


def sampled(case: Case, feed: Feed) -> Feed | None:
    """Some of the items, more where they have labels; None where none can be read."""
    assert case.float32_model is not None  # noqa: S101 - needed
    _, outputs = model_io(case.float32_model)
    largest = max(
        sum(math.prod(info.shape) for info in outputs), *(math.prod(i.item_shape) for i in feed.inputs)
    )
    most = _ITEMS if feed.dataset.truth is None else _LABELLED_ITEMS
    count = max(1, min(most, _BYTES // (4 * max(1, largest))))
    drawn = draw(feed.dataset.digests(), feed.dataset.labels, count, case.seed)
    bad = feed.bad_among(drawn)
    good = [index for index in drawn if index not in bad]
    return feed.over(feed.dataset.take(good)) if good else None
