"""Opens a ``.tflite`` without copying it, and says what a file is that is none."""

from __future__ import annotations

import mmap
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeq.errors import ModelError
from edgeq.tflite.flatbuffer import Flatbuffer
from edgeq.tflite.schema import IDENTIFIER


@contextmanager
def open_flatbuffer(source: Path | bytes, name: str = "the model") -> Iterator[Flatbuffer]:
    """Opens a ``.tflite`` for reading and checks its identifier.

    Args:
        source: the file, which is memory-mapped until the context ends, or its content.
        name: what errors call a content without a file.

    Raises:
        ModelError: it is missing, cannot be read, or is not a TensorFlow Lite model.
    """
    if isinstance(source, bytes):
        yield _identified(Flatbuffer(memoryview(source), name))
        return
    try:
        # A pipe or a device would block or never end.
        if not stat.S_ISREG(source.stat().st_mode):
            raise ModelError(f"{source} is not a file: expected a .tflite file")
        stream = source.open("rb")
    except FileNotFoundError as error:
        raise ModelError(f"{source} does not exist: expected a .tflite file") from error
    except OSError as error:
        raise ModelError(f"{source} cannot be read: {error.strerror}; expected a .tflite file") from error
    with stream:
        if source.stat().st_size == 0:
            raise ModelError(f"{source} is empty: expected a .tflite file; download or convert it again")
        with (
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as content,
        ):
            yield _identified(Flatbuffer(content, str(source)))


_OTHER_FILES = (
    (b"PK\x03\x04", "it is a zip archive, perhaps a .keras model: edgeq convert makes a .tflite of a model"),
    (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, perhaps a .h5 model: edgeq convert makes a .tflite of it"),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (b"version https://git-lfs", "it is only a pointer of Git LFS: run git lfs pull"),
    (b"<", "it looks like a web page: download the file itself"),
)
_IDENTIFIER_END = 8


def _identified(file: Flatbuffer) -> Flatbuffer:
    head = bytes(file.content[:32])
    found = head[4:_IDENTIFIER_END]
    if found == IDENTIFIER:
        return file
    hint = next((hint for magic, hint in _OTHER_FILES if head.startswith(magic)), None)
    raise ModelError(
        f"{file.name} is not a TensorFlow Lite model: expected the identifier {IDENTIFIER.decode()} at byte "
        f"4, found {found!r}" + (f"; {hint}" if hint else "")
    )
