"""The HTML report of several devices: their table and bars, states of the machine, and minutes without a pause."""

from __future__ import annotations

import dataclasses
import html
import re

import pytest
from golden_files import REPORT, check_golden
from page_outline import Outline
from sample_devices import (
    PI_STATES,
    emulated,
    near,
    phone,
    raspberry,
    state,
    three_devices,
    throttled,
)
from sample_measurements import change, each, night
from test_html import EVIL

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate
from edgeq.report.html_details import environment_details, variant_details
from edgeq.report.html_devices import speed_bars
from edgeq.report.html_machine import MOST_STATES, machine_plots, states_grid
from edgeq.report.render import render
from edgeq.report.summary import summarise
from edgeq.report.tables import build_tables


def table_of(measurements):
    return build_tables(measurements)[0]


def outline(text):
    """The page's structure and words, without style, scripts and hints, one element a line."""
    body = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", text, flags=re.S)
    body = re.sub(r' (title|data-key|class|tabindex|aria-[a-z]+|type|style|nonce|content)="[^"]*"', "", body)
    lines = [re.sub(r"\s+", " ", html.unescape(line)).strip() for line in re.split(r"(?=<)", body)]
    return "".join(f"{line}\n" for line in lines if line and not re.fullmatch(r"</[^>]*>", line))


def test_the_outline_of_three_devices():
    check_golden(REPORT / "devices-outline.txt", outline(render(three_devices(), "html")))


def test_the_sentence_across_devices_leads():
    text = render(three_devices(), "html")
    leads = re.findall(r'<p class="lead">(.*?)</p>', text)
    assert leads[0].startswith("The best choice differs by device: int8 on Raspberry Pi 4")
    assert len(leads) == 4


def test_one_device_has_no_table_across_devices():
    text = render(night(), "html")
    assert 'class="across"' not in text
    assert 'id="bars-' not in text


def test_the_bars_are_speeds_against_the_own_baseline():
    (side,) = summarise(three_devices()).devices
    bars = speed_bars(side)
    assert bars["labels"] == ["float16", "dynamic", "int8", "int8-io-float32"]
    phone_bars = bars["series"][1]
    assert phone_bars["labels"] == ["float16", "int8"]
    assert [round(speed, 2) for speed in phone_bars["speeds"]] == [2.33, 1.8]
    assert all(
        above > 0 and below > 0 for above, below in zip(phone_bars["above"], phone_bars["below"], strict=True)
    )


@pytest.mark.parametrize(
    "ratio",
    [
        Estimate(0.5, 0.0, UNBOUNDED, 1),
        Estimate(0.0, 0.0, 0.0, 1),
        Estimate(-1.0, -2.0, 1.0, 1),
        Estimate(5e-324, 5e-324, 5e-324, 1),
        Estimate(1e308, -1e308, 1e308, 1),
    ],
)
def test_a_ratio_out_of_all_proportion_breaks_no_bar(ratio):
    odd = each(three_devices(), lambda one: change(one, latency__ratio=ratio) if one.latency.ratio else one)
    assert "<h1>" in render(odd, "html")


def test_emulated_devices_have_no_bars():
    other = each(emulated(), lambda one: change(one, environment__device_id="y", environment__device="y"))
    text = render([*emulated(), *other], "html")
    assert 'class="across"' in text
    assert 'id="bars-' not in text
    assert 'id="tradeoff-' not in text


def test_the_environment_has_what_an_honest_measurement_records():
    details = dict(environment_details(table_of(raspberry())))
    assert details["CPU features"] == "asimd, crc32, fp"
    assert details["Memory"] == "3.98 GB"
    assert details["Power"] == "mains"
    assert details["Reached by"] == "ssh:pi@raspberrypi"
    assert "Emulated by" not in details
    of_phone = dict(environment_details(table_of(phone())))
    assert of_phone["Cores in use"] == "4-8"
    assert of_phone["Software"] == "edgeq 0.1.0"
    assert dict(environment_details(table_of(emulated())))["Emulated by"] == "qemu-user"


def test_the_details_of_a_variant_say_what_a_sample_is_and_leave_out_what_is_not_told():
    groups = dict(variant_details(table_of(phone()), "int8"))
    latency = dict(groups["Latency, 4 threads"])
    assert latency["A sample is"] == "the median of one run of the device's own tool"
    assert latency["Load, first run"] == "not told, 21.3 ms"
    assert "90th, 95th percentile" not in latency


def test_the_details_of_a_throttled_variant_have_the_reason_and_no_ratio():
    groups = dict(variant_details(table_of(throttled()), "int8"))
    latency = dict(groups["Latency, 1 thread (invalid)"])
    assert latency["Not compared"].startswith("under-voltage and throttled")
    assert not any(name.startswith("Divided") for name in latency)


def test_the_details_have_the_parity():
    groups = dict(variant_details(table_of(raspberry()), "int8"))
    assert ("Differing values", "3.12 % of the output values differ, by at most 1 integer step") in groups[
        "Parity with the bundle"
    ]


def test_the_states_have_clock_temperature_and_what_holds_it_down():
    grid = states_grid(table_of(raspberry()))
    assert [name for name, _, _ in grid.headings] == [
        "moment", "at", "clocks and governors", "temperature", "throttled", "load", "free memory",
    ]  # fmt: skip
    assert [cell.text for cell in grid.rows[6]] == [
        "during", "120", "cores 0-3: 1,500 MHz, ondemand", "81",
        "soft temperature limit now; soft temperature limit since boot", "0.31", "3.22 GB",
    ]  # fmt: skip
    assert grid.remark == "47 to 81 °C, soft temperature limit at some moment"


def test_cores_of_different_clocks_are_told_apart():
    slow, *rest = state("before", 0.0, 1800.0, None).cores
    odd = dataclasses.replace(
        state("before", 0.0, 1800.0, None), cores=(dataclasses.replace(slow, frequency_mhz=600.0), *rest)
    )
    measured = each(raspberry(), lambda one: change(one, environment__states=(odd,)))
    assert states_grid(table_of(measured)).rows[0][2].text == (
        "core 0: 600 MHz, ondemand; cores 1-3: 1,800 MHz, ondemand"
    )


def test_columns_that_no_state_fills_are_left_out():
    bare = dataclasses.replace(
        state("before", 0.0, 0.0, None, None), cores=(), load_1m=None, available_memory_bytes=None
    )
    measured = each(raspberry(), lambda one: change(one, environment__states=(bare,)))
    assert [name for name, _, _ in states_grid(table_of(measured)).headings] == ["moment", "at"]


def test_a_state_that_several_measurements_share_is_shown_once():
    assert len(states_grid(table_of(raspberry())).rows) == len(PI_STATES)


def test_of_many_states_evenly_chosen_ones_are_shown():
    many = tuple(state("during", float(turn), 1500.0, 50.0) for turn in range(10_000))
    measured = each(raspberry(("int8",)), lambda one: change(one, environment__states=many))
    grid = states_grid(table_of(measured))
    assert len(grid.rows) == MOST_STATES
    assert (grid.rows[0][1].text, grid.rows[-1][1].text) == ("0", "9999")
    assert grid.note == "60 of 10,000 states, evenly chosen"
    assert len(machine_plots(table_of(measured))["states"]["seconds"]) == 300


def test_two_states_are_no_course_to_draw():
    measured = each(raspberry(), lambda one: change(one, environment__states=PI_STATES[:1] + PI_STATES[-1:]))
    assert machine_plots(table_of(measured))["states"] is None
    assert 'id="states-0"' not in render(measured, "html")


@pytest.mark.parametrize("bits", [0, 1, 0x50005, -1, 1 << 70])
def test_no_bits_of_throttling_break_the_page(bits):
    odd = each(
        raspberry(),
        lambda one: change(one, environment__states=(state("before", -1e308, 1e308, -1e308, bits),)),
    )
    assert "<h1>" in render(odd, "html")


def test_hostile_texts_make_no_elements():
    plain = Outline(render(three_devices(), "html"))
    evil = each(
        three_devices(),
        lambda one: change(
            near(one),
            environment__device=one.environment.device + EVIL,
            environment__features=(EVIL,),
            environment__power=EVIL,
            environment__reached_by=EVIL,
            environment__states=tuple(
                dataclasses.replace(
                    each_state,
                    moment=EVIL,
                    cores=tuple(dataclasses.replace(core, governor=EVIL) for core in each_state.cores),
                )
                for each_state in one.environment.states
            ),
            latency__statistic=EVIL,
            parity__recorded_kernel_path=EVIL,
            invalid=EVIL,
        ),
    )
    page = Outline(render(evil, "html"))
    assert page.count("img") == 0
    assert page.count("script") == plain.count("script")
