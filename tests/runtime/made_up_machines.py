"""Trees of /proc, /sys and /usr as machines have them that are not here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_PI_CORE = """\
processor\t: {core}
BogoMIPS\t: 108.00
Features\t: {features}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 3

"""
_PI4_FEATURES = "fp asimd evtstrm crc32 cpuid"
_PI5_FEATURES = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
)
_PI_TAIL = "Revision\t: {revision}\nSerial\t\t: 100000001234abcd\nModel\t\t: {model}\n"

PI4_MODEL = "Raspberry Pi 4 Model B Rev 1.4"
PI5_MODEL = "Raspberry Pi 5 Model B Rev 1.0"

PI4_32_CORE = """\
processor\t: {core}
model name\t: ARMv7 Processor rev 3 (v7l)
BogoMIPS\t: 108.00
Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32
CPU implementer\t: 0x41
CPU architecture: 7
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""
_PHONE_CORE = _PI_CORE.replace("BogoMIPS\t: 108.00\n", "BogoMIPS\t: 38.40\n")
_PHONE_FEATURES = "fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm asimddp i8mm bf16"


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes a tree; returns its root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def frequencies(governors: Mapping[int, str], megahertz: Mapping[int, int]) -> dict[str, str]:
    """/sys/devices/system/cpu of some cores."""
    files = {}
    for core, governor in governors.items():
        folder = f"sys/devices/system/cpu/cpu{core}/cpufreq"
        files[f"{folder}/scaling_governor"] = f"{governor}\n"
        files[f"{folder}/scaling_cur_freq"] = f"{megahertz[core] * 1000}\n"
    return files


def vcgencmd(root: Path, *answers: str) -> None:
    """A program that gives one answer after the other, and then the last one again and again."""
    program = root / "usr/bin/vcgencmd"
    program.parent.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"{position}) echo '{answer}' ;;" for position, answer in enumerate(answers[:-1]))
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1" = get_throttled ] || exit 2\n'
        f'count=$(cat "{root}/asked" 2>/dev/null || echo 0)\n'
        f'echo $((count + 1)) > "{root}/asked"\n'
        f"case $count in\n{lines}\n*) echo '{answers[-1]}' ;;\nesac\n"
    )
    program.chmod(0o755)


def pi4(root: Path) -> Path:
    """Raspberry Pi 4 with 64-bit Raspberry Pi OS bookworm, idle."""
    cores = "".join(_PI_CORE.format(core=core, features=_PI4_FEATURES, part="0xd08") for core in range(4))
    write(root, frequencies(dict.fromkeys(range(4), "ondemand"), dict.fromkeys(range(4), 600)))
    vcgencmd(root, "throttled=0x0")
    return write(
        root,
        {
            "proc/cpuinfo": cores + _PI_TAIL.format(revision="c03114", model=PI4_MODEL),
            "proc/device-tree/model": f"{PI4_MODEL}\0",
            "proc/meminfo": "MemTotal:        3882376 kB\nMemFree:         2400000 kB\nMemAvailable:    3300000 kB\n",
            "proc/loadavg": "0.08 0.03 0.01 1/123 4567\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "47712\n",
            "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n',
        },
    )


def pi5(root: Path) -> Path:
    """Raspberry Pi 5 with trixie, performance governor."""
    cores = "".join(_PI_CORE.format(core=core, features=_PI5_FEATURES, part="0xd0b") for core in range(4))
    write(root, frequencies(dict.fromkeys(range(4), "performance"), dict.fromkeys(range(4), 2400)))
    vcgencmd(root, "throttled=0x50000")
    return write(
        root,
        {
            "proc/cpuinfo": cores + _PI_TAIL.format(revision="d04170", model=PI5_MODEL),
            "proc/device-tree/model": f"{PI5_MODEL}\0",
            "proc/meminfo": "MemTotal:        8255836 kB\nMemAvailable:    7300000 kB\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "61300\n",
            "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
        },
    )


def pi4_32(root: Path) -> Path:
    """Raspberry Pi 4 with 32-bit userland; its kernel is the 64-bit one."""
    cores = "".join(PI4_32_CORE.format(core=core) for core in range(4))
    return write(
        root,
        {
            "proc/cpuinfo": cores
            + "Hardware\t: BCM2711\n"
            + _PI_TAIL.format(revision="c03114", model=PI4_MODEL),
            "etc/os-release": 'PRETTY_NAME="Raspbian GNU/Linux 12 (bookworm)"\n',
            "sys/devices/system/cpu/modalias": "cpu:type:aarch64:feature:,0000,0001,0002\n",
        },
    )


def phone(root: Path) -> Path:
    """Four small, three middle and one big core, each kind with a governor of its own; runs on battery."""
    parts = ["0xd46"] * 4 + ["0xd4d"] * 3 + ["0xd4e"]
    governors = {core: "powersave" if core < 4 else "schedutil" for core in range(8)}
    megahertz = {core: 300 if core < 4 else 1800 if core < 7 else 3200 for core in range(8)}
    write(root, frequencies(governors, megahertz))
    cores = "".join(
        _PHONE_CORE.format(core=core, features=_PHONE_FEATURES, part=part) for core, part in enumerate(parts)
    )
    zones = {
        "battery": 31000,
        "cpu-0-0-usr": 52300,
        "cpu-1-7-usr": 68900,
        "gpuss-0-usr": 71000,
        "pm8550-tz": -274000,
    }
    return write(
        root,
        {
            "proc/cpuinfo": cores + "Hardware\t: Qualcomm Technologies, Inc SM8550\n",
            "sys/class/power_supply/battery/type": "Battery\n",
            "sys/class/power_supply/battery/status": "Discharging\n",
            "sys/class/power_supply/usb/type": "USB\n",
            "sys/class/power_supply/usb/online": "0\n",
            **{f"sys/class/thermal/thermal_zone{i}/type": f"{kind}\n" for i, kind in enumerate(zones)},
            **{
                f"sys/class/thermal/thermal_zone{i}/temp": f"{temp}\n"
                for i, temp in enumerate(zones.values())
            },
        },
    )


def laptop(root: Path) -> Path:
    """Two x86 cores on battery, a mouse with a full one."""
    write(root, frequencies({0: "powersave", 1: "powersave"}, {0: 800, 1: 1200}))
    return write(
        root,
        {
            "proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 140\n"
            "model name\t: 11th Gen Intel(R) Core(TM)  i5-1135G7 @ 2.40GHz\n"
            "flags\t\t: fpu sse4_1 avx f16c fma avx2 avx512f avx512bw avx512_vnni avx512vbmi gfni\n",
            "proc/meminfo": "MemTotal:       16000000 kB\nMemAvailable:     500000 kB\n",
            "proc/loadavg": "1.90 0.30 0.10 3/900 1234\n",
            "sys/class/power_supply/AC/type": "Mains\n",
            "sys/class/power_supply/AC/online": "0\n",
            "sys/class/power_supply/BAT0/type": "Battery\n",
            "sys/class/power_supply/BAT0/status": "Discharging\n",
            "sys/class/power_supply/hidpp_battery_0/type": "Battery\n",
            "sys/class/power_supply/hidpp_battery_0/scope": "Device\n",
            "sys/class/power_supply/hidpp_battery_0/status": "Full\n",
            "sys/class/thermal/thermal_zone0/type": "acpitz\n",
            "sys/class/thermal/thermal_zone0/temp": "99000\n",
            "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp\n",
            "sys/class/thermal/thermal_zone1/temp": "83000\n",
        },
    )


NAMES = (
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/loadavg",
    "proc/device-tree/model",
    "etc/os-release",
    "sys/devices/system/cpu/modalias",
    "sys/devices/system/cpu/cpu0/online",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "sys/class/thermal/thermal_zone0/type",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/class/hwmon/hwmon0/name",
    "sys/class/hwmon/hwmon0/temp1_input",
    "sys/class/power_supply/BAT0/type",
    "sys/class/power_supply/BAT0/status",
    "sys/class/power_supply/BAT0/online",
)
"""Every file that is read."""
