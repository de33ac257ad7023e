"""One connection of the system's OpenSSH, over which any number of commands run.

The user's configuration, keys, agent and jump hosts count, for it is the user's ``ssh``. One process of it, the
master, holds the connection in the background, and commands go through its socket, so that a password is asked for
at most once. The master lives for as long as somebody is connected to its socket: when this program dies, however it
dies, the master ends by itself.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from edgeq.devices.hosts.process import RemoteProcess
from edgeq.devices.hosts.ssh_errors import CONNECT_TIMEOUT_S, ConnectionLostError, ssh_error
from edgeq.devices.specs import DeviceSpec
from edgeq.errors import DeviceError
from edgeq.scratch import scratch_folder

if TYPE_CHECKING:
    from typing_extensions import Self

OPTIONS: tuple[str, ...] = (
    "-T",
    # What a user's configuration may have for other uses of the host, and would be in the way of a command.
    *("-o", "RemoteCommand=none", "-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no"),
    *("-o", "ForwardAgent=no", "-o", "ForwardX11=no"),
    *("-o", "LogLevel=ERROR", "-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}"),
    # A dead link is noticed after 15 s.
    *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"),
)
"""Of every call of ssh."""

_LOGIN_S = 150.0
"""OpenSSH's server itself ends a login that takes longer than 120 s (LoginGraceTime)."""
_PERSIST_S = 5
_LONGEST_SOCKET = 80
"""Characters of its path: 104 fit on macOS, of which OpenSSH takes 17 for a temporary name."""


class SshConnection:
    """A context manager: connects, and disconnects."""

    def __init__(self, spec: DeviceSpec, *, batch: bool = False) -> None:
        """Connects nothing yet.

        Args:
            spec: of the host.
            batch: whether nothing may be asked: a host that wants a password is an error then.
        """
        self.spec = spec
        self._batch = batch
        self._lifeline: socket.socket | None = None
        self._stack = contextlib.ExitStack()
        self._folder: Path | None = None
        self._running: list[RemoteProcess] = []
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        if shutil.which("ssh") is None:
            raise DeviceError(
                f"{self.spec}: no program ssh is installed here: sudo apt install openssh-client, or on Windows the "
                "optional feature OpenSSH Client"
            )
        self._folder = self._stack.enter_context(_short_folder())
        try:
            self.connect(batch=self._batch)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._disconnect()
        self._stack.close()

    def connect(self, *, batch: bool = True) -> None:
        """Starts the master; also again after the connection was cut.

        Raises:
            DeviceError: the host cannot be reached, or refuses; one line.
        """
        if os.name == "nt":
            # Microsoft's OpenSSH has no master: there, each command connects by itself.
            return
        self._disconnect()
        self._socket.unlink(missing_ok=True)
        command = ["ssh", "-f", "-N", "-M", *self._words(batch), "-o", f"ControlPersist={_PERSIST_S}"]
        with tempfile.TemporaryFile() as errors:
            try:
                status = subprocess.run(
                    [*command, *self._destination()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env={**os.environ, "LC_ALL": "C.UTF-8"},
                    timeout=_LOGIN_S,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired as error:
                raise ConnectionLostError(f"{self.spec}: no login within {_LOGIN_S:.0f} s") from error
            errors.seek(0)
            said = errors.read(1 << 16).decode("utf-8", "replace")
        if status:
            raise ssh_error(self.spec, said)
        self._hold()

    def connect_again(self) -> None:
        """Where the connection itself was cut, and not a command over it, makes it again.

        Raises:
            DeviceError: it cannot be made.
        """
        if not self.is_alive():
            self.connect()

    def check_wanted(self) -> None:
        """Refuses to go on after `stop`.

        Raises:
            DeviceError: it was called.
        """
        if self._stopped.is_set():
            raise DeviceError(f"{self.spec}: interrupted")

    def stop(self) -> None:
        """Ends what runs over it; whoever waits for that finds it cut, and starts nothing more."""
        self._stopped.set()
        for process in self._running:
            process.kill()

    def is_alive(self) -> bool:
        """Whether the master still runs; it may not have noticed yet that the link is dead."""
        if os.name == "nt":
            return True
        if self._lifeline is None:
            return False
        try:
            # It says hello once, and then nothing until it ends.
            while self._lifeline.recv(1 << 12, socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def start(
        self,
        words: Sequence[str],
        token: str,
        *,
        timeout_s: float | None = None,
        also_stopped: bool = False,
    ) -> RemoteProcess:
        """Starts a command there.

        Args:
            words: of the command; no shell interprets any of them.
            token: with which its answers begin.
            timeout_s: after which it is ended; None for no limit.
            also_stopped: whether it is started after `stop` too, as what cleans up.

        Raises:
            DeviceError: the connection was stopped.
        """
        if not also_stopped:
            self.check_wanted()
        # Once connected nothing is asked: several devices are measured at a time, and one terminal is there.
        command = ["ssh", *self._words(batch=True), "-o", "ControlMaster=no", *self._destination()]
        process = RemoteProcess(self.spec, [*command, remote_line(words)], token, timeout_s=timeout_s)
        self._running.append(process)
        if self._stopped.is_set() and not also_stopped:
            process.kill()
        return process

    @property
    def _socket(self) -> Path:
        assert self._folder is not None  # noqa: S101 - it is made by __enter__
        return self._folder / "s"

    def _words(self, batch: bool) -> list[str]:
        words = list(OPTIONS)
        if os.name != "nt":
            words += ["-S", str(self._socket)]
        if batch:
            words += ["-o", "BatchMode=yes"]
        return words

    def _destination(self) -> list[str]:
        return destination(self.spec)

    def _hold(self) -> None:
        """Connects to the master's socket, so that it stays for as long as this program does."""
        lifeline = socket.socket(socket.AF_UNIX)
        try:
            lifeline.connect(str(self._socket))
        except OSError:
            # The server cut the connection at once: the first command finds out why.
            lifeline.close()
            return
        self._lifeline = lifeline

    def _disconnect(self) -> None:
        if self._lifeline is None:
            return
        self._lifeline.close()
        self._lifeline = None
        # Where it hangs it still ends by itself, when its last command does.
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                ["ssh", *self._words(batch=True), "-O", "exit", *self._destination()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=5,
                check=False,
            )


def destination(spec: DeviceSpec) -> list[str]:
    """The end of ssh's own arguments."""
    return [*([] if spec.port is None else ["-p", str(spec.port)]), "--", spec.address]


def remote_line(words: Sequence[str]) -> str:
    """A command as the login shell there takes it, which interprets none of the words."""
    return shlex.join(["exec", *words])


def new_token() -> str:
    """What begins the lines that are answers, so that a message of the day is none."""
    return f"edgeq-{secrets.token_hex(8)}"


def _short_folder() -> contextlib.AbstractContextManager[Path]:
    """A private folder whose path leaves room for that of a socket."""
    # edgeq-scratch-ssh-<16 digits>/s
    is_short = len(tempfile.gettempdir()) + 38 <= _LONGEST_SOCKET
    return scratch_folder("ssh", None if is_short else Path("/tmp"))  # noqa: S108 - it is made for this user alone
