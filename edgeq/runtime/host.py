"""What the machine tells of itself: CPU, memory, and the kernel path that decides about exact bits."""

from __future__ import annotations

import os
import platform
import re
import struct
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from edgeq.runtime.arm_cores import arm_core
from edgeq.runtime.system_files import ROOT, read_line, read_text, shown

VIRTUAL_BOARD = "linux,dummy-virt"
"""Model in the device tree of QEMU's machine ``virt`` (hw/arm/virt.c), which other hypervisors took over."""

_MOST_KINDS = 4
"""Of cores in a CPU's name: phones have three."""

_X86_FAMILY = ("avx512_vnni", "avx_vnni", "avx512f", "avx2", "avx", "sse4_1")
_ARM_FAMILY = ("i8mm", "asimddp", "asimdhp", "asimd", "neon")
"""In `cpu_family`, which bundles record: another order or another name would make equal kernels look different."""

_X86_FEATURES = (
    *("sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx_vnni_int8"),
    *("avx512f", "avx512bw", "avx512_vnni", "avx512vbmi", "gfni", "avx512_fp16", "avx512_bf16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
)
_ARM_FEATURES = (
    *("neon", "vfpv4", "asimd", "fphp", "asimdhp", "asimddp", "i8mm", "bf16", "asimdbf16"),
    *("sve", "sve2", "svei8mm", "sme", "sme2"),
)
"""As /proc/cpuinfo calls what XNNPACK chooses its kernels by (``hardware-config.c``), on x86 and on ARM. asimddp is
ARM's dot product of 8-bit integers (``dotprod``); fphp and asimdhp are arithmetic in half precision (``fp16``)."""


def cpu_count() -> int:
    """Logical cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_info(root: Path = ROOT) -> dict[str, str]:
    """Fields of the first processor in /proc/cpuinfo in lower case; empty elsewhere than on Linux."""
    fields: dict[str, str] = {}
    for key, value in _cpu_fields(root):
        fields.setdefault(key, value)
    return fields


def _cpu_fields(root: Path) -> list[tuple[str, str]]:
    lines = (read_text(root / "proc/cpuinfo") or "").splitlines()
    split = (line.partition(":") for line in lines)
    return [(key.strip().lower(), " ".join(value.split())) for key, _, value in split]


def cpu_model(root: Path = ROOT) -> str:
    """What this machine is recognised by in `Environment.device_id`: the board's name on ARM, else the CPU's."""
    fields = cpu_info(root)
    # "model" is the board on ARM and a mere number on x86, where "model name" is what a person knows.
    for key in ("model", "model name", "hardware"):
        if fields.get(key) and not fields[key].isdigit():
            return fields[key]
    known = board(root) or _arm_cores(root)
    return known or platform.processor() or platform.machine() or "unknown CPU"


def cpu_name(root: Path = ROOT) -> str:
    """The CPU as a person knows it: ``Cortex-A72``, ``4x Cortex-A55 + 4x Cortex-A76``, ``AMD EPYC``."""
    named = _arm_cores(root) or cpu_info(root).get("model name") or cpu_model(root)
    return shown(named) or "unknown CPU"


def _arm_cores(root: Path) -> str | None:
    """ARM's cores by name, with their numbers where there are several kinds; None on other CPUs."""
    names: list[str] = []
    implementer = ""
    for key, value in _cpu_fields(root):
        if key == "cpu implementer":
            implementer = value
        elif key == "cpu part":
            names.append(arm_core(implementer, value) or f"unknown ARM core {implementer}/{value}"[:40])
    kinds = Counter(names)
    if all(name.startswith("unknown") for name in kinds):
        return None
    if len(kinds) == 1:
        return names[0]
    return " + ".join(f"{count}x {name}" for name, count in kinds.most_common(_MOST_KINDS))


def board(root: Path = ROOT) -> str | None:
    """The machine's model, such as ``Raspberry Pi 4 Model B Rev 1.4``; None where it has no device tree."""
    model = read_line(root / "proc/device-tree/model")
    if model is None:
        fields = cpu_info(root)
        named = fields.get("model") or fields.get("hardware") or ""
        model = None if named.isdigit() else shown(named)
    # What QEMU's and others' virtual machines call themselves is no board.
    return None if model == VIRTUAL_BOARD else model


def cpu_features(root: Path = ROOT) -> tuple[str, ...]:
    """What kernels choose by, as /proc/cpuinfo calls it; empty elsewhere than on Linux."""
    flags = _flags(cpu_info(root))
    return tuple(feature for feature in (*_X86_FEATURES, *_ARM_FEATURES) if feature in flags)


def _flags(fields: Mapping[str, str]) -> set[str]:
    return set((fields.get("flags") or fields.get("features") or "").split())


def system_name(root: Path = ROOT) -> str:
    """Kernel and distribution, such as ``Linux 6.6.31, Debian GNU/Linux 12 (bookworm)``."""
    kernel = f"{platform.system()} {platform.release()}"
    for place in ("etc/os-release", "usr/lib/os-release"):
        found = re.search(r"^PRETTY_NAME=(.*)$", read_text(root / place) or "", re.MULTILINE)
        distribution = shown(found[1].strip().strip("\"'")) if found else None
        if distribution is not None:
            return f"{kernel}, {distribution}"
    return kernel


def architecture() -> str:
    """Of the interpreter, not of the kernel: a 32-bit Python on a 64-bit ARM kernel is ``armv7l``."""
    machine = platform.machine()
    if struct.calcsize("P") == 4 and machine in ("aarch64", "armv8l", "arm64"):
        return "armv7l"
    return {"AMD64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


def cpu_family(root: Path = ROOT) -> str:
    """Architecture and the widest integer feature that kernels choose by, such as ``x86_64+avx512_vnni``."""
    flags = _flags(cpu_info(root))
    for feature in (*_X86_FAMILY, *_ARM_FAMILY):
        if feature in flags:
            return f"{architecture()}+{feature}"
    return architecture()


def kernel_path(runtime: str, version: str, delegate: str, root: Path = ROOT) -> str:
    """The string within which integer outputs are bit-exact."""
    return f"{runtime} {version}, {delegate}, {cpu_family(root)}"


def peak_memory_bytes() -> int | None:
    """Peak resident memory of this process; None where the system does not say.

    ``VmHWM`` is read instead of ``ru_maxrss``, because Linux carries the latter over from the parent
    through fork and exec.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
