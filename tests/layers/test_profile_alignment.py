"""XNNPACK's operators and the file's: two sequences in one order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.layers.profile_alignment import Match, align

CONVOLUTION = "Convolution (NHWC, QC8) IGEMM"
DENSE = "Fully Connected (NC, QS8, QC8W) GEMM"
RESHAPE = "Static Reshape (NC)"


def test_one_to_one_is_told_by_names():
    found = align(
        ["CONV_2D", "DEPTHWISE_CONV_2D", "SOFTMAX"],
        [CONVOLUTION, "Convolution (NHWC, QC8) DWConv", "Softmax (NC, F32)"],
    )
    assert found == (Match((0,), (0,)), Match((1,), (1,)), Match((2,), (2,)))


def test_a_convolution_of_one_by_one_runs_as_a_dense_layer():
    assert align(["CONV_2D", "CONV_2D"], [CONVOLUTION, DENSE]) == (Match((0,), (0,)), Match((1,), (1,)))


def test_a_reshape_before_a_dense_layer_is_part_of_it():
    found = align(["MEAN", "FULLY_CONNECTED"], ["Mean (ND) Reduce", RESHAPE, DENSE])
    assert found == (Match((0,), (0,)), Match((1,), (1, 2)))


def test_an_activation_behind_an_addition_is_part_of_it():
    found = align(["ADD", "CONV_2D"], ["Add (ND)", "Clamp (NC)", CONVOLUTION])
    assert found == (Match((0,), (0, 1)), Match((1,), (2,)))


def test_weights_that_were_converted_at_loading_take_nothing():
    found = align(["DEQUANTIZE", "DEQUANTIZE", "CONV_2D"], [CONVOLUTION])
    assert found == (Match((0,), ()), Match((1,), ()), Match((2,), (0,)))


def test_operators_that_became_one_table_are_kept_together():
    found = align(["MUL", "ADD", "CONV_2D"], ["Invalid Unary Op", CONVOLUTION])
    assert found == (Match((0, 1), (0,)), Match((2,), (1,)))


def test_what_cannot_be_told_apart_is_kept_together():
    found = align(["ADD", "ADD", "CONV_2D"], ["Add (ND)", CONVOLUTION])
    assert found == (Match((0, 1), (0,)), Match((2,), (1,)))


def test_an_operator_that_xnnpack_learned_later_takes_what_is_left():
    found = align(["CONV_2D", "NEW_OPERATOR", "CONV_2D"], [CONVOLUTION, "Novelty (NC)", CONVOLUTION])
    assert found == (Match((0,), (0,)), Match((1,), (1,)), Match((2,), (2,)))


@pytest.mark.parametrize(
    ("operators", "kernels"),
    [
        (["CONV_2D"], []),
        (["CONV_2D"], ["Softmax (NC, F32)"]),
        (["CONV_2D", "CONV_2D"], [CONVOLUTION]),
        ([], [CONVOLUTION]),
    ],
)
def test_sequences_that_do_not_fit_are_not_forced(operators, kernels):
    assert align(operators, kernels) is None


def test_a_part_of_thousands_of_operators_is_not_told_apart():
    assert align(["CONV_2D"] * 3_000, [CONVOLUTION] * 3_000) is None


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["CONV_2D", "ADD", "MUL", "RESHAPE", "DEQUANTIZE", "FULLY_CONNECTED", "ODD"]),
        max_size=12,
    ),
    st.lists(
        st.sampled_from([CONVOLUTION, DENSE, RESHAPE, "Add (ND)", "Multiply (ND)", "Clamp (NC)", ""]),
        max_size=14,
    ),
)
def test_every_operator_and_every_kernel_is_used_once_and_in_order(operators, kernels):
    found = align(operators, kernels)
    if found is not None:
        assert [index for match in found for index in match.operators] == list(range(len(operators)))
        assert [index for match in found for index in match.kernels] == list(range(len(kernels)))
