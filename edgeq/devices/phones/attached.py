"""The phones that adb lists, with what would run on each."""

from __future__ import annotations

from dataclasses import dataclass

from edgeq.devices.phones.adb import READY, ListedPhone, Phone, list_phones
from edgeq.devices.phones.benchmark_binary import NAME, cached_binary
from edgeq.devices.phones.environment import read_phone
from edgeq.errors import DeviceError


@dataclass(frozen=True)
class AttachedDevice:
    """A phone.

    Attributes:
        serial: that ``--on adb:SERIAL`` takes.
        state: ``device`` where it takes commands, else ``unauthorized``, ``offline`` and others.
        model: such as ``Google Pixel 7``; empty where it does not tell.
        abi: that it prefers; empty where it does not tell.
        would_run: what would measure there; empty where nothing would.
        remedy: what to do where nothing would; empty where something would.
    """

    serial: str
    state: str
    model: str
    abi: str
    would_run: str
    remedy: str


def attached_devices() -> tuple[AttachedDevice, ...]:
    """All phones that adb lists, also those that do not take commands.

    Raises:
        DeviceError: adb is not installed or fails.
    """
    return tuple(_attached(phone) for phone in list_phones())


def _attached(listed: ListedPhone) -> AttachedDevice:
    if listed.state != READY:
        return AttachedDevice(listed.serial, listed.state, "", "", "", listed.remedy)
    try:
        info = read_phone(Phone(listed.serial))
    except DeviceError as error:
        return AttachedDevice(listed.serial, listed.state, "", "", "", str(error))
    abi = info.abis[0]
    binary = cached_binary(info.abis)
    if binary is None:
        return AttachedDevice(
            listed.serial, listed.state, info.model, abi, "", f"give --benchmark-model PATH, built for {abi}"
        )
    return AttachedDevice(listed.serial, listed.state, info.model, abi, f"{NAME} of the cache", "")
