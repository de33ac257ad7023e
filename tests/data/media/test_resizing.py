"""Images in another size, as ``tf.image.resize`` makes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeq.data.media.image_preparation import METHODS
from edgeq.data.media.resizing import resize

TOLERANCE = 0.51
"""Grey levels between uint8 and TensorFlow's float32: half of one is the rounding."""

PILLOW_TOLERANCE = 1.01
"""Of bilinear with antialiasing, which Pillow rounds twice."""

CASES = [(method, antialias) for method in METHODS for antialias in (False, True)]
RNG = np.random.default_rng(0)


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, channels)).astype(np.uint8)


def resized(pixels: np.ndarray, size: tuple[int, int], method: str = "bilinear", antialias: bool = False):
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    result = resize(image, size, method, antialias)
    assert result.dtype == np.uint8
    assert result.shape == (*size, pixels.shape[2])
    return result


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
def test_bilinear_gives_the_values_of_tensorflow(size):
    np.testing.assert_allclose(resized(SMALL, size)[..., 0], BY_TENSORFLOW[size], rtol=0, atol=TOLERANCE)


# By definition

sides = st.integers(1, 12)


@settings(deadline=None)
@given(height=sides, width=sides, to_height=sides, to_width=sides, channels=st.sampled_from((1, 3)))
def test_bilinear_weighs_by_the_distance_between_centres(height, width, to_height, to_width, channels):
    pixels = noise(height, width, channels)
    down, across = triangle(height, to_height), triangle(width, to_width)
    expected = np.einsum("yh,xw,hwc->yxc", down, across, pixels.astype(float))
    assert abs(resized(pixels, (to_height, to_width)) - expected).max() <= TOLERANCE


def triangle(size: int, result: int) -> np.ndarray:
    """[result, size]: weights fall off linearly from the centre of the pixel that is asked for."""
    position = ((np.arange(result) + 0.5) * size / result - 0.5).clip(0, size - 1)
    return np.maximum(0, 1 - abs(np.arange(size) - position[:, None]))


@settings(deadline=None)
@given(height=sides, width=sides, down=sides, across=sides)
def test_area_is_the_mean_of_the_pixels_that_become_one(height, width, down, across):
    pixels = noise(height * down, width * across)
    expected = pixels.reshape(height, down, width, across, 3).mean((1, 3))
    assert abs(resized(pixels, (height, width), "area") - expected).max() <= TOLERANCE


@settings(deadline=None)
@given(height=sides, width=sides, down=sides, across=sides)
def test_nearest_repeats_pixels_of_an_image_that_grows(height, width, down, across):
    pixels = noise(height, width)
    expected = pixels.repeat(down, 0).repeat(across, 1)
    np.testing.assert_array_equal(resized(pixels, (height * down, width * across), "nearest"), expected)


@settings(deadline=None, max_examples=200)
@given(
    size=st.tuples(sides, sides),
    to=st.tuples(sides, sides),
    case=st.sampled_from(CASES),
    grey=st.integers(0, 255),
)
def test_one_colour_stays_that_colour(size, to, case, grey):
    pixels = np.full((*size, 3), (grey, 255, 0), np.uint8)
    assert (resized(pixels, to, *case) == (grey, 255, 0)).all()


@pytest.mark.parametrize(("method", "antialias"), CASES)
def test_the_same_size_changes_nothing_and_is_a_copy(method, antialias):
    pixels = noise(6, 4)
    result = resized(pixels, (6, 4), method, antialias)
    np.testing.assert_array_equal(result, pixels)
    assert result.flags.writeable


@pytest.mark.parametrize(("method", "antialias"), CASES)
@pytest.mark.parametrize("size", [(3, 5), (20, 30), (3, 30)], ids=str)
def test_a_result_may_be_written_to_and_lies_in_one_piece(size, method, antialias):
    result = resized(noise(10, 11), size, method, antialias)
    assert result.flags.writeable
    assert result.flags.c_contiguous


def test_what_a_kernel_throws_beyond_black_and_white_is_clipped():
    step = np.zeros((8, 8, 1), np.uint8)
    step[:, 4:] = 255
    for method in ("bicubic", "lanczos3"):
        grown = resized(step, (8, 80), method)
        assert grown[:, :30].max() < 40
        assert grown[:, 50:].min() > 215


def test_rounding_has_no_bias():
    pixels = noise(300, 400)
    position = np.einsum(
        "yh,xw,hwc->yxc", triangle(300, 150), triangle(400, 210), pixels.astype(float), optimize=True
    )
    # 94,500 errors that lie evenly between −0.5 and 0.5 have a mean whose standard deviation is 0.001.
    assert abs((resized(pixels, (150, 210)) - position).mean()) < 0.005


# Pillow gathers the pixels of the most used case: that it takes the right ones is a matter of rounding.


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_an_image_that_shrinks_is_blended_from_the_right_pixels(data):
    height, width = data.draw(st.tuples(*[st.integers(1, 600)] * 2))
    size = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    pixels = noise(height, width, 1)
    expected = triangle(height, size[0]) @ pixels[..., 0] @ triangle(width, size[1]).T
    assert abs(resized(pixels, size)[..., 0] - expected).max() <= TOLERANCE


@pytest.mark.parametrize("factor", [2, 3, 5, 5 / 3, 7 / 3, 1.5])
def test_positions_that_fall_onto_pixels_take_these_pixels(factor):
    result = 210
    size = round(result * factor)
    ramp = (np.arange(size) % 251).astype(np.uint8)
    pixels = np.repeat(ramp[None, :, None], 3, axis=0)
    position = (np.arange(result) + 0.5) * size / result - 0.5
    before = np.floor(position + 1e-9).astype(int)
    share = position - before
    after = np.minimum(before + 1, size - 1)
    expected = ramp[before] * (1 - share) + ramp[after] * share
    assert abs(resized(pixels, (3, result))[1, :, 0] - expected).max() <= TOLERANCE


# TensorFlow

SIZES = [
    ((375, 500, 3), (224, 224)),
    ((120, 160, 3), (97, 131)),
    ((120, 160, 1), (20, 333)),
    ((28, 28, 1), (96, 96)),
    ((1, 7, 3), (5, 1)),
    ((740, 373, 3), (167, 382)),
]


def distance(pixels: np.ndarray, size: tuple[int, int], method: str, antialias: bool) -> float:
    tf = pytest.importorskip("tensorflow")
    expected = tf.image.resize(pixels, size, method=method, antialias=antialias).numpy()
    return abs(resized(pixels, size, method, antialias) - expected.clip(0, 255)).max()


def tolerance(method: str, antialias: bool) -> float:
    if method == "nearest":
        return 0
    return PILLOW_TOLERANCE if method == "bilinear" and antialias else TOLERANCE


@pytest.mark.tensorflow
@pytest.mark.parametrize(("method", "antialias"), CASES)
@pytest.mark.parametrize(("shape", "size"), SIZES, ids=str)
def test_every_method_is_that_of_tf_image_resize(shape, size, method, antialias):
    assert distance(noise(*shape), size, method, antialias) <= tolerance(method, antialias)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("method", "antialias"), CASES)
def test_the_last_pixels_of_a_large_photo_are_those_of_tf_image_resize(method, antialias):
    # Positions are float32 in TensorFlow: behind 3,000 pixels its steps are 1/4096.
    assert distance(noise(6, 4001), (4, 224), method, antialias) <= tolerance(method, antialias)
    assert distance(noise(4001, 6), (301, 4), method, antialias) <= tolerance(method, antialias)


@pytest.mark.tensorflow
@settings(deadline=None, max_examples=300)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 2, st.sampled_from((1, 3))),
    size=st.tuples(*[st.integers(1, 40)] * 2),
    case=st.sampled_from(CASES),
)
def test_any_size_is_that_of_tf_image_resize(shape, size, case):
    assert distance(noise(*shape), size, *case) <= tolerance(*case)
