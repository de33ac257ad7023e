"""Where to measure, as users write it after ``--on``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeq.errors import UsageError
from edgeq.printing import printable

LOCAL, SSH, ADB = "local", "ssh", "adb"

# OpenSSH takes more, but what begins with a hyphen is an option to it, and nobody's host has a blank in its name.
_SSH_ADDRESS = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*@)?[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_SSH_IPV6 = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*@)?\[?[0-9a-fA-F:]+(?:%[A-Za-z0-9_.-]+)?\]?", re.ASCII
)
_PORT = re.compile(r":(\d{1,5})$", re.ASCII)
# What "adb devices" lists: of USB, of TCP (host:port, also IPv6), and of mDNS, "adb-1A2B (2)._adb-tls-connect._tcp".
SERIAL = re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]%()@ -]{0,199}", re.ASCII)


@dataclass(frozen=True)
class DeviceSpec:
    """One device.

    Attributes:
        kind: ``local``, ``ssh`` or ``adb``.
        address: ``user@host`` as OpenSSH takes it, or the serial of a phone; empty for this machine, and for the only
            phone that is attached.
        port: of the SSH server; None for what the user's OpenSSH configuration says.
    """

    kind: str
    address: str = ""
    port: int | None = None

    def __str__(self) -> str:
        """As users write it."""
        if self.kind == LOCAL:
            return LOCAL
        port = "" if self.port is None else f":{self.port}"
        return f"{self.kind}:{self.address}{port}"


def read_device(text: str) -> DeviceSpec:
    """What follows ``--on``: ``local``, ``ssh:[USER@]HOST[:PORT]`` or ``adb:[SERIAL]``.

    Raises:
        UsageError: it is none of these.
    """
    kind, colon, address = text.partition(":")
    if text == LOCAL:
        return DeviceSpec(LOCAL)
    if kind == ADB and colon:
        if address and not SERIAL.fullmatch(address):
            raise UsageError(
                f"--on {printable(text)}: {printable(address)!r} is no serial: 'adb devices' lists them"
            )
        return DeviceSpec(ADB, address)
    if kind == SSH and colon:
        return _read_ssh(text, address)
    raise UsageError(
        f"--on {printable(text)!r}: expected local, ssh:user@host or adb:SERIAL ('edgeq devices' lists what is there)"
    )


def _read_ssh(text: str, address: str) -> DeviceSpec:
    port = _PORT.search(address)
    # fe80::1 ends like a port: an address of IPv6 with one is written in brackets.
    if port is not None and (
        address[: port.start()].count(":") == 0 or address[: port.start()].endswith("]")
    ):
        host, number = address[: port.start()], int(port.group(1))
        if not 1 <= number <= 65535:
            raise UsageError(f"--on {printable(text)}: expected a port from 1 to 65535, found {number}")
    else:
        host, number = address, None
    if not (_SSH_ADDRESS.fullmatch(host) or _SSH_IPV6.fullmatch(host)):
        raise UsageError(
            f"--on {printable(text)!r}: expected ssh:host or ssh:user@host, as ssh takes it; options go into "
            "~/.ssh/config"
        )
    return DeviceSpec(SSH, host.replace("[", "").replace("]", ""), number)
