"""Average precision of shapes_detection.py's outputs.

``edgeq`` measures detection with all of COCO's numbers; this is the one that the training reports, small enough to
be checked by hand and computed by code of its own. It equals pycocotools', which a test compares it with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_SCORE = (
    0.01  # lower ones change the figure by nothing that counts, and there are 144 of them in each image
)
SAME_OBJECT = 0.5  # IoU above which the lower score of a class is dropped
RECALLS = np.linspace(0, 1, 101)  # at which COCO reads precision


def detections(output: npt.NDArray[np.float32], size: int) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """What one output says, after non-maximum suppression by class.

    Args:
        output: float32[cells, 4 + classes], x, y, width, height in 0..1 and scores.
        size: height and width of the image, in pixels.

    Returns:
        Boxes float64[D, 4] as ymin, xmin, ymax, xmax in pixels, scores float64[D] falling, classes int64[D].
    """
    cells, classes = np.nonzero(output[:, 4:] >= LEAST_SCORE)
    scores = output[cells, 4 + classes].astype(np.float64)
    middle, extent = output[cells, 1::-1].astype(np.float64), output[cells, 3:1:-1].astype(np.float64)
    boxes = np.concatenate([middle - extent / 2, middle + extent / 2], axis=1) * size
    kept: list[int] = []
    for position in np.argsort(-scores, kind="stable"):
        rivals = [other for other in kept if classes[other] == classes[position]]
        if not rivals or overlaps(boxes[position], boxes[rivals]).max() <= SAME_OBJECT:
            kept.append(int(position))
    return boxes[kept], scores[kept], classes[kept]


def overlaps(box: Floats, others: Floats) -> Floats:
    """Intersection over union of a box float64[4] with each of float64[N, 4]: ymin, xmin, ymax, xmax."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - both
    return np.asarray(both / union)


def mean_average_precision(
    outputs: npt.NDArray[np.float32],
    truths: Sequence[tuple[Floats, npt.NDArray[np.int64]]],
    size: int,
    threshold: float = 0.5,
) -> float:
    """Mean over classes of the precision at 101 recalls (COCO's definition, at one IoU).

    Args:
        outputs: float32[N, cells, 4 + classes].
        truths: boxes float64[objects, 4] and classes int64[objects] of each image.
        size: height and width of the images, in pixels.
        threshold: IoU from which a box is right.
    """
    found = [detections(output, size) for output in outputs]
    count = outputs.shape[2] - 4
    return float(np.mean([_average_precision(found, truths, kind, threshold) for kind in range(count)]))


def _average_precision(
    found: Sequence[tuple[Floats, Floats, npt.NDArray[np.int64]]],
    truths: Sequence[tuple[Floats, npt.NDArray[np.int64]]],
    kind: int,
    threshold: float,
) -> float:
    scores: list[float] = []
    right: list[bool] = []
    objects = 0
    for (boxes, certain, classes), (real, real_classes) in zip(found, truths, strict=True):
        mine = classes == kind
        wanted = real[real_classes == kind]
        objects += len(wanted)
        scores.extend(certain[mine])
        right.extend(_matched(boxes[mine], wanted, threshold))
    order = np.argsort(-np.asarray(scores), kind="stable")
    hits = np.cumsum(np.asarray(right, bool)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    best_from_here = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    positions = np.searchsorted(hits / objects, RECALLS)
    return float(best_from_here[positions].mean())


def _matched(boxes: Floats, wanted: Floats, threshold: float) -> list[bool]:
    """Whether each box, by falling score, has an object that no earlier one has."""
    free = np.ones(len(wanted), bool)
    right = []
    for box in boxes:
        overlap = np.where(free, overlaps(box, wanted), 0.0) if len(wanted) else np.zeros(1)
        right.append(bool(overlap.max() >= threshold))
        if right[-1]:
            free[overlap.argmax()] = False
    return right
