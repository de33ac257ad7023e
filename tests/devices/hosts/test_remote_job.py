"""The job as the device runs it, over pipes instead of a connection: a plain program stands for the packed bundle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from edgeq.benchmark.session import Session
from edgeq.devices.hosts import remote_job
from edgeq.errors import UsageError

def run(archive, options, progress):
    progress("first", 0, 2)
    progress("too soon after it", 1, 2)
    if options.baseline == "refuse":
        raise UsageError("no such variant")
    if options.baseline == "full":
        raise OSError(28, "No space left on device")
    if options.baseline == "bug":
        raise KeyError("x")
    while options.baseline == "wait":
        time.sleep(0.05)
    return Session((), {{"int8": str(options.threads)}}, ("a note",))

sys.exit(remote_job.main(Path(sys.argv[0]), sys.argv[2:], run))
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "jobs" / "edgeq-job-0123456789abcdef"
    made.mkdir(parents=True)
    (made / "beat").touch()
    (made / "program.pyz").write_text(PROGRAM.format(root=str(ROOT)))
    return made


def attached(folder, first=0, *options, grace=20.0):
    command = [sys.executable, str(folder / "program.pyz"), "remote-job", "attach", "--token", "T"]
    command += ["--from", str(first), "--grace", str(grace), "--options", json.dumps(options)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def events(process, until):
    found = []
    while not found or found[-1].get("event") not in until:
        line = process.stdout.readline()
        assert line.startswith("T "), found
        found.append(json.loads(line[2:]))
    return found


def kinds(found):
    return [event["event"] for event in found]


def test_events_come_in_order_and_everything_is_removed_when_that_is_said(folder):
    with attached(folder, 0, "--threads=3") as process:
        found = events(process, ["end"])
        process.stdin.write("remove\n")
        process.stdin.flush()
        assert kinds(events(process, ["removed"]))[-1] == "removed"
    assert kinds(found) == ["progress", "failure", "note", "end"]
    assert found[1]["reason"] == "(3,)"
    assert process.returncode == 0
    assert not folder.parent.exists()


def test_who_attaches_again_gets_the_rest_and_nothing_runs_twice(folder):
    with attached(folder) as process:
        events(process, ["end"])
    assert folder.is_dir()
    with attached(folder, 2) as process:
        assert kinds(events(process, ["dead"])) == ["note", "end", "dead"]


def test_the_measuring_goes_on_when_the_connection_is_cut_and_ends_on_removal(folder):
    with attached(folder, 0, "--baseline-variant=wait") as process:
        events(process, ["progress"])
        number = int((folder / "pid").read_text())
        process.kill()
    os.kill(number, 0)
    with attached(folder, 1, "--baseline-variant=wait") as process:
        process.stdin.write("remove\n")
        process.stdin.flush()
        events(process, ["removed"])
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        wait_for_the_end_of(number)


def wait_for_the_end_of(number):
    for _ in range(500):
        if Path(f"/proc/{number}/stat").read_text().split()[2] == "Z":
            raise ProcessLookupError
        os.kill(number, 0)
        time.sleep(0.02)


def test_a_dead_measuring_process_is_told_with_its_last_words(folder):
    with attached(folder, 0, "--baseline-variant=wait") as process:
        events(process, ["progress"])
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
        (dead,) = events(process, ["dead"])
        assert dead["last"] == ""
        assert dead["free"] > 0


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--baseline-variant=refuse", "no such variant"),
        ("--baseline-variant=full", "No space left on device; free some space"),
        ("--baseline-variant=bug", "KeyError: 'x'"),
        ("--no-such-option", "unrecognized arguments: --no-such-option"),
    ],
)
def test_what_fails_is_told_in_one_line(folder, option, text):
    with attached(folder, 0, option) as process:
        assert text in events(process, ["error"])[-1]["text"]


def test_who_is_not_asked_for_in_time_ends(folder):
    with attached(folder, 0, "--baseline-variant=wait", grace=1.0) as process:
        process.wait(30)
        assert process.returncode == -signal.SIGALRM
        os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)


def test_the_end_of_a_terminal_does_not_end_the_measuring(folder):
    with attached(folder, 0, "--baseline-variant=wait") as process:
        events(process, ["progress"])
        number = int((folder / "pid").read_text())
        os.kill(number, signal.SIGHUP)
        process.stdin.write("\n")
        process.stdin.flush()
        os.kill(number, 0)
        assert Path(f"/proc/{number}/stat").read_text().split()[2] != "Z"
        os.killpg(number, signal.SIGKILL)


def test_an_event_that_does_not_fit_is_not_there_in_part(tmp_path):
    script = (
        "import resource, sys; from pathlib import Path; from edgeq.devices.hosts.remote_job import _Events\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); events = _Events(Path(sys.argv[1]))\n"
        "events.write('note', text='fits')\n"
        "try: events.write('note', text='x' * 2000)\n"
        "except OSError as error: events.fail(error.strerror)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=ROOT)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert kinds(map(json.loads, lines)) == ["note", "error"]
