"""Parity in a cell, a warning and the details."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark.measurement import Parity
from edgeq.report.parity_wording import parity_cell, parity_details, parity_phrase, parity_warnings

SAME = Parity(16, True, True, "litert 2.3.0, XNNPACK, cortex-a72", 0.0, 0, 24.6, 20.0, 1.0, 0.9)
OTHER = dataclasses.replace(SAME, same_kernels=False, differing=0.0312, largest_difference=2)
BROKEN = dataclasses.replace(SAME, passed=False, differing=0.5, largest_difference=1)
FAR = dataclasses.replace(OTHER, passed=False, sqnr_db=12.1)


@pytest.mark.parametrize(
    ("parity", "cell"),
    [
        (SAME, "✓ bit-exact"),
        (dataclasses.replace(SAME, differing=0.1, largest_difference=None), "✓ as recorded"),
        (OTHER, "✓ 24.6 dB, 100 %"),
        (dataclasses.replace(OTHER, differing=0.0), "✓ bit-exact"),
        (dataclasses.replace(OTHER, agreement=None), "✓ 24.6 dB"),
        (dataclasses.replace(OTHER, agreement=0.9999), "✓ 24.6 dB, > 99.9 %"),
        (BROKEN, "✗ 50.0 % differ"),
        (FAR, "✗ 12.1 dB, 100 %"),
    ],
)
def test_the_cell(parity, cell):
    assert parity_cell(parity) == cell


def test_in_a_sentence():
    assert [parity_phrase(one) for one in (SAME, OTHER, FAR)] == [
        "parity bit-exact",
        "parity within its limits",
        "fails parity",
    ]


def test_a_failure_says_what_and_what_to_do():
    assert parity_warnings([("int8", BROKEN), ("int8", BROKEN), ("float32", SAME), ("x", None)]) == [
        "int8 does not compute what the bundle recorded: 50.0 % of the output values differ, by at most 1 integer "
        "step, although the kernels (litert 2.3.0, XNNPACK, cortex-a72) are the recorded ones: do not ship it on this "
        "device"
    ]
    (text,) = parity_warnings([("int8", FAR)])
    assert "SQNR 12.1 dB, at least 20.0 dB asked for" in text
    assert "top-1" not in text


def test_the_details_have_share_size_and_limits_of_the_difference():
    assert parity_details(OTHER) == [
        ("Result", "passed on other kernels, 16 inputs"),
        ("Recorded on", "litert 2.3.0, XNNPACK, cortex-a72"),
        ("Differing values", "3.12 % of the output values differ, by at most 2 integer steps"),
        ("SQNR to the float model", "24.6 dB (at least 20.0 dB asked for)"),
        ("Top-1 agreement with it", "100 % (at least 90.0 % asked for)"),
    ]
    assert ("SQNR to the float model", "24.6 dB") in parity_details(SAME)


@given(
    st.booleans(),
    st.booleans(),
    st.floats(-1e308, 1e308),
    st.none() | st.integers(),
    st.floats(-1e308, 1e308),
    st.none() | st.floats(-1e308, 1e308),
)
def test_no_number_breaks_the_words(passed, same, differing, largest, sqnr, agreement):
    parity = Parity(-1, passed, same, "\x1b" * 999, differing, largest, sqnr, sqnr, agreement, agreement)
    assert len(parity_cell(parity)) < 60
    for text in (*parity_warnings([("a", parity)]), *(text for _, text in parity_details(parity))):
        assert "\x1b" not in text
