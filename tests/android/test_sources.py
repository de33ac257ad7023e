"""The classes that describe a bundle to an app's code."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.android.constants import HEADER, float_literal, named, quoted
from edgeq.android.java_source import java_source
from edgeq.android.kotlin_source import kotlin_source
from edgeq.bundle import Bundle, Manifest
from edgeq.data.preprocessing import CAFFE
from edgeq.errors import BundleError
from tests.android.projects import odd_names


@pytest.fixture
def manifest(demo_bundle: Bundle) -> Manifest:
    return demo_bundle.manifest


def test_kotlin_says_what_the_bundle_says(manifest: Manifest) -> None:
    text = kotlin_source(manifest, "com.example.app")
    assert text.startswith(f"{HEADER}\npackage com.example.app\n")
    assert 'const val LABELS_ASSET: String = "edgeq/labels.txt"' in text
    assert "val INT8: EdgeqModel = EdgeqModel(" in text
    assert 'asset = "edgeq/fashion_mnist.int8.tflite"' in text
    assert 'Tensor("image", listOf(1, 28, 28, 1), "int8", 1.0f, -128),' in text
    assert 'Tensor("class", listOf(1, 10), "int8", 0.00390625f, -128),' in text
    assert (
        "val ALL: List<EdgeqModel> = listOf(FLOAT32, FLOAT16, DYNAMIC, INT8, INT8_IO_FLOAT32, INT16X8)"
        in text
    )


def test_preprocessing_is_that_of_the_bundle(manifest: Manifest) -> None:
    text = kotlin_source(dataclasses.replace(manifest, preprocessing=CAFFE), "a.b")
    assert "offset = listOf(-103.939f, -116.779f, -123.68f)," in text
    assert 'channels = "bgr",' in text


def test_a_package_may_have_a_keyword_in_it(manifest: Manifest) -> None:
    assert "\npackage com.`in`.app\n" in kotlin_source(manifest, "com.in.app")


def test_a_bundle_without_labels_names_no_file(manifest: Manifest) -> None:
    text = kotlin_source(dataclasses.replace(manifest, labels=()), "a.b")
    assert 'LABELS_ASSET: String = ""' in text
    assert "empty, for the bundle has none" in text


def test_names_of_constants_are_identifiers_and_differ(manifest: Manifest) -> None:
    found = [one.identifier for one in named(odd_names(manifest).variants)]
    assert found == ["VARIANT_2_BIT", "INT8", "INT8_2", "MIT_UMLAUT", "ALL_2", "VARIANT"]


def test_comments_cannot_be_ended_by_a_name(manifest: Manifest) -> None:
    text = kotlin_source(odd_names(manifest), "a.b")
    assert text.count("/*") == text.count("*/")
    assert "a * / b / * ??" in text


@given(st.text())
def test_a_string_is_one_literal_in_ascii(text: str) -> None:
    for dollar in (True, False):
        literal = quoted(text, dollar=dollar)
        assert literal.isascii()
        assert literal.isprintable()
        plain = re.sub(r"\\u([0-9a-f]{4})", lambda unit: f"\\u{unit[1]}", literal[1:-1].replace("\\$", "$"))
        units = re.sub(
            r'\\([ntr"\\])', lambda one: {"n": "\n", "t": "\t", "r": "\r"}.get(one[1], one[1]), plain
        )
        if "\\" not in text:
            decoded = re.sub(r"\\u([0-9a-f]{4})", lambda unit: chr(int(unit[1], 16)), units)
            assert decoded.encode("utf-16-le", "surrogatepass") == text.encode("utf-16-le", "surrogatepass")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_float32_again(value: float) -> None:
    literal = float_literal(value, "it")
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", literal)
    assert np.float32(literal.removesuffix("f")) == np.float32(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(BundleError, match=r"the scale is .*, expected a number"):
        float_literal(value, "the scale")


def test_java_says_the_same(manifest: Manifest) -> None:
    text = java_source(manifest, "com.example.app")
    assert text.startswith(f"{HEADER}\npackage com.example.app;\n")
    assert 'new Tensor("image", new int[] {1, 28, 28, 1}, "int8", 1.0f, -128),' in text
