from __future__ import annotations

import os
import sys
from pathlib import Path

import made_up_machines
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_machines import frequencies, vcgencmd, write

from edgeq.runtime.host_state import (
    CoreState,
    read_cores,
    read_host_state,
    temperature_c,
    throttled,
)


def test_an_idle_raspberry_pi_is_read_whole(tmp_path: Path) -> None:
    state = read_host_state("before", 1.23456, made_up_machines.pi4(tmp_path))
    assert state.moment == "before"
    assert state.elapsed_s == 1.235
    assert state.cores == tuple(CoreState(core, "ondemand", 600.0) for core in range(4))
    assert state.fastest_mhz == 600.0
    assert state.temperature_c == 47.712
    assert state.throttled == 0
    assert state.load_1m == 0.08
    assert state.available_memory_bytes == 3300000 * 1024


def test_each_core_has_its_own_governor_and_frequency(tmp_path: Path) -> None:
    state = read_host_state("during", 0, made_up_machines.phone(tmp_path))
    assert [core.governor for core in state.cores] == ["powersave"] * 4 + ["schedutil"] * 4
    assert [core.frequency_mhz for core in state.cores] == [300.0] * 4 + [1800.0] * 3 + [3200.0]
    assert state.fastest_mhz == 3200.0


def test_cores_come_in_the_order_of_their_numbers_and_those_that_are_off_are_left_out(tmp_path: Path) -> None:
    cores = dict.fromkeys(range(12), "schedutil")
    write(tmp_path, frequencies(cores, dict.fromkeys(cores, 1000)))
    write(
        tmp_path,
        {f"sys/devices/system/cpu/cpu{core}/online": "0\n" if core == 3 else "1\n" for core in cores},
    )
    write(tmp_path, {"sys/devices/system/cpu/cpufreq/x": "", "sys/devices/system/cpu/cpuidle/x": ""})
    assert [core.core for core in read_cores(tmp_path)] == [0, 1, 2, *range(4, 12)]


def test_a_machine_without_any_of_it_has_none_of_it(tmp_path: Path) -> None:
    state = read_host_state("after", 0, tmp_path)
    assert (state.cores, state.temperature_c, state.throttled) == ((), None, None)
    assert (state.load_1m, state.available_memory_bytes, state.fastest_mhz) == (None, None, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no /proc")
def test_this_machine_is_read() -> None:
    state = read_host_state("before", 0)
    assert len(state.cores) >= len(os.sched_getaffinity(0))
    assert state.load_1m is not None
    assert state.available_memory_bytes is not None
    assert state.available_memory_bytes > 1 << 20


class TestTemperature:
    def zones(self, root: Path, **zones: str) -> Path:
        for number, (kind, temp) in enumerate(zones.items()):
            zone = f"sys/class/thermal/thermal_zone{number}"
            write(root, {f"{zone}/type": kind.replace("_", "-"), f"{zone}/temp": temp})
        return root

    def test_it_is_that_of_the_hottest_zone_of_the_cpu(self, tmp_path: Path) -> None:
        # The GPU is hotter, and a zone without a sensor says nonsense.
        assert temperature_c(made_up_machines.phone(tmp_path)) == 68.9

    def test_a_board_sensor_does_not_count_beside_the_cpus(self, tmp_path: Path) -> None:
        assert temperature_c(made_up_machines.laptop(tmp_path)) == 83.0

    def test_without_a_zone_of_the_cpu_its_sensor_is_read(self, tmp_path: Path) -> None:
        self.zones(tmp_path, acpitz="27800\n")
        write(
            tmp_path, {"sys/class/hwmon/hwmon0/name": "nvme", "sys/class/hwmon/hwmon0/temp1_input": "90000"}
        )
        write(
            tmp_path,
            {"sys/class/hwmon/hwmon1/name": "k10temp\n", "sys/class/hwmon/hwmon1/temp1_input": "55125\n"},
        )
        assert temperature_c(tmp_path) == 55.125

    def test_without_any_of_the_cpu_the_hottest_zone_stands(self, tmp_path: Path) -> None:
        assert temperature_c(self.zones(tmp_path, acpitz="27800\n", other="31000\n")) == 31.0

    @pytest.mark.parametrize("temp", ["-274000", "2147483647", "hot", "", "1e5", "0x10", "9" * 5000])
    def test_what_is_no_temperature_is_none(self, tmp_path: Path, temp: str) -> None:
        assert temperature_c(self.zones(tmp_path, cpu_thermal=temp)) is None


class TestThrottled:
    @pytest.mark.parametrize(
        ("answer", "bits"),
        [
            ("throttled=0x0", 0),
            ("throttled=0x50005", 0x50005),
            ("throttled=0xE0008", 0xE0008),
            ("Can't open device file: /dev/vcio", None),
            ("throttled=0x", None),
            ("throttled=12", None),
            ("throttled=0x123456789", None),
            ("", None),
        ],
    )
    def test_it_is_what_the_firmware_says(self, tmp_path: Path, answer: str, bits: int | None) -> None:
        program = tmp_path / "usr/bin/vcgencmd"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\n[ "$1" = get_throttled ] && echo "{answer}"\n')
        program.chmod(0o755)
        assert throttled(tmp_path) == bits

    def test_a_program_that_hangs_or_cannot_be_run_is_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vcgencmd(tmp_path, "throttled=0x0")
        program = tmp_path / "usr/bin/vcgencmd"
        program.chmod(0o644)
        assert throttled(tmp_path) is None
        monkeypatch.setattr("edgeq.runtime.host_state._VCGENCMD_TIMEOUT_S", 0.2)
        program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(20)\nprint('throttled=0x0')\n")
        program.chmod(0o755)
        assert throttled(tmp_path) is None

    def test_its_place_before_bullseye_is_known(self, tmp_path: Path) -> None:
        vcgencmd(tmp_path, "throttled=0x7")
        (tmp_path / "opt/vc/bin").mkdir(parents=True)
        (tmp_path / "usr/bin/vcgencmd").rename(tmp_path / "opt/vc/bin/vcgencmd")
        assert throttled(tmp_path) == 7


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=60), st.integers().map(lambda number: str(number).encode())))
def test_nothing_that_these_files_hold_breaks_reading_them(tmp_path: Path, content: bytes) -> None:
    state = read_host_state("before", 0, write(tmp_path, dict.fromkeys(made_up_machines.NAMES, content)))
    assert state.temperature_c is None or -40 < state.temperature_c < 150
    assert all(core.frequency_mhz is None or core.frequency_mhz > 0 for core in state.cores)
    assert all(core.governor is None or core.governor.isprintable() for core in state.cores)


def test_folders_in_the_place_of_files_are_read_as_nothing(tmp_path: Path) -> None:
    for name in made_up_machines.NAMES:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "usr/bin/vcgencmd").mkdir(parents=True)
    state = read_host_state("before", 0, tmp_path)
    assert state.cores == (CoreState(0, None, None),)
    assert (state.temperature_c, state.throttled, state.available_memory_bytes) == (None, None, None)
