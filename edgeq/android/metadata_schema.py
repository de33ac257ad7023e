"""TensorFlow Lite model metadata as bytes, for files that classify images.

The schema is ``mediapipe/tasks/metadata/metadata_schema.fbs`` of MediaPipe, which continues that of TensorFlow Lite
Support; slot numbers below are the fields of its tables in their order, which a flatbuffer schema never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import flatbuffers

IDENTIFIER = b"M001"

_PARSER = "1.0.0"
"""The least version of a parser: all fields that are written here are of the schema's first."""

_RGB, _GRAYSCALE = 1, 2
"""ColorSpaceType."""

_FEATURE, _IMAGE = 1, 2
"""ContentProperties."""

_NORMALIZATION = 1
"""ProcessUnitOptions."""

_AXIS_LABELS = 2
"""AssociatedFileType: a name for each place in the output."""


@dataclass(frozen=True)
class ImageInput:
    """What metadata say of an image.

    Attributes:
        description: for a person.
        width: in pixels.
        height: in pixels.
        channels: 3 for RGB, 1 for grey.
        mean: subtracted from pixels of 0 to 255; one number, or one a channel.
        std: by which they are divided then; as many.
        least: the smallest value of the tensor; one number, or one a channel.
        largest: the largest; as many.
    """

    description: str
    width: int
    height: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    least: tuple[float, ...]
    largest: tuple[float, ...]


@dataclass(frozen=True)
class ClassOutput:
    """What metadata say of the scores of classes.

    Attributes:
        description: for a person.
        label_file: name of the file with the classes' names, one a line.
        span: smallest and largest value of the tensor; None where they are not known.
    """

    description: str
    label_file: str
    span: tuple[float, float] | None


def pack_metadata(name: str, description: str, image: ImageInput, classes: ClassOutput) -> bytes:
    """The metadata of a file with one image as input and scores of classes as output.

    Args:
        name: of the model.
        description: of it, for a person.
        image: the input.
        classes: the output.
    """
    packer = _Packer()
    graph = {2: packer.tables([_image(packer, image)]), 3: packer.tables([_classes(packer, classes)])}
    fields = {
        0: packer.string(name),
        1: packer.string(description),
        3: packer.tables([packer.table(graph)]),
        7: packer.string(_PARSER),
    }
    return packer.finished(packer.table(fields))


def _image(packer: _Packer, image: ImageInput) -> int:
    size = packer.table({}, {0: (image.width, "Uint32"), 1: (image.height, "Uint32")})
    colours = _RGB if image.channels == 3 else _GRAYSCALE
    properties = packer.table({1: size}, {0: (colours, "Int8")})
    options = packer.table({0: packer.floats(image.mean), 1: packer.floats(image.std)})
    unit = packer.table({1: options}, {0: (_NORMALIZATION, "Uint8")})
    fields = {
        0: packer.string("image"),
        1: packer.string(image.description),
        3: packer.table({1: properties}, {0: (_IMAGE, "Uint8")}),
        4: packer.tables([unit]),
        5: _stats(packer, image.least, image.largest),
    }
    return packer.table(fields)


def _classes(packer: _Packer, classes: ClassOutput) -> int:
    file = packer.table(
        {0: packer.string(classes.label_file), 1: packer.string("Names of the classes, one a line.")},
        {2: (_AXIS_LABELS, "Int8")},
    )
    fields = {
        0: packer.string("score"),
        1: packer.string(classes.description),
        3: packer.table({1: packer.table({})}, {0: (_FEATURE, "Uint8")}),
        6: packer.tables([file]),
    }
    if classes.span is not None:
        fields[5] = _stats(packer, classes.span[:1], classes.span[1:])
    return packer.table(fields)


def _stats(packer: _Packer, least: Sequence[float], largest: Sequence[float]) -> int:
    return packer.table({0: packer.floats(largest), 1: packer.floats(least)})


class _Packer:
    """Tables by slot; what a table refers to is made before it."""

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(1024)

    def table(self, offsets: Mapping[int, int], scalars: Mapping[int, tuple[int, str]] | None = None) -> int:
        """A table of what was made before, and of numbers with their types in the package's words."""
        builder, scalars = self._builder, scalars or {}
        builder.StartObject(max((*offsets, *scalars), default=-1) + 1)
        for slot, offset in offsets.items():
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, (value, kind) in scalars.items():
            getattr(builder, f"Prepend{kind}Slot")(slot, value, 0)
        return int(builder.EndObject())

    def tables(self, offsets: Sequence[int]) -> int:
        """A vector of tables."""
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def floats(self, values: Sequence[float]) -> int:
        """A vector of float32."""
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._builder.PrependFloat32(value)
        return int(self._builder.EndVector())

    def string(self, text: str) -> int:
        """A string; half of a surrogate pair, which no file can hold, becomes a question mark."""
        return int(self._builder.CreateString(text.encode("utf-8", "replace")))

    def finished(self, root: int) -> bytes:
        """The whole flatbuffer."""
        self._builder.Finish(root, file_identifier=IDENTIFIER)
        return bytes(self._builder.Output())
