"""One line for each system on which no runtime is installed, or none can be."""

from __future__ import annotations

import platform
import struct
import subprocess
import sys

import pytest

from edgeq.runtime.fitting import System, this_system, what_fits

DEBIAN = (2, 36)

LITERT = "pip install ai-edge-litert"

CASES = {
    "64-bit Raspberry Pi OS": (System("aarch64", 64, (3, 11), glibc=DEBIAN), LITERT),
    "Linux on a PC": (System("x86_64", 64, (3, 14), glibc=(2, 27)), LITERT),
    "Windows": (System("AMD64", 64, (3, 12), os="win32"), LITERT),
    "macOS on Apple Silicon": (System("arm64", 64, (3, 12), os="darwin"), LITERT),
    "32-bit Raspberry Pi OS": (
        System("armv7l", 32, (3, 11), glibc=DEBIAN),
        'pip install tflite-runtime "numpy<2" (this is a 32-bit Python: LiteRT is 64-bit only)',
    ),
    "32-bit Raspberry Pi OS on a 64-bit kernel": (
        System("aarch64", 32, (3, 11), glibc=DEBIAN),
        'pip install tflite-runtime "numpy<2" (this is a 32-bit Python on a 64-bit kernel: LiteRT is 64-bit only)',
    ),
    "32-bit trixie": (
        System("aarch64", 32, (3, 13), glibc=(2, 41)),
        "tflite-runtime for 32-bit ARM ends at Python 3.11, this is 3.13, and LiteRT is 64-bit only: install a "
        "64-bit system",
    ),
    "32-bit bullseye": (
        System("armv7l", 32, (3, 10), glibc=(2, 31)),
        "tflite-runtime needs glibc 2.34, this system has 2.31: use Debian 12 (bookworm), Ubuntu 22.04 or newer",
    ),
    "64-bit bullseye": (
        System("aarch64", 64, (3, 10), glibc=(2, 31)),
        "ai-edge-litert needs glibc 2.34, this system has 2.31: use Debian 12 (bookworm), Ubuntu 22.04 or newer",
    ),
    "a Python that is too new": (
        System("x86_64", 64, (3, 15), glibc=DEBIAN),
        "ai-edge-litert has no wheel for Python 3.15, use Python 3.10 to 3.14",
    ),
    "a Python that is too old": (
        System("aarch64", 64, (3, 9), glibc=(2, 31)),
        "ai-edge-litert has no wheel for Python 3.9, use Python 3.10 to 3.14",
    ),
    "a free-threaded Python": (
        System("x86_64", 64, (3, 14), free_threaded=True, glibc=DEBIAN),
        "ai-edge-litert has no wheel for a free-threaded Python: use the usual Python 3.14",
    ),
    "PyPy": (
        System("x86_64", 64, (3, 11), implementation="pypy", glibc=DEBIAN),
        "no runtime has a wheel for pypy: use CPython 3.10 to 3.14",
    ),
    "Alpine": (
        System("aarch64", 64, (3, 12)),
        "no runtime has a wheel for a C library other than glibc (Alpine has musl): use Debian or Ubuntu",
    ),
    "an Intel Mac": (
        System("x86_64", 64, (3, 12), os="darwin"),
        "ai-edge-litert has no wheel for Intel Macs, use Linux, Windows or an Apple Silicon Mac",
    ),
    "Windows on ARM": (
        System("ARM64", 64, (3, 12), os="win32"),
        "ai-edge-litert has no wheel for Windows on ARM: use a Python for x86-64, or Linux",
    ),
    "32-bit Python on 64-bit Windows": (
        System("AMD64", 32, (3, 12), os="win32"),
        "no wheel exists for 32-bit x86: use a 64-bit Python",
    ),
    "32-bit Linux on a PC": (
        System("x86_64", 32, (3, 11), glibc=DEBIAN),
        "no wheel exists for 32-bit x86: use a 64-bit Python",
    ),
    "the first Raspberry Pi": (
        System("armv6l", 32, (3, 11), glibc=DEBIAN),
        "no wheel exists for ARMv6 (Raspberry Pi 1 and Zero): use a Raspberry Pi 2, Zero 2 or newer",
    ),
    "RISC-V": (
        System("riscv64", 64, (3, 13), glibc=(2, 41)),
        "no wheel exists for 64-bit riscv64, Python 3.13, linux",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_fits_a_system_is_said_in_one_line(name: str) -> None:
    system, expected = CASES[name]
    assert what_fits(system) == expected
    assert "\n" not in expected


def test_this_system_is_the_one_that_runs_this() -> None:
    system = this_system()
    assert system.python == sys.version_info[:2]
    assert system.bits == struct.calcsize("P") * 8
    assert system.kernel == platform.machine()
    assert not system.free_threaded


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="getconf tells it on Linux")
def test_the_version_of_glibc_is_that_of_getconf() -> None:
    told = subprocess.run(["getconf", "GNU_LIBC_VERSION"], capture_output=True, text=True, check=True).stdout
    glibc = this_system().glibc
    assert glibc is not None
    assert told.split() == ["glibc", f"{glibc[0]}.{glibc[1]}"]
