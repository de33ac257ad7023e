"""The state of this machine at one moment: clocks, temperature, throttling, load, memory."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgeq.runtime.system_files import ROOT, folders, read_integer, read_line, read_text

_VCGENCMD = ("usr/bin/vcgencmd", "opt/vc/bin/vcgencmd")
"""Where Raspberry Pi OS has it, the second before bullseye."""

_VCGENCMD_TIMEOUT_S = 2.0
"""It asks the firmware and answers in a few milliseconds."""

_CPU_ZONES = re.compile(r"cpu|core|x86_pkg_temp|^soc[-_]|^(big|mid|little)$", re.IGNORECASE)
"""Types of thermal zones that are the CPU's: ``cpu-thermal`` on a Raspberry Pi, ``x86_pkg_temp`` on Intel,
``cpu-0-0-usr`` on Qualcomm, ``bigcore0-thermal`` and ``soc-thermal`` on Rockchip, ``BIG`` on Exynos and Tensor."""

_CPU_SENSORS = ("k10temp", "coretemp", "zenpower")
"""Drivers of a CPU's own sensor in /sys/class/hwmon: AMD's CPUs have no thermal zone."""

_PLAUSIBLE_C = (-40.0, 150.0)
"""Zones without a sensor tell -274 or 2,147,483 degrees. Industrial chips are made for -40 to 125 C."""


@dataclass(frozen=True)
class CoreState:
    """One core at one moment.

    Attributes:
        core: its number.
        governor: of its frequency; None where not readable.
        frequency_mhz: current frequency; None where not readable.
    """

    core: int
    governor: str | None
    frequency_mhz: float | None


@dataclass(frozen=True)
class HostState:
    """A machine at one moment.

    Attributes:
        moment: ``before``, ``during`` or ``after`` the measuring.
        elapsed_s: since the session began, by the monotonic clock.
        cores: each core that is on.
        temperature_c: see `temperature_c`; None where not readable.
        throttled: what ``vcgencmd get_throttled`` says on a Raspberry Pi; None elsewhere.
        load_1m: load average of the last minute; None where there is none.
        available_memory_bytes: that programs can still take; None where not readable.
    """

    moment: str
    elapsed_s: float
    cores: tuple[CoreState, ...]
    temperature_c: float | None
    throttled: int | None
    load_1m: float | None
    available_memory_bytes: int | None

    @property
    def fastest_mhz(self) -> float | None:
        """Frequency of the fastest core; None where none is readable."""
        return max(
            (core.frequency_mhz for core in self.cores if core.frequency_mhz is not None), default=None
        )


def read_host_state(moment: str, elapsed_s: float, root: Path = ROOT) -> HostState:
    """This machine, now.

    Args:
        moment: see `HostState`.
        elapsed_s: see `HostState`.
        root: where /proc, /sys and /usr are.
    """
    return HostState(
        moment=moment,
        elapsed_s=round(elapsed_s, 3),
        cores=read_cores(root),
        temperature_c=temperature_c(root),
        throttled=throttled(root),
        load_1m=load_1m(root),
        available_memory_bytes=memory_field_bytes("MemAvailable", root),
    )


def read_cores(root: Path = ROOT) -> tuple[CoreState, ...]:
    """Each core that is on, with what its frequency is steered by; empty elsewhere than on Linux."""
    cores = []
    for folder in folders(root / "sys/devices/system/cpu", "cpu[0-9]*"):
        # cpu0 has no such file where it cannot be turned off.
        if re.fullmatch(r"cpu[0-9]{1,5}", folder.name) and read_integer(folder / "online") != 0:
            kilohertz = read_integer(folder / "cpufreq/scaling_cur_freq")
            cores.append(
                CoreState(
                    core=int(folder.name[3:]),
                    governor=read_line(folder / "cpufreq/scaling_governor"),
                    frequency_mhz=None if kilohertz is None or kilohertz <= 0 else kilohertz / 1000,
                )
            )
    return tuple(cores)


def temperature_c(root: Path = ROOT) -> float | None:
    """Degrees Celsius of the CPU's hottest thermal zone, else of its sensor, else of the hottest zone of any kind."""
    zones = [
        (read_line(zone / "type") or "", _degrees(zone / "temp"))
        for zone in folders(root / "sys/class/thermal", "thermal_zone*")
    ]
    of_cpu = [degrees for kind, degrees in zones if _CPU_ZONES.search(kind)]
    sensors = [
        _degrees(sensor)
        for chip in folders(root / "sys/class/hwmon", "hwmon*")
        if read_line(chip / "name") in _CPU_SENSORS
        for sensor in folders(chip, "temp*_input")
    ]
    for group in (of_cpu, sensors, [degrees for _, degrees in zones]):
        readable = [degrees for degrees in group if degrees is not None]
        if readable:
            return max(readable)
    return None


def _degrees(path: Path) -> float | None:
    """The kernel tells thousandths of a degree (Documentation/driver-api/thermal/sysfs-api.rst)."""
    thousandths = read_integer(path)
    if thousandths is None or not _PLAUSIBLE_C[0] < thousandths / 1000 < _PLAUSIBLE_C[1]:
        return None
    return thousandths / 1000


def throttled(root: Path = ROOT) -> int | None:
    """What ``vcgencmd get_throttled`` says; None where there is no such program or the firmware does not answer."""
    program = next((root / place for place in _VCGENCMD if (root / place).is_file()), None)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [str(program), "get_throttled"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_VCGENCMD_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(rb"\s*throttled=0x([0-9a-fA-F]{1,8})\s*$", done.stdout)
    return int(found[1], 16) if found else None


def load_1m(root: Path = ROOT) -> float | None:
    """Load average of the last minute; None where there is none."""
    if root == ROOT:
        # Also macOS has it, without /proc.
        try:
            return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        except OSError:
            return None
    text = read_text(root / "proc/loadavg") or ""
    found = re.match(r"([0-9]{1,9}\.[0-9]{1,6}) ", text)
    return float(found[1]) if found else None


def memory_field_bytes(field: str, root: Path = ROOT) -> int | None:
    """A field of /proc/meminfo, such as ``MemTotal``, in bytes; None where not readable."""
    found = re.search(
        rf"^{re.escape(field)}:\s*([0-9]{{1,16}}) kB$", read_text(root / "proc/meminfo") or "", re.M
    )
    return int(found[1]) * 1024 if found else None
