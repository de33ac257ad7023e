"""From a detector's outputs to boxes: every layout becomes float32[n, 100, 6]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.tasks.base import Array
from edgeq.benchmark.tasks.coco_precision import MAX_DETECTIONS
from edgeq.benchmark.tasks.detection_format import (
    POSTPROCESSED,
    ROWS,
    SSD,
    YOLO,
    YOLO_OBJECTNESS,
    DetectionFormat,
    with_roles,
)
from edgeq.errors import DataError

NO_DETECTION = -1.0
"""The score of rows that stand for nothing."""

SCORE_THRESHOLD = 0.001
"""Lower scores are no detections. Ultralytics validates with it (``conf`` in ``cfg/default.yaml``); average precision
needs the tail, so a threshold that suits an app would lower it."""

_LARGEST_FRACTION = 2.0
"""Boxes that reach beyond twice the input are in pixels: fractions end near 1, a detector covers all its pixels."""

_LOWEST_PROBABILITY = -0.5
"""Quantized scores may fall below 0 by a step; logits of the background are about -5 and lower."""

_FIRST_CANDIDATES = 1000  # of highest score; nearly always enough for 100 that do not overlap

_Floats = npt.NDArray[np.float32]
_Indices = npt.NDArray[np.int64]


def decode(
    outputs: Mapping[str, Array], layout: DetectionFormat, input_size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """What a detector found in a few images.

    Boxes that are not finite and scores that are not numbers are no detections.

    Args:
        outputs: float32[n, …] by name.
        layout: of the outputs.
        input_size: height and width of the model's input.

    Returns:
        float32[n, 100, 6] in falling order of score: ymin, xmin, ymax, xmax as fractions of the input, score, and the
        model's class; rows without a detection have the score -1.

    Raises:
        DataError: the outputs are not what the layout says.
    """
    readers = {POSTPROCESSED: _postprocessed, ROWS: _rows, SSD: _ssd, YOLO: _yolo, YOLO_OBJECTNESS: _yolo}
    images = readers[layout.layout](outputs, layout, input_size)
    decoded = np.zeros((len(images), MAX_DETECTIONS, 6), np.float32)
    decoded[..., 4] = NO_DETECTION
    for position, found in enumerate(images):
        decoded[position, : len(found)] = found
    return decoded


def non_maximum_suppression(
    boxes: _Floats,
    scores: _Floats,
    overlap: float,
    threshold: float = SCORE_THRESHOLD,
    limit: int = MAX_DETECTIONS,
) -> tuple[_Indices, _Indices]:
    """Greedy non-maximum suppression within each class: what overlaps a better box of its class goes.

    Candidates of all classes are gone through by falling score until ``limit`` are kept. What is kept depends only on
    better candidates of the same class, so the result is that of suppressing every class and taking the best of all.
    1,000 boxes of 80 classes take 2 ms, 8,400 of 80 classes 4 ms, where a quarter of the scores are candidates; 1,000
    with all 80,000 scores 3 ms.

    Args:
        boxes: float32[A, 4], ymin, xmin, ymax, xmax in any unit.
        scores: float32[A, classes].
        overlap: intersection over union above which the worse box goes.
        threshold: only higher scores are candidates.
        limit: most to keep.

    Returns:
        Box and class of what is kept, int64[kept] each, by falling score; equal scores by box, then class.
    """
    flat = scores.reshape(-1)
    candidates = np.flatnonzero(flat > threshold)
    kept = np.zeros(0, np.int64)
    for block in _by_score(candidates, flat[candidates]):
        kept = _extended(kept, block, boxes, scores.shape[1], overlap, limit)
        if len(kept) == limit:
            break
    return kept // max(1, scores.shape[1]), kept % max(1, scores.shape[1])


def _by_score(candidates: _Indices, scores: _Floats) -> Iterator[_Indices]:
    """Candidates by falling score in two blocks: the best first, since the rest is seldom needed."""
    parts = [np.arange(len(candidates))]
    if len(candidates) > 2 * _FIRST_CANDIDATES:
        # By value, not by position: which of several equal scores a partition takes depends on the CPU.
        best = scores >= np.partition(scores, -_FIRST_CANDIDATES)[-_FIRST_CANDIDATES]
        parts = [np.flatnonzero(best), np.flatnonzero(~best)]
    for part in parts:
        yield candidates[part[np.argsort(-scores[part], kind="stable")]]


def _extended(
    kept: _Indices, block: _Indices, boxes: _Floats, classes: int, overlap: float, limit: int
) -> _Indices:
    """What is kept after going through further candidates; they are numbered box · classes + class."""
    corners, numbers = np.ascontiguousarray(boxes[block // classes].T), block % classes
    areas = _areas(corners)
    alive = np.ones(len(block), bool)

    def drop(box: _Floats, same: _Indices) -> None:
        if same.size:
            alive[same[_overlapping(box, corners[:, same], areas[same], overlap)]] = False

    for candidate in kept:
        drop(boxes[candidate // classes], np.flatnonzero(numbers == candidate % classes))
    chosen = list(kept)
    for position in range(len(block)):
        if len(chosen) == limit:
            break
        if alive[position]:
            chosen.append(block[position])
            later = np.flatnonzero(numbers[position + 1 :] == numbers[position])
            drop(corners[:, position], later + (position + 1))
    return np.array(chosen, np.int64)


def _overlapping(box: _Floats, others: _Floats, areas: _Floats, overlap: float) -> npt.NDArray[np.bool_]:
    """bool[others], whether intersection over union of a box with boxes float32[4, others] is above the overlap."""
    box = box[:, None]
    both = _areas(np.concatenate([np.maximum(others[:2], box[:2]), np.minimum(others[2:], box[2:])]))
    larger: npt.NDArray[np.bool_] = both > np.float32(overlap) * (_areas(box) + areas - both)
    return larger


def _areas(corners: _Floats) -> _Floats:
    """float32[boxes] of corners float32[4, boxes]."""
    sides = np.maximum(corners[2:] - corners[:2], 0)
    areas: _Floats = sides[0] * sides[1]
    return areas


def _yolo(
    outputs: Mapping[str, Array], layout: DetectionFormat, input_size: tuple[int, int]
) -> list[_Floats]:
    """Boxes and scores in one tensor, with a column that says whether there is any object or without."""
    images = []
    for one in outputs[layout.boxes]:
        columns = one if layout.anchors_last else one.T
        boxes, scores = columns[:4].T, columns[4:].T
        if layout.layout == YOLO_OBJECTNESS:
            certainty = _probabilities(scores[:, :1], layout)
            # Most boxes have no object, and the product is never above this factor.
            likely = certainty[:, 0] > SCORE_THRESHOLD
            boxes, scores = boxes[likely], _probabilities(scores[likely, 1:], layout) * certainty[likely]
        else:
            scores = _probabilities(scores, layout)
        images.append(_best(boxes, scores, layout, input_size))
    return images


def _ssd(outputs: Mapping[str, Array], layout: DetectionFormat, input_size: tuple[int, int]) -> list[_Floats]:
    """Decoded boxes and scores in two tensors."""
    assert layout.scores is not None  # noqa: S101 - of this layout, and narrows the type for mypy
    all_boxes = outputs[layout.boxes]
    if layout.corners != "xywh":
        inverted = (all_boxes[..., 2:] < all_boxes[..., :2]).any(axis=-1)
        if inverted.mean() > 0.5:
            raise DataError(
                f"output {layout.boxes}: {inverted.mean():.0%} of the boxes end before they begin: expected decoded "
                "boxes, these look like offsets from anchors; convert the model with its post-processing, or say "
                'otherwise in a JSON file ("corners": "xywh")'
            )
    scores = [_probabilities(one, layout)[:, int(layout.background) :] for one in outputs[layout.scores]]
    return [_best(boxes, one, layout, input_size) for boxes, one in zip(all_boxes, scores, strict=True)]


def _postprocessed(
    outputs: Mapping[str, Array], layout: DetectionFormat, input_size: tuple[int, int]
) -> list[_Floats]:
    """What has gone through non-maximum suppression: boxes, classes, scores, and how many of them count."""
    layout = with_roles(layout, {name: values.shape[1:] for name, values in outputs.items()})
    assert layout.scores is not None  # noqa: S101 - likewise
    assert layout.classes is not None  # noqa: S101 - likewise
    boxes, scores, classes = outputs[layout.boxes], outputs[layout.scores], outputs[layout.classes]
    count = np.full(len(boxes), boxes.shape[1])
    if layout.count is not None:
        count = np.rint(outputs[layout.count].reshape(-1)).astype(np.int64)
    counted = np.arange(boxes.shape[1]) < count[:, None]
    if _is_classes(scores[counted], classes[counted]):
        scores, classes = classes, scores
    rows = zip(boxes, scores, classes, counted, strict=True)
    return [_found(one[use], score[use], number[use], layout, input_size) for one, score, number, use in rows]


def _is_classes(one: Array, other: Array) -> bool:
    """Whether the first of two outputs surely has the classes: whole numbers that no score of a detection can be.

    Scores of detections are above 0 and at most 1.
    """
    whole, other_whole = (bool((values == np.rint(values)).all()) for values in (one, other))
    if whole != other_whole:
        return whole
    return whole and bool((one > 1).any()) and not bool((other > 1).any())


def _rows(
    outputs: Mapping[str, Array], layout: DetectionFormat, input_size: tuple[int, int]
) -> list[_Floats]:
    """A box, its score and its class in each row."""
    return [_found(one[:, :4], one[:, 4], one[:, 5], layout, input_size) for one in outputs[layout.boxes]]


def _found(
    boxes: Array, scores: Array, classes: Array, layout: DetectionFormat, input_size: tuple[int, int]
) -> _Floats:
    """float32[found, 6] of detections that need no suppression."""
    scores = _probabilities(scores, layout)
    corners = _corners(boxes, layout, input_size)
    use = np.flatnonzero((scores > SCORE_THRESHOLD) & np.isfinite(corners).all(axis=1) & np.isfinite(classes))
    use = use[np.argsort(-scores[use], kind="stable")][:MAX_DETECTIONS]
    return np.column_stack([corners[use], scores[use], np.rint(classes[use])]).astype(np.float32)


def _best(boxes: Array, scores: Array, layout: DetectionFormat, input_size: tuple[int, int]) -> _Floats:
    """float32[found, 6] after non-maximum suppression."""
    corners = _corners(boxes, layout, input_size)
    # Most boxes are of nothing; their rows need not be looked through class by class.
    likely = np.isfinite(corners).all(axis=1) & (np.fmax.reduce(scores, axis=1) > SCORE_THRESHOLD)
    corners, scores = corners[likely], np.ascontiguousarray(scores[likely])
    places, classes = non_maximum_suppression(corners, scores, layout.overlap)
    return np.column_stack([corners[places], scores[places, classes], classes]).astype(np.float32)


def _corners(boxes: Array, layout: DetectionFormat, input_size: tuple[int, int]) -> _Floats:
    """float32[A, 4], ymin, xmin, ymax, xmax as fractions of the input."""
    boxes = boxes.astype(np.float32)
    if layout.corners == "xywh":
        centre, half = boxes[:, 1::-1], boxes[:, :1:-1] / 2
        boxes = np.concatenate([centre - half, centre + half], axis=1)
    elif layout.corners == "xyxy":
        boxes = boxes[:, [1, 0, 3, 2]]
    in_pixels = layout.units == "pixels" or (
        layout.units == "auto" and bool((boxes[np.isfinite(boxes)] > _LARGEST_FRACTION).any())
    )
    return (boxes / np.array(input_size * 2, np.float32)).astype(np.float32) if in_pixels else boxes


def _probabilities(scores: Array, layout: DetectionFormat) -> _Floats:
    """Scores between 0 and 1, or NaN."""
    scores = scores.astype(np.float32, copy=False)
    if layout.activation == "sigmoid":
        with np.errstate(over="ignore"):
            scores = 1 / (1 + np.exp(-scores))
        return scores.astype(np.float32)
    lowest = np.fmin.reduce(scores, axis=None, initial=0)
    if lowest < _LOWEST_PROBABILITY:
        raise DataError(
            f"the detector's scores go down to {lowest:.3g}: expected probabilities; if its last sigmoid is "
            'missing, say so in a JSON file ("activation": "sigmoid")'
        )
    return scores.clip(0, 1)
