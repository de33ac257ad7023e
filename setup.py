"""Which runtime a wheel of edgeq asks for, and the demo app in it; all else stands in setup.cfg.

Markers know the kernel's machine, and neither the interpreter's pointer size nor its C library. A 32-bit Raspberry Pi
OS on a 64-bit kernel says ``aarch64``: pip would ask for LiteRT, find no 32-bit wheel of it, and install nothing. The
tags of wheels do tell these systems apart, and pip prefers a wheel that is tagged for its system to one for any. Hence
three wheels, which differ in the runtime they ask for and in nothing else:

* ``any``: the one that setup.cfg's markers choose.
* ``arm32``: tflite-runtime, as the extra of that name has it.
* ``bare``: none, because none exists there; edgeq installs, and says what would fit when it is run.

``tools/build-wheels`` builds all three: ``EDGEQ_WHEEL`` names the one. What is built where it is installed (``pip
install .``, an sdist) is the one for that interpreter.

``edgeq android --new`` writes the demo app, which lies beside the package as a project of its own. A wheel has it
inside of the package, an sdist where it lies here, each without what building the app leaves there.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import platform
import struct
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel, get_platform
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
DEMO_APP = "android_demo"

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
    config.read_string((ROOT / "setup.cfg").read_text(encoding="utf-8"))
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


def demo_files() -> list[Path]:
    """Files of the demo app, relative to its folder, by the rule that edgeq itself has."""
    spec = importlib.util.spec_from_file_location("demo_files", ROOT / "edgeq" / "android" / "demo_files.py")
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    found = list(rule.demo_files(ROOT / DEMO_APP))
    if not found:
        sys.exit(f"{DEMO_APP} is missing beside setup.py: build edgeq from a whole checkout or an sdist")
    return found


class WithDemoApp(build_py):  # type: ignore[misc]
    """The package with the demo app inside; an editable one takes the app where it lies."""

    def run(self) -> None:
        """Builds the package, then copies the app."""
        super().run()
        if not self.editable_mode:
            for source, target in self._demo_app().items():
                self.mkpath(os.path.dirname(target))  # noqa: PTH120 - as setuptools has it
                self.copy_file(source, target)

    def get_source_files(self) -> list[str]:
        """What an sdist has to hold."""
        return [*super().get_source_files(), *(str(Path(DEMO_APP) / path) for path in demo_files())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What is built."""
        outputs = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, *self._demo_app().values()]

    def _demo_app(self) -> dict[str, str]:
        folder = Path(self.build_lib) / "edgeq" / "android" / "demo_app"
        return {str(ROOT / DEMO_APP / path): str(folder / path) for path in demo_files()}


def main() -> None:
    """Builds what the command line says."""
    kind = os.environ.get("EDGEQ_WHEEL") or kind_here()
    if kind not in ("any", *TAGS):
        sys.exit(f"EDGEQ_WHEEL is {kind!r}: expected one of any, {', '.join(TAGS)}")
    setup(install_requires=requirements(kind), cmdclass={"bdist_wheel": TaggedWheel, "build_py": WithDemoApp})


if __name__ == "__main__":
    main()
