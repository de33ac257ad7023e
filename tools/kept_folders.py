"""Folders in the user's cache that are made once, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeq.cache import forgotten
from edgeq.scratch import lock_folder


@contextmanager
def made_once(folder: Path) -> Iterator[tuple[Path, Path | None]]:
    """A folder in the user's cache; what a killed process left half made is never seen.

    Args:
        folder: to make. Beside it are only folders of the same kind: those that nobody used for a month are removed.

    Yields:
        The folder, and where to make it: None where it is there already.
    """
    if folder.exists():
        os.utime(folder)  # What is used is not forgotten.
        yield folder, None
        return
    for old in forgotten(folder.parent):
        shutil.rmtree(old, ignore_errors=True)
    making = folder.with_name(f".{folder.name}.making")
    # Where two make it at once, the second waits here and finds it made.
    lock = _locked(making)
    try:
        if not folder.exists():
            for left in making.iterdir():
                shutil.rmtree(left)
            (making / "new").mkdir()
            yield folder, making / "new"
            (making / "new").rename(folder)
        else:
            yield folder, None
    finally:
        shutil.rmtree(making, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """Makes a folder and takes its lock; None on file systems without locks."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            lock = lock_folder(folder, wait=True)
            # Who had it may have removed the folder, and somebody else may have made it anew.
            if lock is None or (folder.exists() and os.path.samestat(os.fstat(lock), folder.stat())):
                return lock
            os.close(lock)
