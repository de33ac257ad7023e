from __future__ import annotations

import os
import platform
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import made_up_machines
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_machines import write

from edgeq.runtime import host
from edgeq.runtime.arm_cores import arm_core

SERVER = """\
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 106
model name\t: Intel(R) Xeon(R)  Gold 6338 CPU @ 2.00GHz
flags\t\t: fpu sse4_1 avx avx2 avx512f avx512_vnni

processor\t: 1
model name\t: something else
"""
LAPTOP = SERVER.replace("avx512f avx512_vnni", "avx_vnni").replace(
    "Intel(R) Xeon(R)  Gold 6338", "Core Ultra"
)
OLD_PC = SERVER.replace(" avx avx2 avx512f avx512_vnni", "")
PI4 = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08

Revision\t: c03112
Serial\t\t: 100000001234abcd
Model\t\t: Raspberry Pi 4 Model B Rev 1.2
"""
PI5 = PI4.replace("crc32 cpuid", "asimdhp asimddp cpuid").replace("Pi 4 Model B Rev 1.2", "Pi 5")
PI3_32 = """\
processor\t: 0
model name\t: ARMv7 Processor rev 4 (v7l)
BogoMIPS\t: 38.40
Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32

Hardware\t: BCM2835
Model\t\t: Raspberry Pi 3 Model B Plus Rev 1.3
"""
PHONE = """\
processor\t: 0
Features\t: fp asimd asimdhp asimddp i8mm bf16
Hardware\t: Qualcomm Technologies, Inc SM8550
"""


def machine(root: Path, cpuinfo: str) -> Path:
    return write(root, {"proc/cpuinfo": cpuinfo})


def fake(monkeypatch: pytest.MonkeyPatch, machine: str, bits: int) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(struct, "calcsize", lambda _: bits // 8)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (SERVER, "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz"),
        (PI4, "Raspberry Pi 4 Model B Rev 1.2"),
        (PI5, "Raspberry Pi 5"),
        (PI3_32, "Raspberry Pi 3 Model B Plus Rev 1.3"),
        (PHONE, "Qualcomm Technologies, Inc SM8550"),
    ],
    ids=["server", "Pi 4", "Pi 5", "32-bit Pi 3", "phone"],
)
def test_a_machine_is_recognised_by_what_it_always_was_recognised_by(
    tmp_path: Path, text: str, model: str
) -> None:
    assert host.cpu_model(machine(tmp_path, text)) == model


@pytest.mark.parametrize(
    ("text", "architecture", "bits", "family"),
    [
        (SERVER, "x86_64", 64, "x86_64+avx512_vnni"),
        (LAPTOP, "x86_64", 64, "x86_64+avx_vnni"),
        (OLD_PC, "AMD64", 64, "x86_64+sse4_1"),
        (PI4, "aarch64", 64, "aarch64+asimd"),
        (PI5, "aarch64", 64, "aarch64+asimddp"),
        (PI3_32, "aarch64", 32, "armv7l+neon"),
        (PHONE, "aarch64", 64, "aarch64+i8mm"),
        ("", "riscv64", 64, "riscv64"),
    ],
    ids=["server", "laptop", "old PC", "Pi 4", "Pi 5", "32-bit Pi 3", "phone", "unknown"],
)
def test_the_family_is_the_widest_feature_that_kernels_choose_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, architecture: str, bits: int, family: str
) -> None:
    fake(monkeypatch, architecture, bits)
    assert host.cpu_family(machine(tmp_path, text)) == family


def test_the_kernel_path_names_runtime_version_delegate_and_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, "aarch64", 64)
    path = host.kernel_path("litert", "2.3.0", "XNNPACK", machine(tmp_path, PI5))
    assert path == "litert 2.3.0, XNNPACK, aarch64+asimddp"


@pytest.mark.parametrize(
    ("machine", "bits", "architecture"),
    [
        ("x86_64", 64, "x86_64"),
        ("AMD64", 64, "x86_64"),
        ("arm64", 64, "aarch64"),
        ("aarch64", 64, "aarch64"),
        ("aarch64", 32, "armv7l"),
        ("armv8l", 32, "armv7l"),
        ("armv7l", 32, "armv7l"),
    ],
)
def test_the_architecture_is_the_interpreters_and_not_the_kernels(
    monkeypatch: pytest.MonkeyPatch, machine: str, bits: int, architecture: str
) -> None:
    fake(monkeypatch, machine, bits)
    assert host.architecture() == architecture


def test_without_cpuinfo_the_machine_is_still_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, "arm64", 64)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert host.cpu_info(tmp_path) == {}
    assert host.cpu_model(tmp_path) == host.cpu_name(tmp_path) == "arm64"
    assert host.cpu_family(tmp_path) == "aarch64"
    assert host.cpu_features(tmp_path) == ()
    assert host.board(tmp_path) is None


@pytest.mark.parametrize(
    ("make", "name", "board", "features"),
    [
        (made_up_machines.pi4, "Cortex-A72", made_up_machines.PI4_MODEL, ["asimd"]),
        (
            made_up_machines.pi5,
            "Cortex-A76",
            made_up_machines.PI5_MODEL,
            ["asimd", "fphp", "asimdhp", "asimddp"],
        ),
        (made_up_machines.pi4_32, "Cortex-A72", made_up_machines.PI4_MODEL, ["neon", "vfpv4"]),
        (
            made_up_machines.phone,
            "4x Cortex-A510 + 3x Cortex-A715 + 1x Cortex-X3",
            "Qualcomm Technologies, Inc SM8550",
            ["asimd", "fphp", "asimdhp", "asimddp", "i8mm", "bf16"],
        ),
        (
            made_up_machines.laptop,
            "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz",
            None,
            [
                "sse4_1",
                "avx",
                "f16c",
                "fma",
                "avx2",
                "avx512f",
                "avx512bw",
                "avx512_vnni",
                "avx512vbmi",
                "gfni",
            ],
        ),
    ],
    ids=["Pi 4", "Pi 5", "32-bit Pi 4", "phone", "laptop"],
)
def test_cores_board_and_features_are_named(
    tmp_path: Path, make: Callable[[Path], Path], name: str, board: str | None, features: list[str]
) -> None:
    root = make(tmp_path)
    assert (host.cpu_name(root), host.board(root)) == (name, board)
    assert list(host.cpu_features(root)) == features


def test_a_board_whose_cpuinfo_tells_no_model_is_known_by_its_device_tree(tmp_path: Path) -> None:
    # As Debian's own kernel has it.
    root = write(
        tmp_path, {"proc/cpuinfo": PI4.partition("\nRevision")[0], "proc/device-tree/model": "Rock 5B\0"}
    )
    assert host.board(root) == host.cpu_model(root) == "Rock 5B"
    assert host.cpu_name(root) == "Cortex-A72"
    virtual = write(tmp_path, {"proc/device-tree/model": "linux,dummy-virt\0"})
    assert host.board(virtual) is None
    assert host.cpu_model(virtual) == "Cortex-A72"


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [("0x41", "0xd03", "Cortex-A53"), ("0x41", "0xc07", "Cortex-A7"), ("0x51", "0x804", "Kryo 4xx Gold"),
     ("0x41", "0xfff", None), ("0x99", "0xd03", None), ("41", "d03", None), ("", "", None)],
)  # fmt: skip
def test_arm_cores_are_known_by_their_numbers(implementer: str, part: str, name: str | None) -> None:
    assert arm_core(implementer, part) == name


def test_an_unknown_core_beside_a_known_one_is_counted_and_not_hidden(tmp_path: Path) -> None:
    root = machine(tmp_path, PI4 + PI4.replace("0xd08", "0xfff"))
    assert host.cpu_name(root) == "1x Cortex-A72 + 1x unknown ARM core 0x41/0xfff"


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', ", Debian GNU/Linux 12 (bookworm)"),
        ("NAME=x\nPRETTY_NAME='Alpine Linux v3.20'", ", Alpine Linux v3.20"),
        ('PRETTY_NAME=""\n', ""),
        ("nothing of the kind", ""),
        ('PRETTY_NAME="red \x1b[31m"', ", red [31m"),
    ],
)
def test_the_distribution_stands_beside_the_kernel(tmp_path: Path, text: str, distribution: str) -> None:
    root = write(tmp_path, {"etc/os-release": text})
    assert host.system_name(root) == f"{platform.system()} {platform.release()}{distribution}"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_content_of_cpuinfo_breaks_what_is_read_of_it(tmp_path: Path, content: bytes) -> None:
    root = write(tmp_path, dict.fromkeys(made_up_machines.NAMES, content))
    named = [host.cpu_name(root), host.system_name(root), host.board(root) or ""]
    assert all(len(name) < 400 and name.isprintable() for name in named)
    assert host.cpu_family(root).startswith(host.architecture())
    assert set(host.cpu_features(root)) <= set(content.decode("utf-8", "replace").split())


def test_cores_are_those_that_the_process_may_use() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from edgeq.runtime import host; "
    )
    code += "print(host.cpu_count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count the parent's peak, too")
def test_peak_memory_is_the_processs_own_and_grows_with_what_it_holds() -> None:
    code = (
        "from edgeq.runtime.host import peak_memory_bytes as peak\n"
        "before = peak()\nheld = bytearray(64 << 20)\nprint(before, peak())"
    )
    # The parent's peak must not be carried over.
    held = bytearray(128 << 20)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before < len(held)
    assert after - before >= 60 << 20
