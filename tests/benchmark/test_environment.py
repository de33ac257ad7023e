from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import platform
import struct
from pathlib import Path

import made_up_machines
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_machines import frequencies, vcgencmd, write

import edgeq
from edgeq.benchmark import environment
from edgeq.benchmark.environment import read_environment
from edgeq.benchmark.measured_host import Environment
from edgeq.runtime.host import architecture, cpu_count, cpu_model

_SET_PERFORMANCE = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


@pytest.fixture
def pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Raspberry Pi 4 that is as it should be."""
    as_on(monkeypatch, "aarch64", 4)
    return made_up_machines.pi4(tmp_path)


def as_on(monkeypatch: pytest.MonkeyPatch, machine: str, cores: int, bits: int = 64) -> None:
    """An interpreter for another machine, as far as it says so itself."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(struct, "calcsize", lambda _: bits // 8)
    monkeypatch.setattr(environment, "cpu_count", lambda: cores)


def test_this_machine_is_described() -> None:
    read = read_environment()
    cores = cpu_count()
    assert read.device.endswith(f", {cores} core{'s' * (cores > 1)}")
    assert (read.cores, read.architecture) == (cores, architecture())
    assert (read.python, read.numpy, read.edgeq) == (
        platform.python_version(), np.__version__, edgeq.__version__,
    )  # fmt: skip
    assert read.os.startswith(f"{platform.system()} {platform.release()}")
    assert read.memory_bytes is None or read.memory_bytes > 1 << 28
    assert (read.cpus, read.emulator, read.reached_by, read.states) == ((), None, "local", ())


def test_the_device_is_recognised_again_and_its_name_is_not_given_away() -> None:
    first, second = read_environment(), read_environment()
    assert first.device_id == second.device_id
    assert len(first.device_id) == 16
    assert platform.node() not in json.dumps([first.device, first.device_id])


def test_stored_baselines_are_still_of_the_same_device() -> None:
    # As edgeq had it in schemas 1 and 2.
    identity = f"{cpu_model()}|{cpu_count()}|{architecture()}|{platform.system()}"
    assert read_environment().device_id == hashlib.sha256(identity.encode()).hexdigest()[:16]


def test_another_number_of_cores_is_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    here = read_environment()
    monkeypatch.setattr(environment, "cpu_count", lambda: here.cores + 1)
    assert read_environment().device_id != here.device_id


def test_cores_that_inferences_are_tied_to_are_recorded_and_are_the_same_device() -> None:
    tied = read_environment(cpus=[0])
    assert tied.cpus == (0,)
    assert tied.device_id == read_environment().device_id


def test_the_start_is_a_time_with_its_zone() -> None:
    started = datetime.datetime.fromisoformat(read_environment().started_at)
    assert started.utcoffset() == datetime.timedelta(0)


class TestMachines:
    def test_a_raspberry_pi_4(self, pi: Path) -> None:
        read = read_environment(pi)
        assert read.device == "Raspberry Pi 4 Model B Rev 1.4, 4 cores"
        assert (read.cpu, read.cores, read.architecture) == ("Cortex-A72", 4, "aarch64")
        assert (read.governor, read.frequency_mhz, read.load_1m) == ("ondemand", 600.0, 0.08)
        assert read.os == f"{platform.system()} {platform.release()}, Debian GNU/Linux 12 (bookworm)"
        assert (read.features, read.memory_bytes) == (("asimd",), 3882376 * 1024)
        assert (read.power, read.emulator, read.warnings) == (None, None, ())
        identity = f"Raspberry Pi 4 Model B Rev 1.4|4|aarch64|{platform.system()}"
        assert read.device_id == hashlib.sha256(identity.encode()).hexdigest()[:16]

    def test_a_raspberry_pi_5_whose_supply_was_weak_some_time_ago(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        as_on(monkeypatch, "aarch64", 4)
        read = read_environment(made_up_machines.pi5(tmp_path))
        assert (read.device, read.cpu) == ("Raspberry Pi 5 Model B Rev 1.0, 4 cores", "Cortex-A76")
        assert read.features == ("asimd", "fphp", "asimdhp", "asimddp")
        assert read.warnings == (
            "the Raspberry Pi throttled some time before the start (under-voltage, throttled): "
            "sudo reboot forgets it, a better power supply or cooling prevents it",
        )

    def test_a_32_bit_system_on_a_64_bit_kernel(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        as_on(monkeypatch, "aarch64", 4, bits=32)
        read = read_environment(made_up_machines.pi4_32(tmp_path))
        assert (read.architecture, read.cpu, read.emulator) == ("armv7l", "Cortex-A72", None)
        assert read.features == ("neon", "vfpv4")
        assert read.os.endswith(", Raspbian GNU/Linux 12 (bookworm)")
        assert read.warnings == ()

    def test_a_phone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        as_on(monkeypatch, "aarch64", 8)
        read = read_environment(made_up_machines.phone(tmp_path))
        assert read.device == "Qualcomm Technologies, Inc SM8550, 8 cores"
        assert read.cpu == "4x Cortex-A510 + 3x Cortex-A715 + 1x Cortex-X3"
        assert (read.governor, read.frequency_mhz, read.power) == ("powersave, schedutil", 3200.0, "battery")
        # Core 0 alone would not tell of the others, nor the others of core 0.
        assert read.warnings == (
            f"the CPU governor of cores 0-3 is 'powersave', which slows short runs: {_SET_PERFORMANCE}",
            "the machine runs on battery, which slows its CPU: plug in the power supply",
        )

    def test_a_laptop_on_battery(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        as_on(monkeypatch, "x86_64", 2)
        read = read_environment(made_up_machines.laptop(tmp_path))
        assert read.device == "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz, 2 cores"
        assert read.warnings == (
            f"the CPU governor is 'powersave', which slows short runs: {_SET_PERFORMANCE}",
            "the machine runs on battery, which slows its CPU: plug in the power supply",
            "other programs were running: load 1.9 on 2 cores at the start",
            "the CPU had 83 C at the start, where it slows down: cool it, or --cool-down 5m",
            "only 512 of 16384 MB of memory were free at the start: "
            "end programs that take much (ps -eo rss,comm --sort=-rss | head)",
        )

    def test_a_machine_that_tells_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        as_on(monkeypatch, "arm64", 8)
        monkeypatch.setattr(platform, "processor", lambda: "arm")
        read = read_environment(tmp_path)
        assert (read.device, read.cpu, read.architecture) == ("arm, 8 cores", "arm", "aarch64")
        assert (read.governor, read.frequency_mhz, read.load_1m) == (None, None, None)
        assert (read.features, read.memory_bytes, read.power, read.emulator) == ((), None, None, None)
        assert read.warnings == ()


class TestEmulated:
    def emulated(self, root: Path, model: str = "0xd08") -> Environment:
        link = root / "proc/thread-self/exe"
        if not link.is_symlink():
            link.parent.mkdir(parents=True)
            link.symlink_to("/usr/bin/qemu-aarch64")
        cpuinfo = f"model name\t: ARMv8 Processor rev 3 (v8l)\nCPU implementer\t: 0x41\nCPU part\t: {model}\n"
        return read_environment(write(root, {"proc/cpuinfo": cpuinfo}))

    def test_it_is_said_and_warned_of(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        as_on(monkeypatch, "aarch64", 2)
        read = self.emulated(tmp_path)
        assert (read.device, read.emulator) == ("Cortex-A72, 2 cores", "qemu-user")
        assert read.warnings == (
            "the CPU is emulated (qemu-user), so that times mean nothing: measure on the device",
        )

    def test_it_is_another_device_than_the_real_one_and_than_another_emulated_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        as_on(monkeypatch, "aarch64", 2)
        emulated = self.emulated(tmp_path).device_id
        assert self.emulated(tmp_path, "0xd0b").device_id != emulated
        (tmp_path / "proc/thread-self/exe").unlink()
        assert read_environment(tmp_path).device_id != emulated

    def test_a_virtual_machine_may_be_emulated(self, pi: Path) -> None:
        write(pi, {"proc/device-tree/model": "linux,dummy-virt\0"})
        assert read_environment(pi).warnings == (
            "this is a virtual machine, whose CPU may be emulated: measure on the device",
        )


class TestWarnings:
    @pytest.mark.parametrize("governor", ["powersave", "conservative"])
    def test_one_core_that_saves_is_enough(self, pi: Path, governor: str) -> None:
        write(pi, frequencies({2: governor}, {2: 600}))
        assert read_environment(pi).warnings == (
            f"the CPU governor of core 2 is {governor!r}, which slows short runs: {_SET_PERFORMANCE}",
        )

    @pytest.mark.parametrize(("temp", "warned"), [("80000", False), ("80500", True)])
    def test_heat_is_warned_of_from_80_degrees_on(self, pi: Path, temp: str, warned: bool) -> None:
        write(pi, {"sys/class/thermal/thermal_zone0/temp": temp})
        assert [warning[:15] for warning in read_environment(pi).warnings] == ["the CPU had 80 "] * warned

    def test_what_the_firmware_says_now_and_of_before_is_told_once(self, pi: Path) -> None:
        vcgencmd(pi, "throttled=0x50001")
        assert read_environment(pi).warnings == (
            "the Raspberry Pi throttled at the start (under-voltage): "
            "use a better power supply or cooling, and see vcgencmd get_throttled",
            "the Raspberry Pi throttled some time before the start (throttled): "
            "sudo reboot forgets it, a better power supply or cooling prevents it",
        )

    def test_little_memory_is_warned_of_with_the_way_to_what_takes_it(self, pi: Path) -> None:
        write(pi, {"proc/meminfo": "MemTotal:         947732 kB\nMemAvailable:     100000 kB\n"})
        (warning,) = read_environment(pi).warnings
        assert warning.startswith("only 102 of 970 MB of memory were free at the start: ")

    def test_other_programs_are_warned_of(self, pi: Path) -> None:
        write(pi, {"proc/loadavg": "3.10 0.00 0.00 1/1 1\n"})
        assert read_environment(pi).warnings == (
            "other programs were running: load 3.1 on 4 cores at the start",
        )
        write(pi, {"proc/loadavg": "2.80 0.00 0.00 1/1 1\n"})
        assert read_environment(pi).warnings == ()

    def test_a_system_without_load_average_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "getloadavg")
        assert read_environment().load_1m is None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_content_of_the_systems_files_breaks_it(tmp_path: Path, content: bytes) -> None:
    read = read_environment(write(tmp_path, dict.fromkeys(made_up_machines.NAMES, content)))
    text = json.dumps(dataclasses.asdict(read), allow_nan=False)
    assert json.loads(text)["device"].isprintable()
