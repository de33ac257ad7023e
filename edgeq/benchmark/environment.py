"""Where a measurement is made, and what makes it less trustworthy."""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
from pathlib import Path

import numpy as np

import edgeq
from edgeq.benchmark.measured_host import Environment
from edgeq.runtime.host import architecture, cpu_count, cpu_model

_CPUFREQ = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def read_environment() -> Environment:
    """This machine, now."""
    cpu, cores = cpu_model(), cpu_count()
    governor = _read(_CPUFREQ / "scaling_governor")
    kilohertz = _read(_CPUFREQ / "scaling_cur_freq")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    identity = f"{cpu}|{cores}|{architecture()}|{platform.system()}"
    return Environment(
        device=f"{cpu}, {cores} core{'s' * (cores > 1)}",
        device_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        started_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        cpu=cpu,
        cores=cores,
        architecture=architecture(),
        governor=governor,
        frequency_mhz=float(kilohertz) / 1000 if kilohertz and kilohertz.isdigit() else None,
        load_1m=load,
        os=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        numpy=np.__version__,
        edgeq=edgeq.__version__,
        warnings=tuple(_warnings(governor, load, cores)),
    )


def _warnings(governor: str | None, load: float | None, cores: int) -> list[str]:
    warnings = []
    if governor in ("powersave", "conservative"):
        warnings.append(
            f"the CPU governor is {governor!r}, which slows short runs: sudo cpupower frequency-set -g performance"
        )
    if load is not None and load > 0.75 * cores:
        warnings.append(f"other programs were running: load {load:.1f} on {cores} cores at the start")
    return warnings


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip() or None
    except OSError:
        return None
