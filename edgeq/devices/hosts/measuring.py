"""One job on a device over SSH: copies a packed bundle there, runs it, brings the results, leaves nothing behind.

A cut connection is made again and goes on where it was: the copy from the bytes that are there, the job from the
events that came. What is done there is in `edgeq.devices.hosts.remote_folder` and `edgeq.devices.hosts.remote_job`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeq.benchmark.session import Progress, Session
from edgeq.devices.hosts.events import RemoteEvents
from edgeq.devices.hosts.host import Interpreter
from edgeq.devices.hosts.process import RemoteProcess
from edgeq.devices.hosts.python import command_for
from edgeq.devices.hosts.refusals import cause_of_death, refusal
from edgeq.devices.hosts.ssh_connection import SshConnection, new_token
from edgeq.devices.hosts.ssh_errors import ConnectionLostError
from edgeq.devices.job_options import JobOptions
from edgeq.devices.packed.archive import BUNDLE_FOLDER, INPUTS_NPZ
from edgeq.errors import BundleError, DeviceError

Say = Callable[[str], None]

GRACE_S = 60.0
"""After which a device that hears nothing from here ends its job: a Wi-Fi that comes back does so in half of it."""

_COMMAND = "remote-job"
_CHUNK = 1 << 16
_PAUSE_S = 1.0
_REMOVE_S = 15.0
_WORKING_ROOM = 16 << 20
"""Beside the files: events, inputs of one item, what the runtime caches."""
_LONGEST_OUTPUT = 1_000
_HUNG_S = 60.0
"""Without an answer although the connection lives, as when a card fails."""
_MOST_CUTS = 5
"""In a row without a single event in between."""
_FOLDER = re.compile(r"/[^\0]*/edgeq-job-[0-9a-f]{16}", re.ASCII)


class RemoteMeasuring:
    """One packed bundle on its way to the device, there, and its results on their way back."""

    def __init__(
        self,
        connection: SshConnection,
        packed: Path,
        options: JobOptions,
        interpreter: Interpreter,
        *,
        progress: Progress | None = None,
        say: Say | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        """Starts nothing yet.

        Args:
            connection: to the device.
            packed: the file.
            options: what is measured.
            interpreter: that measures there.
            progress: called with what is being done.
            say: called with the runtime's own output, where the options let it through.
            grace_s: seconds after which the device gives the job up when it hears nothing from here.

        Raises:
            BundleError: the file is no packed bundle.
        """
        self._connection = connection
        self._spec = spec = connection.spec
        self._options = options
        self._python = interpreter.path
        self._progress = progress
        self._say = say or silence
        self._grace_s = grace_s
        self._name = f"{packed.stem}.pyz"
        self._content = packed.read_bytes()
        self._needed = _room(packed)
        self._folder = ""
        self._boot = ""
        self._events = RemoteEvents(spec, progress)
        self._heard = time.monotonic()
        self._cuts = self._cuts_in_a_row = 0

    def run(self) -> Session:
        """Copies, measures, and removes what is there, whatever happens.

        Raises:
            DeviceError: nothing was measured; one line.
        """
        try:
            self._persistently(self._copy)
            self._persistently(self._follow)
        finally:
            self._clean_up()
        cut = f"the connection to {self._spec} was cut {_times(self._cuts)} and went on where it was"
        return self._events.session([cut] if self._cuts else [])

    def _clean_up(self) -> None:
        """Removes what is there; where it cannot be reached, it removes that itself."""
        if not self._folder:
            return
        token = new_token()
        command = self._command(token, "remove", self._folder)
        with (
            contextlib.suppress(DeviceError),
            self._connection.start(command, token, timeout_s=_REMOVE_S, also_stopped=True) as process,
        ):
            process.answer()

    def _persistently(self, attempt: Callable[[], None]) -> None:
        """Tries again after a cut, for as long as the device keeps what is there."""
        while True:
            try:
                return attempt()
            except ConnectionLostError as error:
                if self._events.has_ended:
                    # All results are here; the device cleans up by itself.
                    return None
                self._cuts += 1
                self._cuts_in_a_row += 1
                self._connect_again(error)

    def _connect_again(self, cut: ConnectionLostError) -> None:
        reason: DeviceError = cut
        while time.monotonic() - self._heard < self._grace_s and self._cuts_in_a_row <= _MOST_CUTS:
            self._show("connection lost, connecting again", 0, 1)
            time.sleep(min(_PAUSE_S, self._grace_s / 10))
            self._connection.check_wanted()
            try:
                return self._connection.connect_again()
            except ConnectionLostError as error:
                reason = error
            except DeviceError as error:
                # It lasts: most often a password would be needed again.
                reason = error
                break
        self._connection.check_wanted()
        why = str(reason).removeprefix(f"{self._spec}: ")
        raise DeviceError(
            f"{self._spec}: the connection was lost midway ({why}); what was copied there is removed by itself: "
            "measure again when it holds"
        ) from reason

    def _copy(self) -> None:
        """Copies the packed bundle, from where an earlier attempt was cut."""
        token = new_token()
        size = len(self._content)
        sha256 = hashlib.sha256(self._content).hexdigest()
        words = [self._folder, self._name, str(size), sha256, str(self._needed), str(self._grace_s)]
        with self._connection.start(self._command(token, "receive", *words), token) as process:
            have = self._begun(process.answer())
            self._heard = time.monotonic()
            for start in range(have, size, _CHUNK):
                if not process.send(self._content[start : start + _CHUNK]):
                    break
                self._heard = time.monotonic()
                self._show(f"copying {self._name}", min(start + _CHUNK, size), size)
            answer = process.last_answer()
            self._heard = time.monotonic()
            if not answer.get("received"):
                raise self._refused(answer)
        self._cuts_in_a_row = 0

    def _begun(self, answer: Mapping[str, Any]) -> int:
        """Where to go on with the copy."""
        folder, have = answer.get("folder"), answer.get("have")
        if not isinstance(folder, str) or type(have) is not int:
            raise self._refused(answer)
        if not _FOLDER.fullmatch(folder) or not 0 <= have <= len(self._content):
            raise DeviceError(f"{self._spec}: what it says of its folder cannot be read: {folder[:200]!r}")
        self._folder, self._boot = folder, str(answer.get("boot") or "")
        return have

    def _follow(self) -> None:
        """Lets it measure and takes the events, those that are still missing."""
        token = new_token()
        job = [_COMMAND, "attach", "--token", token, "--from", str(self._events.count)]
        job += ["--grace", str(self._grace_s), "--options", json.dumps(self._options.arguments())]
        command = self._command(token, "attach", f"{self._folder}/{self._name}", *job)
        with self._connection.start(command, token) as process, self._asking(process):
            self._check_alive(process.answer())
            begun = self._heard = time.monotonic()
            for answer in process.answers():
                self._heard = time.monotonic()
                if answer.get("event") == "removed":
                    self._folder = ""
                    return
                if answer.get("event") != "here" or self._heard - begun > self._grace_s / 10:
                    self._cuts_in_a_row = 0
                self._take(answer)
                if self._events.has_ended:
                    process.send(b"remove\n")
            raise process.failure()

    def _take(self, answer: Mapping[str, Any]) -> None:
        """What it tells: of itself, or an event of the job."""
        kind = answer.get("event")
        if kind == "output":
            self._say(f"{self._spec}: {str(answer.get('text'))[:_LONGEST_OUTPUT]}")
        elif kind == "dead":
            if not self._events.has_ended:
                raise DeviceError(f"{self._spec}: {cause_of_death(answer)}")
        elif kind != "here":
            self._events.take(answer)

    @contextlib.contextmanager
    def _asking(self, process: RemoteProcess) -> Iterator[None]:
        """Says now and then that somebody is here: the device ends what nobody asks for, and answers."""
        done = threading.Event()
        begun = time.monotonic()

        def ask() -> None:
            while process.send(b"\n") and not done.wait(self._grace_s / 10):
                if time.monotonic() - max(begun, self._heard) > max(2 * self._grace_s, _HUNG_S):
                    process.expire()

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            process.kill()
            thread.join()

    def _check_alive(self, answer: Mapping[str, Any]) -> None:
        if self._boot and answer.get("boot") and answer["boot"] != self._boot:
            raise DeviceError(f"{self._spec}: was started again midway: is its power supply strong enough?")
        if answer.get("gone"):
            self._folder = ""
            raise DeviceError(
                f"{self._spec}: gave the job up, for it heard nothing from here for {self._grace_s:.0f} s: measure "
                "again when the connection holds"
            )

    def _refused(self, answer: Mapping[str, Any]) -> DeviceError:
        if answer.get("error") == "gone":
            self._check_alive({**answer, "gone": True})
        return refusal(self._spec, answer, self._needed)

    def _command(self, token: str, *words: str) -> list[str]:
        return command_for(self._python, "remote_folder", token, *words)

    def _show(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)


def _room(packed: Path) -> int:
    """Bytes that the packed bundle needs there, with what it unpacks."""
    try:
        with zipfile.ZipFile(packed) as archive:
            unpacked = sum(
                entry.file_size
                for entry in archive.infolist()
                if entry.filename.startswith(f"{BUNDLE_FOLDER}/") or entry.filename == INPUTS_NPZ
            )
    except (zipfile.BadZipFile, OSError) as error:
        raise BundleError(f"{packed.name} is no packed bundle: make one with edgeq pack") from error
    return packed.stat().st_size + unpacked + _WORKING_ROOM


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def silence(_: str) -> None:
    """Nobody wants to hear it."""
