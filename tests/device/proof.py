"""What is run on the emulated machines, side by side on all cores of this one, and what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from emulated_pi import COMMANDS, RUNTIME, EmulatedPi, boot
from machines import Machine
from PIL import Image

from edgeq.demo import assets

ROOT = Path(__file__).parents[2]
ITEMS = 20
"""Validation inputs in a packed bundle: an emulated core runs 20 of the demo's a second."""

_TIMEOUT_S = 600.0

BARE, MOBILENET, DEVICE, SMOKE = "bare", "mobilenet", "device", "smoke"
KINDS = (BARE, MOBILENET, DEVICE, SMOKE)
"""The packed demo, a packed MobileNetV2, edgeq's own commands, and one variant of the packed demo."""

_QUICK = ("--quick", "--threads", "1")


@dataclass(frozen=True)
class Ran:
    """A machine after its commands.

    Attributes:
        pi: the machine.
        done: how the measuring command ended.
        others: how the commands after it ended, by name.
    """

    pi: EmulatedPi
    done: subprocess.CompletedProcess[str]
    others: Mapping[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)


class Proofs:
    """All that was asked for, begun at once: whoever wants a result waits for that one only."""

    def __init__(self, known: dict[str, Machine], folder: Path, wanted: Iterable[tuple[str, str]]) -> None:
        """Begins.

        Args:
            known: machines by name.
            folder: for everything.
            wanted: what is run, one of `KINDS`, and the machine's name.
        """
        self._known, self._folder = known, folder
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._begun: dict[tuple[str, str], Future[Any]] = {}
        jobs = sorted(set(wanted))
        runs = {
            BARE: self._run_demo,
            SMOKE: self._run_one,
            DEVICE: self._run_commands,
            MOBILENET: self._run_mobilenet,
        }
        # One that waits for another comes after it, so that the pool never waits for itself.
        self._begin(("made", "demo"), self._pack_demo)
        self._begin(("made", "wheels"), self._build_wheels)
        if any(kind == MOBILENET for kind, _ in jobs):
            self._begin(("made", "mobilenet"), self._pack_mobilenet)
        for kind, run in runs.items():
            for name in [name for wanted_kind, name in jobs if wanted_kind == kind]:
                self._begin((kind, name), run, name)

    def result(self, kind: str, name: str) -> Any:
        """Waits for a result; errors of its making are raised here."""
        return self._begun[kind, name].result()

    def close(self) -> None:
        """Lets what has begun end, and begins nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, key: tuple[str, str], made: Callable[..., Any], *arguments: Any) -> None:
        self._begun[key] = self._pool.submit(made, *arguments)

    def _new(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def _pack_demo(self) -> Path:
        """``demo.pyz``, with the data that it was made of, an image and the bundle."""
        folder = self._new("demo")
        data = assets.test_data()
        (name,) = data.input_names()
        assert data.labels is not None
        some = list(range(0, len(data), len(data) // ITEMS))[:ITEMS]
        pixels = data.raw(name, some)
        np.savez(folder / "data.npz", image=pixels, labels=data.labels[some])
        Image.fromarray(np.asarray(pixels[0])[..., 0]).save(folder / "photo.png")
        shutil.copytree(assets.bundle_path(), folder / "bundle")
        _edgeq("pack", folder / "bundle", "--data", folder / "data.npz", "-o", folder / "demo.pyz")
        return folder

    def _pack_mobilenet(self) -> Path:
        folder = self._new("mobilenet")
        _finished([sys.executable, str(Path(__file__).parent / "mobilenet.py"), str(folder)])
        packed, data = folder / "mobilenet.pyz", folder / "others.npz"
        _edgeq("pack", folder / "bundle", "--data", data, "--items", str(ITEMS // 2), "-o", packed)
        return folder

    def _build_wheels(self) -> Path:
        """A release's wheels, built in a copy: building writes beside the sources."""
        folder = self._new("wheels")
        checkout = folder / "checkout"
        without = shutil.ignore_patterns("__pycache__")
        for name in ("android_demo", "edgeq", "tools"):
            shutil.copytree(ROOT / name, checkout / name, ignore=without)
        for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg", "setup.py"):
            shutil.copy(ROOT / name, checkout)
        build = [str(checkout / "tools" / "build-wheels"), str(folder / "dist"), "--no-isolation"]
        _finished(build, PYTHON=sys.executable)
        return folder / "dist"

    def _run_demo(self, name: str) -> Ran:
        return self._run_packed(name, "demo")

    def _run_mobilenet(self, name: str) -> Ran:
        return self._run_packed(name, "mobilenet")

    def _run_one(self, name: str) -> Ran:
        return self._run_packed(name, "demo", "--variant", "int8", "--no-accuracy")

    def _run_packed(self, name: str, packed: str, *options: str) -> Ran:
        pi = boot(self._known[name], self._new(f"{name}-{packed}"), RUNTIME)
        shutil.copy(self.result("made", packed) / f"{packed}.pyz", pi.home)
        return Ran(pi, pi.run("python3", f"{packed}.pyz", *_QUICK, *options))

    def _run_commands(self, name: str) -> Ran:
        pi = boot(self._known[name], self._new(f"{name}-device"), RUNTIME, COMMANDS)
        pi.install(self.result("made", "wheels"))
        shutil.copytree(self.result("made", "demo"), pi.home, dirs_exist_ok=True)
        results = ("-o", "results.jsonl")
        done = pi.run("edgeq", "benchmark", "bundle", "--data", "data.npz", *_QUICK, *results)
        others = {
            "run": pi.run("edgeq", "run", "bundle", "photo.png"),
            "inspect": pi.run("edgeq", "inspect", "bundle/fashion_mnist.int8.tflite", "--json"),
            "report": pi.run("edgeq", "report", "results.jsonl", "-o", "report.md"),
        }
        return Ran(pi, done, others)


def _edgeq(*arguments: str | Path) -> None:
    _finished([sys.executable, "-m", "edgeq", *map(str, arguments)])


def _finished(command: list[str], **variables: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
