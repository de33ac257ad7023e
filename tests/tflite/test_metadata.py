from __future__ import annotations

import contextlib
import io
import re
import zipfile
from pathlib import Path

import flatbuffers
import pytest

from edgeq.demo import assets
from edgeq.errors import ModelError
from edgeq.tflite.metadata import Metadata, read_metadata
from edgeq.tflite.model import read_model

LABELS = ["shirt", "shoe", "bag"]


def table(builder, *fields):
    """A table of offsets (int) and (kind, value) scalars by slot."""
    builder.StartObject(max(slot for slot, _ in fields) + 1)
    for slot, value in fields:
        if isinstance(value, tuple):
            builder.PrependByteSlot(slot, value[0], 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def vector(builder, offsets):
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def floats(builder, values):
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()


PLACES, NUMBERS = 2, 3
"""AssociatedFileType of labels for the places in an output, and for the numbers in it."""


def metadata_bytes(
    mean=(127.5,), std=(128.0,), label_file="labels.txt", identifier=b"M001", files=None
) -> bytes:
    """Metadata of one input and of one output for each of the label files, (name, kind, language)."""
    builder = flatbuffers.Builder(0)
    options = table(builder, (0, floats(builder, mean)), (1, floats(builder, std)))
    unit = table(builder, (0, (1,)), (1, options))
    image = table(builder, (4, vector(builder, [unit])))
    made = []
    for name, kind, language in files or [(label_file, PLACES, None)]:
        fields = [(0, builder.CreateString(name)), (2, (kind,))]
        if language is not None:
            fields.append((3, builder.CreateString(language)))
        made.append(table(builder, (6, vector(builder, [table(builder, *fields)]))))
    inputs, outputs = vector(builder, [image]), vector(builder, made)
    graph = table(builder, (2, inputs), (3, outputs))
    builder.Finish(table(builder, (3, vector(builder, [graph]))), file_identifier=identifier)
    return bytes(builder.Output())


def with_metadata(
    content: bytes, metadata: bytes, labels: str | None = "shirt\nshoe\nbag\n\n", **others: str
) -> bytes:
    """A model with metadata in a new buffer, and the label file behind it, as TensorFlow Lite Support writes them."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(metadata)
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    archive = io.BytesIO(bytes(builder.Output()))
    if labels is not None:
        with zipfile.ZipFile(archive, "a") as files:
            files.writestr("labels.txt", labels)
            for name, text in others.items():
                files.writestr(f"{name}.txt", text)
    return archive.getvalue()


@pytest.fixture(scope="session")
def plain() -> bytes:
    return (assets.bundle_path() / f"{assets.NAME}.float32.tflite").read_bytes()


def read(tmp_path: Path, content: bytes) -> Metadata:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    return read_metadata(path, read_model(path))


def test_labels_and_normalisation_are_found(tmp_path, plain):
    found = read(tmp_path, with_metadata(plain, metadata_bytes()))
    assert found == Metadata(tuple(LABELS), (127.5,), (128.0,))


def test_a_model_without_metadata_says_nothing(tmp_path, plain):
    assert read(tmp_path, plain) == Metadata()


def test_a_blank_line_between_labels_is_a_class(tmp_path, plain):
    found = read(tmp_path, with_metadata(plain, metadata_bytes(), "a\n\nb\n"))
    assert found.labels == ("a", "", "b")


def test_a_label_file_that_is_missing_names_the_option(tmp_path, plain):
    found = read(tmp_path, with_metadata(plain, metadata_bytes(), None))
    assert re.search(r"labels\.txt.*--labels", found.problem)
    assert (found.labels, found.mean, found.std) == ((), (127.5,), (128.0,))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([("labels.txt", PLACES, None), ("de.txt", PLACES, "de")], "shirt"),
        ([("de.txt", PLACES, "de"), ("labels.txt", PLACES, None)], "shirt"),
        ([("de.txt", PLACES, "de"), ("en.txt", PLACES, "en-GB")], "jumper"),
        ([("de.txt", PLACES, "de"), ("fr.txt", PLACES, "fr")], "Hemd"),
        ([("de.txt", NUMBERS, "de"), ("en.txt", NUMBERS, "en")], "jumper"),
        ([("en.txt", NUMBERS, "en"), ("de.txt", PLACES, "de")], "Hemd"),
    ],
    ids=["none first", "none last", "English", "the first", "numbers", "places before numbers"],
)
def test_of_several_label_files_the_one_that_fits_best_counts(tmp_path, plain, files, expected):
    content = with_metadata(
        plain, metadata_bytes(files=files), de="Hemd\nSchuh", en="jumper\nshoe", fr="chemise\nchaussure"
    )
    assert read(tmp_path, content).labels[0] == expected


def test_each_channel_has_its_own_numbers(tmp_path, plain):
    found = read(tmp_path, with_metadata(plain, metadata_bytes((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))))
    assert (found.mean, found.std) == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((1.0, 2.0), (1.0,)), ((1.0,), (0.0,)), ((1.0,), (-1.0,)), ((1.0,), (1e-38,)), ((NAN,), (1.0,)),
        ((1.0,), (NAN,)), ((INFINITE,), (1.0,)), ((1.0,), (INFINITE,)),
    ],
)  # fmt: skip
def test_a_normalisation_that_cannot_be_is_refused(tmp_path, plain, mean, std):
    with pytest.raises(ModelError, match="standard deviations"):
        read(tmp_path, with_metadata(plain, metadata_bytes(mean, std)))


def test_metadata_of_another_kind_are_refused(tmp_path, plain):
    with pytest.raises(ModelError, match="identifier"):
        read(tmp_path, with_metadata(plain, metadata_bytes(identifier=b"XXXX")))


@pytest.mark.parametrize("cut", range(8, 200, 7))
def test_damaged_metadata_are_an_error_or_read_and_never_a_traceback(tmp_path, plain, cut):
    damaged = bytearray(metadata_bytes())
    damaged[cut % len(damaged)] ^= 0xFF
    with contextlib.suppress(ModelError):
        read(tmp_path, with_metadata(plain, bytes(damaged)))
