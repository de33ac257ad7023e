"""The file that newer versions of ``benchmark_model`` write."""

from __future__ import annotations

import math
import struct

import pytest
import replays
from hypothesis import given
from hypothesis import strategies as st

from edgeq.devices.phones.benchmark_model_output import ToolResult, parse_output
from edgeq.devices.phones.benchmark_result_file import MOST_BYTES, with_result_file
from edgeq.errors import ResultsError

PRINTED = parse_output(replays.litert(0.98))


def test_its_numbers_replace_those_that_were_printed_with_two_decimals():
    result = with_result_file(
        PRINTED, replays.result_file(0.98321, median_ms=0.97654, runs=2112, overall_kb=11776)
    )
    assert result.mean_ms == pytest.approx(0.98321, rel=1e-6)
    assert result.median_ms == pytest.approx(0.97654, rel=1e-6)
    assert result.p95_ms == pytest.approx(0.98321 * 1.2, rel=1e-6)
    assert (result.load_ms, result.first_ms, result.count) == (2.5, 9.0, 2112)
    assert result.memory_bytes == 11776 * 1024


def test_fields_that_are_not_known_are_left_out():
    content = b"\x0a\x04name" + replays.result_file(0.98) + b"\x78\x05" + b"\x79" + bytes(8)
    assert with_result_file(PRINTED, content).mean_ms == pytest.approx(0.98)


def test_what_it_does_not_tell_stays_as_it_was_printed():
    content = b"\x12\x05\x0d" + struct.pack("<f", 0.98)
    assert with_result_file(PRINTED, content).load_ms == PRINTED.load_ms


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "tells no time"),
        (bytes(MOST_BYTES + 1), "bytes, expected no more than"),
        (b"\x12\x7f", "ends behind its end"),
        (b"\x0b", "has the kind 3"),
        (b"\xff" * 20, "does not end"),
        (b"\x12\x05\x0d" + struct.pack("<f", math.nan), "expected milliseconds"),
        (b"\x12\x05\x0d" + struct.pack("<f", -1.0), "expected milliseconds"),
        (replays.result_file(0.0), "take no time"),
        (replays.result_file(5.0), "its output one of 0.98 ms"),
        (replays.result_file(0.98, runs=2**60), "of another kind"),
    ],
)
def test_a_damaged_file_is_refused(content, message):
    with pytest.raises(ResultsError, match=message):
        with_result_file(PRINTED, content)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_any_bytes_are_a_sound_result_or_refused(content, cut):
    whole = replays.result_file(0.98)
    for tried in (content, whole[:cut] + content, whole + content):
        try:
            result = with_result_file(PRINTED, tried)
        except ResultsError:
            continue
        assert isinstance(result, ToolResult)
        assert result.mean_ms == pytest.approx(0.98, abs=0.01)
