"""Where a measurement is made."""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import edgeq
from edgeq.benchmark.environment_warnings import machine_warnings, state_warnings
from edgeq.benchmark.measured_host import Environment
from edgeq.memory import total_memory_bytes
from edgeq.runtime.emulator import find_emulator
from edgeq.runtime.host import architecture, board, cpu_count, cpu_features, cpu_model, cpu_name, system_name
from edgeq.runtime.host_state import HostState, memory_field_bytes, read_host_state
from edgeq.runtime.power import power_source
from edgeq.runtime.system_files import ROOT


def read_environment(
    root: Path = ROOT, *, cpus: Sequence[int] = (), state: HostState | None = None
) -> Environment:
    """This machine, now.

    Args:
        root: where /proc, /sys and /etc are.
        cpus: cores that the inferences are tied to.
        state: of the machine, where it was read already.

    Returns:
        The environment, with what can be warned of before measuring. Its states are empty.
    """
    state = read_host_state("before", 0.0, root) if state is None else state
    cores, power, emulator = cpu_count(), power_source(root), find_emulator(root)
    memory = memory_field_bytes("MemTotal", root) or (total_memory_bytes() if root == ROOT else None)
    name = board(root) or cpu_name(root)
    return Environment(
        device=f"{name}, {cores} core{'s' * (cores > 1)}",
        device_id=_device_id(root, cores, emulator),
        started_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        cpu=cpu_name(root),
        cores=cores,
        architecture=architecture(),
        governor=", ".join(dict.fromkeys(core.governor for core in state.cores if core.governor)) or None,
        frequency_mhz=state.fastest_mhz,
        load_1m=state.load_1m,
        os=system_name(root),
        python=platform.python_version(),
        numpy=np.__version__,
        edgeq=edgeq.__version__,
        warnings=(*machine_warnings(state, cores, power, emulator, root), *state_warnings(state, memory)),
        features=cpu_features(root),
        memory_bytes=memory,
        cpus=tuple(cpus),
        power=power,
        emulator=emulator,
    )


def _device_id(root: Path, cores: int, emulator: str | None) -> str:
    identity = f"{cpu_model(root)}|{cores}|{architecture()}|{platform.system()}"
    # On a real machine as ever: baselines that were stored long ago are of the same device.
    if emulator is not None:
        identity += f"|{emulator}|{cpu_name(root)}"
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:16]
