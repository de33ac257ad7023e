"""What a phone is: its model, chip and Android, and what makes times that are measured on it less trustworthy."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import edgeq
from edgeq.benchmark.measured_host import Environment, HostState
from edgeq.devices.phones.adb import Phone
from edgeq.devices.phones.state import FULL_SCRIPT, PhoneState, parse_state
from edgeq.errors import DeviceError
from edgeq.printing import printable
from edgeq.runtime.cpu_affinity import as_ranges
from edgeq.runtime.host import cpu_features, cpu_name
from edgeq.scratch import scratch_folder

_SECTION = "== edgeq =="
_PROPERTY = re.compile(r"^\[([\w.-]{1,200})\]: \[([^\r\n]{0,500})\]\s*$", re.MULTILINE)

_SAVING_GOVERNORS = ("powersave", "conservative")

_LOW_PERCENT = 15
"""From here on Android switches its battery saver on, or offers it (``config_lowBatteryWarningLevel``)."""

_WARM_BATTERY_C = 40.0
"""A choice. Where a phone begins to limit its clocks differs by maker, and the thermal status tells it; the battery is
this warm a little earlier."""

_EMULATED_HARDWARE = ("goldfish", "ranchu")
"""``ro.hardware`` of Android's emulator."""


@dataclass(frozen=True)
class PhoneInfo:
    """What does not change.

    Attributes:
        model: as its owner knows it, such as ``Google Pixel 7``.
        chip: such as ``Google Tensor G2``; the platform's name where older Androids know no other.
        cpu: its cores by name, such as ``4x Cortex-A55 + 2x Cortex-A78 + 2x Cortex-X1``, else the chip.
        android: such as ``Android 14 (SDK 34)``.
        abis: that it runs, the preferred first.
        features: of the CPU that kernels choose by.
        emulator: what emulates it; None for a real phone.
    """

    model: str
    chip: str
    cpu: str
    android: str
    abis: tuple[str, ...]
    features: tuple[str, ...]
    emulator: str | None


def read_phone(phone: Phone) -> PhoneInfo:
    """Asks a phone what it is.

    Args:
        phone: to ask.

    Raises:
        DeviceError: it is lost, or is no Android.
    """
    script = f"getprop; echo '{_SECTION}'; cat /proc/cpuinfo"
    properties_text, _, cpuinfo = phone.shell(script, "tell what it is").text.partition(_SECTION)
    properties = {
        key: printable(value.strip())[:120]
        for key, value in _PROPERTY.findall(properties_text)
        if value.strip()
    }
    abis = tuple(
        abi
        for abi in re.split(r"[,\s]+", _first(properties, "ro.product.cpu.abilist", "ro.product.cpu.abi"))
        if re.fullmatch(r"[a-z0-9_-]{1,20}", abi)
    )
    if not abis:
        raise DeviceError(
            f"phone {phone.serial} does not tell its ABI (ro.product.cpu.abilist): is it an Android device?"
        )
    chip = _joined(_first(properties, "ro.soc.manufacturer"), _first(properties, "ro.soc.model")) or _first(
        properties, "ro.board.platform", "ro.hardware"
    )
    cpu, features = _cpu(cpuinfo)
    is_emulated = "1" in (properties.get("ro.kernel.qemu"), properties.get("ro.boot.qemu")) or (
        properties.get("ro.hardware") in _EMULATED_HARDWARE
    )
    return PhoneInfo(
        model=_joined(_first(properties, "ro.product.manufacturer"), _first(properties, "ro.product.model"))
        or "unknown phone",
        chip=chip or "unknown chip",
        cpu=cpu or chip or "unknown CPU",
        android=f"Android {_first(properties, 'ro.build.version.release') or 'of an unknown version'} "
        f"(SDK {_first(properties, 'ro.build.version.sdk') or 'unknown'})",
        abis=abis,
        features=features,
        emulator="Android emulator" if is_emulated else None,
    )


def read_phone_state(phone: Phone, moment: str, elapsed_s: float) -> PhoneState:
    """Asks a phone for all of its state.

    Raises:
        DeviceError: it is lost.
    """
    # dumpsys gives up on a service after ten seconds, and there are two of them.
    answer = phone.shell(FULL_SCRIPT, "tell its state", timeout_s=60.0)
    return parse_state(answer.text, moment, elapsed_s)


def phone_environment(
    info: PhoneInfo,
    serial: str,
    abi: str,
    before: PhoneState,
    states: Sequence[HostState],
    cpus: tuple[int, ...],
    started_at: datetime.datetime,
) -> Environment:
    """Where it was measured.

    Args:
        info: what the phone is.
        serial: of the phone.
        abi: of the program that measured.
        before: the phone's state before.
        states: before, during and after.
        cpus: cores that it was tied to; empty for none.
        started_at: UTC.
    """
    used = [core for core in before.host.cores if not cpus or core.core in cpus]
    fastest = max(used, key=lambda core: core.frequency_mhz or 0.0, default=None)
    battery = before.battery
    identity = f"{info.model}|{info.chip}|{abi}|Android"
    return Environment(
        device=f"{info.model}, {info.chip}",
        device_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        started_at=started_at.isoformat(timespec="seconds"),
        cpu=info.cpu,
        cores=len(used) or 1,
        architecture=abi,
        governor=fastest.governor if fastest else None,
        frequency_mhz=fastest.frequency_mhz if fastest else None,
        load_1m=before.host.load_1m,
        os=info.android,
        python="",
        numpy="",
        edgeq=edgeq.__version__,
        warnings=tuple(_warnings(info, serial, before, [core.core for core in used])),
        features=info.features,
        memory_bytes=before.memory_bytes,
        cpus=cpus,
        power=None
        if battery is None or battery.is_powered is None
        else ("mains" if battery.is_powered else "battery"),
        emulator=info.emulator,
        reached_by=f"adb:{serial}",
        states=tuple(states),
    )


def _warnings(info: PhoneInfo, serial: str, state: PhoneState, used: Sequence[int]) -> list[str]:
    """What makes times less trustworthy, with what helps against it."""
    warnings = []
    if info.emulator is not None:
        warnings.append(
            f"the phone is emulated ({info.emulator}), so that times mean nothing: measure on a phone"
        )
    for governor in _SAVING_GOVERNORS:
        saving = [core.core for core in state.host.cores if core.governor == governor and core.core in used]
        if saving:
            warnings.append(
                f"the CPU governor of cores {as_ranges(saving)} is {governor!r}, which slows short runs; on a rooted "
                f"phone: adb -s {serial} root, then adb -s {serial} shell 'for c in "
                "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do echo performance > $c; done'"
            )
    if state.saves_power:
        warnings.append(
            "the battery saver is on, which slows the CPU: "
            f"adb -s {serial} shell settings put global low_power 0 (while it is charging: unplug it for a moment)"
        )
    battery = state.battery
    if battery is not None:
        if battery.is_powered is False:
            warnings.append("the phone runs on battery, which may slow its CPU: plug it in")
        if battery.level is not None and battery.level <= _LOW_PERCENT:
            warnings.append(f"the battery is at {battery.level} %, where phones save power: charge it first")
        if battery.temperature_c is not None and battery.temperature_c >= _WARM_BATTERY_C:
            warnings.append(
                f"the battery has {battery.temperature_c:.0f} C, where phones slow down: let it cool, out of its case"
            )
    if state.thermal_status:
        warnings.append(
            f"the phone was throttling for heat at the start (thermal status {state.thermal_status}): let it cool; "
            f"adb -s {serial} shell dumpsys thermalservice shows it"
        )
    return warnings


def _cpu(cpuinfo: str) -> tuple[str | None, tuple[str, ...]]:
    """Names of the cores and what kernels choose by, as `edgeq.runtime.host` reads them."""
    with scratch_folder("phone") as root:
        (root / "proc").mkdir()
        (root / "proc/cpuinfo").write_text(cpuinfo, encoding="utf-8", errors="replace")
        features = cpu_features(root)
        # Without anything that it knows it would name the CPU of this machine.
        known = re.search(r"^(CPU part|model name)\s*:", cpuinfo, re.MULTILINE)
        return (printable(cpu_name(root))[:120] if known else None), features


def _first(properties: Mapping[str, str], *keys: str) -> str:
    """The first property of these that says something; empty where none does."""
    return next((properties[key] for key in keys if properties.get(key)), "")


def _joined(maker: str, name: str) -> str:
    """``Google`` and ``Pixel 7`` as one name; makers that are in the name already are not repeated."""
    if not name or name.lower().startswith(maker.lower()):
        return name or maker
    return f"{maker} {name}".strip()
