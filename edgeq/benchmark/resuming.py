"""Where the observations of an evaluation lie, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeq.cache import cache_folder, forgotten
from edgeq.scratch import lock_folder


class ObservationFolder:
    """A folder for observations.

    Attributes:
        path: of the folder; it may hold what an interrupted evaluation left.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def finished(self) -> None:
        """Removes it: all was collected."""
        shutil.rmtree(self.path, ignore_errors=True)


@contextmanager
def resumable_folder(key: str | None, scratch: Path) -> Iterator[ObservationFolder]:
    """A folder for the observations that belong to a key.

    Args:
        key: digest of all that they depend on; None for a folder of this evaluation alone.
        scratch: where that folder is made; also used where another process is at the same evaluation, or the user's
            cache cannot be written.

    Yields:
        The folder; unless `finished` was called, it stays for the next evaluation with this key.
    """
    lock = None
    path = scratch / "observations"
    if key is not None:
        try:
            root = cache_folder("evaluations")
            for old in forgotten(root):
                shutil.rmtree(old, ignore_errors=True)
            (root / key).mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = lock_folder(root / key)
        except (OSError, RuntimeError):
            # A home that is read-only, or none at all, is no reason not to measure.
            lock = None
        if lock is not None:
            path = root / key
    path.mkdir(exist_ok=True)
    try:
        yield ObservationFolder(path)
    finally:
        if lock is not None:
            os.close(lock)
            with suppress(OSError):
                # Of all evaluations: nothing is left behind where this was the only one, and it was finished.
                path.parent.rmdir()
