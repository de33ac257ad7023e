"""A command on a device, at the end of an SSH connection: its answers, bounded, and why it failed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from edgeq.devices.hosts.ssh_errors import SSH_FAILED, ConnectionLostError, last_line, short_reason, ssh_error
from edgeq.devices.specs import DeviceSpec
from edgeq.errors import DeviceError
from edgeq.printing import printable

if TYPE_CHECKING:
    from typing_extensions import Self

LONGEST_ANSWER = 64 << 20
"""Bytes of one line. The longest are measurements, whose every time is a number of 20 characters."""
_MOST_ANSWERS = 1 << 29
_ANSWER_S = 90.0
"""For the first answer: a Raspberry Pi Zero that swaps takes long to start Python."""
_MOST_NOISE = 1 << 20
"""Bytes of what a login prints that is no answer, such as a message of the day."""
_MOST_ERRORS = 16 << 20
_KEPT_ERRORS = 1 << 14

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
"""Statuses of a shell, see POSIX, Shell Command Language, 2.8.2."""


class RemoteProcess:
    """The driver's end of it; a context manager that ends it here, which closes its input there."""

    def __init__(
        self, spec: DeviceSpec, command: Sequence[str], token: str, *, timeout_s: float | None = None
    ) -> None:
        """Starts it.

        Args:
            spec: of the device, for messages.
            command: of OpenSSH.
            token: with which lines begin that are answers.
            timeout_s: after which it is ended; None for no limit.
        """
        self._spec = spec
        self._token = token.encode("ascii")
        self._timeout_s = timeout_s
        self._said = b""
        self._timed_out = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            # Ctrl-C is for this program, which then removes what is on the device over the same connection.
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._timer = threading.Timer(timeout_s or 0, self.expire)
        self._timer.daemon = True
        if timeout_s is not None:
            self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self._end()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            # What was still to be sent to it does not matter any more.
            with contextlib.suppress(OSError):
                _piped(stream).close()

    def kill(self) -> None:
        """Ends it here; what reads its answers finds their end."""
        self._process.kill()

    def send(self, data: bytes) -> bool:
        """Sends bytes to its standard input; False where the connection is cut."""
        try:
            stream = _piped(self._process.stdin)
            stream.write(data)
            stream.flush()
        except (OSError, ValueError):
            return False
        return True

    def answers(self) -> Iterator[dict[str, Any]]:
        """Its answers until it ends.

        Raises:
            DeviceError: it prints what is none, or without end.
        """
        stream = _piped(self._process.stdout)
        total = noise = 0
        while line := stream.readline(LONGEST_ANSWER):
            total += len(line)
            if not line.startswith(self._token + b" "):
                noise += len(line)
            if noise > _MOST_NOISE or total > _MOST_ANSWERS:
                self.kill()
                raise DeviceError(
                    f"{self._spec}: prints without end what was not asked for, such as {self._quoted(line)}: try a "
                    "login that prints nothing"
                )
            if line.startswith(self._token + b" ") and line.endswith(b"\n"):
                yield self._decoded(line[len(self._token) + 1 :])

    def answer(self) -> dict[str, Any]:
        """Its first answer.

        Raises:
            DeviceError: it ended before, see `failure`, or gave none in time.
        """
        timer = threading.Timer(_ANSWER_S, self.expire)
        timer.daemon = True
        timer.start()
        try:
            for answer in self.answers():
                return answer
        finally:
            timer.cancel()
        raise self.failure()

    def last_answer(self) -> dict[str, Any]:
        """Its next answer, for which it may take any time.

        Raises:
            DeviceError: it ended before, see `failure`.
        """
        for answer in self.answers():
            return answer
        raise self.failure()

    def failure(self) -> DeviceError:
        """Why it ended without the answer that was expected."""
        if self._timed_out:
            return ConnectionLostError(f"{self._spec}: gave no answer in time")
        self._end()
        status = self._process.returncode
        said = self._said.decode("utf-8", "replace")
        if status < 0:
            return ConnectionLostError(f"{self._spec}: the connection was cut: ssh was ended here")
        if status == SSH_FAILED:
            return ssh_error(self._spec, said)
        if status == _NOT_FOUND:
            return DeviceError(
                f"{self._spec}: there is no Python where it was looked for ({last_line(said) or 'command not found'}): "
                "sudo apt install python3 there, or name it with --python"
            )
        if status == _NOT_EXECUTABLE:
            return DeviceError(f"{self._spec}: Python cannot be started there: {last_line(said)}")
        if "Unknown option: -X" in said:
            return DeviceError(f"{self._spec}: that is Python 2: name Python 3.10 or newer with --python")
        return DeviceError(
            f"{self._spec}: the command there ended with status {status}: {last_line(said) or 'without a word'}"
        )

    def short_reason(self) -> str:
        """The same as `failure`, as a phrase for a table."""
        if self._timed_out:
            return "gives no answer"
        self._end()
        said = self._said.decode("utf-8", "replace")
        if self._process.returncode == SSH_FAILED:
            return short_reason(self._spec, said)
        if self._process.returncode == _NOT_FOUND:
            return "has no Python"
        return last_line(said) or "runs no commands"

    def _end(self) -> None:
        self._timer.cancel()
        # Once its output is closed it has nothing more to do, except where the other end does not answer.
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._listener.join(5)

    def _listen(self) -> None:
        """Keeps the last of what goes to standard error; too much of it ends the process."""
        total = 0
        with contextlib.suppress(OSError, ValueError):
            while data := _piped(self._process.stderr).read1(1 << 16):  # type: ignore[attr-defined]
                total += len(data)
                self._said = (self._said + data)[-_KEPT_ERRORS:]
                if total > _MOST_ERRORS:
                    self.kill()

    def expire(self) -> None:
        """Ends it here, for it gives no answer in time."""
        self._timed_out = True
        self.kill()

    def _decoded(self, line: bytes) -> dict[str, Any]:
        try:
            answer = plain(json.loads(line))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise DeviceError(f"{self._spec}: gave an answer that cannot be read: {self._quoted(line)}")
        return answer

    def _quoted(self, line: bytes) -> str:
        return repr(printable(line[:80].decode("utf-8", "replace").strip()))


def plain(value: Any) -> Any:
    """Decoded JSON whose every text is printable: what a device says goes to a terminal.

    Raises:
        RecursionError: it is nested without end.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): plain(item) for key, item in value.items()}
    return value


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - all three are pipes
    return stream
