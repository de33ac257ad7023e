from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.data.keras_applications import MODES
from edgeq.data.media.audio import AudioPreparation
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.preprocessing import (
    ABOUT_128,
    CAFFE,
    PREPROCESSINGS,
    RAW,
    TORCH,
    Preprocessing,
    find_preprocessing,
    read_preprocessing,
)
from edgeq.errors import BundleError, DataError, UsageError

PIXELS = np.arange(256, dtype=np.uint8)
FINITE = st.floats(-1e6, 1e6, width=32)
NUMBERS = st.integers(1, 4).flatmap(lambda n: st.tuples(*[FINITE] * n))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("0..1", 0.0, 1.0), ("-1..1", -1.0, 1.0), ("(x-128)/128", -1.0, 127 / 128), ("(x - 10)/2", -5.0, 122.5)],
)
def test_pixels_are_mapped_to_the_range_in_the_name(name, low, high):
    mapped = find_preprocessing(name).apply(PIXELS)
    assert (mapped.min(), mapped.max()) == pytest.approx((low, high), abs=1e-6)


def test_raw_changes_nothing_not_even_the_dtype():
    assert RAW.apply(PIXELS) is PIXELS


def test_what_is_scaled_is_float32():
    for preprocessing in PREPROCESSINGS[1:]:
        assert preprocessing.apply(np.zeros((2, 3), np.uint8)).dtype == np.float32


@pytest.mark.parametrize("name", ["0-1", "(x-1)/0", "keras:alexnet", "(x-1)/-2", "", "x/255"])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(UsageError, match=r"expected .*keras:"):
        find_preprocessing(name)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("preprocessing", PREPROCESSINGS, ids=lambda one: one.name)
def test_the_table_says_the_same_as_the_computation(preprocessing, channels):
    if preprocessing in (TORCH, CAFFE) and channels == 1:
        with pytest.raises(DataError, match="is for 3 channels, the data have 1"):
            preprocessing.table(channels)
        return
    pixels = np.stack([PIXELS] * channels, axis=-1)
    table = np.broadcast_to(preprocessing.table(channels), (channels, 256))
    assert np.array_equal(table.T, preprocessing.apply(pixels).astype(np.float32))


@pytest.mark.tensorflow
@pytest.mark.parametrize("module", MODES)
def test_keras_names_do_what_keras_does(module):
    """To 1e-5 of 255: Keras subtracts and divides one after the other."""
    import importlib

    keras_module = importlib.import_module(f"keras.applications.{module}")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype(np.uint8)
    expected = np.asarray(keras_module.preprocess_input(pixels.astype(np.float32)))
    preprocessing = find_preprocessing(f"keras:{module}")
    # The order of channels is a matter of reading the image.
    seen = pixels[..., ::-1] if preprocessing.image.channels == "bgr" else pixels
    np.testing.assert_allclose(preprocessing.apply(seen).astype(np.float32), expected, atol=1e-5 * 255)
    assert preprocessing.name == f"keras:{module}"


@given(NUMBERS, NUMBERS, st.sampled_from(["stretch", "crop", "letterbox"]), st.integers(8000, 48000))
def test_json_and_back_is_the_same_to_the_last_bit(scale, offset, fit, rate):
    if len(scale) != len(offset):
        scale = scale[:1]
    one = Preprocessing("mine", scale, offset, ImagePreparation(fit=fit), AudioPreparation(sample_rate=rate))
    several = Preprocessing("two inputs", inputs={"left": one, "right": RAW})
    for preprocessing in (one, several):
        found = Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
        values = np.ones((1, max(len(scale), len(offset))), np.float32)
        for name in ("left", "right", "other"):
            assert found.of(name).image == preprocessing.of(name).image
            assert found.of(name).audio == preprocessing.of(name).audio
            assert np.array_equal(found.of(name).apply(values), preprocessing.of(name).apply(values))


def test_version_1_is_still_read():
    value = {"version": 1, "name": "-1..1", "scale": 1 / 127.5, "offset": -1.0}
    assert Preprocessing.from_json(value) == find_preprocessing("-1..1")


def test_a_newer_version_names_what_to_do():
    with pytest.raises(BundleError, match="version 3, this edgeq reads up to 2: update edgeq"):
        Preprocessing.from_json({**RAW.to_json(), "version": 3})


@pytest.mark.parametrize(
    "damage",
    [
        {"values": {"scale": "x"}},
        {"values": 3},
        {"values": "no such"},
        {"image": {"resize": "best"}},
        {"inputs": 3},
    ],
)
def test_a_damaged_one_is_refused(damage):
    with pytest.raises(BundleError, match="damaged"):
        Preprocessing.from_json({**RAW.to_json(), **damage})


class TestFile:
    def read(self, tmp_path, value):
        path = tmp_path / "mine.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return read_preprocessing(path)

    def test_it_may_name_a_preset_and_say_how_images_are_read(self, tmp_path):
        found = self.read(tmp_path, {"values": "(x-128)/128", "image": {"fit": "letterbox", "pad": 114}})
        assert (found.name, found.scale, found.offset) == ("mine", ABOUT_128.scale, ABOUT_128.offset)
        assert found.image == ImagePreparation(fit="letterbox", pad=114)

    def test_scale_mean_and_deviation_are_applied_in_this_order(self, tmp_path):
        mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        found = self.read(tmp_path, {"values": {"scale": 1 / 255, "mean": mean, "std": std}})
        pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3)).astype(np.float32)
        np.testing.assert_allclose(found.apply(pixels), (pixels / 255 - mean) / std, atol=1e-5)

    def test_a_presets_order_of_channels_stays_where_the_file_says_nothing_of_it(self, tmp_path):
        assert self.read(tmp_path, {"values": "caffe", "image": {"antialias": True}}).image.channels == "bgr"

    def test_inputs_may_differ(self, tmp_path):
        found = self.read(tmp_path, {"inputs": {"left": "0..1", "right": {"values": {"std": 2}}}})
        values = np.full((1, 2), 255, np.uint8)
        assert found.of("left").apply(values).max() == pytest.approx(1)
        assert found.of("right").apply(values).max() == 127.5
        assert found.of("centre").is_raw

    def test_it_is_found_by_its_name(self, tmp_path):
        (tmp_path / "mine.json").write_text('{"values": "0..1"}')
        assert find_preprocessing("mine.json", tmp_path).scale == (1 / 255,)

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("{", "cannot be read as JSON"),
            ([], "expected an object"),
            ({"scale": 2}, "unknown key 'scale'"),
            ({"values": {"factor": 2}}, "unknown key 'factor' in values"),
            ({"values": {"std": 0}}, "values.std: expected numbers above 0"),
            ({"values": {"mean": [1, 2], "std": [1, 2, 3]}}, r"one number or one a channel, found \[2, 3\]"),
            ({"values": {"mean": "1"}}, "values.mean: expected a number"),
            ({"values": {"mean": []}}, "values.mean: expected a number"),
            ({"values": {"mean": True}}, "values.mean: expected a number"),
            ({"values": "other.json"}, "unknown preprocessing"),
            ({"image": "letterbox"}, "image: expected an object"),
            ({"version": 9}, "has version 9"),
        ],
    )
    def test_what_is_wrong_in_it_is_named(self, tmp_path, value, reason):
        with pytest.raises((DataError, UsageError), match=reason):
            self.read(tmp_path, value)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(DataError, match=r"gone\.json does not exist"):
            find_preprocessing("gone.json", tmp_path)
