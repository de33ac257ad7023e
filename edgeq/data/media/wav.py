"""WAV files: RIFF with PCM of 8 to 32 bits or IEEE floats.

A parser of its own, because Python's ``wave`` reads no floats. Sources: Microsoft and IBM, "Multimedia Programming
Interface and Data Specifications 1.0", 1991, chapters 2 (chunks) and 3 (WAVE); Microsoft, "Multiple Channel Audio
Data and WAVE Files", 2001 (WAVE_FORMAT_EXTENSIBLE).
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import DataError
from edgeq.printing import printable

LARGEST_BYTES = 256 << 20
"""Of a file: 50 minutes of 44.1 kHz, 16 bits and one channel, which take 512 MiB as float32."""

HIGHEST_RATE = 384_000
"""Samples a second, the highest rate of common sound cards. A filter for a rate of 4 GHz would fill the memory."""

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}

# Registered format tags (RFC 2361, appendix A) that files with this suffix have.
_OTHER_ENCODINGS = {
    0x0002: "Microsoft ADPCM",
    0x0006: "A-law",
    0x0007: "µ-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0050: "MPEG",
    0x0055: "MP3",
    0x0161: "Windows Media Audio",
}

# First bytes of what is often named .wav and is something else.
_OTHER_FORMATS = {
    b"RIFX": "a big-endian RIFX file",
    b"RF64": "an RF64 file, the WAV of more than 4 GB",
    b"FORM": "an AIFF file",
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"ID3": "an MP3 file",
}

# The last 14 bytes of the GUID whose first 2 are a format tag.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")

# Real files have fewer than 20 before their samples; a file of empty chunks would take minutes.
_MOST_CHUNKS = 1024

# Some programs store integers as floats. What is larger than they can be is damage.
_LARGEST_FLOAT = 2.0**31

_AGAIN = "copy or record it again"
_REMEDY = "convert it to 16-bit PCM, for example with ffmpeg"


@dataclass(frozen=True)
class _Layout:
    """Where a file's samples are and what they are; `frames` counts the samples of one channel."""

    tag: int
    bits: int
    channels: int
    sample_rate: int
    start: int
    frames: int


def read_wav(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Reads a WAV file.

    Integers are divided by half their range, 16 bits by 32768, as ``tf.audio.decode_wav`` and libsndfile do it;
    8 bits are unsigned around 128. Floats stay what they are, also beyond ±1.

    Args:
        path: the file.

    Returns:
        float32[samples, channels], integers in −1..1, and the samples a second.

    Raises:
        DataError: it is no regular file, too large, no WAV file, damaged, of another encoding, or holds NaN or
            infinity.
    """
    name = printable(path)
    try:
        content = _content(path)
        layout = _layout(name, content)
        values = _values(content, layout)
    except MemoryError as error:
        raise DataError(
            f"{name} is too large for this machine's memory: cut it into shorter files"
        ) from error
    if layout.tag == _FLOAT:
        _require_sound(name, values)
    return values.reshape(layout.frames, layout.channels), layout.sample_rate


def check_wav(path: Path, content: bytes) -> None:
    """Checks a WAV file's header and sizes without converting a sample: 5 µs.

    Args:
        path: for messages.
        content: of the whole file.

    Raises:
        DataError: it is empty, no WAV file, truncated, its sizes contradict each other, it has no samples, or
            an unknown encoding.
    """
    _layout(printable(path), content)


def _content(path: Path) -> bytes:
    name = printable(path)
    try:
        found = path.stat()
        # Before it is opened: a pipe would block until somebody writes.
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
            raise DataError(f"{name} is {kind}: expected a WAV file")
        if found.st_size > LARGEST_BYTES:
            raise DataError(
                f"{name} has {found.st_size >> 20} MiB, expected at most {LARGEST_BYTES >> 20}: "
                "cut it into shorter files"
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise DataError(f"{name} cannot be read: {reason or error}") from error


def _layout(name: str, content: bytes) -> _Layout:
    _require_riff(name, content)
    chunks = _chunks(name, content)
    if b"data" not in chunks:
        raise DataError(f"{name} has no samples: expected a data chunk; {_AGAIN}")
    if b"fmt " not in chunks:
        raise DataError(
            f"{name} does not say how its samples are encoded: expected a fmt chunk before the data; {_AGAIN}"
        )
    tag, channels, sample_rate, block, bits = _format(name, content, *chunks[b"fmt "])
    _require_known(name, tag, bits)
    _require_plausible(name, channels, sample_rate, block, bits)
    start, size = chunks[b"data"]
    _require_sizes(name, content, start, size, block)
    return _Layout(tag, bits, channels, sample_rate, start, size // block)


def _require_riff(name: str, content: bytes) -> None:
    if not content:
        raise DataError(f"{name} is empty: {_AGAIN}")
    for magic, other in _OTHER_FORMATS.items():
        if content.startswith(magic):
            raise DataError(f"{name} is {other}, expected a WAV file: {_REMEDY}")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DataError(
            f"{name} is no WAV file: expected RIFF and WAVE at its beginning, found {content[:12]!r}"
        )


def _chunks(name: str, content: bytes) -> dict[bytes, tuple[int, int]]:
    """Start and claimed size of the first chunk of each kind, up to the samples; only these may be cut off."""
    chunks: dict[bytes, tuple[int, int]] = {}
    position = 12
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(content):
            return chunks
        kind, size = struct.unpack_from("<4sI", content, position)
        position += 8
        chunks.setdefault(kind, (position, size))
        if kind == b"data":
            return chunks
        if position + size > len(content):
            raise DataError(
                f"{name} is truncated or damaged: its chunk {kind!r} claims {size} bytes, "
                f"{len(content) - position} are left; {_AGAIN}"
            )
        position += size + size % 2
    raise DataError(f"{name} is damaged: no samples in its first {_MOST_CHUNKS} chunks; {_AGAIN}")


def _format(name: str, content: bytes, start: int, size: int) -> tuple[int, int, int, int, int]:
    """Format tag, channels, sample rate, bytes of one sample of all channels, bits of one."""
    if size < 16:
        raise DataError(
            f"{name} is damaged: expected a fmt chunk of 16 bytes or more, found {size}; {_AGAIN}"
        )
    tag, channels, sample_rate, _, block, bits = struct.unpack_from("<HHIIHH", content, start)
    if tag == _EXTENSIBLE:
        if size < 40:
            raise DataError(
                f"{name} is damaged: expected an extensible fmt chunk of 40 bytes, found {size}; {_AGAIN}"
            )
        # Bytes 18 to 20 say how many bits count: they are the upper ones, so that the scale is the container's.
        tag, tail = struct.unpack_from("<H14s", content, start + 24)
        if tail != _GUID_TAIL:
            guid = content[start + 24 : start + 40].hex()
            raise DataError(f"{name} is encoded as {guid}, expected PCM or IEEE float: {_REMEDY}")
    return tag, channels, sample_rate, block, bits


def _require_known(name: str, tag: int, bits: int) -> None:
    if tag not in _BITS:
        encoding = _OTHER_ENCODINGS.get(tag, f"format {tag:#06x}")
        raise DataError(f"{name} is encoded as {encoding}, expected PCM or IEEE float: {_REMEDY}")
    kind = "PCM" if tag == _PCM else "floats"
    if bits not in _BITS[tag]:
        expected = ", ".join(map(str, _BITS[tag]))
        raise DataError(f"{name} has {kind} of {bits} bits, expected {expected}: {_REMEDY}")


def _require_plausible(name: str, channels: int, sample_rate: int, block: int, bits: int) -> None:
    if channels == 0:
        raise DataError(f"{name} is damaged: its header says 0 channels; {_AGAIN}")
    if not 1 <= sample_rate <= HIGHEST_RATE:
        raise DataError(
            f"{name} is damaged: expected 1 to {HIGHEST_RATE} Hz, its header says {sample_rate} Hz; {_AGAIN}"
        )
    if block != channels * bits // 8:
        raise DataError(
            f"{name} is damaged: {channels} channel{'s' * (channels > 1)} of {bits} bits take "
            f"{channels * bits // 8} bytes a sample, its header says {block}; {_AGAIN}"
        )


def _require_sizes(name: str, content: bytes, start: int, size: int, block: int) -> None:
    held = len(content) - start
    if size > held:
        raise DataError(
            f"{name} is truncated: it holds {held // block} of the {size // block} samples that its header "
            f"claims; {_AGAIN}"
        )
    if size == 0:
        raise DataError(f"{name} has no samples: its data chunk is empty; record it again")
    if size % block:
        raise DataError(
            f"{name} is damaged: expected samples of {block} bytes, found {size} bytes, which end within one; {_AGAIN}"
        )
    # Behind it may be anything: some programs append tags. The last chunk's padding is often left out.
    (riff,) = struct.unpack_from("<I", content, 4)
    if not start + size <= riff + 8 <= max(len(content), start + size + size % 2):
        raise DataError(
            f"{name} is truncated or damaged: its header claims {riff + 8} bytes, its samples end at "
            f"{start + size} of {len(content)}; {_AGAIN}"
        )


def _values(content: bytes, layout: _Layout) -> npt.NDArray[np.float32]:
    """float32[frames × channels]."""
    count = layout.frames * layout.channels
    if layout.tag == _FLOAT:
        stored: npt.NDArray[Any] = np.frombuffer(content, f"<f{layout.bits // 8}", count, layout.start)
        with np.errstate(over="ignore", invalid="ignore"):  # becomes infinite and is refused
            return stored.astype(np.float32)
    if layout.bits == 8:
        # Shifted to the range of signed ones, exact in float32.
        values = np.frombuffer(content, np.uint8, count, layout.start).astype(np.float32)
        values -= np.float32(128)
        values *= np.float32(2.0**-7)
        return values
    if layout.bits == 24:
        # The upper three bytes of 32 bits.
        words = np.zeros((count, 4), np.uint8)
        words[:, 1:] = np.frombuffer(content, np.uint8, 3 * count, layout.start).reshape(count, 3)
        integers: npt.NDArray[Any] = words.view("<i4").reshape(count)
    else:
        integers = np.frombuffer(content, f"<i{layout.bits // 8}", count, layout.start)
    values = integers.astype(np.float32)
    values *= np.float32(2.0 ** (1 - 8 * integers.itemsize))
    return values


def _require_sound(name: str, values: npt.NDArray[np.float32]) -> None:
    # Both are NaN where any value is.
    if values.min() >= -_LARGEST_FLOAT and values.max() <= _LARGEST_FLOAT:
        return
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise DataError(
            f"{name} holds NaN or infinity in {bad} of {values.size} samples: record or export it again"
        )
    raise DataError(
        f"{name} holds samples up to {np.abs(values).max():.3g}, expected −1 to 1: export it again as floats"
    )
