from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgeq.android.older_runtime import fit_variant, reason_against
from edgeq.android.runtimes import LITERT, TENSORFLOW_LITE, RuntimeVersion
from edgeq.bundle import Bundle, Variant
from edgeq.errors import BundleError, ConversionError
from edgeq.files import sha256_bytes
from edgeq.tflite.model import read_model

ANDROID = RuntimeVersion(TENSORFLOW_LITE, "2.16.1")


def variant(bundle: Bundle, name: str) -> Variant:
    return next(one for one in bundle.manifest.variants if one.name == name)


@pytest.mark.parametrize(
    "asked", [None, RuntimeVersion(TENSORFLOW_LITE, "2.17.0"), RuntimeVersion(LITERT, "1.0.1")]
)
def test_what_runs_as_it_is_stays(demo_bundle: Bundle, asked: RuntimeVersion | None) -> None:
    one = variant(demo_bundle, "dynamic")
    fitted = fit_variant(demo_bundle, demo_bundle.parity(), one, asked)
    assert fitted.variant == one
    assert fitted.content == demo_bundle.path(one).read_bytes()
    assert fitted.change == ""


def test_a_dense_layer_of_many_scales_is_converted_run_and_recorded_anew(demo_bundle: Bundle) -> None:
    recorded = demo_bundle.parity()
    one = variant(demo_bundle, "dynamic")
    fitted = fit_variant(demo_bundle, recorded, one, ANDROID)
    codes = {code.name: code.version for code in read_model(fitted.content).operator_codes}
    assert codes["FULLY_CONNECTED"] == 9
    assert fitted.variant.sha256 == sha256_bytes(fitted.content) != one.sha256
    assert fitted.variant.check.n == one.check.n
    assert fitted.variant.check.sqnr_db != one.check.sqnr_db
    before = recorded.stored["dynamic"]["class"]
    assert fitted.stored["class"].shape == before.shape
    assert not np.array_equal(fitted.stored["class"], before)
    assert fitted.change.startswith("a dense layer got one scale, ")


def test_what_cannot_be_converted_is_refused_with_the_operator(demo_bundle: Bundle) -> None:
    asked = RuntimeVersion(TENSORFLOW_LITE, "2.3.0")
    one = variant(demo_bundle, "int16x8")
    with pytest.raises(
        ConversionError, match=r"int16x8 cannot run on TensorFlow Lite 2.3.0: .* needs .* or newer; choose"
    ):
        fit_variant(demo_bundle, demo_bundle.parity(), one, asked)


def test_what_is_still_too_new_once_converted_is_refused(demo_bundle: Bundle) -> None:
    asked = RuntimeVersion(TENSORFLOW_LITE, "2.3.0")
    one = variant(demo_bundle, "dynamic")
    with pytest.raises(
        ConversionError, match="also once a dense layer got one scale: CONV_2D version 5 needs"
    ):
        fit_variant(demo_bundle, demo_bundle.parity(), one, asked)


def test_a_conversion_that_loses_too_much_is_refused(demo_bundle: Bundle) -> None:
    recorded = demo_bundle.parity()
    one = variant(demo_bundle, "dynamic")
    # As if the float model had put out something else, and the file had been as near to that as can be.
    reference = {name: values + np.float32(0.05) for name, values in recorded.reference.items()}
    better = dataclasses.replace(recorded, reference=reference, stored={"dynamic": reference})
    with pytest.raises(
        ConversionError, match=r"dynamic loses too much once .* dB .*expected at least 50.0 dB"
    ):
        fit_variant(demo_bundle, better, one, ANDROID)


def test_a_bundle_that_recorded_nothing_of_it_is_refused(demo_bundle: Bundle) -> None:
    empty = dataclasses.replace(demo_bundle.parity(), stored={})
    with pytest.raises(BundleError, match="recorded no outputs of int8"):
        fit_variant(demo_bundle, empty, variant(demo_bundle, "int8"), None)


def test_reasons_against_count_what_conversion_can_do(demo_bundle: Bundle) -> None:
    one = variant(demo_bundle, "dynamic")
    assert reason_against(demo_bundle, one, None) is None
    assert reason_against(demo_bundle, one, ANDROID) is None
    assert reason_against(demo_bundle, one, RuntimeVersion(TENSORFLOW_LITE, "2.3.0")) == (
        "CONV_2D version 5 needs TensorFlow Lite 2.4.0 or newer"
    )
    assert reason_against(demo_bundle, variant(demo_bundle, "float32"), ANDROID) is None
