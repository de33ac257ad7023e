from __future__ import annotations

import importlib.metadata
import platform
import struct
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeq.errors import RuntimeUnavailableError, UsageError
from edgeq.runtime import available
from edgeq.runtime.available import find_runtime, what_fits

Fake = Callable[..., None]
Version = namedtuple("Version", "major minor micro")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Makes this interpreter look like one on another machine."""

    def fake(name: str, bits: int, python: tuple[int, int] = (3, 11), system: str = "linux") -> None:
        monkeypatch.setattr(platform, "machine", lambda: name)
        monkeypatch.setattr(struct, "calcsize", lambda _: bits // 8)
        monkeypatch.setattr(sys, "version_info", Version(*python, 0))
        monkeypatch.setattr(sys, "platform", system)

    return fake


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes exactly these distributions look installed."""

    def fake(**versions: str) -> None:
        def version(name: str) -> str:
            if name.replace("-", "_") not in versions:
                raise importlib.metadata.PackageNotFoundError(name)
            return versions[name.replace("-", "_")]

        monkeypatch.setattr(importlib.metadata, "version", version)

    return fake


def test_a_runtime_is_found_here_and_loads() -> None:
    runtime = find_runtime()
    assert runtime.version == importlib.metadata.version(runtime.package.distribution)
    assert hasattr(runtime.module(), "Interpreter")


def test_litert_is_preferred_to_its_predecessor(installed: Fake) -> None:
    installed(tflite_runtime="2.14.0", ai_edge_litert="2.3.0")
    assert find_runtime().package.name == "litert"
    assert find_runtime("tflite-runtime").version == "2.14.0"


def test_the_predecessor_is_taken_where_it_is_all_there_is(installed: Fake) -> None:
    installed(tflite_runtime="2.14.0")
    assert find_runtime().package.name == "tflite-runtime"


def test_tensorflows_own_runtime_is_not_taken(installed: Fake) -> None:
    installed(tensorflow="2.21.0")
    with pytest.raises(RuntimeUnavailableError):
        find_runtime()


def test_an_unknown_runtime_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown runtime 'onnx': expected one of litert, tflite-runtime"):
        find_runtime("onnx")


def test_without_any_runtime_the_error_says_what_to_install(installed: Fake, machine: Fake) -> None:
    installed()
    machine("x86_64", 64)
    with pytest.raises(
        RuntimeUnavailableError,
        match=r"no TensorFlow Lite runtime is installed: pip install ai-edge-litert \(Linux needs glibc 2.34",
    ):
        find_runtime()


def test_a_runtime_asked_for_and_not_installed_is_named(installed: Fake, machine: Fake) -> None:
    installed(ai_edge_litert="2.3.0")
    machine("x86_64", 64)
    with pytest.raises(RuntimeUnavailableError, match="tflite-runtime is not installed: "):
        find_runtime("tflite-runtime")


def test_a_runtime_that_does_not_load_is_named_with_its_version_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Fake
) -> None:
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "interpreter.py").write_text("raise ImportError('numpy.core.multiarray failed to import')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("tflite_runtime", "tflite_runtime.interpreter"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    installed(tflite_runtime="2.14.0")
    with pytest.raises(
        RuntimeUnavailableError,
        match=r"tflite-runtime 2.14.0 does not load here \(it needs NumPy 1: pip install",
    ):
        find_runtime().module()


@pytest.mark.parametrize("name", ["x86_64", "aarch64", "AMD64", "arm64"])
def test_litert_fits_64_bit_machines(machine: Fake, name: str) -> None:
    machine(name, 64)
    assert what_fits().startswith("pip install ai-edge-litert")


@pytest.mark.parametrize("kernel", ["armv7l", "armv8l", "aarch64"])
def test_the_pointer_size_decides_on_a_raspberry_pi_and_not_its_kernel(machine: Fake, kernel: str) -> None:
    machine(kernel, 32)
    assert what_fits() == 'pip install tflite-runtime "numpy<2" (32-bit ARM)'


def test_32_bit_arm_with_a_newer_python_is_told_the_last_one_that_fits(machine: Fake) -> None:
    machine("aarch64", 32, python=(3, 13))
    assert what_fits() == "tflite-runtime for 32-bit ARM ends at Python 3.11, this is 3.13"


def test_a_python_that_is_too_new_is_told_which_fit(machine: Fake) -> None:
    machine("x86_64", 64, python=(3, 15))
    assert what_fits() == "ai-edge-litert has no wheel for Python 3.15, use Python 3.10 to 3.14"


def test_an_intel_mac_is_told_where_it_would_work(machine: Fake) -> None:
    machine("x86_64", 64, system="darwin")
    assert "no wheel for Intel Macs" in what_fits()


@pytest.mark.parametrize(("name", "bits"), [("i686", 32), ("x86_64", 32), ("riscv64", 64), ("armv6l", 32)])
def test_other_machines_are_told_that_no_wheel_exists(machine: Fake, name: str, bits: int) -> None:
    machine(name, bits)
    assert what_fits() == f"no wheel exists for {bits}-bit {name}, Python 3.11, linux"


def test_what_setup_cfg_installs_is_what_edgeq_looks_for() -> None:
    text = (Path(__file__).parents[2] / "setup.cfg").read_text()
    for package in available.RUNTIMES:
        assert f"\n    {package.distribution}>=" in text
