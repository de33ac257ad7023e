"""Measures a packed bundle on hosts over SSH."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from edgeq.benchmark.session import Progress, Session
from edgeq.devices.hosts.host import Interpreter
from edgeq.devices.hosts.measuring import GRACE_S, RemoteMeasuring, Say, silence
from edgeq.devices.hosts.python import choose, install_runtime, probe
from edgeq.devices.hosts.ssh_connection import SshConnection
from edgeq.devices.job_options import JobOptions
from edgeq.devices.specs import DeviceSpec

if TYPE_CHECKING:
    from typing_extensions import Self

_CLEANING_S = 30.0


def open_connection(spec: DeviceSpec, *, batch: bool = False) -> Connection:
    """A connection to a host; enter it to connect, for which at most one password is asked on the terminal.

    Args:
        spec: of kind ``ssh``.
        batch: whether nothing may be asked.
    """
    return Connection(spec, batch=batch)


def measure_over_ssh(
    spec: DeviceSpec,
    packed: Path,
    options: JobOptions,
    *,
    install: bool = False,
    python: str | None = None,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Session:
    """Connects to one host and measures there, see `Connection.measure`."""
    with open_connection(spec) as connection:
        return connection.measure(packed, options, install=install, python=python, progress=progress, say=say)


class Connection:
    """A host that is connected to; a context manager.

    Its end, in whatever thread, ends what is measured over it, and what that has left there is removed.
    """

    def __init__(self, spec: DeviceSpec, *, batch: bool = False) -> None:
        """Connects nothing yet; see `open_connection`."""
        self.spec = spec
        self._ssh = SshConnection(spec, batch=batch)
        self._measuring = threading.Lock()

    def __enter__(self) -> Self:
        self._ssh.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ssh.stop()
        if self._measuring.acquire(timeout=_CLEANING_S):
            self._measuring.release()
        self._ssh.__exit__(kind, error, traceback)

    def measure(
        self,
        packed: Path,
        options: JobOptions,
        *,
        install: bool = False,
        python: str | None = None,
        progress: Progress | None = None,
        say: Say | None = None,
        grace_s: float = GRACE_S,
    ) -> Session:
        """Measures a packed bundle there.

        Args:
            packed: the file.
            options: what is measured.
            install: whether a virtual environment is made there where no Python has a runtime.
            python: path of the interpreter there; found by default.
            progress: called with what is being done there.
            say: called with what pip says, and with the runtime's own output where that is let through, a line at a
                time.
            grace_s: seconds after which the device gives the job up when it hears nothing from here.

        Returns:
            The measurements, whose ``environment.reached_by`` is the device as users write it.

        Raises:
            BundleError: the file is no packed bundle.
            DeviceError: nothing could be measured; one line, and nothing is left there.
        """
        with self._measuring:
            interpreter = self._interpreter(options.runtime, install, python, say or silence)
            return RemoteMeasuring(
                self._ssh, packed, options, interpreter, progress=progress, say=say, grace_s=grace_s
            ).run()

    def _interpreter(self, runtime: str | None, install: bool, python: str | None, say: Say) -> Interpreter:
        """The one that measures, which is made where it is asked for and there is none."""
        host = probe(self._ssh, python)
        if install and not any(one.can_measure(runtime) for one in host.interpreters):
            host = probe(self._ssh, install_runtime(self._ssh, host, runtime, say))
        return choose(str(self.spec), host, runtime)
