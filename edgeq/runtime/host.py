"""What the machine tells of itself: CPU, memory, and the kernel path that decides about exact bits."""

from __future__ import annotations

import os
import platform
import struct
import sys
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_X86_FEATURES = ("avx512_vnni", "avx_vnni", "avx512f", "avx2", "avx", "sse4_1")
_ARM_FEATURES = ("i8mm", "asimddp", "asimdhp", "asimd", "neon")


def cpu_count() -> int:
    """Logical cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_info() -> dict[str, str]:
    """Fields of the first processor in /proc/cpuinfo in lower case; empty elsewhere than on Linux."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    return fields


def cpu_model() -> str:
    """A name for the CPU that a person recognises; on ARM boards the board's name."""
    fields = cpu_info()
    # "model" is the board on ARM and a mere number on x86, where "model name" is what a person knows.
    for key in ("model", "model name", "hardware"):
        if fields.get(key) and not fields[key].isdigit():
            return " ".join(fields[key].split())
    return platform.processor() or platform.machine() or "unknown CPU"


def architecture() -> str:
    """Of the interpreter, not of the kernel: a 32-bit Python on a 64-bit ARM kernel is ``armv7l``."""
    machine = platform.machine()
    if struct.calcsize("P") == 4 and machine in ("aarch64", "armv8l", "arm64"):
        return "armv7l"
    return {"AMD64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


def cpu_family() -> str:
    """Architecture and the widest integer feature that kernels choose by, such as ``x86_64+avx512_vnni``."""
    fields = cpu_info()
    flags = set((fields.get("flags") or fields.get("features") or "").split())
    for feature in (*_X86_FEATURES, *_ARM_FEATURES):
        if feature in flags:
            return f"{architecture()}+{feature}"
    return architecture()


def kernel_path(runtime: str, version: str, delegate: str) -> str:
    """The string within which integer outputs are bit-exact."""
    return f"{runtime} {version}, {delegate}, {cpu_family()}"


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
