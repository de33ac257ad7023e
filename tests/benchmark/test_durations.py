from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark.durations import parse_duration
from edgeq.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45", 45), ("90s", 90), ("10m", 600), ("10min", 600), ("1h", 3600), ("0", 0), ("1.5h", 5400),
        ("1h30m", 5400), ("1h 30m 5s", 5405), (" 10 M ", 600), ("24h", 86400), ("0.5", 0.5),
    ],
)  # fmt: skip
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ten",
        "-5s",
        "10x",
        "m",
        "1h1h",
        "30m1h",
        "1h30",
        "1e3",
        "nan",
        "inf",
        "5 5",
        "10ms",
        "٣s",
        "9" * 5000,
    ],
)
def test_what_is_no_duration_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^duration '[^\n]*': expected such as 90s, 10m or 1h30m$"):
        parse_duration(text)


def test_more_than_a_day_is_a_slip() -> None:
    with pytest.raises(UsageError, match=r"duration '25h': expected 24h at most"):
        parse_duration("25h")


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == 3600 * hours + 60 * minutes + seconds


@given(st.text(max_size=30))
def test_any_text_is_seconds_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert 0 <= parse_duration(text) <= 86400
