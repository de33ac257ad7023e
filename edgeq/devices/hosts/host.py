"""What a host over SSH has: its interpreters with their packages, processor and room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeq.benchmark.typed_json import build
from edgeq.errors import DeviceError, ResultsError
from edgeq.runtime.available import RUNTIMES

OLDEST = (3, 10)
"""The oldest Python that edgeq runs on."""


@dataclass(frozen=True)
class Interpreter:
    """A Python on a device.

    Attributes:
        path: of it.
        version: three numbers.
        bits: of a pointer: a 32-bit Python on a 64-bit kernel cannot load 64-bit wheels.
        libc: name and version, such as ``glibc 2.36``; empty for another than glibc.
        is_cpython: whether it is the usual one.
        numpy: its version; None where it is not installed.
        runtimes: version by distribution.
    """

    path: str
    version: tuple[int, ...]
    bits: int
    libc: str
    is_cpython: bool
    numpy: str | None
    runtimes: Mapping[str, str]

    @property
    def python(self) -> str:
        """Its version as people write it."""
        return ".".join(str(number) for number in self.version[:2])

    def runtime(self, name: str | None) -> str | None:
        """The best installed runtime of that name, as distribution and version; None where there is none."""
        for package in RUNTIMES:
            if name in (None, package.name) and package.distribution in self.runtimes:
                return f"{package.distribution} {self.runtimes[package.distribution]}"
        return None

    def can_measure(self, runtime: str | None) -> bool:
        """Whether it has all that a packed bundle needs."""
        return self.version >= OLDEST and self.numpy is not None and self.runtime(runtime) is not None


@dataclass(frozen=True)
class RemoteHost:
    """What a device has.

    Attributes:
        machine: of its kernel, such as ``aarch64``.
        system: as ``sys.platform`` says.
        model: of the board or the processor; empty where nothing tells.
        home: of the user.
        interpreters: in the order of preference.
        free: bytes by place, of ``home`` and ``temporary``; None where it cannot be told.
    """

    machine: str
    system: str
    model: str
    home: str
    interpreters: tuple[Interpreter, ...]
    free: Mapping[str, int | None]


def read_host(name: str, value: Mapping[str, Any]) -> RemoteHost:
    """What a probe has answered.

    Raises:
        DeviceError: it is no such answer.
    """
    try:
        host = build(RemoteHost, value, "the answer")
    except ResultsError as error:
        raise DeviceError(f"{name}: what it says of its Python cannot be read: {error}") from error
    assert isinstance(host, RemoteHost)  # noqa: S101 - narrows the type for mypy
    if not host.interpreters or any(len(one.version) < 2 for one in host.interpreters):
        raise DeviceError(f"{name}: what it says of its Python cannot be read: no version of an interpreter")
    return host
