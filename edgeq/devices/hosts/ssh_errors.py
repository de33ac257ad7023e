"""What OpenSSH's messages mean, in one line with a next step."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeq.devices.specs import DeviceSpec
from edgeq.errors import DeviceError
from edgeq.printing import printable

CONNECT_TIMEOUT_S = 10
"""For the host to take the connection and to greet."""

SSH_FAILED = 255
"""OpenSSH's exit status for an error of its own, see ssh(1)."""


class ConnectionLostError(DeviceError):
    """The connection cannot be made or was cut; it may work again later."""


_REMEDY = re.compile(r"ssh-keygen [^\n]{0,300}-R [\"']?([^\s\"']{1,300})")


@dataclass(frozen=True)
class _Meaning:
    said: tuple[str, ...]
    means: str
    short: str
    lasts: bool = False


_MEANINGS = (
    _Meaning(
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", "differs from the key for the IP address"),
        "its host key is not the one known here: if it was set up anew, run 'ssh-keygen -R {host}' and "
        "then '{ssh}' once",
        "its host key has changed",
        lasts=True,
    ),
    _Meaning(
        ("Host key verification failed", "host key is known for"),
        "its host key is not known here: run '{ssh}' once in a terminal, and accept the key",
        "its host key is not known here: run '{ssh}' once",
        lasts=True,
    ),
    _Meaning(
        ("Too many authentication failures",),
        "refuses because ssh offers too many keys: name the right one with IdentityFile and IdentitiesOnly in "
        "~/.ssh/config",
        "too many keys offered",
        lasts=True,
    ),
    _Meaning(
        ("Permission denied",),
        "refuses the login: {ssh_copy_id} puts your key there; '{ssh}' must work first",
        "refuses the login",
        lasts=True,
    ),
    _Meaning(
        ("Could not resolve hostname", "Name or service not known"),
        "no host of that name is known: check the name, or use the IP address",
        "no host of that name is known",
    ),
    _Meaning(
        ("Connection refused",),
        "nothing listens on its SSH port: switch its SSH server on (Raspberry Pi: sudo raspi-config, Interface "
        "Options), or name the port as ssh:HOST:PORT",
        "nothing listens on its SSH port",
    ),
    _Meaning(
        ("No route to host", "Network is unreachable", "Host is down"),
        "is not reachable from here: is it on, and in this network?",
        "is not reachable",
    ),
    _Meaning(
        ("timed out", "not responding"),
        "gives no answer: is it on, in this network, and an SSH server?",
        "gives no answer",
    ),
    _Meaning(
        ("Connection closed", "Connection reset", "closed by remote host", "Broken pipe"),
        "closed the connection: try '{ssh}', and look at the log of its SSH server",
        "closes the connection",
    ),
    _Meaning(
        (
            "Bad owner or permissions",
            "Bad configuration option",
            "Can't open user config",
            "bad configuration",
        ),
        "ssh refuses your configuration: {last}",
        "ssh refuses your configuration",
        lasts=True,
    ),
    _Meaning(
        ("Unable to negotiate",),
        "the two SSH programs have no algorithm in common: {last}",
        "no algorithm in common",
        lasts=True,
    ),
)


def ssh_words(spec: DeviceSpec) -> str:
    """The command that a user types to log in."""
    return f"ssh {'' if spec.port is None else f'-p {spec.port} '}{spec.address}"


def ssh_error(spec: DeviceSpec, said: str) -> DeviceError:
    """The error for what ssh printed before it failed.

    Args:
        spec: of the host.
        said: its standard error.

    Returns:
        A `ConnectionLostError` where trying again may help.
    """
    meaning = _meaning(said)
    if meaning is None:
        return ConnectionLostError(f"{spec}: ssh failed: {last_line(said) or 'without a word'}")
    text = meaning.means.format(
        ssh=ssh_words(spec),
        ssh_copy_id=f"'{ssh_words(spec).replace('ssh ', 'ssh-copy-id ', 1)}'",
        host=_known_name(spec, said),
        last=last_line(said),
    )
    return (DeviceError if meaning.lasts else ConnectionLostError)(f"{spec}: {text}")


def short_reason(spec: DeviceSpec, said: str) -> str:
    """The same as a phrase for a table."""
    meaning = _meaning(said)
    if "Permission denied" in said and any(way in said for way in ("password", "keyboard-interactive")):
        return "wants a password, which --on asks for"
    return last_line(said) or "ssh failed" if meaning is None else meaning.short.format(ssh=ssh_words(spec))


def last_line(text: str) -> str:
    """The last line that says something, for a message."""
    lines = [printable(line.strip()) for line in text.splitlines()]
    said = [line for line in lines if line]
    return said[-1][:200] if said else ""


def _meaning(said: str) -> _Meaning | None:
    return next((meaning for meaning in _MEANINGS if any(words in said for words in meaning.said)), None)


def _known_name(spec: DeviceSpec, said: str) -> str:
    """As ~/.ssh/known_hosts writes it: ssh may say, and knows what a name of the configuration stands for."""
    told = _REMEDY.search(said)
    if told is not None:
        return printable(told.group(1))
    host = spec.address.rpartition("@")[2]
    return host if spec.port in (None, 22) else f"[{host}]:{spec.port}"
