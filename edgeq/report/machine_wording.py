"""The state of a machine in words: clocks, temperature, and what a Raspberry Pi says about its supply."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.report import wording
from edgeq.runtime import power
from edgeq.runtime.cpu_affinity import as_ranges
from edgeq.runtime.host_state import CoreState

_MOST_GROUPS = 8
"""Groups of equal cores that are told apart: no CPU in use has more clusters."""


def throttled_text(value: int | None) -> str:
    """``no``, or ``under-voltage now; throttled since boot``; empty where the machine has no such thing."""
    if value is None:
        return ""
    parts = []
    if now := power.throttled_now(value):
        parts.append(f"{power.throttling_named(now)} now")
    if before := power.throttled_since_start(value):
        parts.append(f"{power.throttling_named(before)} since boot")
    return "; ".join(parts) or "no"


def throttled_now(value: int | None) -> str:
    """What holds the clock or the voltage down at this moment: ``under-voltage, throttled``; empty if nothing."""
    return power.throttling_named(power.throttled_now(value))


def temperature(degrees: float) -> str:
    """``82 °C``."""
    return f"{wording.decimal(degrees, 0)} °C"


def megahertz(frequency: float) -> str:
    """``1,500 MHz``."""
    return f"{frequency:,.0f} MHz" if abs(frequency) <= wording.LARGEST_PLAIN else f"{frequency:.2e} MHz"


def clocks(cores: Sequence[CoreState]) -> str:
    """``cores 0–3: 1,500 MHz, ondemand``, equal cores together."""
    groups: dict[tuple[float | None, str | None], list[int]] = {}
    for core in cores:
        groups.setdefault((core.frequency_mhz, core.governor), []).append(core.core)
    texts = [_group(numbers, *kind) for kind, numbers in groups.items() if kind != (None, None)]
    if len(texts) > _MOST_GROUPS:
        texts = [*texts[:_MOST_GROUPS], f"{wording.count(len(texts) - _MOST_GROUPS, 'further clock')}"]
    return "; ".join(texts)


def core_numbers(numbers: Sequence[int]) -> str:
    """``core 0`` or ``cores 0-3, 6``; empty of none."""
    distinct = sorted(set(numbers))
    if not distinct:
        return ""
    return f"core{'s' if len(distinct) > 1 else ''} {wording.visible(as_ranges(distinct))}"


def _group(numbers: Sequence[int], frequency: float | None, governor: str | None) -> str:
    parts = []
    if frequency is not None:
        parts.append(megahertz(frequency))
    if governor is not None:
        parts.append(wording.visible(governor))
    return f"{core_numbers(numbers)}: {', '.join(parts)}"
