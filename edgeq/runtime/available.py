"""Which TensorFlow Lite runtime is installed here, and which would fit where none is."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import struct
import sys
from dataclasses import dataclass
from typing import Any

from edgeq.errors import RuntimeUnavailableError, UsageError


@dataclass(frozen=True)
class RuntimePackage:
    """A Python package that holds an ``Interpreter``.

    Attributes:
        name: as users type it after ``--runtime``, which is also the package's name where it differs not.
        distribution: what pip installs.
        module: module that holds ``Interpreter``.
    """

    name: str
    distribution: str
    module: str


RUNTIMES = (
    RuntimePackage("litert", "ai-edge-litert", "ai_edge_litert.interpreter"),
    RuntimePackage("tflite-runtime", "tflite-runtime", "tflite_runtime.interpreter"),
)
"""In the order of preference: LiteRT is the successor that is developed."""


@dataclass(frozen=True)
class InstalledRuntime:
    """A runtime that can be imported here."""

    package: RuntimePackage
    version: str

    def module(self) -> Any:
        """Imports the module that holds ``Interpreter``; its chatter is turned down before.

        Raises:
            RuntimeUnavailableError: it is installed and does not load, such as one built for NumPy 1.
        """
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            return importlib.import_module(self.package.module)
        except (ImportError, AttributeError, OSError) as error:
            hint = ' (it needs NumPy 1: pip install "numpy<2")' if "umpy" in str(error) else ""
            raise RuntimeUnavailableError(
                f"{self.package.distribution} {self.version} does not load here{hint}: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error


def find_runtime(name: str | None = None) -> InstalledRuntime:
    """The runtime of that name, or the first that is installed.

    Args:
        name: ``litert``, ``tflite-runtime``, or None for the best that is there.

    Returns:
        The runtime; nothing is imported yet.

    Raises:
        UsageError: there is no runtime of that name.
        RuntimeUnavailableError: it is not installed; the message says what fits this interpreter.
    """
    known = {package.name: package for package in RUNTIMES}
    if name is not None and name not in known:
        offered = ", ".join(package.name for package in RUNTIMES)
        raise UsageError(f"unknown runtime {name!r}: expected one of {offered}")
    candidates = RUNTIMES if name is None else (known[name],)
    for package in candidates:
        try:
            version = importlib.metadata.version(package.distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        return InstalledRuntime(package, version)
    asked = "no TensorFlow Lite runtime is" if name is None else f"{candidates[0].distribution} is not"
    raise RuntimeUnavailableError(f"{asked} installed: {_remedy(name)}")


def _remedy(name: str | None) -> str:
    if name == "tflite-runtime" and struct.calcsize("P") == 8:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        if sys.version_info >= (3, 12):
            return f"it ends at Python 3.11, this is {python}; leave --runtime out to use LiteRT"
        return 'pip install "edgeq[tflite-runtime]" "numpy<2"'
    return what_fits()


def what_fits() -> str:
    """What to install on this interpreter, as the end of a sentence.

    The pointer size decides, not the kernel: a 32-bit Raspberry Pi OS on a 64-bit kernel says
    ``aarch64`` and cannot load a 64-bit wheel.
    """
    bits = struct.calcsize("P") * 8
    machine = platform.machine().lower()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if bits == 64 and machine in ("x86_64", "amd64", "aarch64", "arm64"):
        if sys.version_info >= (3, 15):
            return f"ai-edge-litert has no wheel for Python {python}, use Python 3.10 to 3.14"
        if sys.platform == "darwin" and machine == "x86_64":
            return "ai-edge-litert has no wheel for Intel Macs, use Linux, Windows or an Apple Silicon Mac"
        return "pip install ai-edge-litert (Linux needs glibc 2.34 or newer)"
    if bits == 32 and machine in ("armv7l", "armv8l", "aarch64"):
        if sys.version_info >= (3, 12):
            return f"tflite-runtime for 32-bit ARM ends at Python 3.11, this is {python}"
        return 'pip install tflite-runtime "numpy<2" (32-bit ARM)'
    return f"no wheel exists for {bits}-bit {machine}, Python {python}, {sys.platform}"
