"""Which TensorFlow Lite runtime is installed here, and which would fit where none is."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from dataclasses import dataclass
from typing import Any

from edgeq.errors import RuntimeUnavailableError, UsageError
from edgeq.runtime.fitting import litert_problem, tflite_runtime_problem, this_system, what_fits


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
            hint = self._hint(error)
            raise RuntimeUnavailableError(
                f"{self.package.distribution} {self.version} does not load here{f' ({hint})' if hint else ''}: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error

    def _hint(self, error: Exception) -> str:
        """What may be done about a runtime that does not load; empty where nothing is known."""
        if self.package.name != "litert":
            return 'it needs NumPy 1: pip install "numpy<2"' if "umpy" in str(error) else ""
        problem = litert_problem(this_system())
        # A module that is missing is no matter of the machine: the installation is not whole.
        return problem or ("" if isinstance(error, ModuleNotFoundError) else instead_of(self.package.name))


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
    """What to do about a runtime that is missing; None is any."""
    system = this_system()
    if name == "tflite-runtime":
        return tflite_runtime_problem(system) or 'pip install tflite-runtime "numpy<2"'
    return what_fits(system)


def instead_of(name: str | None) -> str:
    """What may work where a runtime is installed and does not load, or dies of this machine's processor.

    Args:
        name: of the runtime; None for the best installed.

    Returns:
        A sentence without its end; empty where there is nothing else.
    """
    older = RUNTIMES[1]
    if name == older.name:
        return ""
    try:
        version = importlib.metadata.version(older.distribution)
    except importlib.metadata.PackageNotFoundError:
        if tflite_runtime_problem(this_system()):
            return ""
        return f'pip install {older.distribution} "numpy<2" and --runtime {older.name} may work'
    return f"--runtime {older.name} ({version} is installed) may work"
