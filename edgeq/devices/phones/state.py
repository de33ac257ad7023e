"""The state of a phone at one moment: clocks, temperature, thermal status, memory, battery.

One script of the phone's shell prints all of it. It uses the shell's own `read`, because starting a program for every
file would take long enough for the clocks to fall after a run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgeq.benchmark.measured_host import CoreState, HostState
from edgeq.printing import printable

_CORES = """
r() { v=-; [ -r "$1" ] && read -r v < "$1"; echo "$2 ${v:--}"; }
for c in /sys/devices/system/cpu/cpu[0-9]*; do
n=${c##*/cpu}
r $c/online "online $n"; r $c/cpufreq/scaling_governor "governor $n"
r $c/cpufreq/scaling_cur_freq "current $n"; r $c/cpufreq/cpuinfo_max_freq "highest $n"
done
for z in /sys/class/thermal/thermal_zone*; do n=${z##*zone}; r $z/type "type $n"; r $z/temp "temp $n"; done
r /proc/loadavg loadavg
while read -r k v rest; do case $k in MemTotal:|MemAvailable:) echo "$k $v";; esac; done < /proc/meminfo
"""
_SERVICES = """
echo; echo battery; dumpsys battery
echo; echo thermal; dumpsys thermalservice
echo; echo power; settings get global low_power
"""
QUICK_SCRIPT = f"{{ {_CORES.strip()}\n}} 2>/dev/null"
FULL_SCRIPT = f"{{ {_CORES.strip()}\n{_SERVICES.strip()}\n}} 2>/dev/null"

_MOST_CORES = 256
"""No phone has more than 10."""

_CPU_ZONE = re.compile(r"cpu|core|^soc|^(big|mid|little)$|^mtktscpu", re.IGNORECASE)
"""Types of the CPU's thermal zones: ``cpu-0-0-usr`` on Qualcomm, ``BIG`` on Exynos and Tensor, ``mtktscpu`` on
MediaTek."""

_PLAUSIBLE_C = (0.0, 150.0)
"""Zones without a sensor tell 0, -274 or more than silicon endures; a phone that can be used is warmer than 0."""

_HAL_TEMPERATURE = re.compile(r"Temperature\{mValue=(-?[0-9.]{1,12}), mType=(\d{1,3}),")
_HAL_CPU, _HAL_SKIN = "0", "3"
"""Types of Android's ``android.os.Temperature``."""


@dataclass(frozen=True)
class Battery:
    """What ``dumpsys battery`` tells.

    Attributes:
        level: in percent; None where not told.
        temperature_c: None where not told.
        is_powered: by mains, USB or without a wire; None where not told.
    """

    level: int | None
    temperature_c: float | None
    is_powered: bool | None


@dataclass(frozen=True)
class PhoneState:
    """A phone at one moment.

    Attributes:
        host: clocks, temperature, load and memory, as of any machine.
        highest_mhz: highest frequency of each core by its number, as far as told.
        memory_bytes: of the phone; None where not told.
        thermal_status: Android's, 0 for none to 6 for shutdown; None where not told.
        battery: None where it was not asked for or there is none.
        saves_power: whether the battery saver is on; None where not told.
    """

    host: HostState
    highest_mhz: Mapping[int, float]
    memory_bytes: int | None = None
    thermal_status: int | None = None
    battery: Battery | None = None
    saves_power: bool | None = None


def parse_state(text: str, moment: str, elapsed_s: float) -> PhoneState:
    """Reads what `QUICK_SCRIPT` or `FULL_SCRIPT` printed; what cannot be understood is not known.

    Args:
        text: the output.
        moment: ``before``, ``during`` or ``after`` the measuring.
        elapsed_s: since the session began.
    """
    files, _, services = text.partition("\nbattery\n")
    battery, _, rest = services.partition("\nthermal\n")
    thermal, _, power = rest.partition("\npower\n")
    told = _pairs(files)
    cores = sorted(
        int(key.split()[1]) for key, value in told.items() if key.startswith("online ") and value != "0"
    )[:_MOST_CORES]
    highest = {core: _mhz(told.get(f"highest {core}")) for core in cores}
    load = re.match(r"[0-9.]{1,12}", told.get("loadavg", ""))
    return PhoneState(
        HostState(
            moment=moment,
            elapsed_s=round(elapsed_s, 3),
            cores=tuple(
                CoreState(core, _governor(told.get(f"governor {core}")), _mhz(told.get(f"current {core}")))
                for core in cores
            ),
            temperature_c=_zone_temperature(told) or _hal_temperature(thermal),
            throttled=None,
            load_1m=float(load.group()) if load and load.group().count(".") == 1 else None,
            available_memory_bytes=_kilobytes(told.get("MemAvailable:")),
        ),
        {core: mhz for core, mhz in highest.items() if mhz is not None},
        _kilobytes(told.get("MemTotal:")),
        _thermal_status(thermal),
        _battery(battery),
        {"1": True, "0": False}.get(power.strip()),
    )


def big_cores(highest_mhz: Mapping[int, float]) -> tuple[int, ...]:
    """Cores that run faster than the slowest ones can; all where they are equal.

    Args:
        highest_mhz: highest frequency of each core by its number.
    """
    slowest = min(highest_mhz.values(), default=0.0)
    big = tuple(sorted(core for core, mhz in highest_mhz.items() if mhz > slowest))
    return big or tuple(sorted(highest_mhz))


def _pairs(text: str) -> dict[str, str]:
    """Lines as what comes before the value, and the value; a value that was not readable is left out."""
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        match = re.fullmatch(
            r"((?:online|governor|current|highest|type|temp) \d{1,4}|loadavg|Mem\w+:) (.{1,200})", line
        )
        if match is not None and (match.group(2) != "-" or match.group(1).startswith("online ")):
            pairs[match.group(1)] = match.group(2).strip()
    return pairs if len(pairs) <= 16 * _MOST_CORES else {}


def _governor(text: str | None) -> str | None:
    return None if text is None else printable(text)[:40]


def _mhz(text: str | None) -> float | None:
    """A frequency that the kernel tells in kHz."""
    if text is None or not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        return None
    return int(text) / 1000


def _kilobytes(text: str | None) -> int | None:
    return int(text) * 1024 if text is not None and re.fullmatch(r"[0-9]{1,16}", text) else None


def _zone_temperature(told: Mapping[str, str]) -> float | None:
    """Of the CPU's hottest zone, else of the hottest one."""
    zones: list[tuple[str, float]] = []
    for key, value in told.items():
        if key.startswith("temp ") and re.fullmatch(r"[0-9]{1,7}", value):
            # Most kernels tell thousandths of a degree, some of phones whole degrees.
            degrees = int(value) / 1000 if int(value) > 1000 else float(value)
            if _PLAUSIBLE_C[0] < degrees < _PLAUSIBLE_C[1]:
                zones.append((told.get(f"type {key.split()[1]}", ""), degrees))
    of_cpu = [degrees for kind, degrees in zones if _CPU_ZONE.search(kind)]
    return max(of_cpu or [degrees for _, degrees in zones], default=None)


def _hal_temperature(text: str) -> float | None:
    """Of the CPU, else of the skin, as Android's thermal service tells it now."""
    _, _, current = text.partition("Current temperatures from HAL")
    current, _, _ = current.partition("Current cooling devices")
    readings = [(kind, float(value)) for value, kind in _HAL_TEMPERATURE.findall(current) if _is_real(value)]
    for wanted in (_HAL_CPU, _HAL_SKIN):
        found = [degrees for kind, degrees in readings if kind == wanted]
        if found:
            return max(found)
    return None


def _is_real(text: str) -> bool:
    return (
        re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is not None
        and _PLAUSIBLE_C[0] < float(text) < _PLAUSIBLE_C[1]
    )


def _thermal_status(text: str) -> int | None:
    found = re.search(r"^\s{0,20}Thermal Status: ([0-6])\s*$", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def _battery(text: str) -> Battery | None:
    level = re.search(r"^\s{0,20}level: (\d{1,3})\s*$", text, re.MULTILINE)
    tenths = re.search(r"^\s{0,20}temperature: (-?\d{1,4})\s*$", text, re.MULTILINE)
    powered = re.findall(r"^\s{0,20}(?:AC|USB|Wireless|Dock) powered: (true|false)\s*$", text, re.MULTILINE)
    if level is None and not powered:
        return None
    return Battery(
        int(level.group(1)) if level else None,
        int(tenths.group(1)) / 10 if tenths else None,
        "true" in powered if powered else None,
    )
