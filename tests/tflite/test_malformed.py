"""Whatever a file holds, reading it ends soon, with a model or with one line that says what is wrong."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError, UsageError
from edgeq.tflite.flatbuffer import Flatbuffer, Table
from edgeq.tflite.io import model_io
from edgeq.tflite.model import TfliteModel, read_buffer, read_model
from edgeq.tflite.precision import precision_of, scheme_of
from edgeq.tflite.signature import add_signature, tensor_indices

REAL = (Path(__file__).parent / "data" / "two_inputs.int8.tflite").read_bytes()
fuzz = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _model_or_none(content: bytes) -> TfliteModel | None:
    try:
        return read_model(content)
    except ModelError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1
    return None


def _read_all(content: bytes) -> TfliteModel | None:
    """Everything that is done with a file before a runtime sees it; None where it is refused."""
    model = _model_or_none(content)
    if model is None:
        return None
    precision_of(model)
    scheme_of(model)
    model_io(model)
    for index in range(len(model.buffers)):
        assert len(read_buffer(content, model, index)) == model.buffers[index].size
    graph = model.subgraphs[0]
    with contextlib.suppress(ModelError, UsageError):
        names = (
            tensor_indices(tuple(f"{kind}{i}" for i in range(len(tensors))), tensors)
            for kind, tensors in (("i", graph.inputs), ("o", graph.outputs))
        )
        read_model(add_signature(content, *names))
    return model


@fuzz
@given(st.binary(max_size=400))
@example(b"")
def test_random_bytes_are_refused(content):
    assert _read_all(content) is None


@fuzz
@given(st.binary(max_size=400))
def test_random_bytes_behind_a_right_header_are_survived(content):
    _read_all(b"\x10\0\0\0TFL3" + content)


@fuzz
@given(st.integers(0, len(REAL) - 1))
@example(8)
@example(len(REAL) // 2)
def test_a_truncated_file_is_survived(length):
    _read_all(REAL[:length])


BYTES = st.tuples(st.integers(0, len(REAL) - 1), st.integers(0, 255))


@fuzz
@given(st.lists(BYTES, min_size=1, max_size=12))
def test_flipped_bytes_are_survived(changes):
    content = bytearray(REAL)
    for position, value in changes:
        content[position] = value
    _read_all(bytes(content))


ABSURD = [0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF, len(REAL), len(REAL) - 4]
WORDS = st.tuples(st.integers(0, len(REAL) // 4 - 1), st.sampled_from(ABSURD) | st.integers(0, len(REAL)))


@fuzz
@given(st.lists(WORDS, min_size=1, max_size=6))
def test_absurd_offsets_and_lengths_are_survived(changes):
    content = bytearray(REAL)
    for word, value in changes:
        struct.pack_into("<I", content, 4 * word, value)
    # The identifier alone must stay, or nothing behind it would be looked at.
    content[4:8] = b"TFL3"
    _read_all(bytes(content))


def test_every_single_word_of_the_file_may_be_absurd():
    for value in (0, 0x7FFFFFFF, 0xFFFFFFFF):
        for position in range(8, len(REAL) - 4, 4):
            _model_or_none(REAL[:position] + struct.pack("<I", value) + REAL[position + 4 :])


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"PK\x03\x04" + bytes(60), r"zip archive, perhaps a \.keras model: edgeq convert"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), r"HDF5 file, perhaps a \.h5 model: edgeq convert"),
        (b"\x1f\x8b\x08" + bytes(60), "gzip: unpack it first"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"hello, world", r"found b'o, w'"),
        (b"TFL", r"found b''"),
    ],
)
def test_another_kind_of_file_is_named_and_the_next_step_too(tmp_path, content, hint):
    path = tmp_path / "net.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=hint) as caught:
        read_model(path)
    expected = f"{path} is not a TensorFlow Lite model: expected the identifier TFL3 at byte 4, found b'"
    assert str(caught.value).startswith(expected)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"net\.tflite does not exist"):
        read_model(tmp_path / "net.tflite")


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "net.tflite").touch()
    with pytest.raises(ModelError, match=r"net\.tflite is empty"):
        read_model(tmp_path / "net.tflite")


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="is not a file"):
        read_model(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "net.tflite")
    with pytest.raises(ModelError, match="is not a file"):
        read_model(tmp_path / "net.tflite")


def test_a_file_that_changed_since_is_noticed(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(REAL)
    model = read_model(path)
    path.write_bytes(REAL + b"\0")
    with pytest.raises(ModelError, match="has changed since it was read"):
        read_buffer(path, model, 1)


def _tables_at_one_place(entries: int) -> bytes:
    """A model whose list of subgraphs leads to one and the same table again and again."""
    vtable = struct.pack("<HHHHH", 10, 8, 0, 0, 4)
    root = struct.pack("<iI", 12, 4)
    at = 8 + 12
    header = struct.pack("<I4s", at, b"TFL3") + vtable.ljust(12, b"\0") + root
    # The empty table behind the list: its vtable has no fields.
    vector = [struct.pack("<I", entries)]
    first = len(header) + 4
    table = first + 4 * entries + 4
    vector += [struct.pack("<I", table - (first + 4 * index)) for index in range(entries)]
    return header + b"".join(vector) + struct.pack("<HH", 4, 4) + struct.pack("<i", 4)


def test_a_list_that_leads_to_one_table_again_and_again_is_refused():
    assert len(read_model(_tables_at_one_place(1)).subgraphs) == 1
    with pytest.raises(ModelError, match="it lists more tables than"):
        read_model(_tables_at_one_place(100_000))


def _table_with_a_vector(length: int, content: bytes) -> Table:
    """A table whose first field is a vector that says to have so many items."""
    vtable = struct.pack("<HHH", 6, 8, 4).ljust(8, b"\0")
    table = struct.pack("<iI", 8, 4)
    vector = struct.pack("<I", length) + content
    return Table(Flatbuffer(memoryview(vtable + table + vector), "net.tflite"), 8)


def test_values_that_are_read_again_and_again_are_refused():
    table = _table_with_a_vector(10, struct.pack("<10i", *range(10)))

    def read(times: int) -> None:
        for _ in range(times):
            assert table.numbers(0, "int32") == tuple(range(10))

    read(4)
    with pytest.raises(ModelError, match="it lists more values than 60 bytes should hold"):
        read(60)


def test_a_vector_longer_than_the_file_is_refused_before_it_is_read():
    table = _table_with_a_vector(2**32 - 1, b"")
    with pytest.raises(ModelError, match="4294967295 items of 4 bytes, and 0 bytes are left"):
        table.numbers(0, "int32")
    with pytest.raises(ModelError, match="4294967295 items of 1 bytes, and 0 bytes are left"):
        table.string(0)
