"""Which files TensorFlow Lite model metadata can describe, and what the tools that read them do otherwise than edgeq.

The tools are MediaPipe Tasks, ML Kit and Android Studio's model binding. What MediaPipe Tasks takes was found out with
its package of version 1.2.2, which `tests/android/test_metadata.py` runs, and what the TensorFlow Lite Task Library
takes, its predecessor, with that of 0.4.4; both copy pixels into uint8 inputs and take three channels only. What ML Kit
takes is what its page on custom models says, https://developers.google.com/ml-kit/custom-models.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from edgeq.android.metadata_normalisation import furthest_pixel, normalisation_of
from edgeq.benchmark.tasks.choosing import CLASSIFICATION, MULTI_LABEL
from edgeq.bundle import Manifest
from edgeq.data.media.audio import AudioPreparation
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import DataError, UsageError
from edgeq.printing import printable
from edgeq.tflite.io import TensorInfo
from edgeq.tflite.model import TfliteModel

TAKEN = ("uint8", "float32")
"""Types of inputs and outputs that all of the tools take."""

_ROUNDING, _MOST_STEPS = 1, 4
"""How far from itself a uint8 input stores a pixel by rounding alone, and may.

In one trial by hand, of 200 images that a small MobileNetV2 of int8 had not seen, 93 % got the same answer with every
pixel 4 steps lighter, at the same accuracy; 76 % with 13 steps, at 6 points less.
"""

_PASSED_ON = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
_PROBABILITIES = ("LOGISTIC", "SOFTMAX")

_SEPARATORS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories of characters that end a line or have no place in UTF-8."""

_BYTE_ORDER_MARK = "\ufeff"


def check_labels(labels: Sequence[str]) -> None:
    """Refuses class names that a file with one name a line cannot hold.

    Raises:
        UsageError: there are none, or one of them is empty, has spaces around it or characters that end a line.
    """
    if not labels:
        raise UsageError(
            "the bundle has no class names, which are half of what metadata are for: convert the model again with "
            "--labels FILE"
        )
    for number, label in enumerate(labels, 1):
        characters = {unicodedata.category(character) for character in label}
        if not label or label != label.strip() or characters & _SEPARATORS or _BYTE_ORDER_MARK in label:
            raise UsageError(
                f"class name {number} is '{printable(label)[:60]}': expected a name in one line without spaces around "
                "it; convert the model again with --labels FILE"
            )


def notes_on_labels(labels: Sequence[str]) -> Iterator[str]:
    """What a user should know of class names that can be written."""
    twice, count = next(iter(Counter(labels).most_common(1)), ("", 0))
    if count > 1:
        yield (
            f"{count} classes are named '{printable(twice)[:60]}': an allow list or a deny list of names means the "
            "first of them"
        )


def refusal(
    model: TfliteModel, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], manifest: Manifest
) -> str:
    """Why a file cannot have metadata; empty where it can.

    Args:
        model: the file.
        inputs: of it.
        outputs: of it.
        manifest: of its bundle, with labels.
    """
    reasons = (
        _shape_refusal(inputs, outputs, len(manifest.labels)),
        _type_refusal(inputs, outputs),
        _graph_refusal(model),
    )
    first = next((reason for reason in reasons if reason), "")
    return first or _pixel_refusal(inputs[0], manifest.preprocessing.of(inputs[0].name), manifest)


def notes_on_file(model: TfliteModel, image: TensorInfo, preprocessing: Preprocessing) -> Iterator[str]:
    """What a user should know of a file that can have metadata.

    Args:
        model: the file.
        image: its input.
        preprocessing: of the input.
    """
    if image.shape[3] == 1:
        yield "its image is grey, and MediaPipe Tasks and the Task Library take three channels only"
    if image.dtype == "float32" and len(normalisation_of(preprocessing).mean) > 1:
        yield (
            "its channels are normalised differently, which MediaPipe Tasks refuses: put the normalisation into the "
            "model as a layer, and convert it with --preprocess raw"
        )
    if image.dtype == "uint8":
        pixel, stored = furthest_pixel(preprocessing, image, image.shape[3])
        if abs(pixel - stored) > _ROUNDING:
            yield (
                f"its input stores a pixel of {pixel} as {stored}, and MediaPipe Tasks copies pixels as they are: a "
                "few answers may be others than edgeq's"
            )
    if preprocessing.image.fit != "stretch":
        yield (
            f"metadata cannot say {preprocessing.image.fit}, as the bundle prepares images: the tools stretch the "
            "whole image, unless the app gives them a part of it"
        )
    if not is_probability(model):
        yield (
            "its scores are no probabilities, for it ends without softmax or sigmoid: a threshold of 0.5 means "
            "nothing to it"
        )


def is_probability(model: TfliteModel) -> bool:
    """Whether the first output is that of softmax or of a sigmoid."""
    graph = model.subgraphs[0]
    makers = {index: operator for operator in graph.operators for index in operator.outputs}
    operator = makers.get(graph.outputs[0])
    # A damaged file may go round in circles.
    for _ in graph.operators:
        if operator is None or operator.name not in _PASSED_ON or not operator.inputs:
            break
        operator = makers.get(operator.inputs[0])
    return operator is not None and operator.name in _PROBABILITIES


def _shape_refusal(inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], labels: int) -> str:
    if len(inputs) != 1 or len(outputs) != 1:
        found = f"{len(inputs)} inputs and {len(outputs)} outputs"
        return f"it has {found}: expected one image and one output with a score a class"
    image, scores = inputs[0], outputs[0]
    if len(image.shape) != 4 or image.shape[0] != 1 or image.shape[3] not in (1, 3) or min(image.shape) < 1:
        return f"its input is {list(image.shape)}: expected an image, [1, height, width, 1 or 3]"
    if min(image.shape_signature[1:]) < 1:
        return "the size of its image is not fixed: convert the model again with --size HEIGHTxWIDTH"
    if len(scores.shape) != 2 or scores.shape[0] != 1 or scores.shape[1] < 2:
        return f"its output is {list(scores.shape)}: expected a score a class, [1, classes]"
    if scores.shape[1] != labels:
        return (
            f"it has {scores.shape[1]} classes, and the bundle has {labels} class names: convert the model again with "
            "--labels FILE"
        )
    return ""


def _type_refusal(inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> str:
    for kind, tensor in (("input", inputs[0]), ("output", outputs[0])):
        if tensor.dtype not in TAKEN:
            return (
                f"its {kind} is {tensor.dtype}, and MediaPipe Tasks, ML Kit and model binding take uint8 or float32: "
                "make such a file with edgeq convert --io uint8 or --io float32"
            )
    if outputs[0].dtype == "uint8" and outputs[0].scale is None:
        return "its output is uint8 without a scale: convert the model again"
    return ""


def _graph_refusal(model: TfliteModel) -> str:
    if len(model.subgraphs) != 1:
        return f"it has {len(model.subgraphs)} subgraphs, and MediaPipe Tasks and ML Kit take one"
    if any(operator.is_flex for operator in model.subgraphs[0].operators):
        return "it has TensorFlow's own (Flex) operators, which MediaPipe Tasks and ML Kit cannot run"
    return ""


def _pixel_refusal(image: TensorInfo, preprocessing: Preprocessing, manifest: Manifest) -> str:
    if manifest.task not in (None, CLASSIFICATION, MULTI_LABEL):
        return "the bundle says that it does not classify"
    if preprocessing.audio != AudioPreparation():
        return "its input is a sound as the bundle prepares it: expected an image"
    if preprocessing.image.channels == "bgr" and image.shape[3] == 3:
        return (
            "it takes pixels as BGR, which metadata cannot say and no tool does: turn the channels round in the "
            "model, and convert it with another --preprocess"
        )
    try:
        normalisation_of(preprocessing)
        preprocessing.check_channels(image.shape[3])
    except (DataError, UsageError) as error:
        return str(error)
    if image.dtype != "uint8":
        return ""
    pixel, stored = furthest_pixel(preprocessing, image, image.shape[3])
    if abs(pixel - stored) <= _MOST_STEPS:
        return ""
    return (
        f"its input stores a pixel of {pixel} as {stored}, and MediaPipe Tasks copies pixels as they are: calibrate "
        "with images that hold black and white, or take float32"
    )
