from __future__ import annotations

import importlib.metadata
import os
import platform
import struct
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeq.demo import assets
from edgeq.errors import RuntimeUnavailableError, UsageError, WorkerError
from edgeq.runtime import available
from edgeq.runtime.available import find_runtime
from edgeq.runtime.process import Worker

Fake = Callable[..., None]
Version = namedtuple("Version", "major minor micro")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Makes this interpreter look like one on another machine."""

    def fake(
        name: str, bits: int, python: tuple[int, int] = (3, 11), system: str = "linux", glibc: str = "2.36"
    ) -> None:
        monkeypatch.setattr(platform, "machine", lambda: name)
        monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", glibc))
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
        match=r"^no TensorFlow Lite runtime is installed: pip install ai-edge-litert$",
    ):
        find_runtime()


@pytest.mark.parametrize("kernel", ["armv7l", "armv8l", "aarch64"])
def test_the_pointer_size_decides_on_a_raspberry_pi_and_not_its_kernel(
    installed: Fake, machine: Fake, kernel: str
) -> None:
    installed()
    machine(kernel, 32)
    with pytest.raises(
        RuntimeUnavailableError, match=r'pip install tflite-runtime "numpy<2" \(this is a 32-bit Python'
    ):
        find_runtime()


def test_the_predecessor_asked_for_where_it_has_no_wheel_says_why(installed: Fake, machine: Fake) -> None:
    installed(ai_edge_litert="2.3.0")
    machine("x86_64", 64, python=(3, 13))
    with pytest.raises(RuntimeUnavailableError, match=r"ends at Python 3.11, this is 3.13; use LiteRT"):
        find_runtime("tflite-runtime")


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


def fake_runtime(folder: Path, package: str, code: str) -> None:
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("")
    (folder / package / "interpreter.py").write_text(code)


def test_a_litert_that_does_not_load_names_its_predecessor_where_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Fake
) -> None:
    fake_runtime(tmp_path, "ai_edge_litert", "raise ImportError('libLiteRt.so: cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "ai_edge_litert"]:
        monkeypatch.delitem(sys.modules, name)
    installed(ai_edge_litert="2.3.0", tflite_runtime="2.14.0")
    with pytest.raises(
        RuntimeUnavailableError,
        match=r"^ai-edge-litert 2.3.0 does not load here \(--runtime tflite-runtime \(2.14.0 is installed\) may "
        r"work\): libLiteRt.so: cannot open$",
    ):
        find_runtime().module()


def test_a_litert_that_does_not_load_for_an_old_glibc_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Fake, machine: Fake
) -> None:
    fake_runtime(tmp_path, "ai_edge_litert", 'raise ImportError("version `GLIBC_2.34\' not found")')
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "ai_edge_litert"]:
        monkeypatch.delitem(sys.modules, name)
    installed(ai_edge_litert="2.3.0")
    machine("aarch64", 64, glibc="2.31")
    with pytest.raises(
        RuntimeUnavailableError, match=r"\(ai-edge-litert needs glibc 2.34, this system has 2.31: use"
    ):
        find_runtime().module()


@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
def test_a_processor_that_lacks_an_instruction_is_told_from_other_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_runtime(tmp_path, "ai_edge_litert", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        Worker("int8", verbose=False) as worker,
        pytest.raises(
            WorkerError, match=r"\(SIGILL\): this processor lacks an instruction that the runtime uses; \S"
        ),
    ):
        worker.load(assets.bundle_path() / f"{assets.NAME}.int8.tflite", 1, None)


def test_what_setup_cfg_installs_is_what_edgeq_looks_for() -> None:
    text = (Path(__file__).parents[2] / "setup.cfg").read_text()
    for package in available.RUNTIMES:
        assert f"\n    {package.distribution}>=" in text
