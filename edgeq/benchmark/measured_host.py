"""Where a measurement was made: the machine, and the state that it was in before, during and after."""

from __future__ import annotations

from dataclasses import dataclass

from edgeq.runtime.host_state import CoreState, HostState

__all__ = ["CoreState", "Environment", "HostState"]


@dataclass(frozen=True)
class Environment:
    """Where and when it was measured.

    Attributes:
        device: a short name for the machine, such as the CPU's model.
        device_id: digest of what makes latencies comparable (CPU model, core count, architecture, OS).
        started_at: UTC time, ISO 8601, of the session's start.
        cpu: CPU model.
        cores: logical cores that the process may use.
        architecture: of the interpreter, such as ``x86_64``.
        governor: of the CPU's frequency, several joined by commas where cores differ; None where not readable.
        frequency_mhz: of the fastest core at the start; None where not readable.
        load_1m: load average of the last minute at the start; None where there is none.
        os: name and release of the operating system.
        python: version of Python; empty where none ran, as on a phone.
        numpy: version of NumPy; empty where none ran.
        edgeq: version of edgeq.
        warnings: what makes these numbers less trustworthy, one sentence each.
        features: of the CPU that kernels choose by, such as ``asimddp`` and ``i8mm``.
        memory_bytes: of the machine; None where not readable.
        cpus: cores that the inferences were tied to; empty where to none.
        power: ``mains`` or ``battery``; None where not readable.
        emulator: what emulated the CPU, such as ``qemu-user``: its times mean nothing. None on a real one.
        reached_by: how, such as ``ssh:pi@raspberrypi``, ``adb:SERIAL``, ``packed:`` and the machine's name of a packed
            bundle, or ``app:`` and the installation's identifier of the Android app; ``local`` for this machine.
        states: of the machine before, during and after the measuring.
    """

    device: str
    device_id: str
    started_at: str
    cpu: str
    cores: int
    architecture: str
    governor: str | None
    frequency_mhz: float | None
    load_1m: float | None
    os: str
    python: str
    numpy: str
    edgeq: str
    warnings: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    memory_bytes: int | None = None
    cpus: tuple[int, ...] = ()
    power: str | None = None
    emulator: str | None = None
    reached_by: str = "local"
    states: tuple[HostState, ...] = ()
