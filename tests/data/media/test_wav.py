"""WAV files to samples, as libsndfile and TensorFlow read them."""

from __future__ import annotations

import os
import struct
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from bad_audio import BadAudio, bad_files, chunk, extensible, fmt, riff, wav
from hypothesis import given
from hypothesis import strategies as st

from edgeq.data.media import wav as wav_module
from edgeq.data.media.wav import check_wav, read_wav
from edgeq.errors import DataError
from edgeq.printing import printable

NOISE = np.random.default_rng(0).uniform(-1, 1, (1001, 2))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "a.wav"
    path.write_bytes(content)
    return path


def complaint(read: Callable[[], object]) -> str:
    """What a file is refused with; empty where it is read."""
    try:
        read()
    except DataError as error:
        return str(error)
    return ""


# Encodings


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("encoding", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_encoding_is_read_as_libsndfile_reads_it(tmp_path, encoding, container, channels):
    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE[:, :channels], 22050, subtype=encoding, format=container)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    samples, rate = read_wav(path)
    assert rate == 22050
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, expected)


@pytest.mark.parametrize(
    ("lowest", "highest"),
    [
        (np.array([0, 255], np.uint8), 127 / 128),
        (np.array([-(2**15), 2**15 - 1], np.int16), 32767 / 32768),
        (np.array([-(2**31), 2**31 - 1], np.int32), 1.0),
    ],
    ids=["8 bits", "16 bits", "32 bits"],
)
def test_the_lowest_integer_is_minus_one_and_the_highest_just_below_one(tmp_path, lowest, highest):
    samples, _ = read_wav(written(tmp_path, wav(lowest)))
    np.testing.assert_array_equal(samples[:, 0], np.array([-1, highest], np.float32))


def test_silence_of_8_bits_is_128(tmp_path):
    samples, _ = read_wav(written(tmp_path, wav(np.full(10, 128, np.uint8))))
    assert not samples.any()


def test_floats_beyond_one_stay(tmp_path):
    samples, _ = read_wav(written(tmp_path, wav(np.array([1.5, -32768.0], np.float32))))
    assert samples[:, 0].tolist() == [1.5, -32768.0]


def test_20_of_24_bits_are_the_upper_ones(tmp_path):
    content = riff(extensible(1, 24, valid_bits=20), chunk(b"data", b"\x00\x00\x40"))
    samples, _ = read_wav(written(tmp_path, content))
    assert samples.tolist() == [[0.5]]


@pytest.mark.tensorflow
def test_16_bits_are_read_as_tensorflow_reads_them(tmp_path):
    import tensorflow as tf

    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE, 16000, subtype="PCM_16")
    expected, rate = tf.audio.decode_wav(path.read_bytes())
    samples, found_rate = read_wav(path)
    assert found_rate == int(rate)
    np.testing.assert_array_equal(samples, expected.numpy())


# Chunks


def test_chunks_before_and_behind_the_samples_are_skipped_also_where_their_size_is_odd(tmp_path):
    samples = np.arange(5, dtype=np.int16)
    content = riff(
        chunk(b"JUNK", b"odd"), fmt(), chunk(b"LIST", b"INFOIART\x01\0\0\0x\0"), chunk(b"data", samples.tobytes()),
        chunk(b"id3 ", b"tag"),
    )  # fmt: skip
    found, _ = read_wav(written(tmp_path, content))
    np.testing.assert_array_equal(found[:, 0] * 32768, samples)


@pytest.mark.parametrize("behind", [b"\0", b"TAG" + bytes(125)], ids=["a byte", "an MP3 tag"])
def test_what_lies_behind_the_riff_chunk_is_ignored(tmp_path, behind):
    samples, _ = read_wav(written(tmp_path, wav(np.ones(100, np.int16)) + behind))
    assert len(samples) == 100


def test_the_padding_of_the_last_chunk_may_be_missing(tmp_path):
    content = wav(np.zeros(101, np.uint8))
    assert len(content) == 146
    assert len(read_wav(written(tmp_path, content))[0]) == 101
    # Some programs count the padding in the header and leave it out in the file, or the other way round.
    assert len(read_wav(written(tmp_path, content[:-1]))[0]) == 101
    uncounted = content[:4] + struct.pack("<I", 137) + content[8:-1]
    assert len(read_wav(written(tmp_path, uncounted))[0]) == 101


# Bad files


@pytest.mark.parametrize("bad", bad_files(), ids=lambda bad: bad.name)
def test_a_bad_file_is_refused_in_one_line_that_says_why(tmp_path, bad: BadAudio):
    path = written(tmp_path, bad.content)
    with pytest.raises(DataError) as caught:
        read_wav(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert bad.complaint in message
    assert message.isprintable()


@pytest.mark.parametrize("bad", bad_files(), ids=lambda bad: bad.name)
def test_a_check_says_the_same_without_looking_at_samples(tmp_path, bad: BadAudio):
    path = tmp_path / bad.name
    if bad.name in ("nan.wav", "infinity.wav", "huge_double.wav", "huge_float.wav"):
        assert complaint(lambda: check_wav(path, bad.content)) == ""
        return
    with pytest.raises(DataError) as caught:
        check_wav(path, bad.content)
    assert bad.complaint in str(caught.value)


def test_a_file_that_claims_4_gb_takes_no_memory(tmp_path):
    path = written(tmp_path, riff(fmt(), chunk(b"data", bytes(1000), 0xFFFFFFFE)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="truncated"):
            read_wav(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(wav_module, "LARGEST_BYTES", 1 << 20)
    path = written(tmp_path, wav(np.zeros(1 << 20, np.int16)))
    with pytest.raises(DataError, match="has 2 MiB, expected at most 1"):
        read_wav(path)


def test_a_folder_a_pipe_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder: expected a WAV file"):
        read_wav(tmp_path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_wav(tmp_path / "missing.wav")
    with pytest.raises(DataError, match=r"cannot be read: .*embedded null"):
        read_wav(tmp_path / "a\0.wav")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        with pytest.raises(DataError, match="is a pipe or a device: expected a WAV file"):
            read_wav(tmp_path / "pipe.wav")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.wav", "caf\\xe9.wav"),
        (b"a\nb\x1b[2J.wav", "a\\nb\\x1b[2J.wav"),
        ("é 音.wav".encode(), "é 音.wav"),
    ],
    ids=["Latin-1", "control characters", "UTF-8"],
)
def test_a_message_can_be_printed_whatever_the_file_is_called(tmp_path, name, shown):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        read_wav(path)
    assert shown in str(caught.value)
    assert str(caught.value).isprintable()
    str(caught.value).encode("utf-8")


@given(st.text(st.characters(), max_size=30))
def test_a_printable_path_is_printable(name):
    assert printable(Path(name)).isprintable()


# Whatever the bytes are


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_read_and_never_crash(content):
    header = riff(chunk(b"fmt ", content), chunk(b"data", content))
    for whole in (content, riff(content), riff(fmt(), content), header):
        assert complaint(partial(check_wav, Path("a.wav"), whole)).isprintable()


@given(st.data())
def test_a_file_with_one_changed_byte_is_refused_or_read_and_never_crashes(tmp_path_factory, data):
    content = bytearray(
        riff(extensible(3, 32, channels=2), chunk(b"data", NOISE[:10].astype("<f4").tobytes()))
    )
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.wav"
    path.write_bytes(bytes(content))
    said = complaint(lambda: read_wav(path))
    assert said.isprintable()
    if not said:
        samples, rate = read_wav(path)
        assert np.isfinite(samples).all()
        assert 1 <= samples.size <= 80
        assert 1 <= rate <= wav_module.HIGHEST_RATE


@given(st.integers(0, 999))
def test_every_cut_of_a_file_is_refused(length):
    content = wav(np.arange(478, dtype=np.int16))
    assert len(content) == 1000
    with pytest.raises(DataError):
        check_wav(Path("a.wav"), content[:length])
