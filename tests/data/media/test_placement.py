"""Which part of an image goes where, as Keras and TensorFlow place it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgeq.data.media.placement import Placement, Window, crop_window, letterbox_window

sides = st.integers(1, 2000)
sizes = st.tuples(sides, sides)
WHOLE = 1.0


def test_a_crop_is_the_largest_centre_of_the_targets_aspect():
    assert crop_window((340, 500), (200, 200), WHOLE) == Window(0, 80, 340, 340)
    assert crop_window((500, 341), (100, 200), WHOLE) == Window(165, 0, 170, 341)


def test_a_fraction_of_a_crop_is_efficientnets():
    # 224 / (224 + 32) = 0.875 of the shorter side, and an odd margin is rounded up.
    assert crop_window((375, 500), (224, 224), 0.875) == Window(24, 86, 328, 328)


def test_a_letterbox_holds_the_whole_image_between_bars():
    assert letterbox_window((375, 500), (224, 224)) == Window(28, 0, 168, 224)
    assert letterbox_window((500, 250), (300, 300)) == Window(0, 75, 300, 150)


def test_an_image_much_longer_than_wide_keeps_a_pixel():
    assert letterbox_window((4000, 1), (224, 224)) == Window(0, 111, 224, 1)
    assert crop_window((4000, 1), (1, 224), WHOLE) == Window(1999, 0, 1, 1)


@given(size=sizes, target=sizes, fraction=st.floats(0.01, 1))
def test_a_crop_lies_in_the_image_and_in_its_middle(size, target, fraction):
    window = crop_window(size, target, fraction)
    for start, length, side in ((window.top, window.height, size[0]), (window.left, window.width, size[1])):
        assert length >= 1
        assert start >= 0
        assert start + length <= side
        assert abs(start - (side - start - length)) <= 1


@given(size=sizes, target=sizes)
def test_a_letterbox_lies_in_the_target(size, target):
    window = letterbox_window(size, target)
    assert min(window.height, window.width) >= 1
    assert min(window.top, window.left) >= 0
    assert window.top + window.height <= target[0]
    assert window.left + window.width <= target[1]


@given(
    source=st.builds(Window, sides, sides, sides, sides),
    target=st.builds(Window, sides, sides, sides, sides),
    points=st.lists(st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000)), min_size=1),
)
def test_corners_of_one_window_are_corners_of_the_other_and_points_come_back(source, target, points):
    place = Placement.between(source, target)
    corners = [
        [(window.top, window.left), (window.top + window.height, window.left + window.width)]
        for window in (source, target)
    ]
    np.testing.assert_allclose(place.to_prepared(corners[0]), corners[1], rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(place.to_original(place.to_prepared(points)), points, rtol=1e-9, atol=1e-6)


# TensorFlow


@pytest.mark.tensorflow
@settings(deadline=None, max_examples=40)
@given(size=sizes, target=st.tuples(*[st.integers(1, 600)] * 2))
def test_a_crop_is_the_window_of_smart_resize(size, target):
    tf = pytest.importorskip("tensorflow")
    keras = pytest.importorskip("keras")
    # Each pixel holds its own coordinates, and nearest keeps them.
    window = crop_window(size, target, WHOLE)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    whole = np.stack([rows, columns, rows], axis=-1)
    part = whole[window.top : window.top + window.height, window.left : window.left + window.width]
    # In a graph, as a data set runs it: the quotients are float32 there.
    resize = tf.function(lambda image: keras.preprocessing.image.smart_resize(image, target, "nearest"))
    expected = resize(tf.constant(whole))
    np.testing.assert_array_equal(tf.image.resize(part, target, "nearest"), expected)


@pytest.mark.tensorflow
@settings(deadline=None, max_examples=100)
@given(size=sizes, target=st.tuples(*[st.integers(1, 600)] * 2))
def test_a_letterbox_is_the_window_of_resize_with_pad(size, target):
    tf = pytest.importorskip("tensorflow")
    # TensorFlow refuses to make an image of no pixels.
    assume(min(size[0] * target[1] / size[1], size[1] * target[0] / size[0]) >= 1)
    window = letterbox_window(size, target)
    padded = tf.image.resize_with_pad(np.ones((*size, 1), np.float32), *target, "nearest").numpy()[..., 0]
    rows, columns = np.flatnonzero(padded.any(1)), np.flatnonzero(padded.any(0))
    assert (rows[0], columns[0], len(rows), len(columns)) == (
        window.top,
        window.left,
        window.height,
        window.width,
    )
