"""Temporary folders that a killed process does not leave behind for good.

Each is locked by the process that uses it, and the operating system lets go of the lock when that process
dies, however it dies. A process that needs its first one removes those of its user that nobody holds.
"""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

_NAME = re.compile(r"edgeq-scratch-[a-z]+-[0-9a-f]{16}", re.ASCII)


@contextmanager
def scratch_folder(purpose: str, root: Path | None = None) -> Iterator[Path]:
    """A folder for files that nobody needs afterwards.

    Args:
        purpose: a word of a to z, for a person who finds the folder.
        root: the folder that it is made in; None for the user's temporary folder.

    Yields:
        The folder, empty, for this user only; it is removed when the block ends.

    Raises:
        OSError: there is no temporary folder that can be written.
    """
    root = root or Path(tempfile.gettempdir())
    _remove_abandoned(root)
    path, lock = _make_locked(root, purpose)
    owner = os.getpid()
    try:
        yield path
    finally:
        # A forked child must not remove what its parent uses.
        if os.getpid() == owner:
            shutil.rmtree(path, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def make_array(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[Any]]:
    """An .npy file mapped into memory, with all of the room that it needs.

    Without that a disk that fills up would end the process that writes to the map with SIGBUS.

    Args:
        path: of the file; it is replaced.
        dtype: of the values.
        shape: of the array; the values are 0.

    Raises:
        OSError: there is not enough room.
    """
    array = open_memmap(path, "w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _make_locked(root: Path, purpose: str) -> tuple[Path, int | None]:
    """A new folder and its lock, None where the file system knows no locks.

    Between the two another process may take the folder for abandoned and remove it: then the next one is
    made. So whatever the moment of a kill, what is left has the name that the next run looks for.
    """
    while True:
        path = root / f"edgeq-scratch-{purpose}-{secrets.token_hex(8)}"
        path.mkdir(mode=0o700)
        try:
            lock = lock_folder(path, wait=True)
        except FileNotFoundError:
            continue
        if path.exists():
            return path, lock
        if lock is not None:
            os.close(lock)


@functools.cache
def _remove_abandoned(root: Path) -> None:
    """Removes what killed processes of this user left, once in the life of this one."""
    if os.name == "nt":
        return
    with suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if not _NAME.fullmatch(entry.name) or entry.stat(follow_symlinks=False).st_uid != os.geteuid():
                continue
            path = Path(entry.path)
            with suppress(OSError):
                lock = lock_folder(path)
                if lock is not None:
                    shutil.rmtree(path, ignore_errors=True)
                    os.close(lock)


if sys.platform == "win32":

    def lock_folder(folder: Path, wait: bool = False) -> int | None:
        """Folders cannot be locked there: what a killed process left stays."""
        return None

else:
    import fcntl

    def lock_folder(folder: Path, wait: bool = False) -> int | None:
        """Takes the lock of a folder.

        Args:
            folder: to lock.
            wait: until another process that has the lock lets go of it.

        Returns:
            What to close to let go; None where another process has the lock (and `wait` is false) or the
            file system knows no locks.

        Raises:
            OSError: there is no such folder.
        """
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
