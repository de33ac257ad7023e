"""Archives of label files that are damaged or malicious end in labels or in one line."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.tflite.metadata import read_metadata
from edgeq.tflite.model import read_model

PLAIN = (Path(__file__).parent / "data" / "two_inputs.int8.tflite").read_bytes()


def metadata() -> bytes:
    """Metadata whose only output names ``labels.txt``."""
    import flatbuffers

    builder = flatbuffers.Builder(0)

    def table(slot: int, offset: int) -> int:
        builder.StartObject(slot + 1)
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        return builder.EndObject()

    def vector(offset: int) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()

    name = builder.CreateString("labels.txt")
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependByteSlot(2, 2, 0)
    file = builder.EndObject()
    builder.Finish(table(3, vector(table(3, vector(table(6, vector(file)))))), b"M001")
    return bytes(builder.Output())


def model() -> bytes:
    import flatbuffers

    made = schema.ModelT.InitFromPackedBuf(PLAIN, 0)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(metadata())
    entry.name, entry.buffer = "TFLITE_METADATA", len(made.buffers)
    made.buffers.append(buffer)
    made.metadata = [*(made.metadata or []), entry]
    builder = flatbuffers.Builder(0)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


MODEL = model()


def archived(labels: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The model with an archive behind it."""
    content = io.BytesIO(MODEL)
    with zipfile.ZipFile(content, "a", method) as archive:
        archive.writestr("labels.txt", labels)
    return content.getvalue()


def labels_of(path: Path, content: bytes) -> tuple[str, ...]:
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    found = read_metadata(path, read_model(path))
    if found.problem:
        raise ModelError(found.problem)
    return found.labels


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_labels_are_read_however_a_writer_stores_them(tmp_path: Path, method: int) -> None:
    assert labels_of(tmp_path / "a.tflite", archived(b"cat\n\ndog\n\n", method)) == ("cat", "", "dog")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compression_is_refused_for_the_memory_that_it_may_ask_for(tmp_path: Path, method: int) -> None:
    with pytest.raises(ModelError, match="stored or deflated"):
        labels_of(tmp_path / "a.tflite", archived(b"cat\n", method))


def test_a_list_of_very_many_files_is_refused_before_it_is_read(tmp_path: Path) -> None:
    content = bytearray(archived(b"cat\n"))
    struct.pack_into("<I", content, len(content) - 22 + 12, 1 << 30)
    with pytest.raises(ModelError, match="lists too many files"):
        labels_of(tmp_path / "a.tflite", bytes(content))


def test_labels_behind_a_comment_are_found(tmp_path: Path) -> None:
    content = io.BytesIO(archived(b"cat\n"))
    with zipfile.ZipFile(content, "a") as archive:
        archive.comment = b"c" * 65_535
    assert labels_of(tmp_path / "a.tflite", content.getvalue()) == ("cat",)


def test_without_an_archive_the_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no archive .*--labels"):
        labels_of(tmp_path / "a.tflite", MODEL)


SOUND = archived(b"".join(b"label %d\n" % number for number in range(40)))
ARCHIVE = len(SOUND) - len(MODEL)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, ARCHIVE), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, ARCHIVE - 1),
)
@example([(22 - 4, 0)], 0)
def test_any_damage_to_the_archive_ends_in_labels_or_in_one_line(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(SOUND)
    for place, value in changes:
        content[-place] = value
    for damaged in (bytes(content), SOUND[: len(SOUND) - cut]):
        try:
            labels_of(tmp_path / "a.tflite", damaged)
            message = ""
        except ModelError as error:
            message = str(error)
        assert "\n" not in message
