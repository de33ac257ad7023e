"""A folder of our own on a phone, which is gone afterwards however the measuring ends.

A guard waits in a shell on the phone until its input is closed: by this process at the end, by the operating system
when this process is killed, by the phone when the cable is pulled. Then it ends what runs in the folder and removes it.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shlex
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from edgeq.devices.phones.adb import Phone, PhoneLostError
from edgeq.devices.phones.bounded_process import Answer
from edgeq.errors import DeviceError
from edgeq.files import sha256_file
from edgeq.printing import printable

PARENT = "/data/local/tmp"
"""Where the user of adb's shell may write and run programs on every Android since 1.5."""

_NAME = re.compile(r"edgeq-[0-9a-f]{16}", re.ASCII)

_STALE_MINUTES = 1440
"""Every run of the tool writes to the folder, and none takes a day: what is older than that was left behind by a phone
that was switched off in the middle. A folder that another edgeq uses now is younger."""

_MOST_STALE = 50
"""Removed at once: adb takes commands of up to 4096 bytes, and the next run removes the others."""

_READY_S = 30.0
_GOODBYE_S = 10.0
_MOST_SAID = 4096
_PID = "pid"


class PhoneFolder:
    """The folder, as a context manager."""

    def __init__(self, phone: Phone) -> None:
        """Names the folder; it is made when the block begins.

        Args:
            phone: that it is on.
        """
        self.phone = phone
        self.path = f"{PARENT}/edgeq-{secrets.token_hex(8)}"
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PhoneFolder:
        """Makes it, sets its guard, and removes folders that runs of another day left behind.

        Raises:
            DeviceError: the phone refuses or is lost.
        """
        remove_stale(self.phone)
        # The guard makes the folder, so that there is no moment at which there is one without the other.
        pid = f"{self.path}/{_PID}"
        made = f"mkdir -m 700 {self.path} && cd {self.path} && echo ready && cat > /dev/null"
        ended = f'[ -f {pid} ] && kill -9 "$(cat {pid})"; cd /; rm -rf {self.path}'
        script = f"trap '' HUP INT TERM PIPE; {made}; {ended}"
        guard = subprocess.Popen(
            self.phone.command(script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._guard = guard
        try:
            self._wait_until_there()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Removes it. A phone that is gone by then removes it by itself."""
        self._leave()

    def push(self, local: Path, name: str, digest: str, *, mode: str = "600") -> str:
        """Copies a file into the folder and looks whether it arrived whole.

        Args:
            local: the file.
            name: of its copy; one of ours, never a foreign one.
            digest: its SHA-256.
            mode: who may do what with the copy, as chmod takes it.

        Returns:
            The path of the copy.

        Raises:
            DeviceError: the phone is full or lost, or the copy differs.
        """
        remote = f"{self.path}/{name}"
        self.phone.push(local, remote)
        # sha256sum is in toybox, since Android 6; before that the size has to do.
        answer = self.phone.shell(
            f"chmod {mode} {remote}; sha256sum {remote} 2>/dev/null || wc -c < {remote}",
            f"verify {name}",
            timeout_s=120.0,
        )
        words = answer.text.split()
        found = words[0].lower() if words else ""
        if found not in (digest, str(local.stat().st_size)):
            # It may have been changed here since it was read.
            if sha256_file(local) != digest:
                raise DeviceError(f"{printable(local.name)} was changed while it was copied: repeat")
            raise DeviceError(
                f"{printable(local.name)} arrived damaged on phone {self.phone.serial} "
                f"(its SHA-256 is {printable(found[:12])}…, "
                f"expected {digest[:12]}…): see that the storage is not full and the cable holds, and repeat"
            )
        return remote

    def run(
        self, command: str, what: str, *, timeout_s: float, then: Sequence[str] = ()
    ) -> tuple[Answer, list[str]]:
        """Runs a program in the folder, in a way that its guard can end it.

        Args:
            command: of the phone's shell, a program and its words quoted.
            what: it does, for messages.
            timeout_s: after which it is ended.
            then: scripts that are run right after it, whatever its status.

        Returns:
            What the program came to, and what each of the scripts printed.

        Raises:
            PhoneLostError: the phone is lost.
            DeviceError: the program hangs or prints too much.
        """
        token = f"edgeq-{secrets.token_hex(8)}"
        inner = shlex.quote(f"echo $$ > {_PID}; exec {command}")
        steps = [f"cd {self.path} && sh -c {inner} 2>&1 </dev/null", f"status=$?; echo; echo {token}:$status"]
        for script in then:
            steps += [script, f"echo; echo {token}:"]
        try:
            answer = self.phone.shell("\n".join([*steps, f"rm -f {_PID}"]), what, timeout_s=timeout_s)
        except BaseException:
            # The phone does not end a program because its reader is gone.
            self._end_program()
            raise
        assert self._guard is not None  # noqa: S101 - a block has begun
        if self._guard.poll() is not None:
            # As when adb's server was restarted: the guard has removed the folder.
            raise PhoneLostError(
                f"the connection to phone {self.phone.serial} was cut, it could not {what}: repeat"
            )
        output, *rest = answer.text.split(f"\n{token}:")
        status, _, first = rest[0].partition("\n") if rest else ("", "", "")
        if not status.strip().isdecimal() or len(rest) != len(then) + 1:
            raise self.phone.lost(what, answer.text)
        return Answer(int(status), output), [first, *rest[1:]][: len(then)]

    def _end_program(self) -> None:
        pid = f"{self.path}/{_PID}"
        with contextlib.suppress(DeviceError):
            self.phone.shell(
                f'[ -f {pid} ] && kill -9 "$(cat {pid})"; rm -f {pid}',
                "end a program",
                timeout_s=_GOODBYE_S,
                also_stopped=True,
            )

    def _wait_until_there(self) -> None:
        assert self._guard is not None  # noqa: S101 - the caller has set it
        assert self._guard.stdout is not None  # noqa: S101 - it is a pipe
        said = bytearray()
        timer = threading.Timer(_READY_S, self._guard.kill)
        timer.start()
        try:
            while b"ready" not in said:
                byte = self._guard.stdout.read(1)
                said += byte
                if not byte or len(said) > _MOST_SAID:
                    raise self.phone.lost(f"make a folder in {PARENT}", said.decode("utf-8", "replace"))
        finally:
            timer.cancel()

    def _leave(self) -> None:
        guard = self._guard
        if guard is None:
            return
        with contextlib.suppress(OSError):
            assert guard.stdin is not None  # noqa: S101 - it is a pipe
            guard.stdin.close()
        try:
            guard.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()
        if guard.stdout is not None:
            guard.stdout.close()
        # Phones before Android 7 do not hand the end of the input on.
        with contextlib.suppress(DeviceError):
            self._end_program()
            self.phone.shell(
                f"rm -rf {self.path}", "remove what was copied", timeout_s=_GOODBYE_S, also_stopped=True
            )


def remove_stale(phone: Phone) -> tuple[str, ...]:
    """Removes folders of ours that nothing has written to for a day.

    Args:
        phone: to look on.

    Returns:
        Their paths.

    Raises:
        DeviceError: the phone is lost.
    """
    script = f"find {PARENT} -maxdepth 1 -type d -name 'edgeq-*' -mmin +{_STALE_MINUTES} 2>/dev/null"
    listed = phone.shell(script, "look for what earlier runs left").text.split()
    stale = tuple(
        path
        for path in listed
        if path.startswith(f"{PARENT}/") and _NAME.fullmatch(path.removeprefix(f"{PARENT}/"))
    )[:_MOST_STALE]
    if stale:
        phone.run(["rm", "-rf", *stale], "remove what earlier runs left")
    return stale
