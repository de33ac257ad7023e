"""One image file to one array, as Keras and TensorFlow would read it."""

from __future__ import annotations

import itertools
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bad_images import png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from edgeq.data.media.image_preparation import IMAGE_SUFFIXES, ImagePreparation, image_shape, placement
from edgeq.data.media.images import original_size, read_image
from edgeq.errors import DataError

PLAIN = ImagePreparation()
RGB = np.random.default_rng(0).integers(0, 256, (6, 4, 3)).astype(np.uint8)
LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601."""

TOLERANCE = 0.51
"""Grey levels between uint8 and TensorFlow's float32: half of one is the rounding."""


def saved(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def photo(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Smooth colours with some noise: JPEG of pure noise differs from itself."""
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    pixels = (smooth + rng.integers(-8, 9, smooth.shape)).clip(0, 255).astype(np.uint8)
    return pixels[..., 0] if channels == 1 else pixels


# Colour


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_pixels_of_a_lossless_file_come_back_unchanged(tmp_path, suffix):
    read = read_image(saved(tmp_path / f"a{suffix}", RGB), PLAIN, (6, 4, 3))
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, RGB)


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_every_format_that_a_folder_lists_can_be_read(tmp_path, suffix):
    path = saved(tmp_path / f"a{suffix}", RGB)
    assert read_image(path, PLAIN, (6, 4, 3)).shape == (6, 4, 3)
    assert read_image(path, PLAIN, (3, 5, 1)).shape == (3, 5, 1)


def test_blue_comes_first_where_the_model_wants_it(tmp_path):
    path = saved(tmp_path / "a.png", RGB)
    for shape in ((6, 4, 3), (3, 9, 3)):
        read = read_image(path, ImagePreparation(channels="bgr"), shape)
        np.testing.assert_array_equal(read, read_image(path, PLAIN, shape)[..., ::-1])
        assert read.flags.c_contiguous
    np.testing.assert_array_equal(
        read_image(path, ImagePreparation(channels="bgr"), (6, 4, 1)), read_image(path, PLAIN, (6, 4, 1))
    )


def test_a_grey_file_fills_three_channels_and_a_colour_file_becomes_its_luma(tmp_path):
    grey = saved(tmp_path / "grey.png", RGB[..., 0])
    np.testing.assert_array_equal(read_image(grey, PLAIN, (6, 4, 3)), np.repeat(RGB[..., :1], 3, axis=2))
    read = read_image(saved(tmp_path / "colour.png", RGB), PLAIN, (6, 4, 1))
    np.testing.assert_allclose(read[..., 0], RGB @ LUMA, atol=TOLERANCE)


def test_a_palette_file_is_read_as_its_colours_and_not_as_its_indices(tmp_path):
    palette = Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE)
    expected = np.asarray(palette.convert("RGB"))
    for name, options in (("plain", {}), ("one", {"transparency": 0}), ("many", {"transparency": b"\0\x80"})):
        palette.save(tmp_path / f"{name}.png", **options)
        np.testing.assert_array_equal(read_image(tmp_path / f"{name}.png", PLAIN, (6, 4, 3)), expected)
        grey = read_image(tmp_path / f"{name}.png", PLAIN, (6, 4, 1))
        np.testing.assert_allclose(grey[..., 0], expected @ LUMA, atol=TOLERANCE)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparency_is_dropped_and_the_colour_under_it_stays(tmp_path, suffix):
    alpha = np.full((6, 4, 1), 1, np.uint8)
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    path = saved(tmp_path / f"a{suffix}", np.concatenate([RGB, alpha], axis=2), **options)
    np.testing.assert_array_equal(read_image(path, PLAIN, (6, 4, 3)), RGB)


def test_transparency_of_a_grey_file_is_dropped(tmp_path):
    path = saved(tmp_path / "a.png", np.stack([RGB[..., 0], RGB[..., 1]], axis=2))
    assert Image.open(path).mode == "LA"
    for channels in (1, 3):
        read = read_image(path, PLAIN, (6, 4, channels))
        np.testing.assert_array_equal(read, np.repeat(RGB[..., :1], channels, axis=2))


def test_a_colour_that_stands_for_transparency_stays_that_colour(tmp_path):
    path = saved(tmp_path / "a.png", RGB, transparency=tuple(RGB[0, 0].tolist()))
    np.testing.assert_array_equal(read_image(path, PLAIN, (6, 4, 3)), RGB)
    np.testing.assert_allclose(read_image(path, PLAIN, (6, 4, 1))[..., 0], RGB @ LUMA, atol=TOLERANCE)


def test_black_and_white_become_0_and_255(tmp_path):
    path = saved(tmp_path / "a.png", RGB[..., 0] // 128 * 255, "1")
    assert set(np.unique(read_image(path, PLAIN, (6, 4, 1)))) == {0, 255}


def test_printing_colours_become_light(tmp_path):
    inks = np.full((16, 16, 4), (0, 255, 0, 51), np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(inks, "CMYK").save(path, quality=100)
    expected = (255 - inks[0, 0, :3].astype(int)) * (255 - 51) / 255
    # JPEG rounds.
    np.testing.assert_allclose(read_image(path, PLAIN, (16, 16, 3)).mean((0, 1)), expected, atol=2)


def test_of_16_bits_the_upper_8_are_taken(tmp_path):
    values = np.array([[0, 255, 256], [0x1234, 0xFF00, 0xFFFF]], np.uint16)
    path = saved(tmp_path / "a.png", values)
    for channels in (1, 3):
        read = read_image(path, PLAIN, (2, 3, channels))
        np.testing.assert_array_equal(read, np.repeat((values >> 8)[..., None], channels, axis=2))


def test_of_16_bits_a_colour_the_upper_8_are_taken(tmp_path):
    # Pillow reads such files and does not write them.
    values = np.random.default_rng(0).integers(0, 1 << 16, (3, 2, 3)).astype(np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    (tmp_path / "a.png").write_bytes(png(3, 2, 16, 2, (b"IDAT", zlib.compress(rows))))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", PLAIN, (3, 2, 3)), values >> 8)


# Orientation

# What Exif says of where row 0 and column 0 of the stored pixels are, as a function of NumPy.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


def lying(path: Path, orientation: int, pixels: np.ndarray = RGB, **options: object) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(path, pixels, exif=exif, **options)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photo_is_turned_upright_by_its_exif_orientation(tmp_path, orientation):
    path = lying(tmp_path / "a.png", orientation)
    expected = UPRIGHT[orientation](RGB)
    np.testing.assert_array_equal(read_image(path, PLAIN, expected.shape), expected)
    assert original_size(path, PLAIN) == expected.shape[:2]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_format_is_turned_as_pillow_turns_it(tmp_path, orientation, suffix):
    path = lying(tmp_path / f"a{suffix}", orientation, photo(40, 56))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(path, PLAIN, expected.shape), expected)
    assert original_size(path, PLAIN) == expected.shape[:2]


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photo_stays_as_it_is_stored_where_keras_read_it_so(tmp_path, orientation):
    path = lying(tmp_path / "a.png", orientation)
    stored = ImagePreparation(exif=False)
    np.testing.assert_array_equal(read_image(path, stored, RGB.shape), RGB)
    assert original_size(path, stored) == (6, 4)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_upright(tmp_path, orientation):
    path = lying(tmp_path / "a.png", orientation)
    np.testing.assert_array_equal(read_image(path, PLAIN, RGB.shape), RGB)


def test_a_png_may_say_behind_its_pixels_how_it_lies(tmp_path):
    content = lying(tmp_path / "a.png", 6).read_bytes()
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    last = content.index(b"IEND") - 4
    moved = content[:start] + content[end:last] + content[start:end] + content[last:]
    (tmp_path / "a.png").write_bytes(moved)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", PLAIN, (4, 6, 3)), UPRIGHT[6](RGB))
    assert original_size(tmp_path / "a.png", PLAIN) == (4, 6)


def test_a_16_bit_file_is_turned_too(tmp_path):
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) << 8
    path = lying(tmp_path / "a.png", 6, values)
    np.testing.assert_array_equal(read_image(path, PLAIN, (3, 2, 1)), UPRIGHT[6]((values >> 8)[..., None]))


def test_the_size_is_known_without_the_pixels(tmp_path):
    (tmp_path / "a.png").write_bytes(png(30, 20, 8, 2, (b"IDAT", b"damaged")))
    assert original_size(tmp_path / "a.png", PLAIN) == (30, 20)


def test_a_file_is_resized_after_it_was_turned_upright(tmp_path):
    lies = read_image(lying(tmp_path / "a.png", 6), PLAIN, (8, 12, 3))
    stands = read_image(saved(tmp_path / "b.png", np.ascontiguousarray(UPRIGHT[6](RGB))), PLAIN, (8, 12, 3))
    np.testing.assert_array_equal(lies, stands)


# What a model wants


@pytest.mark.parametrize(
    "shape", [(224, 224), (224, 224, 4), (16, 224, 224, 3), (), (-1, 224, 3), (0, 224, 3)], ids=str
)
def test_a_model_whose_input_is_no_image_is_refused(tmp_path, shape):
    complaint = r"holds images, but the model's input is .* expected \[height, width, 1 or 3\]"
    with pytest.raises(DataError, match=f"photos {complaint}"):
        image_shape(shape, "photos")
    with pytest.raises(DataError, match=complaint):
        read_image(saved(tmp_path / "a.png", RGB), PLAIN, shape)


def test_the_size_of_an_image_input_is_its_shape():
    assert image_shape((224, 192, 3), "photos") == (224, 192, 3)


# Fitting


def square(fit: str, shape: tuple[int, int, int], tmp_path: Path, **options: float) -> None:
    """Draws a white square and looks for it where the placement says it lies."""
    drawn = np.zeros((300, 500, 3), np.uint8)
    drawn[130:165, 225:270] = 255
    preparation = ImagePreparation(fit=fit, **options)
    read = read_image(saved(tmp_path / "a.png", drawn), preparation, shape)
    place = placement((300, 500), preparation, shape)
    (top, left), (bottom, right) = place.to_prepared([(130, 225), (165, 270)])
    rows, columns = np.flatnonzero((read[..., 0] > 127).any(1)), np.flatnonzero((read[..., 0] > 127).any(0))
    found = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    np.testing.assert_allclose(found, (top, left, bottom, right), atol=0.51)


@pytest.mark.parametrize("shape", [(150, 150, 3), (200, 90, 3), (64, 320, 3)], ids=str)
def test_an_object_lies_where_the_placement_says(tmp_path, shape):
    square("stretch", shape, tmp_path)
    square("crop", shape, tmp_path)
    square("crop", shape, tmp_path, crop_fraction=0.875)
    square("letterbox", shape, tmp_path)


def test_bars_are_of_the_colour_that_was_asked_for(tmp_path):
    path = saved(tmp_path / "a.png", np.full((20, 40, 3), 200, np.uint8))
    read = read_image(path, ImagePreparation(fit="letterbox", pad=114), (40, 40, 3))
    assert (read[:10] == 114).all()
    assert (read[10:30] == 200).all()
    assert (read[30:] == 114).all()


def test_what_is_cropped_away_does_not_shine_through(tmp_path):
    pixels = np.full((20, 60, 3), 255, np.uint8)
    pixels[:, 20:40] = 0
    path = saved(tmp_path / "a.png", pixels)
    for method, antialias in itertools.product(("bilinear", "bicubic", "lanczos3", "area"), (False, True)):
        preparation = ImagePreparation(fit="crop", resize=method, antialias=antialias)
        assert read_image(path, preparation, (8, 8, 3)).max() == 0


def test_a_placement_needs_an_image_input():
    with pytest.raises(DataError, match=r"expected \[height, width, 1 or 3\]"):
        placement((10, 10), PLAIN, (10, 10, 4))


# Serialisation


def test_the_defaults_are_those_of_keras():
    assert PLAIN.to_json() == {
        "resize": "bilinear",
        "antialias": False,
        "fit": "stretch",
        "crop_fraction": 1.0,
        "pad": 0,
        "channels": "rgb",
        "exif": True,
    }


@given(
    resize=st.sampled_from(("nearest", "bilinear", "bicubic", "lanczos3", "area")),
    antialias=st.booleans(),
    fit=st.sampled_from(("stretch", "crop", "letterbox")),
    share=st.floats(0, 1, exclude_min=True),
    pad=st.integers(0, 255),
    channels=st.sampled_from(("rgb", "bgr")),
    exif=st.booleans(),
)
def test_a_preparation_survives_json(resize, antialias, fit, share, pad, channels, exif):
    preparation = ImagePreparation(
        resize,
        antialias,
        fit,
        share if fit == "crop" else 1.0,
        pad if fit == "letterbox" else 0,
        channels,
        exif,
    )
    assert ImagePreparation.from_json(preparation.to_json()) == preparation


def test_what_is_not_said_has_its_default_and_an_integer_is_a_share_too():
    assert ImagePreparation.from_json({}) == PLAIN
    read = ImagePreparation.from_json({"fit": "crop", "crop_fraction": 1})
    assert repr(read) == repr(ImagePreparation(fit="crop"))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"resise": "area"}, "unknown key 'resise', expected resize, antialias, fit, crop_fraction, pad, "),
        (
            {"resize": "cubic"},
            "resize is 'cubic', expected one of nearest, bilinear, bicubic, lanczos3, area",
        ),
        ({"resize": None}, "resize is None, expected one of"),
        ({"resize": ["area"]}, r"resize is \['area'\], expected one of"),
        ({"antialias": 1}, "antialias is 1, expected true or false"),
        ({"exif": "yes"}, "exif is 'yes', expected true or false"),
        ({"fit": "pad"}, "fit is 'pad', expected one of stretch, crop, letterbox"),
        ({"channels": "grey"}, "channels is 'grey', expected one of rgb, bgr"),
        ({"fit": "crop", "crop_fraction": 0}, "crop_fraction is 0, expected a number above 0 and at most 1"),
        ({"fit": "crop", "crop_fraction": 1.1}, "crop_fraction is 1.1, expected a number above 0"),
        ({"fit": "crop", "crop_fraction": float("nan")}, "crop_fraction is nan, expected a number above 0"),
        ({"fit": "crop", "crop_fraction": True}, "crop_fraction is True, expected a number above 0"),
        ({"fit": "crop", "crop_fraction": "0.9"}, "crop_fraction is '0.9', expected a number above 0"),
        ({"fit": "letterbox", "pad": 256}, "pad is 256, expected an integer from 0 to 255"),
        ({"fit": "letterbox", "pad": -1}, "pad is -1, expected an integer"),
        ({"fit": "letterbox", "pad": 1.0}, "pad is 1.0, expected an integer"),
        ({"fit": "letterbox", "pad": True}, "pad is True, expected an integer"),
        ({"crop_fraction": 0.875}, "crop_fraction is 0.875, expected 1 unless fit is crop"),
        ({"pad": 114}, "pad is 114, expected 0 unless fit is letterbox"),
        (["resize"], r"expected an object with keys, found \['resize'\]"),
        ("crop", "expected an object with keys, found 'crop'"),
    ],
    ids=str,
)
def test_a_preparation_that_cannot_be_says_key_expected_and_found(value, complaint):
    with pytest.raises(DataError, match=f"^image preparation: {complaint}") as caught:
        ImagePreparation.from_json(value)
    assert "\n" not in str(caught.value)


# Keras and TensorFlow


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "name",
    ["rgb.png", "grey.png", "alpha.png", "grey_alpha.png", "16.png", "palette.png", "rgb.bmp", "rgb.gif"],
)
def test_a_lossless_file_is_read_as_tensorflow_reads_it(tmp_path, name):
    tf = pytest.importorskip("tensorflow")
    pixels = {
        "grey.png": RGB[..., 0],
        "alpha.png": np.concatenate([RGB, RGB[..., :1]], axis=2),
        "grey_alpha.png": RGB[..., :2],
        "16.png": RGB[..., 0].astype(np.uint16) * 251,
    }.get(name, RGB)
    path = saved(tmp_path / name, pixels, "P" if name == "palette.png" else None)
    expected = tf.io.decode_image(path.read_bytes(), channels=3, expand_animations=False).numpy()
    np.testing.assert_array_equal(read_image(path, PLAIN, (6, 4, 3)), expected)


@pytest.mark.tensorflow
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}], ids=str)
def test_a_jpeg_has_the_pixels_of_tensorflows_accurate_decoder(tmp_path, options):
    tf = pytest.importorskip("tensorflow")
    path = saved(tmp_path / "a.jpg", photo(61, 83), **options)
    read = read_image(path, PLAIN, (61, 83, 3))
    accurate = tf.io.decode_jpeg(path.read_bytes(), channels=3, dct_method="INTEGER_ACCURATE").numpy()
    np.testing.assert_array_equal(read, accurate)
    # Which is not its default.
    usual = tf.io.decode_image(path.read_bytes(), channels=3).numpy()
    assert abs(read.astype(int) - usual).max() <= 8


@pytest.mark.tensorflow
def test_a_jpeg_in_printing_colours_is_read_as_tensorflow_reads_it(tmp_path):
    tf = pytest.importorskip("tensorflow")
    path = saved(tmp_path / "a.jpg", photo(61, 83), "CMYK")
    accurate = tf.io.decode_jpeg(path.read_bytes(), channels=3, dct_method="INTEGER_ACCURATE").numpy()
    # TensorFlow truncates the product of ink and black, Pillow rounds it.
    difference = read_image(path, PLAIN, (61, 83, 3)) - accurate.astype(int)
    assert difference.min() >= 0
    assert difference.max() <= 1


@pytest.mark.tensorflow
def test_grey_is_that_of_tensorflow(tmp_path):
    tf = pytest.importorskip("tensorflow")
    path = saved(tmp_path / "a.png", photo(61, 83))
    expected = tf.image.rgb_to_grayscale(photo(61, 83).astype(np.float32)).numpy()
    # Its weights of 0.2989, 0.587 and 0.114 sum to 0.9999, which is 0.03 levels of white.
    np.testing.assert_allclose(read_image(path, PLAIN, (61, 83, 1)), expected, atol=TOLERANCE + 0.03)


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "lanczos3", "area"])
@pytest.mark.parametrize(
    ("fit", "keywords"),
    [("stretch", {}), ("crop", {"crop_to_aspect_ratio": True}), ("letterbox", {"pad_to_aspect_ratio": True})],
    ids=["stretch", "crop", "letterbox"],
)
def test_a_folder_is_read_as_keras_reads_it(tmp_path, fit, keywords, method):
    keras = pytest.importorskip("keras")
    paths = [
        saved(tmp_path / f"{height}x{width}.png", photo(height, width))
        for height, width in ((375, 500), (120, 67), (50, 211), (96, 96))
    ]
    read = keras.utils.image_dataset_from_directory(
        tmp_path,
        labels=None,
        batch_size=1,
        image_size=(96, 80),
        interpolation=method,
        shuffle=False,
        verbose=False,
        **keywords,
    )
    preparation = ImagePreparation(resize=method, fit=fit)
    for path, expected in zip(sorted(paths), read, strict=True):
        ours = read_image(path, preparation, (96, 80, 3))
        assert abs(ours - np.asarray(expected)[0].clip(0, 255)).max() <= TOLERANCE


@pytest.mark.tensorflow
@settings(deadline=None, max_examples=30)
@given(size=st.tuples(*[st.integers(30, 400)] * 2), target=st.sampled_from((32, 64, 224)))
def test_a_fraction_of_the_centre_is_what_efficientnet_evaluates(size, target):
    tf = pytest.importorskip("tensorflow")
    pixels = photo(*size)
    # "Central crop, then bicubic": the share is size / (size + 32) there, 0.875 for 224.
    share = target / (target + 32)
    kept = int(tf.cast(share * tf.cast(min(size), tf.float32), tf.int32))
    top, left = (size[0] - kept + 1) // 2, (size[1] - kept + 1) // 2
    expected = tf.image.resize(pixels[top : top + kept, left : left + kept], (target, target), "bicubic")
    preparation = ImagePreparation(resize="bicubic", fit="crop", crop_fraction=share)
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder) / "a.bmp", pixels)
        ours = read_image(path, preparation, (target, target, 3))
    assert abs(ours - expected.numpy().clip(0, 255)).max() <= TOLERANCE
