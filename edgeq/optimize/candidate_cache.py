"""What a search has found out before, by digests of all that it depends on, so that nothing is done twice.

An entry is a folder of files that is written whole: it has a name of its own until it is complete. Entries are not
changed; those that nobody has used for a month, or longest where all take more than `MOST_BYTES`, are removed by the
next search.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import edgeq
import edgeq.quantize
from edgeq.cache import cache_folder
from edgeq.errors import OutputError
from edgeq.files import sha256_file
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_family
from edgeq.scratch import scratch_folder

FLOAT32, ITEMS, CANDIDATES, OBSERVATIONS, STATISTICS = (
    "float32",
    "items",
    "candidates",
    "observations",
    "statistics",
)
"""Kinds of entries: files of the models, calibration items, what was made of candidates, what came of validation items,
and what quantizing keeps for itself."""

MODEL = "model.tflite"
"""Name of the file in entries that hold one."""

MOST_BYTES = 2 << 30
"""Of all entries; a search over 60 candidates of a network of 5 MB takes a sixth of it."""

LEAST_ROOM_BYTES = MOST_BYTES // 6
"""On the disk of the user's cache for a search to use it; with less it would soon be full."""

_KEPT_S = 30 * 86_400
_ABANDONED_S = 86_400
"""After which what has no name of its own is no entry that somebody is writing."""


class Store:
    """Entries of all kinds below one folder."""

    def __init__(self, root: Path, note: str = "") -> None:
        """Takes a folder; it need not exist.

        Args:
            root: the folder.
            note: what a user should know of it; empty for nothing.
        """
        self.root = root
        self.note = note

    def find(self, kind: str, name: str) -> Path | None:
        """The folder of an entry, which counts as used now; None where there is none."""
        folder = self.root / kind / name
        try:
            os.utime(folder)
        except OSError:
            return None
        return folder

    def keep(self, kind: str, name: str, files: Mapping[str, bytes | Path]) -> Path:
        """Makes an entry, unless there is one.

        Args:
            kind: of the entry.
            name: of the entry.
            files: content, or a file to be copied, by name.

        Returns:
            Its folder.

        Raises:
            OutputError: it cannot be written.
        """
        target = self.root / kind / name
        temporary = target.with_name(f".{os.getpid()}-{secrets.token_hex(8)}")
        try:
            temporary.mkdir(mode=0o700, parents=True)
            for file, content in files.items():
                _write(temporary / file, content)
            try:
                temporary.rename(target)
            except OSError as error:
                # Another process was faster: what it wrote is the same.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        except OSError as error:
            raise OutputError(
                f"{self.root} cannot be written: {error.strerror or error}; free some space, or set XDG_CACHE_HOME "
                "to a folder elsewhere"
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target

    def remember(self, kind: str, name: str, files: Mapping[str, bytes | Path]) -> None:
        """Makes an entry that only a later search needs: where it cannot be written, this one goes on without it.

        Args:
            kind: of the entry.
            name: of the entry.
            files: as of `keep`.
        """
        try:
            self.keep(kind, name, files)
        except OutputError as error:
            self.note = self.note or f"not all of this search is kept for the next one: {error}"

    def drop(self, kind: str, name: str) -> None:
        """Removes an entry that turned out to be damaged."""
        shutil.rmtree(self.root / kind / name, ignore_errors=True)

    def prune(self, most_bytes: int = MOST_BYTES) -> None:
        """Removes entries that nobody has used for long, and what killed processes left."""
        now, entries = time.time(), []
        for path in self.root.glob("*/*"):
            with suppress(OSError):
                used = path.stat().st_mtime
                if now - used > (_ABANDONED_S if path.name.startswith(".") else _KEPT_S):
                    _remove(path)
                elif not path.name.startswith("."):
                    entries.append((used, str(path), _size(path)))
        total = sum(size for _, _, size in entries)
        for _, path_, size in sorted(entries):
            if total <= most_bytes:
                break
            _remove(Path(path_))
            total -= size


@contextmanager
def open_store(*, kept: bool = True, least_room: int = LEAST_ROOM_BYTES) -> Iterator[Store]:
    """The user's store; one for this search alone, with a note, where the user's cache cannot be written or is full.

    Args:
        kept: whether the user's is wanted.
        least_room: bytes that must be free on the disk of the user's.
    """
    if not kept:
        with scratch_folder("optimize") as folder:
            yield Store(folder)
        return
    root, trouble = _user_root(least_room)
    if root is not None:
        yield Store(root)
    else:
        with scratch_folder("optimize") as folder:
            yield Store(folder, f"{trouble}: nothing of this search is kept for the next one")


def _user_root(least_room: int) -> tuple[Path | None, str]:
    """The folder of the user's store; None and why it cannot be used."""
    try:
        root = cache_folder("optimize")
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(root, os.W_OK):
            return None, f"the cache {root} cannot be written"
        free = shutil.disk_usage(root).free
    except RuntimeError:
        return None, "there is no home to keep a cache in"
    except OSError as error:
        return None, f"the cache cannot be written ({error.strerror or error})"
    if free < least_room:
        room = f"{free / 1e6:,.0f} MB are free there, expected {least_room / 1e6:,.0f}"
        return None, f"the cache {root} has no room ({room}; XDG_CACHE_HOME moves it)"
    return root, ""


def digest_of(depends_on: Mapping[str, Any]) -> str:
    """Digest of values that JSON can hold."""
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


@cache
def makers() -> Mapping[str, str]:
    """What a quantized file depends on beside its recipe and its items: versions, and edgeq's own code for it."""
    digest = hashlib.sha256()
    package = Path(edgeq.quantize.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()} {sha256_file(path)}\n".encode())
    return {"edgeq": edgeq.__version__, "code": digest.hexdigest()[:12], **_versions()}


@cache
def kernels() -> str:
    """What runs files here: results are the same to the bit only within it."""
    runtime = find_runtime()
    return f"{runtime.package.distribution} {runtime.version} on {cpu_family()}"


def _versions() -> dict[str, str]:
    found = {}
    for name in ("numpy", "litert-quantizer", "ai-edge-litert"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def _write(path: Path, content: bytes | Path) -> None:
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_bytes(content)
    # After a power cut the entry's name may be there and its content not. Windows wants write access for it.
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
