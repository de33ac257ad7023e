"""The state of a phone, from what its shell prints."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.devices.phones.state import FULL_SCRIPT, Battery, big_cores, parse_state

CORES = "online 0 -\ngovernor 0 schedutil\ncurrent 0 1000000\nhighest 0 1803000\nonline 1 0\nonline 2 1\ncurrent 2 -\n"
THERMAL = """
thermal
IsStatusOverride: false
Thermal Status: 2
Cached temperatures:
\tTemperature{mValue=99.0, mType=0, mName=old, mStatus=0}
Current temperatures from HAL:
\tTemperature{mValue=51.5, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=55.25, mType=0, mName=CPU1, mStatus=0}
\tTemperature{mValue=36.0, mType=3, mName=SKIN, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=cpu}
"""


def test_cores_that_are_on_with_their_clocks():
    state = parse_state(CORES, "before", 1.23456)
    assert [(core.core, core.governor, core.frequency_mhz) for core in state.host.cores] == [
        (0, "schedutil", 1000.0),
        (2, None, None),
    ]
    assert state.highest_mhz == {0: 1803.0}
    assert (state.host.moment, state.host.elapsed_s) == ("before", 1.235)


def test_temperatures_of_the_kernel_come_before_those_of_the_service():
    zones = "type 0 battery\ntemp 0 90000\ntype 1 cpu-0-0\ntemp 1 45500\ntype 2 cpu-0-1\ntemp 2 -274000\n"
    assert parse_state(zones + THERMAL, "before", 0).host.temperature_c == 45.5
    assert parse_state("type 0 x\ntemp 0 47\n", "before", 0).host.temperature_c == 47.0
    assert parse_state("battery\n" + THERMAL, "before", 0).host.temperature_c is None
    assert parse_state("\nbattery\n" + THERMAL, "before", 0).host.temperature_c == 55.25
    assert parse_state("\nbattery\n" + THERMAL, "before", 0).thermal_status == 2


@pytest.mark.parametrize(
    ("text", "battery"),
    [
        ("", None),
        (
            "  level: 87\n  temperature: 305\n  AC powered: false\n  USB powered: true\n",
            Battery(87, 30.5, True),
        ),
        ("  level: 5\n  USB powered: false\n  Wireless powered: false\n", Battery(5, None, False)),
        ("  level: 5\n", Battery(5, None, None)),
    ],
)
def test_the_battery(text, battery):
    assert parse_state(f"\nbattery\n{text}\nthermal\n\npower\n1\n", "before", 0).battery == battery


def test_the_battery_saver():
    assert parse_state("\nbattery\n\nthermal\n\npower\n1\n", "before", 0).saves_power is True
    assert parse_state("\nbattery\n\nthermal\n\npower\nnull\n", "before", 0).saves_power is None


def test_memory_and_load():
    state = parse_state("loadavg 1.50 1.00 0.50 1/2 3\nMemTotal: 2048\nMemAvailable: 1024\n", "before", 0)
    assert (state.host.load_1m, state.memory_bytes, state.host.available_memory_bytes) == (
        1.5,
        2 << 20,
        1 << 20,
    )


def test_nothing_known_is_no_error():
    state = parse_state("", "after", 0)
    assert (state.host.cores, state.host.temperature_c, state.thermal_status, state.battery) == (
        (),
        None,
        None,
        None,
    )


def test_the_script_runs_in_a_posix_shell():
    done = subprocess.run(["sh", "-c", FULL_SCRIPT], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    state = parse_state(done.stdout, "before", 0)
    assert state.host.cores
    assert state.memory_bytes > 1 << 20


@pytest.mark.parametrize(
    ("highest", "big"),
    [
        ({0: 1800.0, 1: 1800.0, 2: 2250.0, 3: 2800.0}, (2, 3)),
        ({0: 1800.0, 1: 1800.0}, (0, 1)),
        ({}, ()),
    ],
)
def test_big_cores_are_all_but_the_slowest(highest, big):
    assert big_cores(highest) == big


@given(st.lists(st.sampled_from((CORES + "\nbattery\n" + THERMAL + "\npower\n1\n").splitlines()) | st.text()))
def test_any_output_is_a_state(lines):
    state = parse_state("\n".join(lines), "during", 0.0)
    assert state.host.temperature_c is None or 0 < state.host.temperature_c < 150
    assert all(core.frequency_mhz is None or core.frequency_mhz > 0 for core in state.host.cores)
