"""Models that name the class of every pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import ClassScore
from edgeq.benchmark.resampling import Floats, bootstrap_sums, resampled_metric
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task, class_name
from edgeq.benchmark.tasks.comparison import nothing
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.media.masks import IGNORED, prepared_masks
from edgeq.data.truth import Masks, Truth
from edgeq.errors import DataError
from edgeq.printing import printable

SCORES = "scores"
"""A score a class."""
PROBABILITY = "probability"
"""One number, the probability of class 1 of two."""
CLASS = "class"
"""The number of the class itself."""

_TOLERANCE = 0.05  # of probabilities: quantized ones may leave 0 to 1 by a step
_CLEARLY = 0.1  # of mean IoU: less may be won by renumbering two like classes

# What is counted of each class in each item: pixels rightly found, pixels of the truth and of the answer; and those
# that would be rightly found if the classes of the truth were one lower or one higher.
_FOUND, _TRUE, _ANSWERED, _ONE_LOWER, _ONE_HIGHER = range(5)
_COUNTS = 5


@dataclass(frozen=True)
class Segmentation(Task):
    """A class for every pixel.

    Observations: ``pixels`` int32[n, 5, classes], so that no map has to be kept: 5 numbers a class, where a confusion
    matrix of 150 classes would take 90 kB an item.

    Attributes:
        output: name of the output with the classes.
        size: height and width of that output.
        classes: how many.
        answer: `SCORES`, `PROBABILITY` or `CLASS`.
        preparation: of the images, and so of the masks.
        input_shape: [H, W, C] of the model's input.
        classes_first: whether scores are [classes, H, W].
    """

    output: str
    size: tuple[int, int]
    classes: int
    answer: str
    preparation: ImagePreparation
    input_shape: tuple[int, int, int]
    classes_first: bool = False
    name = "segmentation"

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
        """See `Task.check`."""
        if truth is None:
            return
        if not isinstance(truth, Masks):
            raise DataError(f"{source}: expected masks, found {type(truth).__name__}")
        if truth.names and len(truth.names) != self.classes:
            raise DataError(
                f"{source} names {len(truth.names)} classes, the model's output "
                f"{self.output} {list(shapes.get(self.output, self.size))} tells {self.classes} apart: "
                "expected one name a class, in the model's order"
            )
        if truth.values is not None:
            largest = int(truth.values.max(initial=0, where=truth.values != truth.ignored))
            self._check_classes(largest, truth, source)

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        if not isinstance(truth, Masks):
            return nothing(outputs)
        answers = self._answers(outputs[self.output])
        wanted = prepared_masks(truth, self.preparation, self.input_shape, self.size)
        counts = np.zeros((len(answers), _COUNTS, self.classes), np.int32)
        for position, (mask, answer) in enumerate(zip(wanted, answers, strict=True)):
            if truth.files:
                self._check_classes(int(mask.max()), truth, printable(truth.files[position]))
            counts[position] = _counts(mask, answer, self.classes)
        return {"pixels": counts}

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:
        """The mean IoU must beat the best constant answer, and that of classes numbered one off."""
        counts = observed["pixels"].sum(axis=0, dtype=np.int64).astype(np.float64)
        found = float(_mean(_intersection_over_union(counts[None]))[0])
        constant, commonest = _constant_answer(counts[_TRUE])
        if not found > constant:
            raise DataError(
                f"{variant} has a mean IoU of {found:.1%} on {len(truth)} items, not above the {constant:.1%} of "
                f"always answering {class_name(truth.names, commonest)}: the preprocessing or the numbers of the "
                "classes are wrong (see --preprocess and --labels); no drop can be measured"
            )
        for shift, words in ((_ONE_LOWER, "lower"), (_ONE_HIGHER, "higher")):
            shifted = float(_mean(_intersection_over_union(_renumbered(counts, shift)[None]))[0])
            if shifted - found > _CLEARLY:
                raise DataError(
                    f"{variant} has a mean IoU of {found:.1%} on {len(truth)} items and would have {shifted:.1%} if "
                    f"the classes in the masks were one {words}: renumber the masks as the model numbers its classes; "
                    "no drop can be measured"
                )

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        if truth is None:
            return Score()
        sides = [observed] if baseline is None else [observed, baseline]
        items = len(observed["pixels"])
        counts = [side["pixels"][:, :_ONE_LOWER].reshape(items, -1).astype(np.float64) for side in sides]
        ours, *others = bootstrap_sums(counts, _metrics, seed=seed)
        metrics = [
            resampled_metric(key, label, items, ours[:, column], others[0][:, column] if others else None)
            for column, (key, label) in enumerate(
                (("miou", "mean IoU"), ("pixel_accuracy", "pixel accuracy"))
            )
        ]
        return Score(tuple(metrics), classes=_class_scores(observed["pixels"], truth.names))

    def _answers(self, output: Array) -> npt.NDArray[np.int64]:
        """int64[n, H, W], the class of each pixel."""
        if self.answer == SCORES:
            return np.asarray(np.argmax(output, axis=1 if self.classes_first else -1))
        values = output.reshape(len(output), *self.size)
        finite = np.isfinite(values)
        lowest = float(values.min(initial=0, where=finite))
        highest = float(values.max(initial=0, where=finite))
        if self.answer == PROBABILITY:
            if lowest < -_TOLERANCE or highest > 1 + _TOLERANCE:
                raise DataError(
                    f"output {self.output} goes from {lowest:.3g} to {highest:.3g}: expected probabilities of class 1 "
                    "of two; where it is the numbers of more classes, name them (--labels), where it is logits, end "
                    "the model with a sigmoid"
                )
            return (values > 0.5).astype(np.int64)
        whole = np.rint(values)
        if not (whole == values).all() or lowest < 0 or highest >= self.classes:
            raise DataError(
                f"output {self.output} goes from {lowest:.3g} to {highest:.3g}: expected whole numbers from 0 to "
                f"{self.classes - 1}, one a class"
            )
        return whole.astype(np.int64)

    def _check_classes(self, largest: int, truth: Masks, source: str) -> None:
        if largest >= self.classes:
            raise DataError(
                f"{source} has the class {largest}, the model tells {self.classes} apart (0 to {self.classes - 1}): "
                f"expected masks that number them as the model does, and {truth.ignored} where a pixel does not count"
            )


def choose_segmentation(
    output_shapes: Mapping[str, tuple[int, ...]],
    preparation: ImagePreparation,
    input_shape: tuple[int, int, int],
    names: Sequence[str],
) -> Segmentation:
    """The segmentation that the shapes of the outputs show.

    Args:
        output_shapes: by name, without batch axis: [H, W, classes] or [classes, H, W] of scores, or [H, W] or
            [H, W, 1] with the probability of the second of two classes, or with numbers of more classes.
        preparation: of the images.
        input_shape: [H, W, C] of the model's input.
        names: of the classes; empty where unknown.

    Raises:
        DataError: no output has such a shape, or several have.
    """
    maps = {
        name: shape for name, shape in output_shapes.items() if len(shape) in (2, 3) and min(shape[:2]) > 1
    }
    if len(maps) != 1:
        listed = ", ".join(f"{name} {list(shape)}" for name, shape in output_shapes.items())
        raise DataError(
            f"expected one output [height, width, classes], [height, width, 1] or [height, width], found {listed}"
        )
    ((output, shape),) = maps.items()
    first = len(shape) == 3 and shape[2] != len(names) and shape[0] == len(names) > 1
    size = shape[1:] if first else shape[:2]
    depth = shape[0] if first else (*shape, 1)[2]
    if depth > 1:
        answer, classes = SCORES, depth
    else:
        answer, classes = (CLASS, len(names)) if len(names) > 2 else (PROBABILITY, 2)
    return Segmentation(output, (size[0], size[1]), classes, answer, preparation, input_shape, first)


def _counts(
    mask: npt.NDArray[np.int32], answer: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """int64[5, classes] of one item."""
    counted = mask != IGNORED
    pairs = mask[counted].astype(np.int64) * classes + answer[counted]
    confusion = np.bincount(pairs.astype(np.intp, copy=False), minlength=classes * classes).reshape(
        classes, classes
    )
    counts = np.zeros((_COUNTS, classes), np.int64)
    counts[_FOUND] = np.diagonal(confusion)
    counts[_TRUE] = confusion.sum(axis=1)
    counts[_ANSWERED] = confusion.sum(axis=0)
    counts[_ONE_LOWER, 1:] = np.diagonal(confusion, -1)
    counts[_ONE_HIGHER, :-1] = np.diagonal(confusion, 1)
    return counts


def _metrics(sums: Floats) -> Floats:
    """Mean IoU and pixel accuracy, float64[R, 2], of counts float64[R, 3 · classes]."""
    counts = sums.reshape(len(sums), _ONE_LOWER, -1)
    found, true = counts[:, _FOUND].sum(axis=1), counts[:, _TRUE].sum(axis=1)
    right = np.divide(found, true, out=np.full(len(sums), np.nan), where=true > 0)
    return np.stack([_mean(_intersection_over_union(counts)), right], axis=1)


def _intersection_over_union(counts: Floats) -> Floats:
    """float64[R, classes] of counts float64[R, 3 or more, classes]; NaN where neither truth nor answer has a class.

    Everingham et al., "The Pascal Visual Object Classes Challenge", IJCV 88, 2010, section 4.1.3: over the pixels of
    all items together.
    """
    union = counts[:, _TRUE] + counts[:, _ANSWERED] - counts[:, _FOUND]
    shares: Floats = np.divide(counts[:, _FOUND], union, out=np.full(union.shape, np.nan), where=union > 0)
    return shares


def _mean(shares: Floats) -> Floats:
    """float64[R], over the classes that are there; NaN where none is."""
    known = np.isfinite(shares)
    count = known.sum(axis=1)
    total = np.where(known, shares, 0.0).sum(axis=1)
    mean: Floats = np.divide(total, count, out=np.full(len(shares), np.nan), where=count > 0)
    return mean


def _constant_answer(true: Floats) -> tuple[float, int]:
    """The mean IoU of always answering the commonest class, and that class: all others that occur have 0."""
    commonest = int(np.argmax(true))
    return float(true[commonest] / max(1.0, true.sum()) / max(1, np.count_nonzero(true))), commonest


def _renumbered(counts: Floats, shift: int) -> Floats:
    """The counts if the classes of the truth were one lower or higher; what leaves the range is not found."""
    answered = counts[_ANSWERED]
    moved = np.zeros_like(answered)
    if shift == _ONE_LOWER:
        moved[1:] = answered[:-1]
    else:
        moved[:-1] = answered[1:]
    return np.stack([counts[shift], counts[_TRUE], moved])


def _class_scores(pixels: Array, names: Sequence[str]) -> tuple[ClassScore, ...]:
    counts = pixels.sum(axis=0, dtype=np.int64).astype(np.float64)
    shares = _intersection_over_union(counts[None])[0]
    return tuple(
        ClassScore(class_name(names, index), int(counts[_TRUE, index]), {"iou": float(share)})
        for index, share in enumerate(shares)
        if np.isfinite(share)
    )
