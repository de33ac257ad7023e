"""Which runtime has a wheel for a system, and why none has where none does.

What the wheels of ai-edge-litert 2.3 and tflite-runtime 2.14 are built for, and the newest symbols of glibc that their
libraries ask for, were read from the wheels themselves.
"""

from __future__ import annotations

import platform
import struct
import sys
import sysconfig
from dataclasses import dataclass
from typing import Final

_LITERT_PYTHON: Final = ((3, 10), (3, 14))
_TFLITE_RUNTIME_PYTHON: Final = (3, 11)
"""The last one."""

# LiteRT's wheel for aarch64 is tagged for 2.27 like the other, so that pip installs it where it does not load.
_LITERT_GLIBC: Final = {"x86_64": (2, 27), "aarch64": (2, 34)}
_TFLITE_RUNTIME_GLIBC: Final = {"x86_64": (2, 29), "aarch64": (2, 34), "armv7l": (2, 34)}

_PRECISE_NAMES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
_32_BIT_NAMES: Final = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}
"""What a 32-bit interpreter is, by what a kernel that may be 64-bit calls itself."""

_NEWER: Final = "use Debian 12 (bookworm), Ubuntu 22.04 or newer"


@dataclass(frozen=True)
class System:
    """An interpreter and what it runs on, as far as wheels differ.

    Attributes:
        kernel: the machine as the kernel names it: ``x86_64``, ``aarch64``, ``armv7l``.
        bits: of a pointer of the interpreter, which decides: a 32-bit Raspberry Pi OS has a 64-bit kernel and so
            says ``aarch64``, and loads no 64-bit library.
        python: major and minor version.
        implementation: ``cpython``, ``pypy``.
        free_threaded: whether it is built without the global lock, which takes wheels of its own.
        os: as ``sys.platform`` has it.
        glibc: version of the GNU C library; None on Linux with another one (musl), and off Linux.
    """

    kernel: str
    bits: int
    python: tuple[int, int]
    implementation: str = "cpython"
    free_threaded: bool = False
    os: str = "linux"
    glibc: tuple[int, int] | None = None

    @property
    def machine(self) -> str:
        """The machine that the interpreter is built for: ``armv7l`` for 32-bit Python on a 64-bit ARM kernel."""
        name = self.kernel.lower()
        name = _PRECISE_NAMES.get(name, name)
        return _32_BIT_NAMES.get(name, name) if self.bits == 32 else name


def this_system() -> System:
    """The one that runs this."""
    return System(
        kernel=platform.machine(),
        bits=struct.calcsize("P") * 8,
        python=(sys.version_info.major, sys.version_info.minor),
        implementation=sys.implementation.name,
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        os=sys.platform,
        glibc=_glibc(),
    )


def _glibc() -> tuple[int, int] | None:
    name, version = platform.libc_ver()
    parts = version.split(".")[:2]
    if name != "glibc" or len(parts) != 2 or not all(part.isdecimal() for part in parts):
        return None
    return int(parts[0]), int(parts[1])


def what_fits(system: System) -> str:
    """What to install there, or why nothing can be; the end of a sentence."""
    reason = no_runtime(system)
    if reason:
        return reason
    if system.machine == "armv7l":
        found = " on a 64-bit kernel" if system.kernel != "armv7l" else ""
        return f'pip install tflite-runtime "numpy<2" (this is a 32-bit Python{found}: LiteRT is 64-bit only)'
    return litert_problem(system) or "pip install ai-edge-litert"


def no_runtime(system: System) -> str:
    """Why no runtime fits whatever its version; empty where one might."""
    if system.implementation != "cpython":
        return f"no runtime has a wheel for {system.implementation}: use CPython 3.10 to 3.14"
    if system.os == "linux" and system.glibc is None:
        return (
            "no runtime has a wheel for a C library other than glibc (Alpine has musl): use Debian or Ubuntu"
        )
    if system.machine == "armv6l":
        return "no wheel exists for ARMv6 (Raspberry Pi 1 and Zero): use a Raspberry Pi 2, Zero 2 or newer"
    if system.machine == "i686" or (system.bits == 32 and system.os == "win32"):
        return "no wheel exists for 32-bit x86: use a 64-bit Python"
    if system.os == "darwin" and system.machine == "x86_64":
        return "ai-edge-litert has no wheel for Intel Macs, use Linux, Windows or an Apple Silicon Mac"
    if system.os == "win32" and system.machine == "aarch64":
        return "ai-edge-litert has no wheel for Windows on ARM: use a Python for x86-64, or Linux"
    if system.machine not in ("x86_64", "aarch64", "armv7l") or system.os not in ("linux", "darwin", "win32"):
        python = ".".join(map(str, system.python))
        return f"no wheel exists for {system.bits}-bit {system.kernel}, Python {python}, {system.os}"
    return tflite_runtime_problem(system) if system.machine == "armv7l" else ""


def litert_problem(system: System) -> str:
    """Why LiteRT does not fit a 64-bit system of a machine that it has wheels for; empty where it does."""
    first, last = _LITERT_PYTHON
    if not first <= system.python <= last:
        return f"ai-edge-litert has no wheel for Python {_dotted(system.python)}, use Python 3.10 to 3.14"
    if system.free_threaded:
        return f"ai-edge-litert has no wheel for a free-threaded Python: use the usual Python {_dotted(system.python)}"
    least = _LITERT_GLIBC.get(system.machine)
    if least is not None and system.glibc is not None and system.glibc < least:
        return (
            f"ai-edge-litert needs glibc {_dotted(least)}, this system has {_dotted(system.glibc)}: {_NEWER}"
        )
    return ""


def tflite_runtime_problem(system: System) -> str:
    """Why tflite-runtime does not fit a system; empty where it does."""
    least = _TFLITE_RUNTIME_GLIBC.get(system.machine)
    if least is None or system.os != "linux":
        return f"tflite-runtime has no wheel for {system.bits}-bit {system.kernel}, {system.os}"
    if system.python > _TFLITE_RUNTIME_PYTHON:
        python = _dotted(system.python)
        if system.machine == "armv7l":
            return (
                f"tflite-runtime for 32-bit ARM ends at Python 3.11, this is {python}, and LiteRT is 64-bit only: "
                "install a 64-bit system"
            )
        return f"tflite-runtime ends at Python 3.11, this is {python}; use LiteRT"
    if system.glibc is None or system.glibc < least:
        found = "another C library" if system.glibc is None else _dotted(system.glibc)
        return f"tflite-runtime needs glibc {_dotted(least)}, this system has {found}: {_NEWER}"
    return ""


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
