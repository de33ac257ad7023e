"""The system's ``adb``: which phones there are, and commands and files of one of them, always by its serial.

What a phone answers is bounded in size and time. A command's exit status is printed by the phone's own shell behind
the output, because phones before Android 7 do not hand it on.
"""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.devices.phones.bounded_process import Answer, BoundError, run_bounded
from edgeq.devices.specs import SERIAL
from edgeq.errors import DeviceError, UsageError
from edgeq.printing import printable

READY = "device"
"""The state of a phone that takes commands."""

MOST_OUTPUT = 4 << 20
"""Bytes of output of one command. `benchmark_model` prints about 4 kB, with a profile of 3000 operators 1 MB."""

_SHORT_S = 30.0
"""For what a phone answers at once; starting adb's server takes about 3 s."""

_PUSH_BYTES_PER_S = 256 << 10
"""Slower than the slowest USB 1.1 phone or Wi-Fi; what takes longer hangs."""

_HELP = {
    "unauthorized": "unlock it and confirm 'Allow USB debugging'; where it does not ask: adb kill-server, and plug it "
    "in again",
    "offline": "unplug it, plug it in again, and see that its screen is on",
    "authorizing": "unlock it and wait a moment",
    "connecting": "wait a moment",
    "bootloader": "it is in its boot loader: start Android",
    "recovery": "it is in recovery: start Android",
    "sideload": "it is in sideload: start Android",
    "no permissions": "the system does not let you use it: install android-sdk-platform-tools-common, which has udev "
    "rules, and plug it in again",
}


@dataclass(frozen=True)
class ListedPhone:
    """A line of ``adb devices``.

    Attributes:
        serial: that addresses it.
        state: ``device`` where it takes commands, else ``unauthorized``, ``offline`` and others.
    """

    serial: str
    state: str

    @property
    def remedy(self) -> str:
        """What to do where it does not take commands."""
        for state, remedy in _HELP.items():
            if self.state.startswith(state):
                return remedy
        return "unplug it and plug it in again"


class PhoneLostError(DeviceError):
    """A phone that is gone, or that takes no commands any more."""


def find_adb() -> str:
    """The path of the program ``adb``.

    Raises:
        DeviceError: there is none.
    """
    found = shutil.which("adb")
    if found is None:
        raise DeviceError(
            "adb is not installed: apt install adb (Debian, Ubuntu), brew install android-platform-tools (macOS), "
            "or the Android SDK's platform tools on PATH"
        )
    return found


def list_phones() -> tuple[ListedPhone, ...]:
    """What ``adb devices`` lists, whatever state it is in.

    Raises:
        DeviceError: adb is not installed or fails.
    """
    answer = _listing()
    if answer.status:
        raise DeviceError(f"'adb devices' failed: {last_line(answer.text)}")
    phones = []
    for line in answer.text.splitlines():
        serial, tab, state = line.partition("\t")
        # Before the list adb tells that it starts its server.
        if tab and serial and not line.startswith("*"):
            phones.append(ListedPhone(printable(serial), printable(state.strip())[:200]))
    return tuple(phones)


def choose_phone(serial: str | None) -> str:
    """The serial of the phone to use: the one asked for, or the only one there is.

    Args:
        serial: asked for; None or empty for the only one.

    Raises:
        UsageError: it is no serial, or there are several and none was named.
        DeviceError: it is not there, or does not take commands.
    """
    if serial and not SERIAL.fullmatch(serial):
        raise UsageError(f"{printable(serial)[:80]!r} is no serial of a phone: 'adb devices' lists them")
    phones = list_phones()
    listed = ", ".join(phone.serial for phone in phones)
    if not phones:
        raise DeviceError(
            "adb finds no phone: plug one in with USB debugging switched on (docs/android.md), "
            "and see that 'adb devices' lists it"
        )
    if serial:
        found = next((phone for phone in phones if phone.serial == serial), None)
        if found is None:
            raise DeviceError(f"adb knows no phone {serial}: there is {listed} ('adb devices')")
    elif len(phones) > 1:
        raise UsageError(f"there are {len(phones)} phones, say which with adb:SERIAL: {listed}")
    else:
        found = phones[0]
    if found.state != READY:
        raise DeviceError(f"phone {found.serial} is {found.state!r}: {found.remedy}")
    if not SERIAL.fullmatch(found.serial):
        raise DeviceError(
            f"adb lists a phone as {found.serial[:80]!r}, which is no serial: adb kill-server may help"
        )
    return found.serial


class Phone:
    """One phone that takes commands."""

    def __init__(self, serial: str, stopped: threading.Event | None = None) -> None:
        """Notes which.

        Args:
            serial: as `choose_phone` gave it.
            stopped: ends what runs there when it is set; None where nobody stops it.

        Raises:
            DeviceError: adb is not installed.
        """
        self.serial = serial
        self._stopped = stopped
        self._adb = [find_adb(), "-s", serial]

    def command(self, script: str) -> list[str]:
        """What runs a script of the phone's shell, as the words of a process."""
        return [*self._adb, "shell", script]

    def shell(
        self, script: str, what: str, *, timeout_s: float = _SHORT_S, also_stopped: bool = False
    ) -> Answer:
        """Runs a script in the phone's shell.

        Args:
            script: of a POSIX shell; foreign words in it must be quoted.
            what: it does, for messages, as in "it could not X".
            timeout_s: after which it is ended.
            also_stopped: whether it is run after the stop too, as what cleans up.

        Returns:
            Its output and the exit status of its last command.

        Raises:
            PhoneLostError: the phone is lost.
            DeviceError: it does not answer in time, or answers too much.
        """
        token = f"edgeq-{secrets.token_hex(8)}"
        answer = self._run(
            self.command(f"{script}\nstatus=$?; echo; echo {token}:$status"), timeout_s, what, also_stopped
        )
        text = answer.text.replace("\r\n", "\n")
        # Not only at the end: adb carries standard error beside the output, and it may come after it.
        found = re.search(rf"\n?{token}:(\d+)\n?", text, re.ASCII)
        if found is None:
            raise self.lost(what, text)
        return Answer(int(found[1]), text[: found.start()] + text[found.end() :])

    def run(self, words: Sequence[str], what: str) -> Answer:
        """Runs one command with its words, quoted, in the phone's shell; as `shell` otherwise."""
        return self.shell(" ".join(map(shlex.quote, words)), what)

    def push(self, local: Path, remote: str) -> None:
        """Copies a file to the phone.

        Args:
            local: the file.
            remote: its path there.

        Raises:
            DeviceError: the phone is full or lost, or refuses.
        """
        size = local.stat().st_size
        what = f"copy {printable(local.name)} to it"
        answer = self._run(
            [*self._adb, "push", str(local.absolute()), remote], 60 + size / _PUSH_BYTES_PER_S, what
        )
        if answer.status == 0:
            return
        if "No space left" in answer.text:
            raise DeviceError(
                f"phone {self.serial} is full: {printable(local.name)} needs {size / 1e6:.1f} MB in /data/local/tmp; "
                "free some storage there and repeat"
            )
        raise self.lost(what, answer.text)

    def _run(self, words: Sequence[str], timeout_s: float, what: str, also_stopped: bool = False) -> Answer:
        stopped = None if also_stopped else self._stopped
        try:
            return run_bounded(words, timeout_s, MOST_OUTPUT, stopped)
        except BoundError as error:
            if stopped is not None and stopped.is_set():
                raise PhoneLostError(f"phone {self.serial} could not {what}: {error}") from error
            raise self.lost(what, str(error)) from error

    def lost(self, what: str, text: str) -> DeviceError:
        """Why something went wrong: because the phone is gone, or what adb said last."""
        state = next((phone for phone in list_phones() if phone.serial == self.serial), None)
        if state is None:
            return PhoneLostError(
                f"phone {self.serial} is gone, it could not {what}: see that its cable holds, and repeat"
            )
        if state.state != READY:
            return PhoneLostError(
                f"phone {self.serial} became {state.state!r}, it could not {what}: {state.remedy}"
            )
        return DeviceError(f"phone {self.serial} could not {what}: {last_line(text)}")


def _listing() -> Answer:
    try:
        return run_bounded([find_adb(), "devices"], _SHORT_S, MOST_OUTPUT)
    except BoundError as error:
        raise DeviceError(f"'adb devices': {error}; adb kill-server may help") from error


def last_line(text: str) -> str:
    """The last line with something in it, printable and not long; for messages."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[-1])[:300] if lines else "it said nothing"
