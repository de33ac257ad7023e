"""A process of our own that takes commands and gives answers, one JSON object a line, and may die.

What crashes native code (a runtime on a broken file, a converter on an unusual network) runs in such a
process, so that its parent can say what happened and go on.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from edgeq import memory
from edgeq.errors import EdgeqError, WorkerError

if TYPE_CHECKING:
    from typing_extensions import Self

Action = Callable[..., dict[str, Any]]

# Python looks into the working directory first: a json.py or an edgeq folder there is none of ours.
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "import runpy; runpy.run_module(sys.argv[1], run_name='__main__')"
)

# linux/prctl.h
_PR_SET_PDEATHSIG = 1

_LAST_BREATH_S = 10.0
"""Between the last answer's end and the end of the process: a crash dump may be written meanwhile."""


class CommandProcess:
    """The parent's end; a context manager that ends the process."""

    def __init__(
        self,
        module: str,
        subject: str,
        *,
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        most_bytes: int | None = None,
        verbose: bool = False,
    ) -> None:
        """Starts the process.

        Args:
            module: run as ``python -m`` runs it; its `serve` answers.
            subject: what crashes when it crashes, for messages, such as ``the runtime``.
            environment: variables on top of this process's own.
            timeout_s: longest time for one command; None for no limit.
            most_bytes: of memory of its own, beyond which its allocations fail, on Linux; None for no limit.
            verbose: whether its output is let through.
        """
        self._subject = subject
        self._timeout_s = timeout_s
        self._log = None if verbose else tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={
                **os.environ,
                "PYTHONPATH": _import_path(),
                **(environment or {}),
                memory.VARIABLE: "" if most_bytes is None else str(most_bytes),
            },
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process and lets go of everything it held."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                # What was still to be flushed to a dead process does not matter any more.
                with contextlib.suppress(OSError):
                    stream.close()

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def ask(
        self,
        do: str,
        on_progress: Callable[[int, int], None] | None = None,
        *,
        described: str | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Sends one command and waits for its answer.

        Args:
            do: name of the command.
            on_progress: called with what is done and the total as the process tells it.
            described: what messages call the command; its name by default.
            **arguments: of the command, as JSON can hold them.

        Raises:
            WorkerError: the command failed, the process died, or it did not answer in time.
        """
        hung = threading.Event()
        timer = None
        if self._timeout_s is not None:
            timer = threading.Timer(self._timeout_s, self._end, (hung,))
            timer.start()
        try:
            answer = self._exchange(do, on_progress, arguments)
        finally:
            if timer is not None:
                timer.cancel()
        if answer is None:
            raise WorkerError(self._epitaph(described or do, hung.is_set()))
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _exchange(
        self, do: str, on_progress: Callable[[int, int], None] | None, arguments: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The answer; None if the process died."""
        assert self._process.stdin is not None  # noqa: S101 - both are pipes, see __init__
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        while (line := self._process.stdout.readline()).endswith("\n"):
            answer = _decoded(line)
            if answer is None:
                # What follows could be the answer to anything.
                self._process.kill()
                self._process.wait()
                raise WorkerError(
                    f"{self._subject} gave no readable answer to {do!r} and was ended: {line[:80]!r}"
                )
            if "progress" not in answer:
                return answer
            if on_progress is not None:
                on_progress(*answer["progress"])
        return None

    def _end(self, hung: threading.Event) -> None:
        hung.set()
        self._process.kill()

    def _epitaph(self, do: str, hung: bool) -> str:
        if hung:
            self._process.wait()
            return f"{self._subject} gave no answer to {do!r} within {self._timeout_s:.0f} s and was ended"
        try:
            status = self._process.wait(_LAST_BREATH_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return f"{self._subject} closed its answers at {do!r} and was ended"
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"{self._subject} crashed at {do!r} ({signal.Signals(-status).name})"
        return f"{self._subject} ended at {do!r} with status {status}: {self._last_words()}"

    def _last_words(self) -> str:
        if self._log is None:
            return "see above"
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no output"


class Answers:
    """The child's end of the pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def progress(self, done: int, total: int) -> None:
        """Tells the parent how far the command is."""
        self.send({"progress": [done, total]})

    def send(self, answer: Mapping[str, Any]) -> None:
        """Sends one line."""
        self._stream.write(json.dumps(answer) + "\n")
        self._stream.flush()


def answers_on_stdout() -> Answers:
    """What a child does first: ties itself to its parent, limits its memory and takes stdout for the answers.

    What anything else prints there goes to stderr from now on.
    """
    _end_with_parent()
    memory.limit_own_memory()
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return Answers(stream)


def _end_with_parent() -> None:
    """Ends this process at once and without a word on Ctrl-C and, on Linux, when its parent is killed.

    Elsewhere it ends when it finds its input closed, after the command that it is at. Linux looks at the thread
    that started the process, so that a `CommandProcess` may not outlive the thread that made it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def serve(actions: Mapping[str, Action], answers: Answers) -> None:
    """Answers commands on stdin until it is closed, as it is when the parent dies.

    Args:
        actions: by the name of the command; errors that they raise become answers.
        answers: where to.
    """
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = actions[command.pop("do")](**command)
        except EdgeqError as error:
            answer = {"error": str(error)}
        except (ValueError, RuntimeError, KeyError, TypeError, MemoryError, OSError) as error:
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        answers.send(answer)


def _decoded(line: str) -> dict[str, Any] | None:
    """An answer; None where the line is none."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _import_path() -> str:
    """PYTHONPATH with which the process imports this very package, wherever it was started from."""
    here = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
