"""Runs a program whose output and duration are bounded, because what it talks to is not trusted."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edgeq.errors import DeviceError
from edgeq.printing import printable

_REST_S = 1.0
"""For what comes after the end of a program; it is there at once, but where something else holds its output open."""


class BoundError(Exception):
    """It took too long or printed too much; says which."""


@dataclass(frozen=True)
class Answer:
    """What a command came to.

    Attributes:
        status: its exit status.
        text: its output and errors together.
    """

    status: int
    text: str


def run_bounded(
    words: Sequence[str], timeout_s: float, most_bytes: int, stopped: threading.Event | None = None
) -> Answer:
    """Runs a program with nothing on its input.

    Args:
        words: the program and its arguments.
        timeout_s: after which it is ended.
        most_bytes: of output, after which it is ended.
        stopped: after which it is ended too; None where nobody stops it.

    Raises:
        BoundError: it was ended.
        DeviceError: it cannot be run.
    """
    try:
        process = subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
    except OSError as error:
        name = printable(Path(words[0]).name)
        raise DeviceError(f"{name} cannot be run: {error.strerror}: {printable(words[0])}") from error
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    kept: list[bytes] = []
    reader = threading.Thread(target=_read, args=(process, process.stdout, kept, most_bytes), daemon=True)
    reader.start()
    hung = True
    try:
        hung = not _over(process, reader, time.monotonic() + timeout_s, stopped)
    finally:
        # Also on Ctrl-C: nothing is left running.
        if process.poll() is None:
            process.kill()
            process.wait()
        # A server that adb has just started may hold the pipe open; what the command printed is there by then.
        reader.join(_REST_S)
    if stopped is not None and stopped.is_set():
        raise BoundError("it was interrupted")
    if hung:
        raise BoundError(f"no answer within {timeout_s:.0f} s")
    content = b"".join(kept)
    if len(content) > most_bytes:
        raise BoundError(f"more than {most_bytes >> 20} MB of output, which is no answer")
    return Answer(process.returncode, content.decode("utf-8", "replace"))


def _over(
    process: subprocess.Popen[bytes],
    reader: threading.Thread,
    limit: float,
    stopped: threading.Event | None,
) -> bool:
    """Waits until the program is over; False where it is not at the limit, by the monotonic clock, or is stopped."""
    while process.poll() is None:
        left = limit - time.monotonic()
        if left <= 0 or (stopped is not None and stopped.is_set()):
            return False
        # Most often the end of the output is the end of the program, and a thread is waited for without polling.
        if reader.is_alive():
            reader.join(min(left, _REST_S))
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(min(left, _REST_S))
    return True


def _read(process: subprocess.Popen[bytes], stream: IO[bytes], kept: list[bytes], most_bytes: int) -> None:
    size = 0
    with stream:
        while chunk := stream.read(65536):
            kept.append(chunk)
            size += len(chunk)
            if size > most_bytes:
                process.kill()
                return
