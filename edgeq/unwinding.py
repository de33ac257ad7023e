"""How a program of edgeq ends in order: on a signal, and on an error of the operating system."""

from __future__ import annotations

import errno
import signal
import sys
import threading
from types import FrameType

INTERRUPTED = 130
"""What a shell expects of a program ended by Ctrl-C."""

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def prepare_process() -> None:
    """Lets the process end in order where it is told to end, and print any name to any terminal."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What was told to ignore it, as by nohup, ignores it.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Unwinds as Ctrl-C does: temporary folders are removed, worker processes are ended."""
    sys.exit(128 + number)


def explanation(error: OSError) -> str:
    """One line for what no module expects: the temporary folder or stdout that cannot be written, mostly."""
    where = f"{error.filename}: " if error.filename else ""
    remedy = "; free some space, or set TMPDIR to a folder that has more" if error.errno in _FULL else ""
    return f"{where}{error.strerror or error}{remedy}"
