from __future__ import annotations

import pytest

from edgeq.inspection.claims import claimed_scheme, is_claim_kept
from edgeq.tflite.precision import Precision


@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("photos.int8.tflite", "int8"),
        ("photos.int8-io-uint8.tflite", "int8"),
        ("photos.int16x8-io-float32.tflite", "int16x8"),
        ("photos.dynamic.tflite", "dynamic"),
        ("model_float16.tflite", "float16"),
        ("model_float32.tflite", "float32"),
        ("model_dynamic_range_quant.tflite", "dynamic"),
        ("model_integer_quant.tflite", "int8"),
        ("model_full_integer_quant.tflite", "int8"),
        ("model_full_integer_quant_with_int16_act.tflite", "int16x8"),
        ("best-fp16.tflite", "float16"),
        ("int8_detector.float16.tflite", "float16"),
        ("mobilenet_v2_1.0_224.tflite", None),
        ("print8.tflite", None),
        ("dynamics.tflite", None),
        ("half_marathon.tflite", None),
        ("INT8.TFLITE", "int8"),
        ("model_uint8.tflite", "int8"),
        ("model_float16_uint8.tflite", "float16"),
        ("uint8_readings.tflite", None),
        ("", None),
    ],
)
def test_what_a_name_claims(name, claimed):
    assert claimed_scheme(name) == claimed


def test_int8_may_be_unsigned():
    assert is_claim_kept("int8", None, Precision("uint8", "uint8"))
    assert not is_claim_kept("int8", None, Precision("int8", "mixed"))
    assert not is_claim_kept("float16", "float32", Precision("float32", "float32"))
