"""Numbers and names as people read them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate
from edgeq.report import wording


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (612_345, "612 kB"),
        (999_600, "1.00 MB"),
        (2_412_345, "2.41 MB"),
        (13_978_596, "14.0 MB"),
        (3_120_000_000, "3.12 GB"),
    ],
)
def test_sizes(count, text):
    assert wording.size(count) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(1.7712, 1.76, 1.79, 96), "1.77 ±0.02"),
        (Estimate(61.42, 61.19, 61.67, 96), "61.4 ±0.2"),
        (Estimate(139.2, 120.0, 160.0, 96), "139 ±21"),
        (Estimate(0.0403, 0.0401, 0.0405, 96), "0.0403 ±0.0002"),
        (Estimate(5.0, 5.0, 5.0, 1), "5.00"),
        (Estimate(139.2, 139.1999999, 139.2000001, 96), "139.2 ±0.1"),
        (Estimate(1.77, 0.0, UNBOUNDED, 1), "1.77 ±?"),
    ],
)
def test_a_latency_has_as_many_decimals_as_its_interval_allows(estimate, text):
    assert wording.plus_minus(estimate) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.41169, 0.3952, 0.4281, 500), "0.412 ±0.016"),
        (Estimate(0.9996, 0.99, 1.01, 500), "1.00 ±0.01"),
        (Estimate(41.234, 41.23, 41.24, 500), "41.2 ±0.1"),
        (Estimate(1234.5, 1230.0, 1238.0, 500), "1234 ±4"),
        (Estimate(0.02, -0.3, 0.3, 500), "0.020 ±0.320"),
        (Estimate(-3.14159, -3.2, -3.1, 500), "−3.14 ±0.06"),
        (Estimate(1.5e-9, 1.0e-9, 2.0e-9, 500), "1.50e−09 ±5.00e−10"),
        (Estimate(2.5e9, 2.0e9, 3.0e9, 500), "2.50e+09 ±5.00e+08"),
        (Estimate(0.5, 0.5, 0.5, 500), "0.500"),
        (Estimate(0.0, 0.0, 0.0, 500), "0"),
        (Estimate(0.41169, -UNBOUNDED, UNBOUNDED, 1), "0.412 ±?"),
    ],
)
def test_an_amount_has_three_significant_digits(estimate, text):
    assert wording.amount_plus_minus(estimate) == text


def test_an_interval_without_ends_reads_as_such():
    endless = Estimate(3.1, -UNBOUNDED, UNBOUNDED, 1)
    assert wording.bracketed(endless) == "3.10 [−∞, ∞]"
    assert wording.interval(endless) == "−∞ to ∞"
    assert wording.amount_bracketed(endless) == "3.10 [−∞, ∞]"


def test_an_amount_in_brackets_has_the_decimals_of_its_value():
    assert wording.amount_bracketed(Estimate(0.41169, 0.3952, 0.4281, 500)) == "0.412 [0.395, 0.428]"


@given(st.floats(1e-3, 1e5), st.floats(1e-9, 1.0), st.floats(0.0, 1.0))
def test_an_interval_is_never_shown_as_nothing(value, share_above, share_below):
    shown = wording.plus_minus(Estimate(value, value * (1 - share_below), value * (1 + share_above), 10))
    if "±" in shown:
        assert float(shown.split("±")[1]) > 0


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.10, -0.47, 0.67, 4000), "±0.57"),
        (Estimate(0.40, 0.02, 0.80, 4000), "0.02 to 0.80"),
        (Estimate(0.0, -0.5, 0.7, 4000), "−0.50 to 0.70"),
    ],
)
def test_an_interval_in_words_is_plus_minus_only_where_it_is_symmetric(estimate, text):
    assert wording.interval(estimate) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.07716, "77.2 µs"), (0.9994, "999 µs"), (0.9996, "1.00 ms"), (27.94, "27.9 ms"), (1234.5, "1234 ms")],
)
def test_times_below_a_millisecond_are_in_microseconds(milliseconds, text):
    assert wording.duration(milliseconds) == text


def test_a_minus_is_real_and_zero_has_none():
    assert wording.decimal(-0.25, 2) == "−0.25"
    assert wording.decimal(-0.001, 2) == "0.00"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (3.9, "3.9× smaller"),
        (1.0, "same size"),
        (0.5, "2.0× larger"),
        (1.04, "1.04× smaller"),
        (12.3, "12× smaller"),
    ],
)
def test_how_a_size_compares(ratio, text):
    assert wording.size_phrase(ratio) == text


@pytest.mark.parametrize(("parts", "text"), [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b and c")])
def test_enumerations(parts, text):
    assert wording.enumeration(parts) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("int8\x1b[31m", "int8\\x1b[31m"),
        ("a\nb", "a\\nb"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("modèle 模型 😀", "modèle 模型 😀"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_steers_a_terminal_is_shown_instead_of_obeyed(name, shown):
    assert wording.visible(name) == shown


@given(st.text())
def test_every_name_becomes_one_short_printable_line(name):
    shown = wording.visible(name)
    assert len(shown) <= wording.LONGEST_TEXT
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
