"""Profiles of operators that ``benchmark_model`` prints."""

from __future__ import annotations

import contextlib

import pytest
import replays
from hypothesis import given
from hypothesis import strategies as st

from edgeq.devices.phones.operator_profile import OperatorKind, parse_profile, profile_note
from edgeq.errors import ResultsError


def test_kinds_of_operators_with_their_time():
    assert parse_profile(replays.classic() + replays.PROFILE) == (
        OperatorKind("CONV_2D", 2, 0.6),
        OperatorKind("FULLY_CONNECTED", 1, 0.2),
    )
    assert profile_note(replays.PROFILE) == (
        "operators by time: CONV_2D 75 % (2 in 0.6 ms), FULLY_CONNECTED 25 % (1 in 0.2 ms)"
    )


def test_where_a_delegate_profiles_its_own_operators_theirs_count():
    inner = replays.PROFILE.replace("CONV_2D", "Convolution (NHWC, QC8) IGEMM")
    assert (
        parse_profile(replays.PROFILE + "\nDelegate internal: \n" + inner)[0].name
        == "Convolution (NHWC, QC8) IGEMM"
    )


def test_many_kinds_are_summed_up():
    rows = "".join(f"\t OP_{n}\t 1\t 0.100\t 1%\t 1%\t 0\t 1\n" for n in range(20))
    assert profile_note(f"=== Summary by node type ===\n\t[Node type]\t[count]\n{rows}").endswith(
        "others 75 %"
    )


@pytest.mark.parametrize("text", ["", replays.classic(), "=== Summary by node type ===\n\t[Node type]\n\n"])
def test_without_a_profile_it_is_said(text):
    with pytest.raises(ResultsError, match="no profile"):
        profile_note(text)


@given(st.text())
def test_any_table_is_a_profile_or_refused(text):
    with contextlib.suppress(ResultsError):
        assert profile_note(f"=== Summary by node type ===\n{text}").isprintable()
