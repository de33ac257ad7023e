"""Puts metadata and the files that they name into a ``.tflite`` without touching anything else.

As in `edgeq.tflite.signature`, nothing is unpacked: a new root table is put in front of the whole old file, refers into
it, and replaces only the list of metadata and the list of buffers. Behind it is a zip archive, which readers find from
the end of the file; a runtime does not look there.

    header | new root table, lists, metadata | padding | the old file, byte for byte | zip archive

The archive's contents are stored as they are, because MediaPipe Tasks refuses compressed ones.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

from edgeq.errors import ModelError
from edgeq.layers.front import Front, Place, copied
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.flatbuffer import Table
from edgeq.tflite.model import TfliteModel, read_model

_ENTRY = "TFLITE_METADATA"

# Fields of the root table by slot; see schema.fbs of TensorFlow Lite.
_ROOT = {0: "uint32", **dict.fromkeys(range(1, 10), "offset")}
_BUFFERS, _METADATA = 4, 6

_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The earliest date that an archive can hold: equal contents are equal files."""

_FILE_HEADER, _END_RECORD = b"PK\x03\x04", b"PK\x05\x06"
_END_RECORD_BYTES, _MOST_COMMENT_BYTES = 22, 65_535
"""APPNOTE.TXT 4.3.7 and 4.3.16, PKWARE's specification of the format."""

_MOST_DIRECTORY_BYTES = 1 << 20
"""Of an old archive's list of files, which `zipfile` reads as a whole; a longer one stays where it is."""


def with_metadata(content: bytes, metadata: bytes, files: Mapping[str, bytes]) -> bytes:
    """A file with metadata instead of those that it has, and with files behind it instead of those that it has.

    Args:
        content: the ``.tflite`` file.
        metadata: as `edgeq.android.metadata_schema.pack_metadata` makes them.
        files: content by name, ASCII.

    Raises:
        ModelError: the content is no TensorFlow Lite model, or cannot be extended.
    """
    content = _without_archive(content)
    model = read_model(content)
    with open_flatbuffer(content) as file:
        root = file.root()
        _refuse_outside(root, model)
        front, place = _front(root, model, metadata)
        joined = front.joined(place, [file.content])
    return joined + _archive(files, len(joined))


def _front(root: Table, model: TfliteModel, metadata: bytes) -> tuple[Front, Place]:
    front = Front()
    new_root = copied(front, root, 1, _ROOT, (_BUFFERS, _METADATA))
    old_buffers = list(root.tables(_BUFFERS, "buffer"))
    old_entries = [entry for entry in root.tables(_METADATA, "metadata") if entry.string(0) != _ENTRY]
    place = _buffer_place(model, len(old_buffers))
    buffers = front.tables(max(len(old_buffers), place + 1))
    entries = front.tables(len(old_entries) + 1)
    entry = front.table({1: place}, (0,))
    buffer = front.table({}, (0,))
    front.link(new_root.fields[_BUFFERS], buffers.place)
    front.link(new_root.fields[_METADATA], entries.place)
    for index, table in enumerate(old_buffers):
        front.link(buffers.fields[index], buffer.place if index == place else Place(1, table.position))
    if place == len(old_buffers):
        front.link(buffers.fields[place], buffer.place)
    for index, table in enumerate(old_entries):
        front.link(entries.fields[index], Place(1, table.position))
    front.link(entries.fields[len(old_entries)], entry.place)
    front.link(entry.fields[0], front.string(_ENTRY))
    front.link(buffer.fields[0], front.content(metadata))
    return front, new_root.place


def _buffer_place(model: TfliteModel, buffers: int) -> int:
    """That of the old metadata, unless something else lies there, too; else a new one at the end."""
    old = model.metadata.get(_ENTRY)
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {index for name, index in model.metadata.items() if name != _ENTRY}
    # The first buffer is always the empty one; a file without any gets it.
    return old if old is not None and old > 0 and old not in used else max(1, buffers)


def _refuse_outside(root: Table, model: TfliteModel) -> None:
    operators = (one for graph in root.tables(2, "subgraph") for one in graph.tables(3, "operator"))
    outside = any(one.scalar(9, "uint64") > 1 for one in operators)
    if outside or any(buffer.is_external for buffer in model.buffers):
        raise ModelError(
            "it keeps weights behind its flatbuffer, as files of over 2 GB do: metadata cannot be added to it"
        )


def _archive(files: Mapping[str, bytes], start: int) -> bytes:
    """A zip archive whose offsets count from the beginning of the model before it."""
    stream = io.BytesIO()
    stream.seek(start)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _BEGINNING), data)
    return stream.getvalue()[start:]


def _without_archive(content: bytes) -> bytes:
    """The model alone, where an archive of associated files is behind it."""
    tail = content[-_END_RECORD_BYTES - _MOST_COMMENT_BYTES :]
    at = tail.rfind(_END_RECORD)
    if at < 0 or len(tail) - at < _END_RECORD_BYTES:
        return content
    size, first = struct.unpack_from("<II", tail, at + 12)
    # Weights may hold these four bytes by chance: only where all places agree is it an archive.
    if size > _MOST_DIRECTORY_BYTES or first + size != len(content) - len(tail) + at:
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = min((entry.header_offset for entry in archive.infolist()), default=first)
    except (ValueError, NotImplementedError, zipfile.BadZipFile):
        return content
    return content[:start] if content[start : start + len(_FILE_HEADER)] == _FILE_HEADER else content
