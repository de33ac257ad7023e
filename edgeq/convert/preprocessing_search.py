"""Finds the preprocessing that a model was trained with, where it is not given.

A model that rescales its input itself takes pixels as they are. Otherwise the FP32 file scores each
candidate on labelled images; a clear winner is taken, and anything less is the user's to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy import check_labels
from edgeq.benchmark.accuracy_statistics import above_chance, paired_difference
from edgeq.benchmark.classification import classifies, top1
from edgeq.benchmark.evaluation import StoredItems, evaluate
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import PREPROCESSINGS, RAW, Preprocessing
from edgeq.data.splitting import draw
from edgeq.errors import DataError
from edgeq.runtime.host import cpu_count
from edgeq.scratch import scratch_folder

_ITEMS = 300
"""Wrong scaling costs tens of percentage points; this many images show that beyond doubt."""


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
        candidates: what to try.

    Raises:
        DataError: there are no labels, no candidate is above chance, or two do equally well.
    """
    names = ", ".join(candidate.name for candidate in candidates)
    if dataset.labels is None:
        raise DataError(
            f"{dataset.source}: how its pixels become the model's input cannot be told without labels: "
            f"say it with --preprocess ({names})"
        )
    indices = draw(dataset.digests(), dataset.labels, _ITEMS, seed)
    labels = dataset.labels[list(indices)]
    scored = []
    classes = 0
    for candidate in candidates:
        correct, classes = _correct(float32_file, Feed(dataset, inputs, candidate), indices, labels)
        scored.append((candidate, correct))
    scored.sort(key=lambda entry: -int(entry[1].sum()))
    (best, best_correct), (_, second_correct) = scored[:2]
    shown = ", ".join(f"{candidate.name} {correct.mean():.1%}" for candidate, correct in scored)
    n = len(labels)
    if not above_chance(int(best_correct.sum()), n, classes, float(np.bincount(labels).max() / n)):
        raise DataError(
            f"FP32 is not above chance on {dataset.source} under any preprocessing ({shown} of {n}): the labels "
            "are in another order, or the model needs its own preprocessing (edgeq init writes a converter script)"
        )
    if paired_difference(best_correct, second_correct).low <= 0:
        raise DataError(
            f"the preprocessing is not clear from {n} images of {dataset.source}: {shown} top-1; "
            "say which with --preprocess"
        )
    return Found(best, f"preprocessing: {best.name}, found on {n} labelled images ({shown} top-1)")


def _are_pixels(dataset: Dataset, inputs: Sequence[ModelInput]) -> bool:
    """Whether the data are 8-bit images and the model takes them as float."""
    if len(inputs) != 1 or not inputs[0].dtype.startswith("float") or len(dataset) == 0:
        return False
    shape = inputs[0].item_shape
    if len(shape) != 3 or shape[-1] not in (1, 3):
        return False
    (name,) = dataset.input_names() if len(dataset.input_names()) == 1 else (None,)
    return name == "" or (name is not None and dataset.raw(name, [0]).dtype == np.uint8)


def _correct(
    path: Path, feed: Feed, indices: Sequence[int], labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], int]:
    with scratch_folder("preprocess") as folder:
        items = StoredItems(feed, indices, folder)
        outputs = evaluate("float32", path, items, folder, runtime=None, processes=cpu_count(), progress=None)
    if not classifies([tuple(array.shape) for array in outputs.values()]):
        raise DataError(
            "the model does not classify, so labels cannot tell its preprocessing: say --preprocess"
        )
    check_labels(feed.dataset, outputs)
    (scores,) = outputs.values()
    return top1(scores) == labels, scores.shape[-1]
