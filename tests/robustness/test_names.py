"""A file whose name is no UTF-8, as old archives and other systems leave them, is a file like any other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.demo import assets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")

NAME = b"caf\xe9 \xff.tflite"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the demo's int8 file under such a name, and an image for it."""
    source = assets.bundle_path() / f"{assets.NAME}.int8.tflite"
    shutil.copyfile(source, tmp_path / os.fsdecode(NAME))
    np.save(tmp_path / "input.npy", np.zeros((28, 28, 1), np.float32))
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["inspect", "--json"],
        ["inspect", "-o", "page.html", "-o", "page.txt", "-o", "page.json"],
        ["doctor"],
        ["benchmark", "--no-latency"],
        ["layers", "--json"],
        ["layers", "-o", "page.html"],
    ],
    ids=lambda command: "-".join(word.strip("-") for word in command[:2]),
)
def test_a_command_ends_well(folder: Path, command: list[str]) -> None:
    done = run(folder, [*command, NAME])
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert b"TypeError" not in said
    assert b"does not run" not in said
    said.decode("utf-8")


def test_a_file_runs_on_an_input(folder: Path) -> None:
    done = run(folder, ["run", NAME, "input.npy"])
    assert done.returncode == 0, done.stderr


def test_activations_are_measured(folder: Path) -> None:
    np.savez(folder / "data.npz", image=np.zeros((16, 28, 28, 1), np.float32))
    done = run(folder, ["inspect", "--histograms", "--data", "data.npz", "--preprocess", "raw", NAME])
    assert done.returncode == 0, done.stderr
    assert b"Activations" in done.stdout


def test_a_missing_file_is_an_error_of_one_line(folder: Path) -> None:
    done = run(folder, ["benchmark", b"\xfe.tflite"])
    assert done.returncode == 2
    (message,) = done.stderr.decode("utf-8").splitlines()
    assert message.startswith("edgeq: ")


def run(folder: Path, arguments: list[str | bytes]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "edgeq", *arguments], capture_output=True, cwd=folder, timeout=300
    )
