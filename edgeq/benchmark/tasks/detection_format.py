"""How detectors write down what they found, and which of the ways a model's output shapes show.

There is no standard: boxes come as corners or as centre and size, as fractions or in pixels, in one tensor with the
class scores or apart, with or without non-maximum suppression. Shapes tell most of it; a JSON file tells the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeq.errors import DataError

POSTPROCESSED = "postprocessed"
"""Boxes [N, 4], classes [N], scores [N] and count, as ``TFLite_Detection_PostProcess`` makes them; any order."""
ROWS = "rows"
"""[N, 6]: a box, its score and its class; YOLOv10 and YOLO26 without non-maximum suppression."""
YOLO = "yolo"
"""[4 + classes, A] or [A, 4 + classes]: a box and a score a class; YOLOv8 to YOLO12."""
YOLO_OBJECTNESS = "yolo-objectness"
"""[A, 5 + classes] or [5 + classes, A]: a box, whether there is any object, and which; YOLOv5 to YOLOv7."""
SSD = "ssd"
"""Boxes [A, 4], decoded, and scores [A, classes] or [A, 1 + classes] with the background first."""

CORNERS = ("yxyx", "xyxy", "xywh")
UNITS = ("auto", "fractions", "pixels")
NUMBERINGS = ("auto", "position", "category")
ACTIVATIONS = ("none", "sigmoid")

# Order of the coordinates, and the overlap above which the worse of two boxes goes. The overlaps are those with which
# the families are validated: Ultralytics' cfg/default.yaml (0.7), YOLOv5's val.py (0.6), and Liu et al., "SSD: Single
# Shot MultiBox Detector", ECCV 2016, section 3.7 (0.45). 1 leaves everything.
_DEFAULTS = {
    POSTPROCESSED: ("yxyx", 1.0),
    ROWS: ("xyxy", 1.0),
    YOLO: ("xywh", 0.7),
    YOLO_OBJECTNESS: ("xywh", 0.6),
    SSD: ("yxyx", 0.45),
}

# What tells candidates apart; the rest of a user's file is taken over.
_STRUCTURE = ("layout", "boxes", "scores", "classes", "count", "anchors_last", "background")

_SCORE_WORDS = ("score", "conf", "prob")
_CLASS_WORDS = ("class", "label", "categor")


@dataclass(frozen=True)
class DetectionFormat:
    """How a detector writes down what it found.

    Attributes:
        layout: `POSTPROCESSED`, `ROWS`, `YOLO`, `YOLO_OBJECTNESS` or `SSD`.
        boxes: name of the output with the boxes, or with everything.
        scores: name of the output with the scores, where that is another.
        classes: name of the output with the classes of `POSTPROCESSED`; where these are no whole numbers and the
            scores are, the two are exchanged.
        count: name of the output with the number of detections; None without.
        anchors_last: whether the one tensor is [4 + classes, A].
        background: whether the first column of scores is the background's.
        corners: ``yxyx`` and ``xyxy`` are two corners, ``xywh`` is centre and size.
        units: ``fractions`` of the model's input, ``pixels`` of it, or ``auto``: pixels where they exceed 2.
        activation: what the scores still need to be probabilities: ``none`` or ``sigmoid``.
        overlap: intersection over union above which non-maximum suppression drops the worse of two boxes; not for
            `POSTPROCESSED` and `ROWS`, which have gone through it.
        first_class: the model's number of the first class.
        numbering: ``position``: the model's classes are those of the data, in their order. ``category``: they are
            the numbers of the annotation file, the first of which is 1: COCO's, which have gaps, in models of
            TensorFlow's Object Detection API. ``auto``: ``category`` where the model names a class beyond the last.

    Raises:
        DataError: a value is none of those.
    """

    layout: str
    boxes: str
    scores: str | None = None
    classes: str | None = None
    count: str | None = None
    anchors_last: bool = False
    background: bool = False
    corners: str = "yxyx"
    units: str = "auto"
    activation: str = "none"
    overlap: float = 1.0
    first_class: int = 0
    numbering: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("layout", tuple(_DEFAULTS)),
            ("corners", CORNERS),
            ("units", UNITS),
            ("activation", ACTIVATIONS),
            ("numbering", NUMBERINGS),
        ):
            if getattr(self, name) not in allowed:
                raise DataError(
                    f"detection format: expected {name} to be one of {', '.join(allowed)}, "
                    f"found {getattr(self, name)!r}"
                )
        if not 0 < self.overlap <= 1:
            raise DataError(
                f"detection format: expected an overlap above 0 and up to 1, found {self.overlap}"
            )

    def to_json(self) -> dict[str, Any]:
        """The format as names and values; what is None is left out."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    @staticmethod
    def from_json(value: object, base: DetectionFormat | None = None) -> DetectionFormat:
        """Reads what `to_json` wrote, or a part of it.

        Args:
            value: the decoded JSON.
            base: where what is not given comes from; else from the layout's defaults.

        Raises:
            DataError: it is no object, has a key that is unknown or of another type, or lacks the layout or the boxes.
        """
        given = _checked(value)
        if base is not None:
            return dataclasses.replace(base, **given)
        missing = [name for name in ("layout", "boxes") if name not in given]
        if missing:
            raise DataError(f"detection format: {' and '.join(missing)} missing")
        corners, overlap = _DEFAULTS.get(given["layout"], ("yxyx", 1.0))
        fields: dict[str, Any] = {"corners": corners, "overlap": overlap} | given
        return DetectionFormat(**fields)


def deduce_format(
    shapes: Mapping[str, tuple[int, ...]], classes: int, given: Mapping[str, object] | None = None
) -> DetectionFormat:
    """The format that fits the shapes of the outputs.

    Args:
        shapes: of the outputs by name, without batch axis.
        classes: number of classes; 0 where unknown.
        given: what the user says of the format, as in JSON: chooses among what fits, and completes it.

    Raises:
        DataError: nothing fits, or several formats do; lists them.
    """
    said = _checked(given or {})
    fitting = list(_candidates(shapes, classes))
    chosen = [
        one for one in fitting if all(_agree(getattr(one, name), said.get(name)) for name in _STRUCTURE)
    ]
    if len(chosen) == 1:
        return DetectionFormat.from_json(said, base=chosen[0])
    outputs = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
    of_classes = f"{classes} classes" if classes else "an unknown number of classes"
    if chosen:
        listed = " or ".join(_description(one) for one in chosen)
        raise DataError(
            f"the outputs {outputs} can be read in several ways with {of_classes}: {listed}; say which in a JSON file"
        )
    listed = "; ".join(_description(one) for one in fitting) or "none"
    raise DataError(
        f"the outputs {outputs} are no known detector's with {of_classes}: expected boxes [N, 4] with classes and "
        f"scores [N], [N, 6], [4 + classes, A], [A, 5 + classes], or boxes [A, 4] with scores [A, classes]; "
        f"what fits without the JSON file: {listed}"
    )


def with_roles(layout: DetectionFormat, shapes: Mapping[str, tuple[int, ...]]) -> DetectionFormat:
    """A `POSTPROCESSED` format that knows which output is which.

    Files that TensorFlow 1 wrote do not say what shapes the operator's outputs have; the runtime does.

    Args:
        layout: of that layout, perhaps without roles.
        shapes: of the outputs by name, without batch axis.

    Raises:
        DataError: the outputs are none of that operator's.
    """
    if layout.scores is not None and layout.classes is not None:
        return layout
    found = next(_postprocessed(shapes), None)
    if found is None:
        outputs = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise DataError(
            f"the outputs {outputs} are no detections: expected boxes [N, 4], classes [N], scores [N]"
        )
    roles = {name: getattr(found, name) for name in ("boxes", "scores", "classes", "count")}
    return dataclasses.replace(layout, **roles)


def _candidates(shapes: Mapping[str, tuple[int, ...]], classes: int) -> Iterator[DetectionFormat]:
    yield from _postprocessed(shapes)
    if (
        len(shapes) in (3, 4)
        and all(_speaks_of(name, ("detection",)) for name in shapes)
        and not any(shapes.values())
    ):
        yield _default(POSTPROCESSED, boxes=next(iter(shapes)))
    for name, shape in shapes.items():
        if len(shape) == 2:
            yield from _of_one_tensor(name, shape, classes)
    for boxes, box_shape in shapes.items():
        for scores, shape in shapes.items():
            if boxes != scores and len(shape) == 2 and box_shape == (shape[0], 4):
                yield from _of_two_tensors(boxes, scores, shape[1], classes)


def _postprocessed(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[DetectionFormat]:
    counts = [name for name, shape in shapes.items() if shape in ((), (1,))]
    for boxes, shape in shapes.items():
        if len(shape) != 2 or shape[1] != 4 or shape[0] < 2:
            continue
        vectors = [name for name, other in shapes.items() if other == shape[:1]]
        if len(vectors) == 2 and len(counts) <= 1:
            classes, scores = _roles(vectors)
            count = counts[0] if counts else None
            yield _default(POSTPROCESSED, boxes=boxes, scores=scores, classes=classes, count=count)


def _roles(names: Sequence[str]) -> tuple[str, str]:
    """Which of two outputs has the classes and which the scores, by name; the operator's own order else."""
    first, second = names
    if _speaks_of(first, _SCORE_WORDS) or _speaks_of(second, _CLASS_WORDS):
        return second, first
    return first, second


def _speaks_of(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _of_one_tensor(name: str, shape: tuple[int, ...], classes: int) -> Iterator[DetectionFormat]:
    for anchors_last in (True, False):
        features, anchors = shape if anchors_last else shape[::-1]
        for layout, extra in ((YOLO, 4), (YOLO_OBJECTNESS, 5)):
            # There are always more boxes than numbers a box; [10, 4] is ten boxes of another layout.
            if extra < features < anchors and classes in (0, features - extra):
                yield _default(layout, boxes=name, anchors_last=anchors_last)
    if shape[1] == 6:
        yield _default(ROWS, boxes=name)


def _of_two_tensors(boxes: str, scores: str, columns: int, classes: int) -> Iterator[DetectionFormat]:
    if columns == 4 and (_speaks_of(boxes, _SCORE_WORDS) or "box" in scores.lower()):
        return  # four classes, and the names say that it is the other way round
    # Far more columns than classes: those of an annotation file whose numbers have gaps, with background or without.
    if columns == classes or columns > classes + 1 or not classes:
        yield _default(SSD, boxes=boxes, scores=scores)
    if columns > max(classes, 1):
        yield _default(SSD, boxes=boxes, scores=scores, background=True)


def _default(layout: str, **fields: Any) -> DetectionFormat:
    corners, overlap = _DEFAULTS[layout]
    return DetectionFormat(layout, corners=corners, overlap=overlap, **fields)


def _agree(found: object, said: object) -> bool:
    return said is None or found == said


def _description(one: DetectionFormat) -> str:
    """The layout and what sets it apart, as it stands in JSON."""
    parts = [f'"layout": "{one.layout}"', f'"boxes": "{one.boxes}"']
    if one.layout == SSD:
        parts += [f'"scores": "{one.scores}"', f'"background": {str(one.background).lower()}']
    if one.layout in (YOLO, YOLO_OBJECTNESS):
        parts.append(f'"anchors_last": {str(one.anchors_last).lower()}')
    return "{" + ", ".join(parts) + "}"


def _checked(value: object) -> dict[str, Any]:
    """The fields of a JSON object, after checking their names and types; ``task`` is not of the format."""
    if not isinstance(value, Mapping):
        raise DataError(f"detection format: expected a JSON object, found {type(value).__name__}")
    types = {field.name: str(field.type) for field in dataclasses.fields(DetectionFormat)}
    given = {str(name): item for name, item in value.items() if name != "task"}
    for name, item in given.items():
        if name not in types:
            raise DataError(f"detection format: unknown key {name!r}; expected some of {', '.join(types)}")
        kind = types[name].removesuffix(" | None")
        allowed: Any = {"str": str, "bool": bool, "int": int, "float": (int, float)}[kind]
        if not isinstance(item, allowed) or (isinstance(item, bool) and kind != "bool"):
            raise DataError(f"detection format: expected {name} to be {kind}, found {item!r}")
    return given
