"""What can be measured on from here: this machine, the hosts of the SSH configuration, the phones that adb lists."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgeq.benchmark.environment import read_environment
from edgeq.devices.hosts.host import RemoteHost, read_host
from edgeq.devices.hosts.process import RemoteProcess
from edgeq.devices.hosts.python import probe_command, requirements
from edgeq.devices.hosts.ssh_config import configured_hosts, resolved
from edgeq.devices.hosts.ssh_connection import OPTIONS, destination, new_token, remote_line
from edgeq.devices.phones.attached import attached_devices
from edgeq.devices.specs import ADB, LOCAL, SSH, DeviceSpec, read_device
from edgeq.errors import DeviceError, EdgeqError, UsageError
from edgeq.runtime.available import find_runtime

_CONNECT_S = 5
_ANSWER_S = 25.0
"""A Raspberry Pi Zero 2 takes seconds to start Python twice."""
_AT_ONCE = 32


@dataclass(frozen=True)
class FoundDevice:
    """Something to measure on.

    Attributes:
        name: as ``--on`` takes it.
        kind: ``local``, ``ssh`` or ``adb``.
        model: of the board, the phone or the processor; empty where not known.
        architecture: of its processor, or the ABI of a phone; empty where not known.
        would_run: what would measure there; empty where nothing would.
        reason: why nothing would, and the next step; empty where something would.
    """

    name: str
    kind: str
    model: str
    architecture: str
    would_run: str
    reason: str


@dataclass(frozen=True)
class FoundDevices:
    """All of them.

    Attributes:
        devices: this machine first, then hosts, then phones.
        notes: why a whole kind is not there, one sentence each.
    """

    devices: tuple[FoundDevice, ...]
    notes: tuple[str, ...]


def find_devices(ssh_configuration: Path | None = None) -> FoundDevices:
    """Asks every host of the SSH configuration, all at once, and adb; nothing is asked of the user.

    Args:
        ssh_configuration: instead of ``~/.ssh/config``.
    """
    notes: list[str] = []
    hosts = _hosts(ssh_configuration, notes)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = [pool.submit(_host, spec) for spec in hosts]
        phones = _phones(notes)
        found = (_this_machine(), *(one.result() for one in asked), *phones)
    return FoundDevices(found, tuple(notes))


def _this_machine() -> FoundDevice:
    environment = read_environment()
    would_run = reason = ""
    try:
        runtime = find_runtime()
        would_run = f"{runtime.package.distribution} {runtime.version}, Python {environment.python}"
    except EdgeqError as error:
        reason = str(error)
    return FoundDevice(LOCAL, LOCAL, environment.cpu, environment.architecture, would_run, reason)


def _hosts(configuration: Path | None, notes: list[str]) -> list[DeviceSpec]:
    if shutil.which("ssh") is None:
        notes.append("hosts: no program ssh is installed here (sudo apt install openssh-client)")
        return []
    specs = []
    for host in configured_hosts(configuration):
        try:
            specs.append(read_device(f"{SSH}:{host}"))
        except UsageError:
            # A name that --on does not take, such as one with characters of a shell.
            continue
    if not specs:
        notes.append("hosts: none in ~/.ssh/config; --on ssh:user@host takes any other too")
    return specs


def _host(spec: DeviceSpec) -> FoundDevice:
    if resolved(spec.address).get("user") == "git":
        return _lost(spec, "a server of repositories (its user is git)")
    token = new_token()
    command = ["ssh", "-o", f"ConnectTimeout={_CONNECT_S}", "-o", "BatchMode=yes", "-o", "ControlMaster=no"]
    command += [*OPTIONS, *destination(spec), remote_line(probe_command(None, token))]
    with RemoteProcess(spec, command, token, timeout_s=_ANSWER_S) as process:
        try:
            answer = next(process.answers(), None)
            if answer is None:
                return _lost(spec, process.short_reason())
            return _described(spec, read_host(str(spec), answer))
        except DeviceError as error:
            return _lost(spec, str(error).removeprefix(f"{spec}: "))


def _described(spec: DeviceSpec, host: RemoteHost) -> FoundDevice:
    able = next((one for one in host.interpreters if one.can_measure(None)), None)
    one = able or host.interpreters[0]
    architecture = host.machine if one.bits == 64 else f"{host.machine}, {one.bits}-bit"
    would_run = "" if able is None else f"{able.runtime(None)}, Python {able.python}"
    return FoundDevice(str(spec), SSH, host.model, architecture, would_run, "" if able else _lacking(host))


def _lacking(host: RemoteHost) -> str:
    """What is missing there, as a phrase."""
    one = host.interpreters[0]
    fitting = requirements(host, one)
    if isinstance(fitting, str):
        return f"Python {one.python} there: {fitting}"
    missing = "no runtime" if one.runtime(None) is None else "no NumPy"
    return f"Python {one.python} has {missing}: --install makes an environment there"


def _lost(spec: DeviceSpec, reason: str) -> FoundDevice:
    return FoundDevice(str(spec), SSH, "", "", "", reason)


def _phones(notes: list[str]) -> list[FoundDevice]:
    try:
        phones = attached_devices()
    except DeviceError as error:
        notes.append(f"phones: {error}")
        return []
    return [
        FoundDevice(f"{ADB}:{phone.serial}", ADB, phone.model, phone.abi, phone.would_run, phone.remedy)
        for phone in phones
    ]
