"""The command line as a user meets it: a real process in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgeq.demo import assets

_TIMEOUT_S = 120
_PATIENCE_S = 60
"""For what comes in less than a second."""

# What would make a developer's terminal differ from a build machine.
_OWN = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE", "PYTHONIOENCODING")


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of an error, without the program's name."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("edgeq: "), self.err
        assert self.out == ""
        return lines[0].removeprefix("edgeq: ")


class CommandLine:
    """Runs edgeq in a folder of its own and with a temporary folder of its own."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary
        self._tag = uuid.uuid4().hex
        own = {name: value for name, value in os.environ.items() if name not in _OWN}
        self.environment = {**own, "TMPDIR": str(temporary), "EDGEQ_TEST": self._tag}
        self.environment["XDG_CACHE_HOME"] = str(temporary.parent / f"cache-{self._tag}")

    def __call__(self, *arguments: str | Path, **environment: str) -> Run:
        process = self.start(*arguments, **environment)
        try:
            out, err = process.communicate(timeout=_TIMEOUT_S)
        finally:
            process.kill()
        assert "Traceback" not in err, err
        return Run(process.returncode, out, err)

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Starts a command in a process group of its own, as a shell does."""
        return subprocess.Popen(
            [sys.executable, "-m", "edgeq", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def shell(self, script: str) -> Run:
        """Runs a script of bash in which $EDGEQ is the command."""
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment | {"EDGEQ": f"{sys.executable} -m edgeq"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_TIMEOUT_S,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def processes(self) -> dict[int, str]:
        """The command lines of all living processes that were started from here, by number; Linux only."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self._tag.encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                # It ended meanwhile, or is somebody else's.
                continue
        return {number: line for number, line in found.items() if line}

    def leftovers(self) -> list[str]:
        """What lies in the temporary folder."""
        return sorted(entry.name for entry in self.temporary.iterdir())

    def hidden(self) -> list[str]:
        """Names that begin with a dot beside the outputs."""
        return sorted(entry.name for entry in self.folder.iterdir() if entry.name.startswith("."))


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], Any], str], Any]:
    """Waits for a condition and returns what made it true."""

    def wait(condition: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            result = condition()
            if result:
                return result
            time.sleep(0.02)
        pytest.fail(f"{what} did not come within {_PATIENCE_S} s")

    return wait


@pytest.fixture
def edgeq(tmp_path_factory, wait_until) -> Iterator[CommandLine]:
    """The command; afterwards no process of it may live, and nothing of it may lie in the temporary folder."""
    command = CommandLine(tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("temporary"))
    yield command
    if sys.platform.startswith("linux"):
        # One that was being started when its parent ended finds that out after its imports.
        wait_until(lambda: not command.processes(), f"the end of {command.processes()}")
    assert command.leftovers() == []
    assert command.hidden() == []


@pytest.fixture
def work(edgeq) -> Path:
    """The folder that the command runs in."""
    return edgeq.folder


@pytest.fixture(scope="session")
def demo() -> SimpleNamespace:
    """The model, the bundle and the data that ship with edgeq."""
    folder = assets.model_path().parent
    return SimpleNamespace(
        model=assets.model_path(),
        bundle=assets.bundle_path(),
        calibration=folder / "calibration.npz",
        test=folder / "test.npz",
        images=np.load(folder / "test.npz")["image"],
        labels=np.load(folder / "test.npz")["labels"],
    )


@pytest.fixture(scope="session")
def blocked(tmp_path_factory) -> Callable[..., str]:
    """Makes packages look as if they were not installed; returns a PYTHONPATH that does it for a process."""

    def block(*modules: str, distributions: tuple[str, ...] = ()) -> str:
        folder = tmp_path_factory.mktemp("blocked")
        (folder / "sitecustomize.py").write_text(
            _BLOCKER.format(modules=modules, distributions=distributions)
        )
        return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])

    return block


_BLOCKER = """
import importlib.metadata, importlib.util, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
version, find_spec = importlib.metadata.version, importlib.util.find_spec

def without(name):
    if name in {distributions}:
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)

importlib.metadata.version = without
importlib.util.find_spec = lambda name, package=None: None if name in {modules} else find_spec(name, package)
"""


@pytest.fixture(scope="session")
def no_tensorflow(blocked) -> dict[str, str]:
    """Environment of a process in which an attempt to load TensorFlow fails, as on a device."""
    return {"PYTHONPATH": blocked("tensorflow", "keras")}


@pytest.fixture(scope="session")
def results(tmp_path_factory, demo) -> Path:
    """results.jsonl of float32 and int8, measured on 200 images for a moment; do not write to it."""
    command = CommandLine(tmp_path_factory.mktemp("measured"), tmp_path_factory.mktemp("temporary"))
    run = command(
        "benchmark", demo.bundle, "--variant", "float32", "--variant", "int8", "--data", demo.test,
        "--limit", "200", "--quick", "--threads", "1", "-o", "results.jsonl",
    )  # fmt: skip
    assert run.code == 0, run.err
    return command.folder / "results.jsonl"
