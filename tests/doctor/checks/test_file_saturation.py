"""F305."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.data.dataset import ArrayDataset
from edgeq.demo.assets import test_data as demo_test_data
from edgeq.doctor.checks.file_saturation import saturated_activations, tensor_range
from edgeq.doctor.opening import open_files_case
from edgeq.doctor.rule import ERROR, WARNING
from edgeq.runtime.quantization import Quantization, quantize
from edgeq.tflite import model as tflite

spoiling = pytest.importorskip("spoiling", exc_type=ImportError)


def narrowed(operator, position, factor):
    """The result of an operator holds only a part of its range."""

    def change(model):
        spoiling.scaled(model, spoiling.operators(model, operator)[position].outputs[0], factor)

    return change


def test_the_demo_holds_its_activations(demo_case):
    assert list(saturated_activations(demo_case)) == []


def test_the_demo_holds_the_activations_of_items_that_it_was_not_calibrated_on(demo_bundle):
    assert list(saturated_activations(open_files_case(demo_bundle, data=demo_test_data()))) == []


@pytest.mark.parametrize("variant", ["int8", "int8-io-float32", "int16x8", "float32"])
def test_each_of_the_demo_s_files_alone_holds_its_activations(demo_file, lone, variant):
    assert list(saturated_activations(lone(demo_file(variant), with_data=True))) == []


@pytest.mark.parametrize(("factor", "severity"), [(0.3, WARNING), (0.03, ERROR)])
def test_a_range_that_is_too_narrow_is_found_against_float32_with_its_layer(
    spoil, in_bundle, factor, severity
):
    (finding,) = saturated_activations(in_bundle("int8", spoil("int8", narrowed("CONV_2D", 4, factor))))
    worst = finding.details["tensors"][0]
    assert finding.severity == severity
    assert "block4_pointwise" in worst["layer"]
    assert worst["layer"] in finding.message
    assert worst["range"][1] < worst["values"][1]
    assert len(finding.details["tensors"]) == 1


def test_a_range_that_is_too_narrow_is_found_in_a_lone_file(spoil, lone):
    (finding,) = saturated_activations(lone(spoil("int8", narrowed("CONV_2D", 4, 0.2)), with_data=True))
    assert "block4_pointwise" in finding.details["tensors"][0]["layer"]
    # What the values would have been, nothing tells.
    assert " and gets " not in finding.message
    assert "at an end of that" in finding.message


@pytest.mark.parametrize("variant", ["int8", "int8-io-float32"])
def test_items_of_another_scale_than_the_input_holds_are_found(demo_file, lone, variant):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1)).astype(np.float32)
    case = lone(demo_file(variant))
    case.dataset = ArrayDataset({"": pixels * 255}, source="too large")
    (finding,) = saturated_activations(case)
    assert finding.severity == ERROR
    assert "input 'image'" in finding.message
    case = lone(demo_file(variant))
    case.dataset = ArrayDataset({"": pixels}, source="as it should be")
    assert "input" not in "".join(one.message for one in saturated_activations(case))


@given(
    st.floats(1e-3, 1e3),
    st.integers(-128, 127),
    st.sampled_from(["int8", "uint8", "int16"]),
    st.floats(-1e6, 1e6),
)
def test_what_is_within_a_range_is_stored_within_one_step(scale, zero_point, dtype, value):
    scale = float(np.float32(scale))
    if dtype == "uint8":
        zero_point += 128
    quantization = tflite.Quantization((scale,), (zero_point,), 0)
    held = tensor_range(tflite.Tensor("x", 0, (1,), (1,), dtype, 0, 0, False, False, quantization))
    assert held is not None
    stored = quantize([value], Quantization(scale, zero_point), dtype)
    real = scale * (float(stored[0]) - zero_point)
    if held.low <= value <= held.high:
        assert abs(real - value) <= scale * 0.51 + 1e-5 * abs(value)
    else:
        assert real == pytest.approx(held.low if value < held.low else held.high)


def test_what_is_not_quantized_by_one_scale_has_no_range():
    def tensor(dtype, quantization):
        return tflite.Tensor("x", 0, (2,), (2,), dtype, 0, 0, False, False, quantization)

    assert tensor_range(tensor("float32", None)) is None
    assert tensor_range(tensor("int32", tflite.Quantization((1.0,), (0,), 0))) is None
    assert tensor_range(tensor("int8", tflite.Quantization((1.0, 2.0), (0, 0), 0))) is None
    assert tensor_range(tensor("int8", tflite.Quantization((float("nan"),), (0,), 0))) is None
