"""The table of layers on terminals of all widths."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from golden_files import check_printed
from rich.console import Console
from sample_layers import clothes, hostile, layer, lone, repeated

from edgeq.report.layers.columns import columns, decibels, interval, order, percent, work, work_unit
from edgeq.report.layers.console import print_analysis
from edgeq.report.layers.sentences import next_step

GOLDEN = Path(__file__).parent / "golden"


def printed(analysis, width=120, encoding="utf-8", **options):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    console = Console(file=stream, width=width, highlight=False, force_terminal=False, color_system=None)
    print_analysis(analysis, console, target="clothes-edgeq", **options)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [80, 120, 160])
def test_a_ranked_variant_reads_as_expected(width):
    check_printed(GOLDEN / f"clothes-{width}.txt", printed(clothes(), width))


def test_a_lone_file_reads_as_expected():
    check_printed(GOLDEN / "lone.txt", printed(lone()))


def test_layers_are_listed_by_damage_and_what_was_not_measured_comes_last():
    assert [one.name for one in order(clothes())] == ["depthwise_1", "conv_1", "scores", "image", "pool"]


def test_without_damage_the_slowest_comes_first():
    swapped = dataclasses.replace(lone(), layers=lone().layers[::-1])
    assert [one.name for one in order(swapped)] == ["conv", "relu"]


def test_only_so_many_layers_are_listed_and_the_rest_is_mentioned():
    text = printed(clothes(), top=2)
    assert "scores " not in text
    assert "2 of 5 layers; --top 5 shows all" in " ".join(text.split())


def test_columns_that_hold_nothing_are_left_out():
    keys = [column.key for column in columns(lone())]
    assert keys == ["share", "latency", "size", "bytes", "macs"]
    assert columns(dataclasses.replace(lone(), layers=())) == ()


def test_an_analysis_without_layers_is_printed_all_the_same():
    text = printed(dataclasses.replace(lone(), layers=(), latency_us=None))
    assert text.splitlines()[0] == "model.tflite"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_terminal_can_show_it(encoding):
    assert "?" not in printed(clothes(), encoding=encoding).replace("what can be done", "")


@pytest.mark.parametrize("width", [60, 120])
def test_foreign_names_neither_steer_the_terminal_nor_are_they_markup(width):
    text = printed(hostile(), width)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "[bold" in text
    assert all(len(line) <= max(width, 60) + 60 for line in text.splitlines())


def test_what_to_do_next_depends_on_what_was_found():
    assert next_step(clothes(), "c") == "next: keep depthwise_1 in float32"
    assert "BUNDLE --data DATA" in next_step(lone(), "a.tflite")
    alone = (layer(0, "a", "CONV_2D", rank=1),)
    healthy = dataclasses.replace(clothes(), layers=alone, kept_float=(), sqnr_db=45.0)
    assert next_step(healthy, "my model") == (
        "next: nothing need be done; edgeq benchmark 'my model' --data DATA measures what users notice"
    )
    unmeasured = dataclasses.replace(healthy, layers=(layer(0, "a", "CONV_2D", rank=None),))
    assert "no layer of it could be measured alone" in next_step(unmeasured, "c")
    noisy = dataclasses.replace(healthy, sqnr_db=12.0)
    assert "no single layer stands out" in next_step(noisy, "m")


def test_the_next_step_is_the_best_of_what_was_tried():
    damaged = clothes().layers[2]
    untried = dataclasses.replace(damaged, remedies=damaged.remedies[2:])
    together = dataclasses.replace(clothes(), layers=(untried,))
    assert next_step(together, "c") == "next: keep depthwise_1 and conv_1 in float32"
    only_training = dataclasses.replace(together, kept_float=())
    assert next_step(only_training, "c").startswith("next: depthwise_1: fine-tune the model")


def test_a_layer_of_several_operators_is_added_up():
    lines = printed(repeated()).splitlines()
    start = lines.index("by layer, where one has several operators")
    row = next(line for line in lines[start:] if line.startswith("norm"))
    assert row.split() == ["norm", "2", "70.0", "0.700", "45.5", "50", "B", "20"]
    assert "3 of 3" not in " ".join(lines)
    assert "2 of 3 operators; --top 3 shows all" in " ".join(printed(repeated(), top=2).split())
    assert "by layer" not in printed(clothes())


@pytest.mark.parametrize("width", [60, 80])
def test_a_sum_stays_on_one_line_whatever_the_name_is(width):
    long = [dataclasses.replace(one, name="model/" * 20 + one.name) for one in repeated().layers]
    lines = printed(dataclasses.replace(repeated(), layers=tuple(long)), width).splitlines()
    start = lines.index("by layer, where one has several operators")
    (row,) = [line for line in lines[start:] if "norm" in line]
    assert row.split()[0].startswith("…")
    assert row.split()[1:] == ["2", "70.0", "0.700", "45.5", "50", "B", "20"]
    assert len(row) <= width


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_row_stays_on_one_line_whatever_its_name_is(width):
    long = [
        layer(
            0, "global_average_pooling2d_1", "MEAN", rank=2, sqnr_db=35.2, error_share=0.1, own_sqnr_db=46.7
        ),
        layer(1, "scores", "FULLY_CONNECTED", rank=1, sqnr_db=28.0, error_share=0.9, own_sqnr_db=41.0),
        layer(
            2, "model/" * 20 + "end", "UNIDIRECTIONAL_SEQUENCE_LSTM", rank=3, sqnr_db=70.0, error_share=0.0
        ),
    ]
    lines = printed(dataclasses.replace(clothes(), layers=tuple(long)), width).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("──"))
    assert [line.split()[0] for line in lines[start + 1 : start + 4]] == ["1", "2", "3"]
    assert lines[start + 2].split()[1].endswith("pooling2d_1")
    assert all(len(line) <= width for line in lines[start - 2 : start + 4])


@pytest.mark.parametrize(
    ("macs", "text"),
    [
        ([20, 55_300], ["0.0200 kMAC", "55.3 kMAC"]),
        ([20, 903_168_000], ["<0.001 MMAC", "903 MMAC"]),
        ([120, 0], ["120 MAC", " MAC"]),
        ([999_600], ["1.00 MMAC"]),
        ([5_000_000_000], ["5.00 GMAC"]),
    ],
)
def test_work_is_told_in_the_unit_of_the_largest(macs, text):
    unit, factor = work_unit(max(macs))
    assert [f"{work(one, factor)} {unit}" for one in macs] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (float("nan"), ""), (31.55, "31.6"), (200.0, "∞"), (-200.0, "−∞"), (float("inf"), "∞")],
)
def test_where_measuring_ends_there_is_no_noise_or_nothing_else(value, text):
    assert decibels(value) == text


@pytest.mark.parametrize(
    ("ends", "text"),
    [(None, ""), ((29.51, 38.66), "29.5 to 38.7"), ((-3.0, 200.0), "−3.0 to ∞"), ((float("nan"), 1.0), "")],
)
def test_an_interval_has_two_ends_or_none(ends, text):
    assert interval(ends) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, ""), (0.0, "0.0"), (0.0001, "<0.1"), (0.931, "93.1"), (float("nan"), "")]
)
def test_shares_never_round_to_nothing(share, text):
    assert percent(share) == text
