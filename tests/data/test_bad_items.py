"""Bad inputs of all kinds: which are refused or left out by the policy, and which are read although they are odd."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.preprocessing import RAW
from edgeq.data.reading import read_dataset
from edgeq.errors import DataError

SHAPE = (8, 8, 3)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 4 if mode == "CMYK" else 3), np.uint8)
    return Image.fromarray(pixels, mode) if mode == "CMYK" else Image.fromarray(pixels).convert(mode)


def bomb() -> bytes:
    """A small PNG that says that it has 10^10 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


BAD_IMAGES: dict[str, Callable[[], bytes]] = {
    "empty.png": lambda: b"",
    "text.jpg": lambda: b"<html>not found</html>",
    "truncated.jpg": lambda: encoded(noise(), "JPEG")[:-300],
    "truncated.png": lambda: encoded(noise(), "PNG")[:-300],
    "header only.jpg": lambda: encoded(noise(), "JPEG")[:20],
    "animated.gif": lambda: animation("GIF"),
    "animated.webp": lambda: animation("WEBP"),
    "animated.png": lambda: animation("PNG"),
    "bomb.png": bomb,
    "other format.png": lambda: encoded(noise(), "TIFF"),
    "unread.tiff": lambda: encoded(noise(), "TIFF"),
}

ODD_IMAGES: dict[str, Callable[[], bytes]] = {
    "cmyk.jpg": lambda: encoded(noise("CMYK"), "JPEG"),
    "grey.jpg": lambda: encoded(noise("L"), "JPEG"),
    "palette.png": lambda: encoded(noise().quantize(16), "PNG"),
    "two levels.png": lambda: encoded(noise("1"), "PNG"),
    "transparent.png": lambda: encoded(noise().convert("RGBA"), "PNG"),
    "16 bits.png": lambda: encoded(Image.fromarray(np.full((8, 8), 40_000, np.uint16)), "PNG"),
    "a png.jpg": lambda: encoded(noise(), "PNG"),
    "a jpeg.png": lambda: encoded(noise(), "JPEG"),
    "progressive.jpg": lambda: encoded(noise(), "JPEG", progressive=True),
}


@pytest.fixture
def pets(tmp_path) -> Path:
    """A good image in each of two classes."""
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        noise().save(tmp_path / "pets" / name / "good.png")
    return tmp_path / "pets"


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_dataset(path).inspected()
    message = str(caught.value)
    assert "\n" not in message
    assert "--on-bad-input skip" in message
    return message


# Images


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_is_named_or_left_out_and_counted(pets, name):
    (pets / "cat" / name).write_bytes(BAD_IMAGES[name]())
    message = refused(pets)
    assert "1 of 3 items is bad" in message
    assert f"cat/{name}" in message
    kept = read_dataset(pets).inspected("skip")
    assert (len(kept), len(kept.skipped), kept.labels.tolist()) == (2, 1, [0, 1])
    assert kept.skipped[0].name.endswith(name)


@pytest.mark.parametrize("name", ODD_IMAGES)
def test_an_odd_image_is_read(pets, name):
    (pets / "cat" / name).write_bytes(ODD_IMAGES[name]())
    data = read_dataset(pets).inspected()
    assert len(data) == 3
    pixels = data.columns[""].read(range(3), RAW, SHAPE)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (3, *SHAPE))
    row = [path.name for path in data.columns[""].paths].index(name)
    # Neither black nor white, as what is read wrongly often is.
    assert 20 < pixels[row].mean() < 236


def test_all_bad_images_at_once_are_counted(pets):
    for name, made in BAD_IMAGES.items():
        (pets / "dog" / name).write_bytes(made())
    assert f"{len(BAD_IMAGES)} of {len(BAD_IMAGES) + 2} items are bad" in refused(pets)
    assert len(read_dataset(pets).inspected("skip")) == 2


def test_a_class_whose_images_are_all_bad_keeps_its_number(pets):
    (pets / "cat" / "good.png").write_bytes(b"")
    kept = read_dataset(pets).inspected("skip")
    assert (kept.labels.tolist(), kept.class_names) == ([1], ("cat", "dog"))


# Files


def test_a_folder_called_like_an_image_is_a_bad_item(pets):
    (pets / "cat" / "folder.png").mkdir()
    assert "folder.png" in refused(pets)
    assert len(read_dataset(pets).inspected("skip")) == 2


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("target", ["nowhere.png", "link.png", ".."])
def test_a_link_that_cannot_be_read_is_a_bad_item(pets, target):
    (pets / "cat" / "link.png").symlink_to(target)
    assert "link.png" in refused(pets)
    assert len(read_dataset(pets).inspected("skip")) == 2


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes on Windows")
def test_a_pipe_is_a_bad_item_and_not_waited_for(pets):
    os.mkfifo(pets / "cat" / "pipe.png")
    assert "pipe.png is no regular file" in refused(pets)


@pytest.mark.skipif(os.name == "nt", reason="names are texts on Windows")
def test_a_bad_image_whose_name_is_no_utf_8_is_named_readably(pets):
    Path(os.fsdecode(os.fsencode(pets) + b"/cat/\xe9.png")).write_bytes(b"")
    message = refused(pets)
    assert "cat/\\xe9.png" in message
    message.encode("utf-8")


def test_files_that_a_manifest_names_and_that_are_missing_are_bad_items(pets):
    (pets.parent / "m.csv").write_text("path,label\npets/cat/good.png,cat\npets/dog/gone.png,dog\n")
    assert "gone.png cannot be read: No such file or directory" in refused(pets.parent / "m.csv")
    kept = read_dataset(pets.parent / "m.csv").inspected("skip")
    assert (len(kept), len(kept.skipped)) == (1, 1)


# Sounds


def riff(content: bytes = b"\0\0" * 100, tag: int = 1, kind: bytes = b"WAVE") -> bytes:
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, 8000, 16000, 2, 16)
    body = kind + header + struct.pack("<4sI", b"data", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


BAD_SOUNDS = {
    "empty.wav": b"",
    "text.wav": b"hello",
    "no wave.wav": riff(kind=b"AVI "),
    "codec.wav": riff(tag=0x55),
    "header only.wav": riff()[:30],
    "mp3.wav": b"ID3\x04" + bytes(100),
    "unread.mp3": b"ID3\x04" + bytes(100),
}


@pytest.mark.parametrize("name", BAD_SOUNDS)
def test_a_bad_sound_is_named_or_left_out_and_counted(tmp_path, name):
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "good.wav").write_bytes(riff())
    (tmp_path / "yes" / name).write_bytes(BAD_SOUNDS[name])
    message = refused(tmp_path)
    assert "1 of 2 items is bad" in message
    assert f"yes/{name}" in message
    kept = read_dataset(tmp_path).inspected("skip")
    assert (len(kept), len(kept.skipped)) == (1, 1)


# Arrays


def test_rows_that_are_not_finite_are_bad_items(tmp_path):
    values = np.ones((4, 3), np.float32)
    values[1, 2], values[3, 0] = np.nan, np.inf
    np.savez(tmp_path / "a.npz", x=values, y=np.arange(4))
    assert "2 of 4 items are bad (item 1 of input 'x' holds NaN or infinity" in refused(tmp_path / "a.npz")
    assert read_dataset(tmp_path / "a.npz").inspected("skip").labels.tolist() == [0, 2]
