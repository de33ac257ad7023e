"""Preprocessing as data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.data.preprocessing import PREPROCESSINGS, RAW, Preprocessing, find_preprocessing
from edgeq.errors import BundleError, UsageError

PIXELS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize(("name", "low", "high"), [("raw", 0, 255), ("0..1", 0, 1), ("-1..1", -1, 1)])
def test_pixels_are_mapped_to_the_range_in_the_name(name, low, high):
    values = find_preprocessing(name).apply(PIXELS)
    assert (values.min(), values.max()) == pytest.approx((low, high), abs=1e-6)
    assert (np.diff(values.astype(float)) > 0).all()


def test_raw_changes_nothing_not_even_the_dtype():
    assert RAW.apply(PIXELS) is PIXELS
    assert RAW.is_raw
    assert not find_preprocessing("0..1").is_raw


def test_what_is_scaled_is_float32():
    for preprocessing in PREPROCESSINGS[1:]:
        assert preprocessing.apply(PIXELS).dtype == np.float32
        assert preprocessing.apply(PIXELS.astype(np.float64)).dtype == np.float32


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        UsageError, match=r"unknown preprocessing 'caffe': expected one of raw, 0\.\.1, -1\.\.1"
    ):
        find_preprocessing("caffe")


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(name=st.text(), scale=finite, offset=finite)
def test_json_and_back_is_the_same_to_the_last_bit(name, scale, offset):
    preprocessing = Preprocessing(name, scale, offset)
    assert Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json()))) == preprocessing


def test_a_newer_version_names_what_to_do():
    with pytest.raises(BundleError, match="preprocessing of version 2, this edgeq reads 1: update edgeq"):
        Preprocessing.from_json({"version": 2, "name": "raw", "scale": 1.0, "offset": 0.0})


@pytest.mark.parametrize("damage", [{"scale": None}, {"scale": "much"}, {"offset": []}])
def test_a_damaged_one_is_refused(damage):
    with pytest.raises(BundleError, match="the preprocessing in the bundle is damaged"):
        Preprocessing.from_json(RAW.to_json() | damage)


def test_one_with_a_part_missing_is_refused():
    value = RAW.to_json()
    del value["offset"]
    with pytest.raises(BundleError, match="the preprocessing in the bundle is damaged"):
        Preprocessing.from_json(value)
