"""The machines that are emulated: a Raspberry Pi's processor, release of the operating system and Python."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from debian_packages import Archive

_PYTHON = ("python3", "python3-venv", "libstdc++6", "libatomic1")
"""libatomic1 is on every Raspberry Pi OS; wheels for 32-bit ARM want it."""


@dataclass(frozen=True)
class Machine:
    """One machine.

    Attributes:
        name: as the command line knows it.
        archive: Debian's release and architecture, of which Raspberry Pi OS is made.
        python: version of its Python, such as ``3.11``.
        emulator: program of qemu-user.
        cpu: as qemu-user names it.
        runtime: what the packed bundle needs, from PyPI.
        platforms: of the wheels that fit it.
        system: packages of Debian beside Python.
        uname_machine: what its kernel says that the processor is, where that is not what the interpreter is built for.
    """

    name: str
    archive: Archive
    python: str
    emulator: str
    cpu: str
    runtime: tuple[str, ...]
    platforms: tuple[str, ...]
    system: tuple[str, ...] = ()
    uname_machine: str | None = None

    @property
    def packages(self) -> tuple[str, ...]:
        """All packages of Debian that are on it."""
        return (*_PYTHON, *self.system)

    @property
    def digest(self) -> str:
        """Of what its files are made from; processors share them."""
        made_of = (self.archive, self.packages, self.python, self.emulator)
        return hashlib.sha256(repr(made_of).encode()).hexdigest()[:12]


_AARCH64 = (*(f"manylinux_2_{minor}_aarch64" for minor in (17, 26, 27, 28, 34)), "manylinux2014_aarch64")
_ARMV7 = ("manylinux_2_34_armv7l", "manylinux2014_armv7l")


def machines(litert: str) -> dict[str, Machine]:
    """All machines by name.

    Args:
        litert: version of ai-edge-litert on the 64-bit ones; that of this machine lets outputs be compared.
    """
    newest = (f"ai-edge-litert=={litert}", "numpy")
    pi_4 = Machine(
        "bookworm64", Archive("bookworm", "arm64"), "3.11", "qemu-aarch64", "cortex-a72", newest, _AARCH64
    )
    pi_5 = Machine(
        "trixie64", Archive("trixie", "arm64"), "3.13", "qemu-aarch64", "cortex-a76", newest, _AARCH64
    )
    pi_2 = Machine(
        "bookworm32",
        Archive("bookworm", "armhf"),
        "3.11",
        "qemu-arm",
        "cortex-a7",
        ("tflite-runtime==2.14.0",),
        _ARMV7,
        # PyPI has no wheels of them for 32-bit ARM.
        system=("python3-numpy", "python3-pil"),
    )
    made = (
        pi_4,
        replace(pi_4, name="bookworm64-a53", cpu="cortex-a53"),
        pi_5,
        pi_2,
        # 32-bit Raspberry Pi OS on a Raspberry Pi 4 starts a 64-bit kernel.
        replace(pi_2, name="bookworm32-on-64", uname_machine="aarch64"),
    )
    return {machine.name: machine for machine in made}
