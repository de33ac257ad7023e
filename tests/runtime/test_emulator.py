from __future__ import annotations

import platform
import struct
from pathlib import Path

import made_up_machines
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_machines import write

from edgeq.runtime.emulator import find_emulator

# What qemu-aarch64 10.0.2 with QEMU_CPU=cortex-a72 shows on an x86 machine.
QEMU_A72 = """\
processor\t: 0
model name\t: ARMv8 Processor rev 3 (v8l)
BogoMIPS\t: 100.00
Features\t: fp asimd aes pmull sha1 sha2 crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""
X86_MODALIAS = "cpu:type:x86,ven0002fam0019mod0011:feature:,0000,0001\n"
ARM_MODALIAS = "cpu:type:aarch64:feature:,0000,0001\n"


def program(root: Path, path: str) -> None:
    link = root / "proc/thread-self/exe"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(path)


def interpreter(monkeypatch: pytest.MonkeyPatch, machine: str, bits: int = 64) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(struct, "calcsize", lambda _: bits // 8)


def test_this_machine_is_a_real_one() -> None:
    assert find_emulator() is None


@pytest.mark.parametrize("name", ["/usr/bin/qemu-aarch64", "/usr/bin/qemu-arm-static", "/tmp/x/qemu-aarch64"])
def test_a_thread_whose_program_is_qemu_is_emulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    interpreter(monkeypatch, "aarch64")
    program(tmp_path, name)
    assert find_emulator(write(tmp_path, {"proc/cpuinfo": QEMU_A72})) == "qemu-user"


def test_a_kernel_of_another_architecture_gives_an_emulator_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter(monkeypatch, "aarch64")
    root = write(tmp_path, {"sys/devices/system/cpu/modalias": X86_MODALIAS})
    assert find_emulator(root) == "unknown emulator"
    interpreter(monkeypatch, "x86_64")
    assert find_emulator(root) is None
    assert find_emulator(write(root, {"sys/devices/system/cpu/modalias": ARM_MODALIAS})) == "unknown emulator"


@pytest.mark.parametrize(
    ("machine", "bits", "modalias"),
    [
        ("aarch64", 64, ARM_MODALIAS),
        ("aarch64", 32, ARM_MODALIAS),
        ("armv8l", 32, ARM_MODALIAS),
        ("armv7l", 32, "cpu:type:v7l:feature:,0001\n"),
        ("i686", 32, X86_MODALIAS),
        ("ppc64le", 64, "cpu:type:power9\n"),
        ("aarch64", 64, "garbage"),
    ],
)
def test_a_32_bit_interpreter_and_what_is_not_known_are_no_emulators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, bits: int, modalias: str
) -> None:
    interpreter(monkeypatch, machine, bits)
    program(tmp_path, "/usr/bin/python3.11")
    assert find_emulator(write(tmp_path, {"sys/devices/system/cpu/modalias": modalias})) is None


def test_real_boards_are_not_emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter(monkeypatch, "aarch64")
    for make in (made_up_machines.pi4, made_up_machines.pi5, made_up_machines.phone):
        root = make(tmp_path / make.__name__)
        program(root, "/usr/bin/python3.11")
        assert find_emulator(write(root, {"sys/devices/system/cpu/modalias": ARM_MODALIAS})) is None


@pytest.mark.parametrize(
    ("cpuinfo", "emulator"),
    [
        ("vendor_id\t: VirtualApple\nmodel name\t: VirtualApple @ 2.50GHz processor\n", "rosetta"),
        ("vendor_id\t: AuthenticAMD\nmodel name\t: QEMU TCG CPU version 2.5+\n", "qemu-system"),
        (QEMU_A72.replace("0x41", "0x00").replace("0xd08", "0x051"), "qemu-system"),
        # With KVM it is called so, too, and runs at full speed.
        ("vendor_id\t: GenuineIntel\nmodel name\t: QEMU Virtual CPU version 2.5+\n", None),
    ],
)
def test_cpus_that_exist_in_an_emulator_alone_are_told(
    tmp_path: Path, cpuinfo: str, emulator: str | None
) -> None:
    assert find_emulator(write(tmp_path, {"proc/cpuinfo": cpuinfo})) == emulator


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80))
def test_no_content_breaks_it(tmp_path: Path, content: bytes) -> None:
    root = write(tmp_path, dict.fromkeys([*made_up_machines.NAMES, "proc/thread-self/exe"], content))
    find_emulator(root)
