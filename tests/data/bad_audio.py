"""Audio files that must be refused, each with a part of the one line that says why."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EXTENSIBLE = 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


@dataclass(frozen=True)
class BadAudio:
    """A file that is no sound WAV file.

    Attributes:
        name: of the file.
        content: its bytes.
        complaint: what the message must say, as text and not as a pattern.
    """

    name: str
    content: bytes
    complaint: str


def chunk(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """A RIFF chunk, padded to an even size; `size` lies about its own."""
    return (
        kind
        + struct.pack("<I", len(content) if size is None else size)
        + content
        + b"\0" * (len(content) % 2)
    )


def fmt(
    tag: int = 1,
    channels: int = 1,
    rate: int = 16000,
    bits: int = 16,
    block: int | None = None,
    more: bytes = b"",
) -> bytes:
    """The chunk that says how samples are encoded; `block` lies about the bytes of one sample of all channels."""
    block = channels * bits // 8 if block is None else block
    fields = struct.pack("<HHIIHH", tag, channels, rate, rate * block % (1 << 32), block, bits)
    return chunk(b"fmt ", fields + more)


def extensible(
    tag: int, bits: int, channels: int = 1, rate: int = 16000, valid_bits: int | None = None
) -> bytes:
    """The chunk of WAVE_FORMAT_EXTENSIBLE for a format tag."""
    more = struct.pack("<HHIH", 22, bits if valid_bits is None else valid_bits, 0, tag) + GUID_TAIL
    return fmt(EXTENSIBLE, channels, rate, bits, more=more)


def riff(*chunks: bytes, size: int | None = None, magic: bytes = b"RIFF", form: bytes = b"WAVE") -> bytes:
    """A file of chunks; `size` lies about its own."""
    body = form + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if size is None else size) + body


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    """A sound file of uint8, int16, int32, float32 or float64[samples] or [samples, channels]."""
    bits = 8 * samples.dtype.itemsize
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    little = samples.astype(samples.dtype.newbyteorder("<"))
    header = fmt(3 if samples.dtype.kind == "f" else 1, channels, rate, bits)
    return riff(header, chunk(b"data", little.tobytes()))


_SECOND = np.zeros(16000, np.int16).tobytes()
_FLOATS = np.zeros(16000, np.float32)


def bad_files() -> list[BadAudio]:
    """Every kind of bad file; those named .wav are what a folder of recordings may hold."""
    return [*_no_wav(), *_damaged(), *_other_encodings(), *_bad_samples()]


def write_bad_files(folder: Path) -> dict[Path, str]:
    """Writes all `bad_files` and returns what is to be said of each."""
    complaints = {}
    for bad in bad_files():
        path = folder / bad.name
        path.write_bytes(bad.content)
        complaints[path] = bad.complaint
    return complaints


def _no_wav() -> list[BadAudio]:
    return [
        BadAudio("empty.wav", b"", "is empty"),
        BadAudio("text.wav", b"yes, no, up, down\n", "is no WAV file"),
        BadAudio("one_byte.wav", b"R", "is no WAV file"),
        BadAudio("only_riff.wav", b"RIFF\x24\0\0\0", "is no WAV file"),
        BadAudio("avi.wav", riff(form=b"AVI "), "is no WAV file"),
        BadAudio("mp3.wav", b"ID3\x04" + bytes(100), "is an MP3 file"),
        BadAudio("flac.wav", b"fLaC" + bytes(100), "is a FLAC file"),
        BadAudio("ogg.wav", b"OggS" + bytes(100), "is an Ogg file"),
        BadAudio("aiff.wav", riff(magic=b"FORM", form=b"AIFF"), "is an AIFF file"),
        BadAudio("rifx.wav", riff(magic=b"RIFX"), "big-endian RIFX"),
        BadAudio("rf64.wav", riff(magic=b"RF64"), "is an RF64 file"),
    ]


def _damaged() -> list[BadAudio]:
    data = chunk(b"data", _SECOND)
    whole = riff(fmt(), data)
    return [
        BadAudio("truncated.wav", whole[:16044], "holds 8000 of the 16000 samples"),
        BadAudio("odd_end.wav", whole[:-1], "holds 15999 of the 16000 samples"),
        BadAudio(
            "claims_4_gb.wav",
            riff(fmt(), chunk(b"data", _SECOND, 0xFFFFFFFF)),
            "16000 of the 2147483647 samples",
        ),
        BadAudio("riff_too_short.wav", riff(fmt(), data, size=1000), "its header claims 1008 bytes"),
        BadAudio("riff_too_long.wav", riff(fmt(), data, size=100_000), "its header claims 100008 bytes"),
        BadAudio("no_chunks.wav", riff(), "expected a data chunk"),
        BadAudio("no_data.wav", riff(fmt()), "expected a data chunk"),
        BadAudio("no_samples.wav", riff(fmt(), chunk(b"data", b"")), "its data chunk is empty"),
        BadAudio("no_fmt.wav", riff(data), "expected a fmt chunk before the data"),
        BadAudio("fmt_behind.wav", riff(data, fmt()), "expected a fmt chunk before the data"),
        BadAudio("fmt_short.wav", riff(chunk(b"fmt ", bytes(14)), data), "of 16 bytes or more, found 14"),
        BadAudio("extensible_short.wav", riff(fmt(EXTENSIBLE), data), "of 40 bytes, found 16"),
        BadAudio("within_a_sample.wav", riff(fmt(channels=2), chunk(b"data", bytes(6))), "end within one"),
        BadAudio("wrong_block.wav", riff(fmt(block=4), data), "take 2 bytes a sample, its header says 4"),
        BadAudio(
            "chunk_too_long.wav", riff(fmt(), chunk(b"LIST", b"", 1 << 31), data), "claims 2147483648 bytes"
        ),
        BadAudio(
            "many_chunks.wav", riff(fmt(), chunk(b"JUNK", b"") * 2000, data), "in its first 1024 chunks"
        ),
        BadAudio("0_hz.wav", riff(fmt(rate=0), data), "its header says 0 Hz"),
        BadAudio("4_ghz.wav", riff(fmt(rate=0xFFFFFFFF), data), "its header says 4294967295 Hz"),
        BadAudio("0_channels.wav", riff(fmt(channels=0), data), "0 channels"),
    ]


def _other_encodings() -> list[BadAudio]:
    data = chunk(b"data", bytes(8000))
    unknown = fmt(EXTENSIBLE, more=struct.pack("<HHI", 22, 16, 0) + b"\x01\0" + bytes(14))
    return [
        BadAudio("a_law.wav", riff(fmt(6, bits=8), data), "is encoded as A-law"),
        BadAudio("mu_law.wav", riff(fmt(7, bits=8), data), "is encoded as µ-law"),
        BadAudio("adpcm.wav", riff(fmt(2, bits=4, block=256), data), "is encoded as Microsoft ADPCM"),
        BadAudio("mp3_inside.wav", riff(fmt(0x55, bits=0, block=1), data), "is encoded as MP3"),
        BadAudio("unknown.wav", riff(fmt(0x1234), data), "is encoded as format 0x1234"),
        BadAudio("extensible_a_law.wav", riff(extensible(6, 8), data), "is encoded as A-law"),
        BadAudio("extensible_unknown.wav", riff(unknown, data), "is encoded as 0100"),
        BadAudio("12_bits.wav", riff(fmt(bits=12, block=2), data), "PCM of 12 bits, expected 8, 16, 24, 32"),
        BadAudio("64_bits.wav", riff(fmt(bits=64), data), "PCM of 64 bits"),
        BadAudio("half_floats.wav", riff(fmt(3, bits=16), data), "floats of 16 bits, expected 32, 64"),
    ]


def _bad_samples() -> list[BadAudio]:
    return [
        BadAudio("nan.wav", wav(_changed(np.float32(np.nan))), "NaN or infinity in 1 of 16000 samples"),
        BadAudio("infinity.wav", wav(_changed(np.float32(-np.inf))), "NaN or infinity in 1 of 16000 samples"),
        BadAudio("huge_double.wav", wav(_changed(1e300)), "NaN or infinity in 1 of 16000 samples"),
        BadAudio("huge_float.wav", wav(_changed(np.float32(-1e30))), "samples up to 1e+30, expected −1 to 1"),
    ]


def _changed(value: np.floating | float) -> np.ndarray:
    """A second of silence with one other sample, in that sample's precision."""
    samples = _FLOATS.astype(np.asarray(value).dtype)
    samples[123] = value
    return samples
