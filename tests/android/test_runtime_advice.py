from __future__ import annotations

import pytest

from edgeq.android.gradle_versions import Dependency
from edgeq.android.runtime_advice import advise, not_all
from edgeq.android.runtimes import LITERT, TENSORFLOW_LITE, Needs, RuntimeVersion, runtime_needs
from edgeq.bundle import Bundle
from edgeq.tflite.model import read_model

LAST = RuntimeVersion(TENSORFLOW_LITE, "2.16.1")


@pytest.fixture(scope="module")
def needs(demo_bundle: Bundle) -> dict[str, Needs]:
    """float32 runs on 2.4, int8 from 2.14.0 on, dynamic from LiteRT 1.0.1 on."""
    return {
        variant.name: runtime_needs(read_model(demo_bundle.path(variant)))
        for variant in demo_bundle.manifest.variants
        if variant.name in ("float32", "int8", "dynamic")
    }


def only(needs: dict[str, Needs], name: str) -> dict[str, Needs]:
    return {name: needs[name]}


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("int8", None, LAST),
        ("dynamic", None, RuntimeVersion(LITERT, "1.0.1")),
        ("int8", RuntimeVersion(LITERT, "2.1.0"), RuntimeVersion(LITERT, "2.1.0")),
        ("int8", RuntimeVersion(LITERT, "2.0.3"), RuntimeVersion(LITERT, "2.1.0")),
        ("int8", RuntimeVersion(TENSORFLOW_LITE, "2.14.0"), RuntimeVersion(TENSORFLOW_LITE, "2.14.0")),
        ("int8", RuntimeVersion(TENSORFLOW_LITE, "2.15"), LAST),
        ("dynamic", RuntimeVersion(TENSORFLOW_LITE, "2.17.0"), RuntimeVersion(LITERT, "1.0.1")),
    ],
)
def test_an_app_without_a_runtime_is_told_one(
    needs: dict[str, Needs], name: str, asked: RuntimeVersion | None, expected: RuntimeVersion
) -> None:
    advice = advise(only(needs, name), asked, ())
    assert (advice.add, advice.warnings) == (expected, ())


@pytest.mark.parametrize(
    "present",
    [
        Dependency(TENSORFLOW_LITE, "2.14.0"),
        Dependency(LITERT, "1.4.0"),
        Dependency(LITERT, None),
    ],
)
def test_a_runtime_that_suffices_is_left_alone(needs: dict[str, Needs], present: Dependency) -> None:
    advice = advise(only(needs, "int8"), None, (present,))
    assert (advice.add, advice.warnings) == (None, ())


def test_a_runtime_that_is_too_old_is_warned_of(needs: dict[str, Needs]) -> None:
    advice = advise(only(needs, "int8"), None, (Dependency(TENSORFLOW_LITE, "2.8.0"),))
    assert advice.add is None
    assert advice.warnings == (
        "the app depends on org.tensorflow:tensorflow-lite:2.8.0, which cannot run int8: FULLY_CONNECTED with a scale "
        'for each output needs TensorFlow Lite 2.14.0 or newer: implementation("org.tensorflow:tensorflow-lite:2.16.1"'
        ") in its place, or --min-runtime 2.8.0 converts or refuses",
    )


def test_what_no_tensorflow_lite_runs_takes_litert_in_its_place(needs: dict[str, Needs]) -> None:
    (warning,) = advise(needs, None, (Dependency(TENSORFLOW_LITE, "2.16.1"),)).warnings
    assert "cannot run dynamic: FULLY_CONNECTED version 12" in warning
    assert 'implementation("com.google.ai.edge.litert:litert:1.0.1") in its place' in warning


def test_newer_than_litert_1_is_not_all_that_is_newer() -> None:
    assert not_all(RuntimeVersion(LITERT, "1.0.1")) == " (not 2.0.x)"
    assert not_all(RuntimeVersion(LITERT, "2.1.0")) == ""
    assert not_all(LAST) == ""


def test_a_litert_without_the_interpreter_is_warned_of(needs: dict[str, Needs]) -> None:
    (warning,) = advise(needs, None, (Dependency(LITERT, "2.0.2"),)).warnings
    assert warning.endswith("which has no class Interpreter: take 2.1.0 or newer")
