from __future__ import annotations

from pathlib import Path

import made_up_machines
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_machines import write

from edgeq.runtime.power import power_source, throttled_now, throttled_since_start, throttling_named


def supplies(root: Path, **kinds: dict[str, str]) -> Path:
    for name, fields in kinds.items():
        write(root, {f"sys/class/power_supply/{name}/{key}": f"{value}\n" for key, value in fields.items()})
    return root


def test_a_laptop_that_is_unplugged_runs_on_battery_whatever_its_mouse_says(tmp_path: Path) -> None:
    assert power_source(made_up_machines.laptop(tmp_path)) == "battery"


def test_a_phone_and_a_board_without_a_battery(tmp_path: Path) -> None:
    assert power_source(made_up_machines.phone(tmp_path / "phone")) == "battery"
    assert power_source(made_up_machines.pi4(tmp_path / "pi")) is None


def test_a_supply_that_is_plugged_in_is_mains(tmp_path: Path) -> None:
    plugged = supplies(
        tmp_path / "a",
        AC={"type": "Mains", "online": "1"},
        BAT0={"type": "Battery", "status": "Not charging"},
    )
    assert power_source(plugged) == "mains"
    usb = supplies(
        tmp_path / "b", usb={"type": "USB_PD", "online": "1"}, bat={"type": "Battery", "status": "Full"}
    )
    assert power_source(usb) == "mains"
    untold = supplies(tmp_path / "c", BAT0={"type": "Battery", "status": "Charging"})
    assert power_source(untold) == "mains"


def test_what_tells_nothing_is_none(tmp_path: Path) -> None:
    assert power_source(tmp_path) is None
    mouse = supplies(tmp_path, mouse={"type": "Battery", "scope": "Device", "status": "Discharging"})
    assert power_source(mouse) is None
    unknown = supplies(tmp_path, BAT0={"type": "Battery", "status": "Unknown"}, x={"type": "UPS"})
    assert power_source(unknown) is None


@pytest.mark.parametrize(
    ("bits", "now", "since"),
    [
        (None, "", ""),
        (0x0, "", ""),
        (0x1, "under-voltage", ""),
        (0x50005, "under-voltage, throttled", "under-voltage, throttled"),
        (0xE0000, "", "frequency capped, throttled, soft temperature limit"),
        (0x00F0, "", ""),
    ],
)
def test_bits_are_told_in_words(bits: int | None, now: str, since: str) -> None:
    assert throttling_named(throttled_now(bits)) == now
    assert throttling_named(throttled_since_start(bits)) == since


@given(st.integers(0, 2**32 - 1))
def test_bits_now_and_since_the_start_do_not_mix(bits: int) -> None:
    assert throttled_now(bits) == throttled_now(bits & 0xF)
    assert throttled_since_start(bits) == throttled_now(bits >> 16 & 0xF)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40))
def test_no_content_breaks_it(tmp_path: Path, content: bytes) -> None:
    root = write(tmp_path, dict.fromkeys(made_up_machines.NAMES, content))
    assert power_source(root) in (None, "mains", "battery")
