"""Keeps TensorFlow's and Keras' chatter from the user, also what C++ writes to the file descriptors."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO


class Quiet:
    """Sends stdout and stderr of this process to a file while its `silence` is entered.

    Attributes:
        enabled: False lets everything through.
    """

    def __init__(self, enabled: bool = True) -> None:
        """Prepares; nothing is redirected yet.

        Args:
            enabled: False lets everything through.
        """
        self.enabled = enabled
        self._saved: tuple[int, int] | None = None
        self._log: IO[bytes] | None = None

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Silences the block; what it wrote is kept until the next one and thrown away then."""
        if not self.enabled or self._saved is not None:
            yield
            return
        with tempfile.TemporaryFile() as log:
            self._log = log
            self._saved = (os.dup(1), os.dup(2))
            self._redirect()
            # Where sys.stdout is no file descriptor (a notebook, a test), Python's own prints go elsewhere.
            sink = io.StringIO()
            try:
                with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                    yield
            finally:
                self._restore()
                for descriptor in self._saved:
                    os.close(descriptor)
                self._saved = None
                self._log = None

    @contextlib.contextmanager
    def aloud(self) -> Iterator[None]:
        """Lets the block through although a silence is entered: a user's progress callback may print."""
        if self._saved is None:
            yield
            return
        self._restore()
        try:
            with contextlib.redirect_stdout(sys.__stdout__), contextlib.redirect_stderr(sys.__stderr__):
                yield
        finally:
            self._redirect()

    def _redirect(self) -> None:
        _flush()
        if self._log is not None:
            os.dup2(self._log.fileno(), 1)
            os.dup2(self._log.fileno(), 2)

    def _restore(self) -> None:
        _flush()
        if self._saved is not None:
            os.dup2(self._saved[0], 1)
            os.dup2(self._saved[1], 2)


def _flush() -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            # A closed pipe downstream is the reader's business, not a reason to fail a conversion.
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
