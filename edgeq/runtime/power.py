"""What a machine draws its power from, and what a Raspberry Pi's firmware says of its supply and its temperature."""

from __future__ import annotations

from pathlib import Path

from edgeq.runtime.system_files import ROOT, folders, read_integer, read_line

MAINS = "mains"
BATTERY = "battery"

_THROTTLING = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
"""Bits of ``vcgencmd get_throttled`` that are true now; 16 higher stands that they were since the start of the machine.
Source: documentation of vcgencmd on raspberrypi.com."""

_SINCE_START = 16


def power_source(root: Path = ROOT) -> str | None:
    """``mains`` or ``battery``; None where the system does not tell, as on most boards without a battery."""
    batteries, mains = [], []
    for supply in folders(root / "sys/class/power_supply", "*"):
        # Mice and keyboards have batteries, too.
        if read_line(supply / "scope") == "Device":
            continue
        kind = read_line(supply / "type") or ""
        if kind == "Battery":
            batteries.append(read_line(supply / "status"))
        elif kind == "Mains" or kind.startswith("USB"):
            mains.append(read_integer(supply / "online"))
    if any(online is not None and online > 0 for online in mains):
        return MAINS
    if "Discharging" in batteries:
        return BATTERY
    return MAINS if {"Charging", "Full", "Not charging"} & set(batteries) else None


def throttled_now(bits: int | None) -> frozenset[int]:
    """Which of bits 0 to 3 are set: true at this moment."""
    return frozenset(bit for bit in _THROTTLING if bits is not None and bits >> bit & 1)


def throttled_since_start(bits: int | None) -> frozenset[int]:
    """Which of bits 0 to 3 were set at some moment since the machine started, as bits 16 to 19 tell."""
    return throttled_now(None if bits is None else bits >> _SINCE_START)


def throttling_named(bits: frozenset[int]) -> str:
    """Bits 0 to 3 in words: ``under-voltage, throttled``."""
    return ", ".join(_THROTTLING[bit] for bit in sorted(bits))
