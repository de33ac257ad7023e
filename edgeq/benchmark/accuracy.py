"""From outputs to accuracy, agreement and drop."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import above_chance, drop_pp, proportion, sqnr_db
from edgeq.benchmark.class_order import likely_order
from edgeq.benchmark.classification import Array, classifies, in_top, top1
from edgeq.benchmark.correct_items import pack
from edgeq.benchmark.measurement import Accuracy
from edgeq.data.dataset import Dataset
from edgeq.errors import DataError

_LEAST_CLASSES_FOR_TOP5 = 6


@dataclass(frozen=True)
class Judged:
    """Items and their labels, for scoring.

    Attributes:
        digests: of the items.
        labels: int64[N]; None without.
        excluded: items left out because they were calibrated on.
        source: for messages.
    """

    digests: Sequence[str]
    labels: npt.NDArray[np.int64] | None
    excluded: int
    source: str

    @property
    def digest(self) -> str:
        """Digest over items and labels: results are compared only where it is equal."""
        digest = hashlib.sha256()
        for position, item in enumerate(self.digests):
            label = "" if self.labels is None else int(self.labels[position])
            digest.update(f"{item}:{label}\n".encode())
        return digest.hexdigest()


def check_labels(dataset: Dataset, outputs: Mapping[str, Array]) -> None:
    """Checks that the labels of a data set and a model's outputs go together.

    Args:
        dataset: with or without labels.
        outputs: of the model by name, float32[N, …]; what does not classify goes with anything.

    Raises:
        DataError: the data have another number of classes than the model has outputs.
    """
    if dataset.labels is None or not _classifies(outputs):
        return
    (scores,) = outputs.values()
    classes = scores.shape[-1]
    names = dataset.class_names
    if names and len(names) != classes:
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise DataError(
            f"{dataset.source} has {len(names)} class{'es' * (len(names) > 1)} ({shown}), the model has {classes} "
            "outputs: expected one class an output, in their order"
        )
    largest = int(dataset.labels.max())
    if largest >= classes:
        raise DataError(
            f"{dataset.source}: label {largest} is out of range: the model has {classes} outputs "
            f"(0 to {classes - 1})"
        )


def check_above_chance(judged: Judged, outputs: Mapping[str, Array], variant: str) -> None:
    """Checks that the baseline knows what the labels say: a drop from chance would mean nothing.

    Raises:
        DataError: it is right no more often than by guessing, or far more often if the classes are renumbered.
    """
    if judged.labels is None or not _classifies(outputs):
        return
    (scores,) = outputs.values()
    predicted = top1(scores)
    correct = int((predicted == judged.labels).sum())
    n, classes = len(judged.labels), scores.shape[-1]
    majority = float(np.bincount(judged.labels).max() / n)
    if not above_chance(correct, n, classes, majority_share=majority):
        raise DataError(
            f"{variant} is right on {correct} of {n} items ({correct / n:.1%}), not above chance: the "
            "preprocessing or the order of the labels is wrong (see --preprocess and --labels); "
            "no drop can be measured"
        )
    order = likely_order(judged.labels, predicted, classes)
    if order is not None:
        better = int((predicted == order[judged.labels]).sum())
        moved = int(np.flatnonzero(order != np.arange(classes))[0])
        raise DataError(
            f"{variant} is right on {correct / n:.1%} of {n} items and would be on {better / n:.1%} if the classes "
            f"were numbered otherwise (label {moved} is the model's output {order[moved]}): the labels are in "
            "another order than the model's outputs; give the model's order with edgeq convert --labels"
        )


def score(judged: Judged, outputs: Mapping[str, Array], baseline: Mapping[str, Array] | None) -> Accuracy:
    """Scores one variant.

    Args:
        judged: items and labels.
        outputs: of the variant by name, float32[N, …].
        baseline: of the baseline; None for the baseline itself and a lone file.
    """
    top1_estimate = top5 = agreement = drop = None
    correct_bits = None
    n = len(judged.digests)
    if _classifies(outputs):
        (scores,) = outputs.values()
        decided = top1(scores)
        reference = None
        if baseline is not None:
            (reference_scores,) = baseline.values()
            reference = top1(reference_scores)
            agreement = proportion(int((decided == reference).sum()), n)
        if judged.labels is not None:
            correct = decided == judged.labels
            top1_estimate = proportion(int(correct.sum()), n)
            correct_bits = pack(correct)
            if scores.shape[-1] >= _LEAST_CLASSES_FOR_TOP5:
                top5 = proportion(int(in_top(scores, judged.labels, 5).sum()), n)
            if reference is not None:
                drop = drop_pp(correct, reference == judged.labels)
    noise = None
    if baseline is not None:
        noise = sqnr_db(_flat(baseline), _flat(outputs))
    return Accuracy(
        n=n,
        excluded=judged.excluded,
        data_digest=judged.digest,
        top1=top1_estimate,
        top5=top5,
        agreement=agreement,
        drop_pp=drop,
        sqnr_db=noise,
        correct=correct_bits,
    )


def _classifies(outputs: Mapping[str, Array]) -> bool:
    return classifies([tuple(array.shape) for array in outputs.values()])


def _flat(outputs: Mapping[str, Array]) -> Array:
    return np.concatenate([np.asarray(outputs[name]).ravel() for name in sorted(outputs)])
