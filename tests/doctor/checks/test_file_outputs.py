"""F306 and F315."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.data.dataset import ArrayDataset
from edgeq.demo.assets import test_data as demo_test_data
from edgeq.doctor.checks.file_outputs import collapsed_outputs, outputs_differ
from edgeq.doctor.opening import open_files_case

spoiling = pytest.importorskip("spoiling", exc_type=ImportError)


def blind(model):
    """The dense layer's weights are 0: only its bias is left."""
    (dense,) = spoiling.operators(model, "FULLY_CONNECTED")
    dtype = "int8" if spoiling.tensor(model, dense.inputs[1]).quantization.scale is not None else "float32"
    spoiling.with_constant(model, dense.inputs[1], np.zeros_like, dtype)


def negated(model):
    """The dense layer's weights have the wrong sign."""
    (dense,) = spoiling.operators(model, "FULLY_CONNECTED")
    spoiling.with_constant(model, dense.inputs[1], lambda weights: -np.maximum(weights, -127), "int8")


def nudged(model):
    """One bias of the dense layer is a little larger."""
    (dense,) = spoiling.operators(model, "FULLY_CONNECTED")
    spoiling.with_constant(
        model, dense.inputs[2], lambda bias: bias + np.eye(10, dtype=bias.dtype)[0] * 400, "int32"
    )


def test_the_demo_answers_as_it_should(demo_case, demo_bundle):
    for case in (demo_case, open_files_case(demo_bundle, data=demo_test_data())):
        assert list(collapsed_outputs(case)) == []
        assert list(outputs_differ(case)) == []


@pytest.mark.parametrize("variant", ["int8", "float32"])
def test_a_lone_file_with_the_same_outputs_for_all_items_is_found(spoil, lone, variant):
    case = lone(spoil(variant, blind, f"net-{variant}.tflite"), with_data=True)
    case.float32_file = None
    (finding,) = collapsed_outputs(case)
    assert finding.details["items"] == 64


def test_items_that_are_the_same_say_nothing(spoil, lone):
    case = lone(spoil("int8", blind))
    same = np.repeat(np.arange(3, dtype=np.uint8), 20)[:, None, None, None] * np.ones(
        (1, 28, 28, 1), np.uint8
    )
    case.dataset = ArrayDataset({"": same}, source="three images")
    assert list(collapsed_outputs(case)) == []


def test_a_file_that_answers_the_same_where_float32_does_not_is_found_once(spoil, in_bundle):
    case = in_bundle("int8", spoil("int8", blind))
    (finding,) = collapsed_outputs(case)
    assert finding.subject == "fashion_mnist.int8.tflite"
    assert finding.details["spread_of_float32"] == 0
    # What the bundle recorded is another matter: the file was exchanged.
    (differing,) = outputs_differ(case)
    assert "recorded" in differing.message


def test_one_answer_for_all_items_is_found_although_the_scores_vary(spoil, in_bundle):
    def favouring(model):
        (dense,) = spoiling.operators(model, "FULLY_CONNECTED")
        (softmax,) = spoiling.operators(model, "SOFTMAX")
        spoiling.with_constant(model, dense.inputs[2], lambda bias: bias + np.eye(10)[3] * 100, "float32")
        model.subgraphs[0].operators.remove(softmax)
        model.subgraphs[0].outputs = [dense.outputs[0]]
        model.signatureDefs[0].outputs[0].tensorIndex = dense.outputs[0]

    (finding,) = collapsed_outputs(in_bundle("float16", spoil("float32", favouring)))
    assert finding.details["answers"] == 1


def test_a_file_that_float32_made_blind_too_is_the_model_s_matter(spoil, in_bundle):
    case = in_bundle("int8", spoil("int8", blind))
    case.float32_file = spoil("float32", blind)
    assert list(collapsed_outputs(case)) == []


def test_a_value_that_differs_from_the_recorded_one_is_found_on_the_same_kernels(spoil, in_bundle):
    case = in_bundle("int8", spoil("int8", nudged))
    (finding,) = outputs_differ(case)
    assert "of 160 values" in finding.message
    assert list(outputs_differ(in_bundle("int8", spoil("int8", lambda model: None)))) == []


def test_other_kernels_may_round_otherwise(spoil, in_bundle):
    import dataclasses

    case = in_bundle("int8", spoil("int8", nudged))
    manifest = case.bundle.manifest
    elsewhere = tuple(
        dataclasses.replace(one, check=dataclasses.replace(one.check, kernel_path="litert 9, none, riscv64"))
        for one in manifest.variants
    )
    case.bundle = dataclasses.replace(case.bundle, manifest=dataclasses.replace(manifest, variants=elsewhere))
    assert list(outputs_differ(case)) == []


@pytest.mark.parametrize("with_data", [False, True])
def test_outputs_that_are_far_from_float32_are_found(spoil, in_bundle, with_data):
    findings = list(outputs_differ(in_bundle("int8", spoil("int8", negated), with_data=with_data)))
    recorded, far = findings
    assert "recorded" in recorded.message
    assert far.details["sqnr_db"] < far.details["least_sqnr_db"] == 5
