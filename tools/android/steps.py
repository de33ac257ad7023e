"""Steps of a build that run again only where something that they read has changed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_KEPT = 20
"""Digits of a digest in the name of a step's folder."""


def digest_of(*inputs: object) -> str:
    """Digest of what a step reads, in hexadecimal.

    Args:
        inputs: a path stands for the file, or for all files below the folder with their names in it; anything else
            for its text.
    """
    total = hashlib.sha256()
    for one in inputs:
        if isinstance(one, Path):
            for path in sorted(one.rglob("*")) if one.is_dir() else [one]:
                if path.is_file():
                    name = path.relative_to(one).as_posix() if one.is_dir() else ""
                    _add(total, name.encode())
                    _add(total, path.read_bytes())
        else:
            _add(total, repr(one).encode())
    return total.hexdigest()


def _add(total: hashlib._Hash, data: bytes) -> None:
    # With their lengths, so that no two lists of inputs run into the same bytes.
    total.update(len(data).to_bytes(8, "little"))
    total.update(data)


class Steps:
    """What is built in one folder, step by step; one process at a time builds there.

    Attributes:
        folder: where each step has a folder of its own, named by the digest of what it read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def made(self, name: str, inputs: str, make: Callable[[Path], None]) -> Path:
        """The folder of a step, made where what it reads has changed; its time is printed then.

        Args:
            name: of the step, one word.
            inputs: digest of what it reads, see `digest_of`.
            make: writes the step's files into the folder that it gets.

        Raises:
            BuildError: from ``make``; the folder is then not there.
        """
        done = self.folder / f"{name}-{inputs[:_KEPT]}"
        if done.is_dir():
            return done
        making = self.folder / f".{name}.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        began = time.perf_counter()
        make(making)
        for old in self.folder.glob(f"{name}-*"):
            # "core" is not "core-tests".
            if len(old.name) == len(done.name):
                shutil.rmtree(old)
        making.rename(done)
        print(f"  {name:<14} {time.perf_counter() - began:6.1f} s", file=sys.stderr, flush=True)
        return done


@contextmanager
def steps_in(folder: Path) -> Iterator[Steps]:
    """The steps of a folder, for this process alone; another one that builds there is waited for.

    Args:
        folder: where; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Steps(folder)
    finally:
        os.close(lock)
