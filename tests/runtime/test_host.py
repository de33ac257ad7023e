from __future__ import annotations

import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from edgeq.runtime import host

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


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(host, "_CPUINFO", path)
    return path


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
def test_a_cpu_is_called_by_the_name_that_a_person_knows(cpuinfo: Path, text: str, model: str) -> None:
    cpuinfo.write_text(text)
    assert host.cpu_model() == model


@pytest.mark.parametrize(
    ("text", "machine", "bits", "family"),
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
    cpuinfo: Path, monkeypatch: pytest.MonkeyPatch, text: str, machine: str, bits: int, family: str
) -> None:
    cpuinfo.write_text(text)
    fake(monkeypatch, machine, bits)
    assert host.cpu_family() == family


def test_the_kernel_path_names_runtime_version_delegate_and_cpu(
    cpuinfo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo.write_text(PI5)
    fake(monkeypatch, "aarch64", 64)
    assert host.kernel_path("litert", "2.3.0", "XNNPACK") == "litert 2.3.0, XNNPACK, aarch64+asimddp"


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


def test_without_cpuinfo_the_machine_is_still_named(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, "arm64", 64)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert host.cpu_info() == {}
    assert host.cpu_model() == "arm64"
    assert host.cpu_family() == "aarch64"


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
