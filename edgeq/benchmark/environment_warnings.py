"""What makes times less trustworthy, one sentence each with what helps against it."""

from __future__ import annotations

from pathlib import Path

from edgeq.runtime.cpu_affinity import as_ranges
from edgeq.runtime.host import VIRTUAL_BOARD
from edgeq.runtime.host_state import HostState
from edgeq.runtime.power import BATTERY, throttled_now, throttled_since_start, throttling_named
from edgeq.runtime.system_files import read_line

_SAVING_GOVERNORS = ("powersave", "conservative")
_SET_GOVERNOR = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"

_HOT_C = 80.0
"""A Raspberry Pi 4 and 5 begin to slow down here (documentation of raspberrypi.com: frequency management)."""

_LEAST_FREE_BYTES = 128 << 20
_LEAST_FREE_SHARE = 0.05
"""Of the memory. A worker takes 54 MB before its model, and a bundle has about five: less than both of these and the
system throws out pages of files, weights among them."""


def machine_warnings(
    state: HostState, cores: int, power: str | None, emulator: str | None, root: Path
) -> list[str]:
    """What does not change while a session goes on.

    Args:
        state: of the machine at the start.
        cores: that the process may use.
        power: see `Environment`.
        emulator: see `Environment`.
        root: where /proc is.
    """
    warnings = []
    if emulator is not None:
        warnings.append(
            f"the CPU is emulated ({emulator}), so that times mean nothing: measure on the device"
        )
    elif read_line(root / "proc/device-tree/model") == VIRTUAL_BOARD:
        warnings.append("this is a virtual machine, whose CPU may be emulated: measure on the device")
    warnings += _governor_warnings(state)
    if power == BATTERY:
        warnings.append("the machine runs on battery, which slows its CPU: plug in the power supply")
    if state.load_1m is not None and state.load_1m > 0.75 * cores:
        warnings.append(
            f"other programs were running: load {state.load_1m:.1f} on {cores} cores at the start"
        )
    return warnings


def _governor_warnings(state: HostState) -> list[str]:
    warnings = []
    for governor in _SAVING_GOVERNORS:
        saving = [core.core for core in state.cores if core.governor == governor]
        if saving:
            where = (
                ""
                if len(saving) == len(state.cores)
                else f" of core{'s' * (len(saving) > 1)} {as_ranges(saving)}"
            )
            warnings.append(
                f"the CPU governor{where} is {governor!r}, which slows short runs: {_SET_GOVERNOR}"
            )
    return warnings


def state_warnings(state: HostState, memory_bytes: int | None) -> list[str]:
    """What the state of the machine before measuring says.

    Args:
        state: of that moment.
        memory_bytes: of the machine; None where not known.
    """
    warnings = []
    if state.temperature_c is not None and state.temperature_c > _HOT_C:
        warnings.append(
            f"the CPU had {state.temperature_c:.0f} C at the start, where it slows down: cool it, or --cool-down 5m"
        )
    warnings += _throttling_warnings(state.throttled)
    free = state.available_memory_bytes
    if (
        free is not None
        and memory_bytes is not None
        and free < max(_LEAST_FREE_BYTES, _LEAST_FREE_SHARE * memory_bytes)
    ):
        warnings.append(
            f"only {free / 1e6:.0f} of {memory_bytes / 1e6:.0f} MB of memory were free at the start: "
            "end programs that take much (ps -eo rss,comm --sort=-rss | head)"
        )
    return warnings


def _throttling_warnings(bits: int | None) -> list[str]:
    """Bits 0 to 3 of ``vcgencmd get_throttled``, which hold now, and 16 to 19, which held some time before."""
    now = throttled_now(bits)
    earlier = throttled_since_start(bits) - now
    warnings = []
    if now:
        warnings.append(
            f"the Raspberry Pi throttled at the start ({throttling_named(now)}): "
            "use a better power supply or cooling, and see vcgencmd get_throttled"
        )
    if earlier:
        warnings.append(
            f"the Raspberry Pi throttled some time before the start ({throttling_named(earlier)}): "
            "sudo reboot forgets it, a better power supply or cooling prevents it"
        )
    return warnings
