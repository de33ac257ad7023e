from __future__ import annotations

import pytest

from edgeq.android.runtimes import (
    LITERT,
    TENSORFLOW_LITE,
    RuntimeVersion,
    needs_in_words,
    read_runtime_version,
    runtime_needs,
    suggested_runtime,
    why_not,
)
from edgeq.bundle import Bundle
from edgeq.errors import UsageError
from edgeq.tflite.model import read_model


def needs(bundle: Bundle, name: str):
    (variant,) = (variant for variant in bundle.manifest.variants if variant.name == name)
    return runtime_needs(read_model(bundle.path(variant)))


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("2.16.1", TENSORFLOW_LITE, "2.16.1"),
        ("tensorflow-lite 2.16.1", TENSORFLOW_LITE, "2.16.1"),
        ("TensorFlow Lite 2.14", TENSORFLOW_LITE, "2.14"),
        ("org.tensorflow:tensorflow-lite:2.16.1", TENSORFLOW_LITE, "2.16.1"),
        ("litert 2.1.0", LITERT, "2.1.0"),
        (" LiteRT  1.0.1 ", LITERT, "1.0.1"),
        ("com.google.ai.edge.litert:litert:2.1.0", LITERT, "2.1.0"),
    ],
)
def test_the_ways_to_name_a_runtime(text: str, name: str, version: str) -> None:
    assert read_runtime_version(text) == RuntimeVersion(name, version)


@pytest.mark.parametrize(
    "text", ["", "2", "new", "v2.16", "2.16.1-rc0", "2.16.1.1", "pytorch 2.1", "2." + "1" * 99]
)
def test_what_is_no_runtime_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected a version of TensorFlow Lite such as 2\.16\.1"):
        read_runtime_version(text)


def test_nothing_asked_for_is_nothing() -> None:
    assert read_runtime_version(None) is None


def test_a_coordinate_of_maven_is_read_back() -> None:
    for name in (TENSORFLOW_LITE, LITERT):
        one = RuntimeVersion(name, "2.1.0")
        assert read_runtime_version(one.dependency) == one


def test_per_channel_dense_weights_need_a_newer_runtime(demo_bundle: Bundle) -> None:
    found = needs(demo_bundle, "dynamic")
    assert why_not(found, RuntimeVersion(TENSORFLOW_LITE, "2.16.1")) == (
        "FULLY_CONNECTED version 12 needs TensorFlow Lite 2.17.0 or newer"
    )
    assert why_not(found, RuntimeVersion(TENSORFLOW_LITE, "2.17.0")) is None
    assert why_not(found, RuntimeVersion(LITERT, "1.0.1")) is None
    assert needs_in_words(found) == (
        "TensorFlow Lite 2.17.0 or newer because of FULLY_CONNECTED version 12, that is LiteRT 1.0.1 or newer, for "
        "TensorFlow Lite ends at 2.16.1"
    )


def test_integer_dense_layers_of_many_scales_need_what_was_seen_to_compute_them(demo_bundle: Bundle) -> None:
    found = needs(demo_bundle, "int8")
    assert why_not(found, RuntimeVersion(TENSORFLOW_LITE, "2.14.0")) is None
    assert "2.14.0" in str(why_not(found, RuntimeVersion(TENSORFLOW_LITE, "2.13.0")))


def test_the_last_tensorflow_lite_is_suggested_where_it_will_do(demo_bundle: Bundle) -> None:
    plain = needs(demo_bundle, "float32")
    assert suggested_runtime([plain]) == RuntimeVersion(TENSORFLOW_LITE, "2.16.1")
    assert suggested_runtime([plain, needs(demo_bundle, "dynamic")]) == RuntimeVersion(LITERT, "1.0.1")
