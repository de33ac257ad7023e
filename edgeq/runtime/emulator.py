"""Whether the CPU that this process sees is emulated: times measured on such a one mean nothing.

QEMU's user mode answers a program that asks for /proc/self/exe with the program's own path, and fakes /proc/cpuinfo of
the CPU that it stands for (``linux-user/syscall.c`` of QEMU 10.0: ``is_proc_myself`` knows /proc/self and /proc/PID).
It does not know /proc/thread-self, where the kernel answers with the emulator's path, and it lets /sys through, where
the kernel tells the real architecture.

A whole emulated machine (``qemu-system-aarch64`` without KVM) looks to its programs as the hardware does. It can be
told where its CPU is one that exists in QEMU alone; where QEMU stands for a Cortex-A72, nothing tells it.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgeq.runtime.host import architecture, cpu_info
from edgeq.runtime.system_files import ROOT, read_line

QEMU_USER = "qemu-user"
QEMU_SYSTEM = "qemu-system"
ROSETTA = "rosetta"
UNKNOWN = "unknown emulator"

_FAMILIES = {
    "x86": re.compile(r"x86|x86_64|i[3-6]86"),
    "arm": re.compile(r"aarch64.*|arm.*|v[5-8]l?"),
    "riscv": re.compile(r"riscv.*"),
}


def find_emulator(root: Path = ROOT) -> str | None:
    """What emulates the CPU of this process.

    Returns:
        ``qemu-user``, ``qemu-system``, ``rosetta`` or ``unknown emulator``; None on a real CPU, on a virtual machine
        that runs on the real one, and where nothing tells that it is not.
    """
    fields = cpu_info(root)
    # Rosetta in a Linux machine on Apple silicon.
    if fields.get("vendor_id") == "VirtualApple":
        return ROSETTA
    if _program(root / "proc/thread-self/exe").startswith("qemu-"):
        return QEMU_USER
    modalias = re.match(
        r"cpu:type:([A-Za-z0-9_]+)", read_line(root / "sys/devices/system/cpu/modalias") or ""
    )
    # Of the kernel and of the interpreter; no family is known for what the table does not have.
    families = {_family(modalias[1]), _family(architecture())} if modalias else set()
    if len(families - {None}) > 1:
        return UNKNOWN
    if fields.get("model name", "").startswith("QEMU TCG CPU"):
        return QEMU_SYSTEM
    # ``-cpu max``: implementer 0 is reserved for software, part 0x51 is QEMU's (target/arm/tcg/cpu64.c).
    if (fields.get("cpu implementer"), fields.get("cpu part")) == ("0x00", "0x051"):
        return QEMU_SYSTEM
    return None


def _program(link: Path) -> str:
    """The name of the program that a link in /proc points to; empty where there is none."""
    try:
        return link.readlink().name
    except (OSError, ValueError):
        return ""


def _family(machine: str) -> str | None:
    return next((family for family, names in _FAMILIES.items() if names.fullmatch(machine)), None)
