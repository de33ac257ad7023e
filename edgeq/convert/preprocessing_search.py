"""Finds the preprocessing that a model was trained with, where it is not given.

A model that rescales its input itself takes pixels as they are. Otherwise the FP32 file scores each
candidate on labelled images; a clear winner is taken, and anything less is the user's to decide.

Candidates that never differ by more than a pixel's step, such as -1..1 and (x-128)/128, cannot be told apart by what
is right or wrong. Between these the likelihood of the labels decides where its difference is significant, and the more
usual one is taken where it is not: it makes no difference then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import above_chance, paired_difference
from edgeq.benchmark.classification import classifies, top1
from edgeq.benchmark.evaluation import evaluate
from edgeq.benchmark.evaluation_job import Runner
from edgeq.benchmark.tasks.base import Array, Observed
from edgeq.benchmark.tasks.outputs import Outputs
from edgeq.data.columns import ArrayColumn, ImageColumn
from edgeq.data.dataset import SKIP, Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.preprocessing import PREPROCESSINGS, RAW, USAGE, Preprocessing
from edgeq.data.splitting import draw
from edgeq.errors import DataError

_ITEMS = 300
"""Wrong scaling costs tens of percentage points; this many images show that beyond doubt."""

_ITEMS_FOR_LIKELIHOOD = 2000
"""On a CIFAR-10 ResNet trained on (x-128)/128, its likelihood is above that of -1..1 by 1.5 standard errors on 300
images, 3.3 on 2,000 and 7.9 on 10,000."""

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Found:
    """A preprocessing and why it was taken.

    Attributes:
        preprocessing: the winner.
        note: one sentence for the user; None where there was nothing to decide.
    """

    preprocessing: Preprocessing
    note: str | None


def without_scoring(
    dataset: Dataset | None, inputs: Sequence[ModelInput], *, scales_input: bool
) -> Found | None:
    """The preprocessing where it can be told without running the model; None where it cannot.

    Args:
        dataset: the data; None where there are none.
        inputs: of the model.
        scales_input: whether the model has a Rescaling or Normalization layer.
    """
    if dataset is None or not _are_pixels(dataset, inputs):
        return Found(RAW, None)
    if scales_input:
        return Found(RAW, "preprocessing: raw, the model rescales pixels itself")
    return None


def by_scoring(
    float32_file: Path,
    dataset: Dataset,
    inputs: Sequence[ModelInput],
    *,
    seed: int,
    candidates: Sequence[Preprocessing] = PREPROCESSINGS,
) -> Found:
    """Scores each candidate on labelled images.

    Args:
        float32_file: the model as float32 .tflite.
        dataset: images with labels.
        inputs: of the model.
        seed: of the draw.
        candidates: what to try; those for another number of channels are left out.

    Raises:
        DataError: there are no labels, no candidate is above chance, or two that differ do equally well.
    """
    channels = inputs[0].item_shape[-1]
    fitting = [one for one in candidates if max(len(one.scale), len(one.offset)) in (1, channels)]
    names = ", ".join(candidate.name for candidate in fitting)
    if dataset.labels is None:
        raise DataError(
            f"{dataset.source}: how its pixels become the model's input cannot be told without class labels: "
            f"say it with --preprocess ({names})"
        )
    chosen = dataset.take(draw(dataset.digests(), dataset.labels, _ITEMS, seed))
    scored = sorted(_scored(float32_file, chosen, inputs, fitting), key=lambda one: -one.share)
    found = f"found on {len(scored[0].labels)} labelled images ({_shares(scored)})"
    like = _clear_winners(scored, dataset.source)
    if len(like) == 1:
        return Found(like[0], f"preprocessing: {like[0].name}, {found}")
    usual = [one for one in fitting if one in like]
    chosen = dataset.take(draw(dataset.digests(), dataset.labels, _ITEMS_FOR_LIKELIHOOD, seed))
    winner, why = _most_likely(_scored(float32_file, chosen, inputs, usual))
    others = " and ".join(one.name for one in usual if one is not winner)
    note = f"from {others} it differs by less than a pixel's step, {why}"
    return Found(winner, f"preprocessing: {winner.name}, {found}; {note}")


def _clear_winners(scored: Sequence[_Scored], source: str) -> list[Preprocessing]:
    """The best candidate and those that differ little from it.

    Raises:
        DataError: it is no better than guessing, or not significantly better than one that does differ.
    """
    best, n = scored[0], len(scored[0].labels)
    if not above_chance(int(best.correct.sum()), n, best.classes, float(np.bincount(best.labels).max() / n)):
        raise DataError(
            f"FP32 is not above chance on {source} under any preprocessing ({_shares(scored)} of {n}): the labels "
            "are in another order, or the model needs its own preprocessing (edgeq init writes a converter script)"
        )
    like = [one for one in scored if _differ_little(one.preprocessing, best.preprocessing)]
    for other in scored:
        if other not in like and paired_difference(best.correct, other.correct).low <= 0:
            raise DataError(
                f"the preprocessing is not clear from {n} images of {source}: {_shares(scored)}; "
                f"say which with --preprocess ({USAGE})"
            )
    return [one.preprocessing for one in like]


def _shares(scored: Sequence[_Scored]) -> str:
    return ", ".join(f"{one.preprocessing.name} {one.share:.1%}" for one in scored) + " top-1"


@dataclass(frozen=True, eq=False)
class _Scored:
    """How a candidate did."""

    preprocessing: Preprocessing
    scores: Array
    labels: npt.NDArray[np.int64]

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        result: npt.NDArray[np.bool_] = top1(self.scores) == self.labels
        return result

    @property
    def share(self) -> float:
        return float(self.correct.mean())

    @property
    def classes(self) -> int:
        return int(self.scores.shape[-1])

    @property
    def log_likelihood(self) -> npt.NDArray[np.float64]:
        """Of each label; logits are made probabilities first."""
        scores = self.scores.astype(np.float64)
        if scores.min() < 0 or not np.allclose(scores.sum(axis=-1), 1, atol=1e-2):
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            scores /= scores.sum(axis=-1, keepdims=True)
        own = np.take_along_axis(scores, self.labels[:, None], axis=1)
        result: npt.NDArray[np.float64] = np.log(np.maximum(own[:, 0], 1e-7))
        return result


def _scored(
    path: Path, dataset: Dataset, inputs: Sequence[ModelInput], candidates: Sequence[Preprocessing]
) -> list[_Scored]:
    """Every candidate; those that read images alike read them once."""
    groups: dict[ImagePreparation, list[Preprocessing]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.image, []).append(candidate)
    result = []
    for group in groups.values():
        runners = [Runner(candidate.name, path, candidate) for candidate in group]
        evaluated = evaluate(Feed(dataset, inputs, group[0]), runners, Outputs(), on_bad_input=SKIP)
        if evaluated.failures:
            raise DataError(f"the preprocessing cannot be found: {next(iter(evaluated.failures.values()))}")
        assert dataset.labels is not None  # noqa: S101 - narrows the type for mypy
        labels = dataset.labels[evaluated.good]
        result += [
            _Scored(candidate, _class_scores(evaluated.observed[candidate.name], dataset), labels)
            for candidate in group
        ]
    return result


def _most_likely(rivals: Sequence[_Scored]) -> tuple[Preprocessing, str]:
    """The first, unless the labels are significantly more likely under another (paired z-test); and why."""
    best, why = rivals[0], "which makes no difference here"
    for rival in rivals[1:]:
        gain = rival.log_likelihood - best.log_likelihood
        spread = float(gain.std(ddof=1)) / math.sqrt(len(gain))
        if spread > 0 and float(gain.mean()) / spread > _Z95:
            best, why = rival, f"under which the labels are less likely ({len(gain)} images)"
    return best.preprocessing, why


def _class_scores(observed: Observed, dataset: Dataset) -> Array:
    if not classifies([array.shape for array in observed.values()]):
        raise DataError(
            "the model does not classify, so labels cannot tell its preprocessing: say --preprocess"
        )
    (scores,) = observed.values()
    largest = int(dataset.labels.max()) if dataset.labels is not None else 0
    if largest >= scores.shape[-1]:
        raise DataError(
            f"{dataset.source}: label {largest} is out of range: the model has {scores.shape[-1]} outputs "
            f"(0 to {scores.shape[-1] - 1})"
        )
    return scores


def _differ_little(one: Preprocessing, other: Preprocessing) -> bool:
    """Whether no pixel becomes another value than a neighbouring pixel would."""
    if one.image != other.image:
        return False
    channels = max(len(one.scale), len(one.offset), len(other.scale), len(other.offset))
    step = min(abs(scale) for scale in (*one.scale, *other.scale))
    return bool(np.abs(one.table(channels) - other.table(channels)).max() <= step)


def _are_pixels(dataset: Dataset, inputs: Sequence[ModelInput]) -> bool:
    """Whether the data are 8-bit images and the model takes them as float."""
    if len(inputs) != 1 or not inputs[0].is_float or len(dataset) == 0 or len(dataset.columns) != 1:
        return False
    shape = inputs[0].item_shape
    if len(shape) != 3 or shape[-1] not in (1, 3):
        return False
    (column,) = dataset.columns.values()
    return isinstance(column, ImageColumn) or (isinstance(column, ArrayColumn) and column.dtype == np.uint8)
