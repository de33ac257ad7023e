"""What the TensorFlow Lite metadata in a ``.tflite`` says: class names, and how pixels are normalised.

The schema is ``metadata_schema.fbs`` of the TensorFlow Lite Support library; label files lie in a zip archive that is
appended to the model.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import ModelError
from edgeq.tflite.flatbuffer import Flatbuffer, Table
from edgeq.tflite.model import TfliteModel, read_buffer

_BUFFER = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_AXIS_LABELS, _VALUE_LABELS = 2, 3
"""AssociatedFileType: names of the places in an output, and of the numbers in one (the class of a detected box)."""

_LEAST_STD = 1e-30
"""Its inverse still is a number in float32."""

_SHOWN = 4

_NORMALIZATION = 1
"""ProcessUnitOptions.NormalizationOptions."""

_MOST_LABEL_BYTES = 4 << 20
"""A zip bomb ends here, after 0.7 s where every line is empty; ImageNet's 21,841 names are 600 kB."""

_MOST_DIRECTORY_BYTES = 1 << 20
"""Of the archive's list of files, some 50 bytes a file, which takes 15 times the memory when it is read."""

_END_RECORD, _END_RECORD_64 = b"PK\x05\x06", b"PK\x06\x07"
"""Signatures of APPNOTE.TXT 4.3.15 and 4.3.16, PKWARE's specification of the format."""

_END_RECORD_BYTES, _MOST_COMMENT_BYTES = 22, 65_535


@dataclass(frozen=True)
class Metadata:
    """What a file says of itself.

    Attributes:
        labels: of the first output that has any, in English where there are several languages; empty where none has.
        mean: subtracted from the pixels of the first input, one number or one a channel; empty where it says nothing.
        std: by which they are divided then, as many as means.
        problem: why labels that it names cannot be read; empty where they can, or none are named.
    """

    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    problem: str = ""


def read_metadata(path: Path, model: TfliteModel) -> Metadata:
    """Reads the metadata of a file.

    Args:
        path: of the file.
        model: as read from it.

    Returns:
        What it says; nothing where it has no metadata. Labels that cannot be read leave the rest readable.

    Raises:
        ModelError: the metadata are damaged.
    """
    index = model.metadata.get(_BUFFER)
    if index is None:
        return Metadata()
    content = read_buffer(path, model, index)
    if content[4:8] != _IDENTIFIER:
        raise ModelError(
            f"{path}: its metadata have the identifier {content[4:8]!r}, expected {_IDENTIFIER!r}: write them again"
        )
    root = Flatbuffer(memoryview(content), f"the metadata of {path}").root()
    graph = next(iter(root.tables(3, "subgraph metadata")), None)
    if graph is None:
        return Metadata()
    mean, std = _normalization(next(iter(graph.tables(2, "input metadata")), None))
    name = _label_file(list(graph.tables(3, "output metadata")))
    try:
        return Metadata(_labels(path, name) if name else (), mean, std)
    except ModelError as error:
        return Metadata((), mean, std, str(error))


def _normalization(tensor: Table | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in tensor.tables(4, "process unit") if tensor is not None else ():
        options = unit.table(1, "process unit options")
        if unit.scalar(0, "int8") == _NORMALIZATION and options is not None:
            mean, std = options.numbers(0, "float32"), options.numbers(1, "float32")
            fine = all(math.isfinite(one) for one in (*mean, *std)) and all(one > _LEAST_STD for one in std)
            if len(mean) != len(std) or not fine:
                raise ModelError(
                    f"{options.file.name}: expected as many standard deviations above 0 as means, found "
                    f"{_listed(std)} and {_listed(mean)}"
                )
            return tuple(map(float, mean)), tuple(map(float, std))
    return (), ()


def _listed(numbers: Sequence[float]) -> str:
    shown = ", ".join(f"{one:g}" for one in numbers[:_SHOWN])
    return f"({shown}{', …' if len(numbers) > _SHOWN else ''})"


def _label_file(outputs: Sequence[Table]) -> str:
    """The name of the label file that counts: of places before of numbers, in no language or English before others."""
    files = [
        (kind, _language(file), name)
        for kind in (_AXIS_LABELS, _VALUE_LABELS)
        for output in outputs
        for file in output.tables(6, "associated file")
        if file.scalar(2, "int8") == kind and (name := file.string(0))
    ]
    kinds = [one for one in files if one[0] == files[0][0]]
    # Of equals the first counts.
    return min(kinds, key=lambda one: one[1])[2] if kinds else ""


def _language(file: Table) -> int:
    """0 where a label file has no language, 1 for English, 2 for others (BCP 47: en, en-GB, de)."""
    locale = (file.string(3) or "").lower()
    return 0 if not locale else 1 if locale.split("-")[0] == "en" else 2


def _labels(path: Path, name: str) -> tuple[str, ...]:
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            # Other ways of compression may ask for gigabytes of memory, and no writer of metadata uses them.
            if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile("expected it stored or deflated")
            with archive.open(name) as file:
                content = file.read(_MOST_LABEL_BYTES + 1)
        if len(content) > _MOST_LABEL_BYTES:
            raise ModelError(
                f"{path}: the label file {name!r} in it has more than {_MOST_LABEL_BYTES >> 20} MiB"
            )
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            f"{path}: its metadata name the label file {name!r}, which cannot be read ({error}): give --labels"
        ) from error
    # A blank line at the end is none of the classes; one in between is, or all after it would shift.
    names = [line.strip() for line in lines]
    count = next((place for place in range(len(names), 0, -1) if names[place - 1]), 0)
    return tuple(names[:count])


def _check_directory(path: Path) -> None:
    """Refuses an archive whose list of files is absurdly long: it would be read as a whole."""
    with path.open("rb") as file:
        end = file.seek(0, io.SEEK_END)
        file.seek(max(0, end - _END_RECORD_BYTES - _MOST_COMMENT_BYTES))
        tail = file.read()
    at = tail.rfind(_END_RECORD)
    record = tail[at : at + _END_RECORD_BYTES] if at >= 0 else b""
    if len(record) < _END_RECORD_BYTES:
        raise zipfile.BadZipFile("no archive of label files is behind the model")
    (size,) = struct.unpack_from("<I", record, 12)
    if size > _MOST_DIRECTORY_BYTES or _END_RECORD_64 in tail[:at]:
        raise zipfile.BadZipFile("its archive lists too many files")
