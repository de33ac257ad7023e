"""One image file to one array, as TensorFlow would read it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeq.data.images import IMAGE_SUFFIXES, Decoding, decode, resize_bilinear
from edgeq.errors import DataError

RGB = np.random.default_rng(0).integers(0, 256, (6, 4, 3)).astype(np.uint8)


def saved(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


# Colour


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_pixels_of_a_lossless_file_come_back_unchanged(tmp_path, suffix):
    path = saved(tmp_path / f"a{suffix}", RGB)
    decoded = decode(path, Decoding(6, 4, 3))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, RGB)


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_every_format_that_a_folder_lists_can_be_read(tmp_path, suffix):
    path = saved(tmp_path / f"a{suffix}", RGB)
    assert decode(path, Decoding(6, 4, 3)).shape == (6, 4, 3)
    assert decode(path, Decoding(3, 5, 1)).shape == (3, 5, 1)


def test_a_grey_file_fills_three_channels_and_a_colour_file_becomes_its_luma(tmp_path):
    grey = saved(tmp_path / "grey.png", RGB[..., 0])
    np.testing.assert_array_equal(decode(grey, Decoding(6, 4, 3)), np.repeat(RGB[..., :1], 3, axis=2))
    luma = RGB @ np.array([0.299, 0.587, 0.114])
    decoded = decode(saved(tmp_path / "colour.png", RGB), Decoding(6, 4, 1))
    np.testing.assert_allclose(decoded[..., 0], luma, atol=1)


def test_a_palette_file_is_read_as_its_colours_and_not_as_its_indices(tmp_path):
    palette = Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE)
    palette.save(tmp_path / "p.png", transparency=0)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(decode(tmp_path / "p.png", Decoding(6, 4, 3)), expected)


def test_transparency_is_dropped_and_the_colour_under_it_stays(tmp_path):
    alpha = np.zeros((6, 4, 1), np.uint8)
    path = saved(tmp_path / "a.png", np.concatenate([RGB, alpha], axis=2))
    np.testing.assert_array_equal(decode(path, Decoding(6, 4, 3)), RGB)


def test_black_and_white_become_0_and_255(tmp_path):
    path = saved(tmp_path / "a.png", RGB[..., 0] // 128 * 255, "1")
    assert set(np.unique(decode(path, Decoding(6, 4, 1)))) == {0, 255}


def test_of_16_bits_the_upper_8_are_taken(tmp_path):
    values = np.array([[0, 255, 256], [0x1234, 0xFF00, 0xFFFF]], np.uint16)
    path = saved(tmp_path / "a.png", values)
    for channels in (1, 3):
        decoded = decode(path, Decoding(2, 3, channels))
        np.testing.assert_array_equal(decoded, np.repeat((values >> 8)[..., None], channels, axis=2))


def test_of_16_bits_a_colour_the_upper_8_are_taken(tmp_path):
    values = np.random.default_rng(0).integers(0, 1 << 16, (3, 2, 3)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(png_16_bit(values))
    np.testing.assert_array_equal(decode(tmp_path / "a.png", Decoding(3, 2, 3)), values >> 8)


def png_16_bit(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a colour, which Pillow reads and does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = values.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_an_animation_is_its_first_frame(tmp_path):
    first = Image.fromarray(np.zeros((4, 4), np.uint8))
    second = Image.fromarray(np.full((4, 4), 255, np.uint8))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert decode(tmp_path / "a.gif", Decoding(4, 4, 1)).max() == 0


# Orientation

# What Exif says of where row 0 and column 0 of the stored pixels are, as a function of NumPy.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photo_is_turned_upright_by_its_exif_orientation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", RGB, exif=exif)
    expected = UPRIGHT[orientation](RGB)
    np.testing.assert_array_equal(decode(path, Decoding(*expected.shape)), expected)


# Bad files


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / "cat.jpg").write_text("no image")
    with pytest.raises(DataError, match=r"cat\.jpg cannot be read as an image: cannot identify"):
        decode(tmp_path / "cat.jpg", Decoding(4, 4, 3))


def test_a_truncated_image_is_refused_and_not_filled_with_grey(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    content = saved(tmp_path / "a.jpg", pixels).read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="image file is truncated"):
        decode(tmp_path / "a.jpg", Decoding(64, 64, 3))


def test_an_image_that_unpacks_to_more_than_memory_should_hold_is_refused(tmp_path):
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + crc)
    with pytest.raises(DataError, match="cannot be read as an image"):
        decode(tmp_path / "a.png", Decoding(4, 4, 1))


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png cannot be read as an image"):
        decode(tmp_path / "gone.png", Decoding(4, 4, 3))


def test_other_formats_are_refused_whatever_the_suffix(tmp_path):
    # Pillow starts Ghostscript to read PostScript.
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n")
    with pytest.raises(DataError, match="cannot identify"):
        decode(tmp_path / "a.png", Decoding(8, 8, 3))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), suffix=st.sampled_from(IMAGE_SUFFIXES))
def test_a_damaged_image_is_read_or_refused_in_one_line(tmp_path, data, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"a{suffix}"
    options = {} if suffix in (".bmp", ".gif") else {"exif": exif}
    content = bytearray(saved(path, RGB, **options).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        shape, message = decode(path, Decoding(4, 4, 3)).shape, ""
    except DataError as error:
        shape, message = (4, 4, 3), str(error)
    assert shape == (4, 4, 3)
    assert "\n" not in message


# What a model wants


@pytest.mark.parametrize("shape", [(224, 224), (224, 224, 4), (16, 224, 224, 3), ()])
def test_a_model_whose_input_is_no_image_is_refused(shape):
    with pytest.raises(
        DataError, match=r"photos holds images, but the model's input is .* expected \[height"
    ):
        Decoding.for_shape(shape, "photos")


def test_the_decoding_of_an_image_input_is_its_shape():
    assert Decoding.for_shape((224, 192, 3), "photos") == Decoding(224, 192, 3)


# Resizing

SMALL = np.array(
    [
        [0, 1, 4, 9, 16, 25],
        [36, 49, 64, 81, 100, 121],
        [144, 169, 196, 225, 0, 33],
        [68, 105, 144, 185, 228, 17],
    ],
    np.uint8,
)[..., None]

# What tf.image.resize(SMALL, size) of TensorFlow 2.21 returns.
BY_TENSORFLOW = {
    (1, 1): [[141.5]],
    (2, 3): [[21.5, 39.5, 65.5], [121.5, 187.5, 69.5]],
    (3, 4): [[6.75, 12.75, 23.25, 38.25], [94.75, 124.75, 127.25, 70.25], [89.42, 143.42, 191.25, 62.25]],
    (4, 9): [
        [0, 0.5, 1.5, 3.5, 6.5, 10.17, 14.83, 20.5, 25],
        [36, 42.5, 51.5, 61.5, 72.5, 84.17, 96.83, 110.5, 121],
        [144, 156.5, 173.5, 191.5, 210.5, 187.5, 37.5, 16.5, 33],
        [68, 86.5, 111.5, 137.5, 164.5, 192.17, 220.83, 122.5, 17],
    ],
}


@pytest.mark.parametrize("size", BY_TENSORFLOW, ids=str)
def test_resizing_gives_the_values_of_tensorflow(size):
    resized = resize_bilinear(SMALL, *size)[..., 0]
    assert resized.dtype == np.uint8
    # Half a step is the rounding to uint8.
    np.testing.assert_allclose(resized, BY_TENSORFLOW[size], rtol=0, atol=0.501)


sizes = st.integers(1, 12)


@settings(deadline=None)
@given(height=sizes, width=sizes, to_height=sizes, to_width=sizes, seed=st.integers(0, 99))
def test_resizing_is_bilinear_with_half_pixel_centres(height, width, to_height, to_width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 1)).astype(np.uint8)
    resized = resize_bilinear(pixels, to_height, to_width)
    for y in range(to_height):
        for x in range(to_width):
            assert abs(resized[y, x, 0] - at(pixels, y, x, to_height, to_width)) <= 0.501


def at(pixels: np.ndarray, y: int, x: int, to_height: int, to_width: int) -> float:
    """The definition: weights fall off linearly from the centre of the pixel that is asked for."""
    height, width, _ = pixels.shape
    source_y = min(max((y + 0.5) * height / to_height - 0.5, 0), height - 1)
    source_x = min(max((x + 0.5) * width / to_width - 0.5, 0), width - 1)
    rows = np.maximum(0, 1 - abs(np.arange(height) - source_y))
    columns = np.maximum(0, 1 - abs(np.arange(width) - source_x))
    return float(rows @ pixels[..., 0] @ columns)


def test_resizing_to_the_same_size_changes_nothing():
    np.testing.assert_array_equal(resize_bilinear(RGB, 6, 4), RGB)


def test_a_file_is_resized_after_it_was_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.png", RGB, exif=exif)
    np.testing.assert_array_equal(decode(path, Decoding(8, 12, 3)), resize_bilinear(np.rot90(RGB, -1), 8, 12))


@pytest.mark.tensorflow
@pytest.mark.parametrize("size", [(224, 224), (97, 131), (20, 333)], ids=str)
def test_resizing_is_that_of_tf_image_resize(size):
    tf = pytest.importorskip("tensorflow")
    pixels = np.random.default_rng(1).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    expected = tf.image.resize(pixels, size).numpy()
    assert abs(resize_bilinear(pixels, *size) - expected).max() <= 0.501


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "name", ["rgb.png", "grey.png", "alpha.png", "16.png", "rgb.bmp", "rgb.gif", "rgb.jpg"]
)
def test_a_file_is_read_as_tensorflow_reads_it(tmp_path, name):
    tf = pytest.importorskip("tensorflow")
    pixels = {
        "grey.png": RGB[..., 0],
        "alpha.png": np.concatenate([RGB, RGB[..., :1]], axis=2),
        "16.png": RGB[..., 0].astype(np.uint16) * 251,
    }.get(name, RGB)
    path = saved(tmp_path / name, pixels)
    expected = tf.io.decode_image(path.read_bytes(), channels=3, expand_animations=False).numpy()
    # JPEG decoders differ in how they fill in the colours of four pixels that share one.
    tolerance = 4 if name.endswith(".jpg") else 0
    np.testing.assert_allclose(
        decode(path, Decoding(6, 4, 3)).astype(int), expected.astype(int), atol=tolerance
    )
