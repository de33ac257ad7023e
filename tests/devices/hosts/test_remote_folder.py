"""A job's folder as the device makes and removes it, by real processes over pipes instead of a connection."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeq.devices.hosts import remote_folder
from edgeq.devices.hosts.python import command_for

CONTENT = os.urandom(300_000)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()
    return tmp_path / "home"


def started(home, *words):
    return subprocess.Popen(
        command_for(sys.executable, "remote_folder", "T", *words),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(home.parent / "tmp")},
    )


def receiving(home, *, folder="", content=CONTENT, needed=1, grace_s=20.0):
    sha256 = hashlib.sha256(content).hexdigest()
    return started(home, "receive", folder, "x.pyz", str(len(content)), sha256, str(needed), str(grace_s))


def answer(process):
    line = process.stdout.readline()
    assert line.startswith(b"T ")
    return json.loads(line[2:])


def removed(home, folder):
    with started(home, "remove", str(folder)) as process:
        assert answer(process) == {"removed": True}


def gone(folder):
    for _ in range(1000):
        if not folder.exists():
            return True
        time.sleep(0.02)
    return False


def test_a_file_arrives_whole_in_a_private_folder_which_can_be_removed(home):
    with receiving(home) as process:
        begun = answer(process)
        folder = Path(begun["folder"])
        process.stdin.write(CONTENT)
        process.stdin.flush()
        assert answer(process) == {"received": True}
    assert begun["have"] == 0
    assert begun["boot"] == remote_folder.boot_id()
    assert folder.parent == home / ".cache/edgeq/jobs"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "x.pyz").read_bytes() == CONTENT
    removed(home, folder)
    assert list(home.iterdir()) == []


def test_a_cut_copy_goes_on_from_what_is_there(home):
    with receiving(home) as process:
        folder = answer(process)["folder"]
        process.stdin.write(CONTENT[:200_000])
        process.stdin.close()
        process.wait()
    with receiving(home, folder=folder) as process:
        have = answer(process)["have"]
        process.stdin.write(CONTENT[have:])
        process.stdin.flush()
        assert answer(process) == {"received": True}
    assert have == 200_000
    removed(home, folder)


def test_an_altered_copy_is_not_kept(home):
    with receiving(home) as process:
        folder = Path(answer(process)["folder"])
        process.stdin.write(bytes(len(CONTENT)))
        process.stdin.flush()
        assert answer(process) == {"error": "altered"}
    assert not (folder / "x.pyz").exists()
    removed(home, folder)


def test_a_folder_that_nobody_asks_for_is_removed(home):
    with receiving(home, grace_s=0.5) as process:
        folder = Path(answer(process)["folder"])
        process.stdin.close()
        process.wait()
    assert gone(folder.parent)


def test_a_folder_stays_while_somebody_asks_for_it(home):
    with receiving(home, grace_s=1.5) as process:
        folder = Path(answer(process)["folder"])
        process.stdin.close()
        process.wait()
    for _ in range(30):
        remote_folder.beat(folder)
        time.sleep(0.1)
    assert folder.is_dir()
    assert gone(folder)


def test_no_room_anywhere_leaves_no_folders(home):
    with receiving(home, needed=1 << 60) as process:
        said = answer(process)
    assert said["error"] == "no room"
    assert set(said["room"]) == {str(home / ".cache/edgeq/jobs"), str(home.parent / "tmp")}
    assert list(home.iterdir()) == []


def test_the_temporary_folder_serves_where_the_home_cannot_be_written(home):
    (home / ".cache").write_text("no folder")
    with receiving(home) as process:
        folder = Path(answer(process)["folder"])
    assert folder.parent == home.parent / "tmp"
    removed(home, folder)
    assert folder.parent.is_dir()


@pytest.mark.parametrize("name", ["home", "edgeq-job-0123", "edgeq-job-0123456789abcdefg", ".."])
def test_nothing_else_is_ever_removed(home, name):
    folder = home / name
    folder.mkdir(exist_ok=True)
    with started(home, "remove", str(folder)) as process:
        assert answer(process)["error"] == "os"
    assert folder.is_dir()


def test_a_folder_that_is_gone_is_said(home):
    with receiving(home, folder=str(home / "edgeq-job-0123456789abcdef")) as process:
        assert answer(process)["error"] == "gone"
    with started(home, "attach", str(home / "edgeq-job-0123456789abcdef/x.pyz")) as process:
        assert answer(process)["gone"]


def test_the_folder_of_a_living_job_is_not_taken_for_abandoned(home):
    with receiving(home) as process:
        living = Path(answer(process)["folder"])
    dead = living.with_name("edgeq-job-0123456789abcdef")
    dead.mkdir()
    with receiving(home) as process:
        other = Path(answer(process)["folder"])
    assert living.is_dir()
    assert not dead.exists()
    removed(home, living)
    assert other.is_dir()
    removed(home, other)
