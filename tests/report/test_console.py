"""The report on a terminal."""

from __future__ import annotations

import io
import itertools

import pytest
from golden_files import REPORT, check_golden
from rich.cells import cell_len
from rich.console import Console
from sample_measurements import change, each, lone_file, night, without_labels

from edgeq.benchmark.measurement import Estimate
from edgeq.errors import ResultsError
from edgeq.report.columns import fitting
from edgeq.report.compare import compare
from edgeq.report.console import print_report
from edgeq.report.tables import build_tables


def printed(measurements, width=100, *, encoding="utf-8", comparison=None):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True, newline="\n")
    print_report(measurements, Console(file=stream, width=width), compare=comparison)
    return raw.getvalue().decode(encoding)


def before():
    old = night(session="before", started_at="2026-11-20T03:11:07+00:00", slowdown=1.1)
    return [
        change(one, variant__sha256="0" * 64, variant__size_bytes=4_100_000)
        if one.variant.name == "int8"
        else one
        for one in old
    ]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_night(width):
    check_golden(REPORT / f"console-{width}.txt", printed(night(), width))


def test_two_nights():
    comparison = compare(night(), before())
    check_golden(REPORT / "console-compared.txt", printed(night(), comparison=comparison))


def test_a_night_without_labels():
    check_golden(REPORT / "console-unlabelled.txt", printed(without_labels(night(threads=(1,)))))


def test_a_lone_file():
    check_golden(REPORT / "console-lone-file.txt", printed([lone_file(night()[3], "detector")]))


def test_two_devices():
    other = each(
        night(session="other", threads=(1,)),
        lambda one: change(one, environment__device_id="x", environment__device="Ryzen 9 7950X, 32 cores"),
    )
    lines = printed([*night(threads=(1,)), *other]).splitlines()
    assert "mobilenet_v2 on Cortex-A72, 4 cores" in lines
    assert "mobilenet_v2 on Ryzen 9 7950X, 32 cores" in lines


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width):
    text = printed(night(), width, comparison=compare(night(), before()))
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_a_wider_terminal_shows_more_and_never_less():
    (table,) = build_tables(night())
    shown = [{column.key for column in fitting(table, width)[0]} for width in (60, 80, 100, 120, 140, 160)]
    for narrow, wide in itertools.pairwise(shown):
        assert narrow <= wide
    assert {"variant", "size", "latency", "speed", "drop"} <= shown[1]
    assert shown[-1] >= {"metric top1", "agreement", "n", "delegated", "p90", "memory"}


def test_a_fast_model_is_measured_in_microseconds():
    fast = each(
        night(threads=(1,)),
        lambda one: change(
            one,
            latency__median=Estimate(*(x / 1000 for x in (61.42, 61.41, 61.43)), 96),
            latency__p90_ms=0.0633,
        ),
    )
    text = printed(fast, 160)
    assert " µs " in text
    assert " ms " not in text
    assert "61.42 ±0.01" in text


def test_the_recommendation_is_the_last_line():
    assert printed(night(), 400).splitlines()[-1].startswith("Ship int8: 2.2× faster")


def test_a_terminal_without_unicode_gets_ascii():
    text = printed(night(), 160, encoding="ascii")
    assert "2.20x faster" in text
    assert "-0.03 [-0.16, 0.10]" in text


def test_markup_and_control_characters_in_names_are_shown_literally():
    hostile = each(
        night(threads=(1,)),
        lambda one: change(
            one,
            variant__name=f"[red]{one.variant.name}[/red]",
            baseline="[red]float32[/red]",
            variant__model="\x1b[2Jmodel",
            environment__device="[link=http://evil]pi[/link]",
        ),
    )
    text = printed(hostile, 200)
    assert "\x1b" not in text
    assert "\\x1b[2Jmodel on [link=http://evil]pi[/link]" in text
    assert "[red]int8[/red]" in text


def test_a_name_without_end_leaves_the_numbers_readable():
    (long,) = each(night(threads=(1,), variants=("int8",)), lambda one: change(one, variant__name="x" * 5000))
    text = printed([long], 100)
    assert len(text) < 5000
    assert "2.20× faster" in text


def test_nothing_measured_is_an_error():
    with pytest.raises(ResultsError, match="no measurements"):
        printed([])
