"""Temporary folders: gone when they are not needed any more, whatever happened to the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgeq import scratch
from edgeq.scratch import scratch_folder

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no locks on folders")


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, of this process and of those that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


HOLD = """
import sys
from edgeq.scratch import scratch_folder
with scratch_folder("held") as folder:
    (folder / "weights").write_text("x")
    print(folder, flush=True)
    sys.stdin.readline()
"""


def test_a_folder_is_there_in_the_block_and_gone_after_it(root):
    with scratch_folder("data") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a").write_text("1")
        assert folder.parent == root
        assert "data" in folder.name
    assert names(root) == []


@posix_only
def test_nobody_else_may_look_into_it(root):
    with scratch_folder("data") as folder:
        assert folder.stat().st_mode & 0o077 == 0


def test_folders_of_one_purpose_are_different(root):
    with scratch_folder("data") as one, scratch_folder("data") as other:
        assert one != other


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_removes_it_and_passes_on(root, error):
    with pytest.raises(error), scratch_folder("data"):
        raise error
    assert names(root) == []


@posix_only
def test_what_a_killed_process_left_is_removed_by_the_next_and_what_a_living_one_holds_is_not(root):
    command = [sys.executable, "-c", HOLD]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living,
    ):
        left, held = (Path(process.stdout.readline().strip()) for process in (killed, living))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.is_dir()
        third = subprocess.run(command, input="\n", capture_output=True, text=True, check=True)
        assert names(root) == [held.name]
        assert (held / "weights").read_text() == "x"
        living.communicate("\n")
    assert third.stderr == ""
    assert names(root) == []


KILLED_BEFORE_THE_LOCK = """
import os, signal
import edgeq.scratch
edgeq.scratch.lock_folder = lambda folder, wait=False: os.kill(os.getpid(), signal.SIGKILL)
with edgeq.scratch.scratch_folder("held"):
    pass
"""


@posix_only
def test_what_is_left_by_a_kill_between_making_and_locking_is_removed_too(root):
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_THE_LOCK], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(names(root)) == 1
    subprocess.run([sys.executable, "-c", HOLD], input="\n", capture_output=True, text=True, check=True)
    assert names(root) == []


@posix_only
@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked"])
def test_a_folder_that_another_process_takes_for_abandoned_is_made_again(root, monkeypatch, moment):
    real = scratch.lock_folder
    taken: list[Path] = []

    def interrupted(folder: Path, wait: bool = False) -> int | None:
        if taken:
            return real(folder, wait)
        taken.append(folder)
        if moment == "before it is opened":
            folder.rmdir()
            return real(folder, wait)
        lock = real(folder, wait)
        folder.rmdir()
        return lock

    monkeypatch.setattr(scratch, "_remove_abandoned", lambda root: None)
    monkeypatch.setattr(scratch, "lock_folder", interrupted)
    with scratch_folder("data") as folder:
        assert folder.is_dir()
        assert folder != taken[0]
    assert names(root) == []


@posix_only
def test_only_folders_of_its_own_kind_are_removed(root):
    alike = ["edgeq-scratch-data", "edgeq-study-0123456789abcdef", ".edgeq-scratch-data-0123456789abcdef"]
    for name in [*alike, "edgeq-scratch-data-0123456789abcdef"]:
        (root / name).mkdir()
    precious = root / "precious"
    precious.mkdir()
    (precious / "thesis").write_text("x")
    (root / "edgeq-scratch-data-0123456789abcde0").symlink_to(precious)
    subprocess.run([sys.executable, "-c", HOLD], input="\n", capture_output=True, text=True, check=True)
    assert names(root) == sorted([*alike, "precious", "edgeq-scratch-data-0123456789abcde0"])
    assert names(precious) == ["thesis"]
