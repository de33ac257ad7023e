from __future__ import annotations

import pytest

from edgeq.schemes import SCHEMES, Scheme
from edgeq.tflite.io import model_io
from edgeq.tflite.model import read_model
from edgeq.tflite.precision import Precision, compute_types, precision_of, scheme_of

VARIANTS = {
    # variant: weights, activations, scheme, dtype of inputs and outputs
    "float32": ("float32", "float32", "float32", "float32"),
    "float16": ("float16", "float32", "float16", "float32"),
    "dynamic": ("int8", "float32", "dynamic", "float32"),
    "int8": ("int8", "int8", "int8", "int8"),
    "int8-io-uint8": ("int8", "int8", "int8", "uint8"),
    "int8-io-float32": ("int8", "int8", "int8", "float32"),
    "int16x8": ("int8", "int16", "int16x8", "int16"),
    "int16x8-io-float32": ("int8", "int16", "int16x8", "float32"),
}


def _scheme_name(content: bytes) -> str | None:
    scheme = scheme_of(read_model(content))
    return scheme.name if scheme else None


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["convolutions", "dense", "two_inputs"])
def test_every_scheme_that_the_converter_makes_is_recognised(convert, name, variant):
    weights, activations, scheme, io = VARIANTS[variant]
    model = read_model(convert(name, variant))
    assert precision_of(model) == Precision(weights, activations)
    assert _scheme_name(convert(name, variant)) == scheme
    inputs, outputs = model_io(model)
    assert {info.dtype for info in (*inputs, *outputs)} == {io}


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic"])
def test_weights_in_the_body_of_a_while_loop_are_seen(convert, variant):
    model = read_model(convert("recurrent", variant))
    assert len(model.subgraphs) == 3
    assert _scheme_name(convert("recurrent", variant)) == variant


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", ["float32", "dynamic", "int8", "int8-io-float32"])
def test_an_unrolled_lstm_is_recognised(convert, variant):
    assert _scheme_name(convert("unrolled", variant)) == variant.partition("-")[0]


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic", "int8", "int8-io-float32"])
def test_a_model_that_is_mostly_a_lookup_table_is_recognised(convert, variant):
    assert _scheme_name(convert("embedding", variant)) == variant.partition("-")[0]


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", ["int8-uncalibrated", "int8-io-float32-uncalibrated"])
def test_int8_without_calibration_data_is_the_float_file_that_it_is(convert, variant):
    assert precision_of(read_model(convert("dense", variant))) == Precision("float32", "float32")
    assert _scheme_name(convert("dense", variant)) == "float32"


@pytest.mark.tensorflow
def test_an_operator_that_stayed_in_float_makes_an_int8_file_mixed(convert):
    model = read_model(convert("normalized", "int8"))
    assert precision_of(model) == Precision("int8", "mixed")
    assert scheme_of(model) is None
    assert [operator.name for operator in compute_types(model)["float32"]] == ["NEG"]


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("variant", "scheme"),
    [("float32", "float32"), ("float16", "float32"), ("int8", "int8"), ("int16x8", "int16x8")],
)
@pytest.mark.parametrize("name", ["no_weights", "only_reshape"])
def test_a_model_without_weights_has_the_scheme_of_its_activations(convert, name, variant, scheme):
    assert precision_of(read_model(convert(name, variant))).weights == "none"
    assert _scheme_name(convert(name, variant)) == scheme


def test_a_scheme_that_is_not_among_those_given_is_not_recognised(signed):
    others = tuple(scheme for scheme in SCHEMES if scheme.name != "int8")
    assert scheme_of(read_model(signed), others) is None


def test_a_new_scheme_is_recognised_from_its_entry_alone(signed):
    mine = Scheme(
        name="mine", weights="int8", activations="int8", converter=SCHEMES[0].converter, io_types=("int8",),
        default=False, summary="", choose_when="", least_sqnr_db=0.0,
    )  # fmt: skip
    assert scheme_of(read_model(signed), (mine,)) is mine
