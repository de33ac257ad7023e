"""The job on the device: measures in a process that outlives the connection, and tells what comes of it.

``attach`` starts the measuring process where none runs yet and prints its events from a given one on, until stdin
is closed; ``measure`` is that process. Events are lines of JSON in a file of the job's folder: after a cut whoever
attaches again gets the rest of them, so nothing is lost and nothing is measured twice. Who watches that the job does
not outlive its use is the keeper, see `edgeq.devices.hosts.remote_folder`.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from edgeq.benchmark.measurement import to_json
from edgeq.benchmark.session import Session
from edgeq.devices.hosts import remote_folder
from edgeq.devices.job_options import JobOptions, add_options, job_options
from edgeq.errors import EXIT_BAD_INPUT, EXIT_FINE, EdgeqError, UsageError
from edgeq.unwinding import explanation

COMMAND = "remote-job"

Progress = Callable[[str, int, int], None]
Run = Callable[[Path, JobOptions, Progress | None], Session]

_EVENTS, _OUTPUT, _RESERVE, _TEMPORARY = "events.jsonl", "output.txt", "reserve", "tmp"
_RESERVE_BYTES = 1 << 16
"""Given back when the disk is full, so that there is room to say so."""
_POLL_S = 0.5
_PROGRESS_S = 0.5
"""Between two events of progress: the measuring is not to be disturbed by telling of it."""
_OUTPUT_LIMIT = 1 << 14


def main(archive: Path, words: Sequence[str], run: Run) -> int:
    """Runs one of the two commands.

    Args:
        archive: the packed bundle, in the job's folder.
        words: ``attach`` or ``measure`` and its options.
        run: measures what is packed.

    Returns:
        The exit code.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    parser = _Parser(prog=COMMAND)
    commands = parser.add_subparsers(dest="action", required=True)
    attach = commands.add_parser("attach")
    attach.add_argument("--token", required=True)
    attach.add_argument("--from", type=int, required=True, dest="first")
    attach.add_argument("--grace", type=float, required=True)
    measure = commands.add_parser("measure")
    for command in (attach, measure):
        command.add_argument("--options", required=True, help="arguments of a job as a list in JSON")
    parsed = parser.parse_args(words)
    if parsed.action == "measure":
        return _measure(archive, json.loads(parsed.options), run)
    return _Attached(archive, parsed.token, parsed.grace).follow(parsed.first, parsed.options)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """As every wrong option."""
        raise UsageError(message)


class _Attached:
    """The end of the connection on the device."""

    def __init__(self, archive: Path, token: str, grace_s: float) -> None:
        self._archive = archive
        self._folder = archive.parent
        self._token = token
        self._grace_s = grace_s
        self._output_told = 0

    def follow(self, first: int, options: str) -> int:
        """Prints events from `first` on, until it is told to remove the job or the connection is cut."""
        remote_folder.give_up_after(self._grace_s)
        is_verbose = "--verbose" in json.loads(options)
        if not self._start(options):
            self._output_told = (self._folder / _OUTPUT).stat().st_size
        has_ended = False
        with (self._folder / _EVENTS).open("rb") as events:
            for _ in range(first):
                events.readline()
            while True:
                asked = self._asked()
                if asked is None:
                    return EXIT_FINE
                if asked:
                    remote_folder.remove(self._folder)
                    remote_folder.tell(self._token, event="removed")
                    return EXIT_FINE
                # In this order: what it wrote last is read after it was seen to be dead.
                is_dead = not remote_folder.is_measuring(self._folder)
                self._forward(events)
                if is_verbose:
                    self._forward_output()
                if is_dead and not has_ended:
                    has_ended = True
                    remote_folder.tell(self._token, **self._obituary())

    def _asked(self) -> bool | None:
        """Whether the job is to be removed; None where the connection is cut."""
        if not select.select([0], [], [], _POLL_S)[0]:
            return False
        data = os.read(0, 4096)
        if not data:
            return None
        remote_folder.beat(self._folder)
        remote_folder.give_up_after(self._grace_s)
        remote_folder.tell(self._token, event="here")
        return b"remove" in data

    def _forward(self, events: BinaryIO) -> None:
        """Prints the events that are whole."""
        while True:
            start = events.tell()
            line = events.readline()
            if not line.endswith(b"\n"):
                events.seek(start)
                break
            sys.stdout.buffer.write(self._token.encode("ascii") + b" " + line)
        sys.stdout.buffer.flush()

    def _forward_output(self) -> None:
        """Prints what the runtime itself has printed since this process has attached, a line at a time."""
        with (self._folder / _OUTPUT).open("rb") as output:
            output.seek(self._output_told)
            while (line := output.readline(_OUTPUT_LIMIT)).endswith(b"\n"):
                self._output_told = output.tell()
                text = line.decode("utf-8", "replace").rstrip()
                remote_folder.tell(self._token, event="output", text=text)

    def _start(self, options: str) -> bool:
        """Starts the measuring process, once a job; whether it did so now."""
        try:
            number = (self._folder / remote_folder.PID).open("x", encoding="ascii")
        except FileExistsError:
            return False
        with number, (self._folder / _OUTPUT).open("wb") as output, _alive(self._folder) as alive:
            (self._folder / _EVENTS).touch()
            (self._folder / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))
            (self._folder / _TEMPORARY).mkdir()
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-X",
                    "utf8",
                    str(self._archive),
                    COMMAND,
                    "measure",
                    f"--options={options}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(),
                start_new_session=True,
                pass_fds=[alive.fileno()],
            )
            number.write(str(process.pid))
        return True

    def _environment(self) -> dict[str, str]:
        """All that it unpacks and remembers lies in the job's folder, and goes with it."""
        temporary = str(self._folder / _TEMPORARY)
        return {**os.environ, "TMPDIR": temporary, "XDG_CACHE_HOME": temporary, "PYTHONUTF8": "1"}

    def _obituary(self) -> dict[str, Any]:
        """That the measuring process is dead; no news where it told that it ended."""
        with (self._folder / _OUTPUT).open("rb") as output:
            output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT_LIMIT))
            last = output.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        free = shutil.disk_usage(self._folder).free
        return {"event": "dead", "last": "".join(last), "free": free}


def _alive(folder: Path) -> BinaryIO:
    """The file that is locked for as long as the process lives that inherits it."""
    import fcntl

    file = (folder / remote_folder.ALIVE).open("wb")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _measure(archive: Path, words: Sequence[str], run: Run) -> int:
    """Measures and writes what comes of it as events."""
    events = _Events(archive.parent)
    try:
        parser = _Parser(prog=COMMAND)
        add_options(parser)
        session = run(archive, job_options(parser.parse_args(words)), events.progress)
        for one in session.measurements:
            events.write("measurement", value=to_json(one))
        for variant, reason in session.failures.items():
            events.write("failure", variant=variant, reason=reason)
        for note in session.notes:
            events.write("note", text=note)
        events.write("end")
    except EdgeqError as error:
        return events.fail(str(error))
    except OSError as error:
        return events.fail(explanation(error))
    except (ValueError, RuntimeError, KeyError, TypeError, MemoryError) as error:
        return events.fail(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return EXIT_FINE


class _Events:
    """The file of events."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = -_PROGRESS_S

    def progress(self, what: str, done: int, total: int) -> None:
        """Tells how far it is, not too often."""
        now = time.monotonic()
        if now - self._told >= _PROGRESS_S:
            self._told = now
            self.write("progress", what=what, done=done, total=total)

    def write(self, event: str, **what: Any) -> None:
        """Adds one event, whole or not at all."""
        line = json.dumps({"event": event, **what}).encode("ascii") + b"\n"
        with (self._folder / _EVENTS).open("ab", buffering=0) as file:
            start = file.tell()
            if file.write(line) != len(line):
                file.truncate(start)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(self, message: str) -> int:
        """Tells why nothing could be measured."""
        (self._folder / _RESERVE).unlink(missing_ok=True)
        self.write("error", text=message)
        return EXIT_BAD_INPUT
