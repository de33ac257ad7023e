"""Which wheel pip takes on a system, and which runtime that wheel asks for."""

from __future__ import annotations

import email
import importlib.util
import os
import platform
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.tags import compatible_tags
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[2]
LITERT, TFLITE = {"ai-edge-litert"}, {"tflite-runtime"}


def manylinux(machine: str, newest: int) -> list[str]:
    """The tags that pip derives from a glibc of 2.newest, best first, as PEP 600 has it."""
    return [*(f"manylinux_2_{minor}_{machine}" for minor in range(newest, 16, -1)), f"linux_{machine}"]


def musllinux(machine: str) -> list[str]:
    return [f"linux_{machine}", *(f"musllinux_1_{minor}_{machine}" for minor in range(2, -1, -1))]


# What pip supports there, what the kernel calls itself, the version of Python, and the runtimes that have a wheel.
SYSTEMS = {
    "64-bit Raspberry Pi OS bookworm": (manylinux("aarch64", 36), "aarch64", "3.11", LITERT),
    "64-bit Raspberry Pi OS trixie": (manylinux("aarch64", 41), "aarch64", "3.13", LITERT),
    "32-bit bookworm": (manylinux("armv7l", 36), "armv7l", "3.11", TFLITE),
    "32-bit bookworm on a 64-bit kernel": (manylinux("armv7l", 36), "aarch64", "3.11", TFLITE),
    "32-bit trixie": (manylinux("armv7l", 41), "armv7l", "3.13", set()),
    "32-bit trixie on a 64-bit kernel": (manylinux("armv7l", 41), "aarch64", "3.13", set()),
    "32-bit bullseye, of an older glibc": (manylinux("armv7l", 31), "aarch64", "3.10", set()),
    "a Raspberry Pi Zero": (["linux_armv6l"], "armv6l", "3.11", set()),
    "a PC": (manylinux("x86_64", 39), "x86_64", "3.12", LITERT),
    "a 32-bit container on a PC": (manylinux("i686", 36), "x86_64", "3.11", set()),
    "Alpine on a PC": (musllinux("x86_64"), "x86_64", "3.12", set()),
    "Alpine on a Raspberry Pi": (musllinux("aarch64"), "aarch64", "3.12", set()),
    "32-bit Alpine on a 64-bit kernel": (musllinux("armv7l"), "aarch64", "3.11", set()),
    "a Python that is too new": (manylinux("x86_64", 41), "x86_64", "3.15", set()),
    "RISC-V": (manylinux("riscv64", 41), "riscv64", "3.13", set()),
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Those of a release, built in a copy: building writes beside the sources."""
    folder = tmp_path_factory.mktemp("release")
    checkout = folder / "checkout"
    shutil.copytree(ROOT / "edgeq", checkout / "edgeq", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("android_demo", "tools"):
        shutil.copytree(
            ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "build", "assets")
        )
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg", "setup.py"):
        shutil.copy(ROOT / name, checkout)
    done = subprocess.run(
        [str(checkout / "tools" / "build-wheels"), str(folder / "dist"), "--no-isolation"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted((folder / "dist").glob("*.whl"))


def runtimes_asked_for(wheel: Path, machine: str, python: str) -> set[str]:
    """The runtimes that a wheel requires on such a system, by its markers."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []
    environment = {
        **default_environment(),
        "platform_machine": machine,
        "python_version": python,
        "extra": "",
    }
    wanted = (Requirement(line) for line in lines)
    names = {one.name for one in wanted if one.marker is None or one.marker.evaluate(environment)}
    return names & (LITERT | TFLITE)


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_pip_takes_a_wheel_that_asks_for_a_runtime_only_where_one_fits(
    wheels: list[Path], system: str
) -> None:
    assert len(wheels) == 3
    platforms, machine, python, expected = SYSTEMS[system]
    major, minor = map(int, python.split("."))
    preferred = list(compatible_tags((major, minor), f"cp{major}{minor}", platforms))
    offered = [(wheel, parse_wheel_filename(wheel.name)[3]) for wheel in wheels]
    ranked = [
        (min(preferred.index(tag) for tag in tags if tag in preferred), wheel)
        for wheel, tags in offered
        if tags & set(preferred)
    ]
    assert runtimes_asked_for(min(ranked)[1], machine, python) == expected


@pytest.fixture
def setup_py(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What builds edgeq where it is installed.

    With empty modules for setuptools, which nothing here calls: the real one does not load where another test's
    packages have loaded Python's own distutils.
    """
    setuptools, wheels = ModuleType("setuptools"), ModuleType("setuptools.command.bdist_wheel")
    setuptools.setup = wheels.get_platform = None  # type: ignore[attr-defined]
    wheels.bdist_wheel = object  # type: ignore[attr-defined]
    packages = ModuleType("setuptools.command.build_py")
    packages.build_py = object  # type: ignore[attr-defined]
    for module in (setuptools, ModuleType("setuptools.command"), wheels, packages):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    spec = importlib.util.spec_from_file_location("edgeq_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("machine", "bits", "library", "kind"),
    [
        ("aarch64", 64, ("glibc", "2.36"), "any"),
        ("aarch64", 32, ("glibc", "2.36"), "arm32"),
        ("armv7l", 32, ("glibc", "2.41"), "arm32"),
        ("armv8l", 32, ("glibc", "2.36"), "arm32"),
        ("aarch64", 32, ("glibc", "2.31"), "bare"),
        ("aarch64", 64, ("", ""), "bare"),
        ("x86_64", 64, ("musl", "1.2.5"), "bare"),
        ("x86_64", 32, ("glibc", "2.36"), "bare"),
        ("x86_64", 64, ("glibc", "2.31"), "any"),
        ("armv6l", 32, ("glibc", "2.36"), "any"),
    ],
)
def test_what_is_built_where_it_is_installed_goes_by_the_interpreter(
    setup_py: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    machine: str,
    bits: int,
    library: tuple[str, str],
    kind: str,
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    monkeypatch.setattr(struct, "calcsize", lambda _: bits // 8)
    monkeypatch.setattr(sys, "platform", "linux")
    assert setup_py.kind_here() == kind


def test_the_wheels_differ_in_their_runtime_only(setup_py: ModuleType) -> None:
    everywhere, arm, bare = (set(setup_py.requirements(kind)) for kind in ("any", "arm32", "bare"))
    assert bare < everywhere
    assert bare < arm
    assert {Requirement(line).name for line in everywhere - bare} == LITERT | TFLITE | {"numpy"}
    assert {Requirement(line).name for line in arm - bare} == TFLITE | {"numpy"}


def test_an_unknown_wheel_is_refused(monkeypatch: pytest.MonkeyPatch, setup_py: ModuleType) -> None:
    monkeypatch.setenv("EDGEQ_WHEEL", "arm64")
    with pytest.raises(SystemExit, match="expected one of any, arm32, bare"):
        setup_py.main()
