"""Models that find objects and draw boxes around them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import ClassScore
from edgeq.benchmark.resampling import Floats, Statistic, bootstrap, resampled_metric
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task, class_name
from edgeq.benchmark.tasks.coco_precision import (
    IOU_THRESHOLDS,
    ClassMatches,
    Detections,
    average_precision,
    match,
    mean_average_precision,
)
from edgeq.benchmark.tasks.detection_decoding import NO_DETECTION, decode
from edgeq.benchmark.tasks.detection_format import DetectionFormat, deduce_format
from edgeq.data.media.image_preparation import ImagePreparation, placement
from edgeq.data.truth import Boxes, Truth
from edgeq.errors import DataError, MissingExtraError

_NOTHING_FOUND = 0.01
"""A mAP@0.5 below this is no detector that is merely weak: answers at random have about 0.001."""

_CLEARLY = 0.1
"""Another reading of the outputs is proposed where it gains this much mAP@0.5."""

_Reading = tuple[float, str]
"""What the mAP@0.5 would be, and under which condition."""

_LOOSEST = IOU_THRESHOLDS[:1]  # 0.5


@dataclass(frozen=True)
class Detection(Task):
    """Boxes around objects, with class and score.

    Observations: ``detections`` float32[n, 100, 6], see `decode`.

    Attributes:
        format: how the model writes down what it found.
        preparation: of the images.
        input_shape: [H, W, C] of the model's input.
    """

    format: DetectionFormat
    preparation: ImagePreparation
    input_shape: tuple[int, int, int]
    name = "detection"

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
        """See `Task.check`.

        Raises:
            MissingExtraError: pycocotools is not installed.
        """
        if truth is None:
            return
        if not isinstance(truth, Boxes):
            raise DataError(f"{source}: expected boxes, found {type(truth).__name__}")
        if not any((~one.crowd).any() for one in truth.objects):
            raise DataError(f"{source} has no object in {len(truth)} images: expected boxes to find")
        if self.format.numbering == "category" and not truth.numbers:
            raise DataError(
                f"{source} has no numbers of classes as an annotation file has them: expected "
                '"numbering": "position" in the JSON file of the task'
            )
        if importlib.util.find_spec("pycocotools") is None:
            raise MissingExtraError("pycocotools", "metrics")

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        return {"detections": decode(outputs, self.format, self.input_shape[:2])}

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:
        """There must be some mAP@0.5, and no other numbering of the classes with far more.

        Raises:
            DataError: there is not; names what would be better.
        """
        assert isinstance(truth, Boxes)  # noqa: S101 - `check` has refused others
        rows = observed["detections"]
        task = self._with(numbering=self._numbering(rows, truth))
        found = task._map50(rows, truth)
        if found < _NOTHING_FOUND:
            others = [task._renumbered(rows, truth), *task._misread(rows, truth)]
        elif self.format.numbering == "auto":
            others = [task._renumbered(rows, truth)]
        else:
            return
        value, words = max(one for one in others if one is not None) if any(others) else (0.0, "")
        if value - found > _CLEARLY:
            cause = f"it would be {value:.3f} {words}"
        elif found < _NOTHING_FOUND:
            cause = (
                "the preprocessing is wrong (see --preprocess), or the convention of the boxes, or the order of the "
                "classes (see --labels)"
            )
        else:
            return
        raise DataError(
            f"{variant} has a mAP@0.5 of {found:.3f} on {len(truth)} images: {cause}; no drop can be measured"
        )

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`.

        500 images with 7 objects and 100 detections each take 1.7 s to match and 0.5 s to resample, 5,000 images 17 s
        and 10 s, and as much again for the baseline.
        """
        if truth is None:
            return Score()
        assert isinstance(truth, Boxes)  # noqa: S101 - likewise
        sides = [observed] if baseline is None else [observed, baseline]
        numbering = self._numbering(sides[-1]["detections"], truth)
        task = self._with(numbering=numbering)
        matches = [task._matches(side["detections"], truth) for side in sides]
        statistics = [_statistic(one) for one in matches]
        passes = len(matches[0]) * len(IOU_THRESHOLDS)
        ours, *others = bootstrap(statistics, len(truth), seed=seed, passes=passes)
        metrics = [
            resampled_metric(
                key, label, len(truth), ours[:, column], others[0][:, column] if others else None
            )
            for column, (key, label) in enumerate((("map", "mAP"), ("map50", "mAP@0.5")))
        ]
        return Score(tuple(metrics), classes=_class_scores(matches[0], truth.names))

    def _matches(
        self, rows: Array, truth: Boxes, thresholds: Floats = IOU_THRESHOLDS
    ) -> tuple[ClassMatches, ...]:
        """Which detection found which object, by class."""
        classes = max(len(truth.names), 1 + max(int(one.classes.max(initial=0)) for one in truth.objects))
        detections = [
            self._in_original(found, one.size, truth) for found, one in zip(rows, truth.objects, strict=True)
        ]
        return match(truth.objects, detections, classes, thresholds)

    def _map50(self, rows: Array, truth: Boxes) -> float:
        once = np.ones((1, len(truth)))
        precision = [average_precision(one, once) for one in self._matches(rows, truth, _LOOSEST)]
        return float(mean_average_precision(np.stack(precision))[0])

    def _in_original(self, rows: Array, size: tuple[int, int], truth: Boxes) -> Detections:
        """Detections of one image in its own pixels and with the classes of the data.

        Boxes are cut at the edges of the image; classes that the data do not have are left out.
        """
        used = rows[rows[:, 4] != NO_DETECTION].astype(np.float64)
        classes = self._classes(np.rint(used[:, 5]).astype(np.int64), truth)
        used, classes = used[classes >= 0], classes[classes >= 0]
        place = placement(size, self.preparation, self.input_shape)
        corners = used[:, :4].reshape(-1, 2, 2) * self.input_shape[:2]
        boxes = place.to_original(corners).clip(0, size).reshape(-1, 4)
        return Detections(boxes, used[:, 4], classes)

    def _numbering(self, rows: Array, truth: Boxes) -> str:
        """The numbering of the model's classes, also where it is to be found out."""
        if self.format.numbering != "auto":
            return self.format.numbering
        largest = rows[..., 5].max(initial=0, where=rows[..., 4] != NO_DETECTION) - self.format.first_class
        return "category" if _has_gaps(truth) and largest >= len(truth.numbers) else "position"

    def _classes(self, numbers: npt.NDArray[np.int64], truth: Boxes) -> npt.NDArray[np.int64]:
        """Classes of the data for the model's; -1 where the data have no such class."""
        positions = numbers - self.format.first_class
        if self.format.numbering != "category":
            known = len(truth.names) or positions.max(initial=0) + 1
            return np.where((positions >= 0) & (positions < known), positions, -1)
        table = {number: index for index, number in enumerate(truth.numbers)}
        return np.array([table.get(int(position) + 1, -1) for position in positions], np.int64)

    def _renumbered(self, rows: Array, truth: Boxes) -> _Reading | None:
        """How it would be with the other numbering; None where there is only one."""
        if not _has_gaps(truth):
            return None
        other = "position" if self.format.numbering == "category" else "category"
        words = f'if classes were numbered by {other} (in a JSON file: "numbering": "{other}")'
        return self._with(numbering=other)._map50(rows, truth), words

    def _misread(self, rows: Array, truth: Boxes) -> list[_Reading]:
        """How it would be if the outputs meant something else."""
        first = self.format.first_class + 1
        readings = [
            (
                self._with(first_class=first)._map50(rows, truth),
                f'if the model\'s first class were number {first} (in a JSON file: "first_class": {first})',
            ),
            (
                self._map50(rows[..., [1, 0, 3, 2, 4, 5]], truth),
                'if x and y were exchanged (in a JSON file: "corners")',
            ),
        ]
        one_class = Boxes(
            tuple(replace(one, classes=np.zeros_like(one.classes)) for one in truth.objects), ("object",)
        )
        unclassed = np.concatenate([rows[..., :5], np.zeros_like(rows[..., :1])], axis=-1)
        value = self._with(first_class=0, numbering="position")._map50(unclassed, one_class)
        # That classes did not matter would explain every mistake in their order, so it counts half.
        if value > 2 * max(readings)[0]:
            words = "if classes did not matter: their order is not the model's (see --labels)"
            readings.append((value, words))
        return readings

    def _with(self, **changes: object) -> Detection:
        return replace(self, format=DetectionFormat.from_json(changes, base=self.format))


def choose_detection(
    output_shapes: Mapping[str, tuple[int, ...]],
    preparation: ImagePreparation,
    input_shape: tuple[int, int, int],
    names: Sequence[str],
    given: Mapping[str, object] | None = None,
) -> Detection:
    """The detection that the shapes of the outputs show.

    Args:
        output_shapes: by name, without batch axis.
        preparation: of the images.
        input_shape: [H, W, C] of the model's input.
        names: of the classes; empty where unknown.
        given: what the user says of the format, as in JSON; see `deduce_format`.

    Raises:
        DataError: they show no known format, or several.
    """
    return Detection(deduce_format(output_shapes, len(names), given), preparation, input_shape)


def _statistic(matches: Sequence[ClassMatches]) -> Statistic:
    """The two metrics of weighted images: mAP and mAP@0.5."""

    def statistic(weights: Floats) -> Floats:
        precision = np.stack([average_precision(one, weights) for one in matches])
        return np.stack([mean_average_precision(part) for part in (precision, precision[:, :1])], axis=1)

    return statistic


def _class_scores(matches: Sequence[ClassMatches], names: Sequence[str]) -> tuple[ClassScore, ...]:
    scores = []
    for index, one in enumerate(matches):
        if one.objects.sum() == 0:
            continue
        precision = average_precision(one, np.ones((1, len(one.objects))))[:, 0]
        shares = {"ap": float(precision.mean()), "ap50": float(precision[0])}
        scores.append(ClassScore(class_name(names, index), int(one.objects.sum()), shares))
    return tuple(scores)


def _has_gaps(truth: Boxes) -> bool:
    """Whether the numbers in the annotation file leave some out, as COCO's do."""
    return len(truth.numbers) > 0 and max(truth.numbers) - min(truth.numbers) >= len(truth.numbers)
