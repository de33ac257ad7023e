"""Which runtime a wheel of edgeq asks for, where no environment marker can say it; all else stands in setup.cfg.

Markers know the kernel's machine, and neither the interpreter's pointer size nor its C library. A 32-bit Raspberry Pi
OS on a 64-bit kernel says ``aarch64``: pip would ask for LiteRT, find no 32-bit wheel of it, and install nothing. The
tags of wheels do tell these systems apart, and pip prefers a wheel that is tagged for its system to one for any. Hence
three wheels, which differ in the runtime they ask for and in nothing else:

* ``any``: the one that setup.cfg's markers choose.
* ``arm32``: tflite-runtime, as the extra of that name has it.
* ``bare``: none, because none exists there; edgeq installs, and says what would fit when it is run.

``tools/build-wheels`` builds all three: ``EDGEQ_WHEEL`` names the one. What is built where it is installed (``pip
install .``, an sdist) is the one for that interpreter.
"""

from __future__ import annotations

import configparser
import os
import platform
import struct
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel, get_platform

# What the wheels of a release are tagged. The one wheel of tflite-runtime for 32-bit ARM needs glibc 2.34; pip takes
# the highest glibc that its system has, so older ones get the bare wheel.
TAGS = {
    "arm32": ("manylinux_2_34_armv7l",),
    "bare": (
        *("manylinux_2_17_armv7l", "manylinux_2_17_i686"),
        *("musllinux_1_1_aarch64", "musllinux_1_1_armv7l", "musllinux_1_1_i686", "musllinux_1_1_x86_64"),
        "win32",
    ),
}
_GLIBC = (2, 34)

_32_BIT_ARM = ("aarch64", "armv7l", "armv8l")
_32_BIT_X86 = ("amd64", "i386", "i586", "i686", "x86", "x86_64")


def kind_here() -> str:
    """The wheel that fits this interpreter."""
    machine, bits = platform.machine().lower(), struct.calcsize("P") * 8
    library, version = platform.libc_ver()
    if sys.platform == "linux" and library != "glibc":
        return "bare"
    if bits == 32 and machine in _32_BIT_ARM:
        return "arm32" if tuple(map(int, version.split("."))) >= _GLIBC else "bare"
    return "bare" if bits == 32 and machine in _32_BIT_X86 else "any"


def requirements(kind: str) -> list[str]:
    """What a wheel asks for.

    Args:
        kind: ``any``, ``arm32`` or ``bare``.
    """
    config = configparser.ConfigParser()
    config.read_string((Path(__file__).parent / "setup.cfg").read_text(encoding="utf-8"))
    everywhere = config["options"]["install_requires"].strip().splitlines()
    if kind == "any":
        return everywhere
    without_runtime = [line for line in everywhere if "platform_machine" not in line]
    extra = config["options.extras_require"]["tflite-runtime"].strip().splitlines()
    return [*without_runtime, *extra] if kind == "arm32" else without_runtime


class TaggedWheel(bdist_wheel):  # type: ignore[misc]
    """A wheel for the systems that its requirements are for, which are all where it is ``any``."""

    def get_tag(self) -> tuple[str, str, str]:
        """Python, ABI and platform."""
        asked = os.environ.get("EDGEQ_WHEEL")
        if (asked or kind_here()) == "any":
            return "py3", "none", "any"
        return "py3", "none", ".".join(TAGS[asked]) if asked else get_platform(None)


def main() -> None:
    """Builds what the command line says."""
    kind = os.environ.get("EDGEQ_WHEEL") or kind_here()
    if kind not in ("any", *TAGS):
        sys.exit(f"EDGEQ_WHEEL is {kind!r}: expected one of any, {', '.join(TAGS)}")
    setup(install_requires=requirements(kind), cmdclass={"bdist_wheel": TaggedWheel})


if __name__ == "__main__":
    main()
