"""Which task a model does, as far as labels and shapes tell."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeq.benchmark.tasks.anomaly import Anomaly
from edgeq.benchmark.tasks.base import Task
from edgeq.benchmark.tasks.classification import Classification
from edgeq.benchmark.tasks.comparison import Comparison
from edgeq.benchmark.tasks.custom import read_custom
from edgeq.benchmark.tasks.embedding import Embedding
from edgeq.benchmark.tasks.multi_label import MultiLabel
from edgeq.benchmark.tasks.regression import Regression
from edgeq.data.truth import Boxes, ClassLabels, Masks, MultiLabels, Targets, Truth
from edgeq.errors import DataError, UsageError

if TYPE_CHECKING:
    from edgeq.data.media.image_preparation import ImagePreparation

Shapes = Mapping[str, tuple[int, ...]]

CLASSIFICATION = "classification"
MULTI_LABEL = "multi-label"
REGRESSION = "regression"
SEGMENTATION = "segmentation"
DETECTION = "detection"
ANOMALY = "anomaly"
EMBEDDING = "embedding"
CUSTOM = "custom"
COMPARISON = "comparison"

TASKS = (
    CLASSIFICATION,
    MULTI_LABEL,
    REGRESSION,
    SEGMENTATION,
    DETECTION,
    ANOMALY,
    EMBEDDING,
    CUSTOM,
    COMPARISON,
)
"""What users may type after ``--task``."""

_TRUTHS: Mapping[str, tuple[type[Truth], ...]] = {
    CLASSIFICATION: (ClassLabels,),
    MULTI_LABEL: (MultiLabels, ClassLabels),
    REGRESSION: (Targets, ClassLabels),
    SEGMENTATION: (Masks,),
    DETECTION: (Boxes,),
    ANOMALY: (ClassLabels,),
    EMBEDDING: (ClassLabels,),
}
_NATURAL = {
    ClassLabels: CLASSIFICATION,
    MultiLabels: MULTI_LABEL,
    Targets: REGRESSION,
    Masks: SEGMENTATION,
    Boxes: DETECTION,
}
_LABELS = {
    ClassLabels: "one class an item",
    MultiLabels: "any number of classes an item",
    Targets: "numbers to predict",
    Masks: "masks",
    Boxes: "boxes",
}
_EXPECTED = {
    CLASSIFICATION: "one output with a score a class, or with a single score for two classes",
    MULTI_LABEL: "one output with a score a class",
    REGRESSION: "one output",
    SEGMENTATION: "images as the only input",
    DETECTION: "images as the only input",
    ANOMALY: "one output with a single score, or of the shape of the only input",
    EMBEDDING: "one output with several numbers an item",
}


def read_task(text: str | None) -> str | Mapping[str, Any] | None:
    """What follows ``--task``: a name, or a JSON file that says how a detector's outputs are to be read.

    Raises:
        DataError: the file cannot be read, or is no JSON object.
    """
    if text is None or not text.endswith(".json"):
        return text
    try:
        value = json.loads(Path(text).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DataError(f"{text} does not exist: expected a task as JSON") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{text} cannot be read as JSON: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise DataError(
            f'{text}: expected an object such as {{"layout": "yolo"}}, found {type(value).__name__}'
        )
    return value


def choose_task(
    asked: str | None,
    truth: Truth | None,
    output_shapes: Shapes,
    input_shapes: Shapes,
    *,
    preparation: ImagePreparation | None = None,
    custom: Path | None = None,
    detector: Mapping[str, object] | None = None,
) -> Task:
    """What the model does.

    Args:
        asked: a name of `TASKS`; None finds out.
        truth: of the data set; None without labels.
        output_shapes: by name, without batch axis.
        input_shapes: by name, without batch axis.
        preparation: how images become the only input; None where there are no images.
        custom: the converter script with metrics of the user's own; None without.
        detector: what the user says of a detector's outputs, see `choose_detection`; None where shapes tell.

    Raises:
        UsageError: there is no task of that name, or labels or shapes do not allow it.
        DataError: outputs and labels do not go together.
    """
    if asked is not None and asked not in TASKS:
        raise UsageError(f"--task {asked} is unknown: expected one of {', '.join(TASKS)}")
    name = asked or _natural(truth, output_shapes, custom)
    if name == COMPARISON:
        return Comparison()
    if name == CUSTOM:
        if custom is None:
            raise UsageError("--task custom needs metrics: give a converter script that has them with --data")
        return read_custom(custom)
    if truth is not None and not isinstance(truth, _TRUTHS[name]):
        wanted = " or ".join(_LABELS[kind] for kind in _TRUTHS[name])
        raise UsageError(f"--task {name} needs {wanted}, the data have {_LABELS[type(truth)]}")
    if name in (SEGMENTATION, DETECTION):
        task = _of_images(name, truth, output_shapes, input_shapes, preparation, detector)
    else:
        task = _of_one_output(name, output_shapes, input_shapes)
    if task is not None:
        return task
    found = f"outputs {_shown(output_shapes)} and inputs {_shown(input_shapes)}"
    if asked is not None:
        raise UsageError(f"--task {name} needs {_EXPECTED[name]}, the model has {found}")
    labels = "" if truth is None else f"the data have {_LABELS[type(truth)]}: "
    raise DataError(
        f"{labels}expected {_EXPECTED[name]}, the model has {found}; say what it does with --task, or "
        "--task comparison to compare only its outputs"
    )


def _natural(truth: Truth | None, output_shapes: Shapes, custom: Path | None) -> str:
    """The task that labels, or without them the outputs, speak for."""
    if custom is not None:
        return CUSTOM
    if truth is not None:
        return _NATURAL[type(truth)]
    return CLASSIFICATION if _scores(output_shapes) is not None else COMPARISON


def _of_one_output(name: str, output_shapes: Shapes, input_shapes: Shapes) -> Task | None:
    """The task of that name for these shapes; None where they do not allow it."""
    if len(output_shapes) != 1:
        return None
    (shape,) = output_shapes.values()
    size, scores = math.prod(shape), _scores(output_shapes)
    if name == REGRESSION:
        return Regression(shape)
    if name == ANOMALY:
        if list(input_shapes.values()) == [shape] and size > 1:
            return Anomaly(reconstructs=True)
        return Anomaly() if size == 1 else None
    if name == CLASSIFICATION and size == 1:
        return Classification(2, single=True)
    if scores is None:
        return None
    kinds: Mapping[str, type[Classification | MultiLabel | Embedding]] = {
        CLASSIFICATION: Classification,
        MULTI_LABEL: MultiLabel,
        EMBEDDING: Embedding,
    }
    return kinds[name](scores)


def _of_images(
    name: str,
    truth: Truth | None,
    output_shapes: Shapes,
    input_shapes: Shapes,
    preparation: ImagePreparation | None,
    detector: Mapping[str, object] | None,
) -> Task | None:
    """Segmentation or detection; they say themselves what is wrong with the outputs."""
    # Imported when they are needed: most models do neither.
    from edgeq.benchmark.tasks.detection import choose_detection
    from edgeq.benchmark.tasks.segmentation import choose_segmentation

    shapes = list(input_shapes.values())
    if preparation is None or len(shapes) != 1 or len(shapes[0]) != 3:
        return None
    height, width, channels = shapes[0]
    size, names = (height, width, channels), () if truth is None else truth.names
    if name == SEGMENTATION:
        return choose_segmentation(output_shapes, preparation, size, names)
    return choose_detection(output_shapes, preparation, size, names, detector)


def _scores(output_shapes: Shapes) -> int | None:
    """Number of classes, two or more, of an only output with one score each; None where it is another."""
    if len(output_shapes) != 1:
        return None
    (shape,) = output_shapes.values()
    # Some classifiers keep the two axes that their last pooling left: [1, 1, classes].
    classes = shape[-1] if shape else 1
    return classes if classes > 1 and classes == math.prod(shape) else None


def _shown(shapes: Shapes) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
