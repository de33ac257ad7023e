"""Files and folders written whole or not at all, and digests.

What is being written has a name of its own beside the target, ``.NAME.edgeq-PID-RANDOM``, and takes the
target's name when it is complete. What a killed process left behind is recognised by that name and removed
by the next one that writes the same target.
"""

from __future__ import annotations

import ctypes
import errno
import gzip
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edgeq.errors import OutputError

_CHUNK_BYTES = 1 << 20

# linux/fs.h: RENAME_EXCHANGE; fcntl.h: AT_FDCWD.
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100

_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_ONLY_FROM_WRITING = _FULL | {errno.EROFS}


def sha256_bytes(content: bytes) -> str:
    """Digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def gzip_bytes(content: bytes) -> int:
    """Size after gzip level 9, which is about what a download costs: 30 ms a MB."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))


def sha256_file(path: Path) -> str:
    """Digest of a file's content in hexadecimal, read piece by piece.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


OUTPUT = "-o"
"""The option that names what most commands write."""


def write_atomic(path: Path, content: bytes | str, *, option: str = OUTPUT) -> None:
    """Writes a file such that others see the old content or the new one, also after a kill.

    Of two processes that write one file at once, the later one wins. A device or a pipe is written directly.

    Args:
        path: the file; it is replaced where it exists. A symbolic link is followed.
        content: text is written as UTF-8.
        option: that named the path, for the advice of an error.

    Raises:
        OutputError: it cannot be written; what was there before is untouched.
    """
    with atomic_file(path, option=option) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_file(path: Path, *, option: str = OUTPUT) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file's when the block ends, as `write_atomic` does it.

    Args:
        path: the file; it is replaced where it exists. A symbolic link is followed.
        option: as in `write_atomic`.

    Raises:
        OutputError: it cannot be written; what was there before is untouched.
    """
    with _explained(path, option=option):
        mode = path.stat().st_mode if path.exists() else None
        if mode is not None and stat.S_ISDIR(mode):
            raise OutputError(f"{path} is a folder: name a file")
        if mode is not None and not stat.S_ISREG(mode):
            with path.open("wb") as stream:
                yield stream
            return
        target = Path(os.path.realpath(path))
        _remove_leftovers(target, locked=False)
        temporary = _temporary(target)
        try:
            with temporary.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if mode is not None:
                # A file that only its owner may read stays so.
                temporary.chmod(stat.S_IMODE(mode))
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def check_file(path: Path, *, option: str = OUTPUT) -> None:
    """Refuses before the work what `write_atomic` would refuse after it.

    Args:
        path: the file that is to be written.
        option: as in `write_atomic`.

    Raises:
        OutputError: it is a folder, or its folder is missing or cannot be written.
    """
    with _explained(path, option=option):
        if path.is_dir():
            raise OutputError(f"{path} is a folder: name a file")
        if path.exists() and not path.is_file():
            return
        probe = _temporary(Path(os.path.realpath(path)))
        probe.touch(exist_ok=False)
        probe.unlink()


def _never(_: Path) -> bool:
    return False


def check_target(path: Path, *, force: bool = False, replaceable: Callable[[Path], bool] = _never) -> None:
    """Refuses before the work what `atomic_directory` would refuse after it.

    Args:
        path: the folder that is to be made.
        force: as in `atomic_directory`.
        replaceable: as in `atomic_directory`.

    Raises:
        OutputError: there is something that may not be replaced, or its folder cannot be written.
    """
    with _explained(path):
        target = Path(os.path.realpath(path))
        _refuse_existing(target, path, force, replaceable)
        target.parent.mkdir(parents=True, exist_ok=True)
        probe = _temporary(target)
        probe.mkdir()
        probe.rmdir()


@contextmanager
def atomic_directory(
    path: Path, *, force: bool = False, replaceable: Callable[[Path], bool] = _never
) -> Iterator[Path]:
    """Fills a temporary folder that becomes `path` when the block ends, and is removed when it fails.

    A kill at any moment leaves the old folder or the new one. On Linux old and new change places in one
    step (``renameat2``). Elsewhere, and on file systems that cannot do that, the old folder is renamed
    first: a kill in the instant before the second rename leaves it beside the target, and the next call
    puts it back.

    Args:
        path: the folder to make. An empty folder may be there.
        force: whether an old folder may be replaced.
        replaceable: says whether an old folder is of the kind that `force` may replace, so that it never
            deletes a user's own folder.

    Yields:
        The temporary folder, empty, on the same file system.

    Raises:
        OutputError: there is something that may not be replaced, another process is writing the same
            folder, or it cannot be written. Also raised when the disk fills up inside the block.
    """
    with _explained(path):
        target = Path(os.path.realpath(path))
        if not target.name:
            raise OutputError(f"{path} cannot be replaced: name a folder in it")
        lock = _lock(target, path)
    try:
        with _explained(path):
            _remove_leftovers(target, locked=True)
            _refuse_existing(target, path, force, replaceable)
            temporary = _temporary(target)
            temporary.mkdir()
        try:
            with _explained(path, _ONLY_FROM_WRITING), _named(path, temporary):
                yield temporary
            with _explained(path):
                _sync(temporary)
                # It may have come into being meanwhile.
                _refuse_existing(target, path, force, replaceable)
                _put_in_place(temporary, target)
        finally:
            # On success this is the old folder, where there was one.
            shutil.rmtree(temporary, ignore_errors=True)
    finally:
        _unlock(lock, target)


def sweep(path: Path) -> None:
    """Removes what killed writers of a file or folder left beside it, and puts an old folder back that one had renamed.

    Args:
        path: the file or folder; need not be there.

    Raises:
        OutputError: another process is writing that folder, or its own folder cannot be read or written.
    """
    with _explained(path):
        target = Path(os.path.realpath(path))
        if not target.parent.is_dir():
            return
        beginning = f".{target.name}.edgeq-"
        if not any(entry.name.startswith(beginning) for entry in target.parent.iterdir()):
            return
        if target.is_file():
            _remove_leftovers(target, locked=False)
            return
        lock = _lock(target, path)
    try:
        with _explained(path):
            _remove_leftovers(target, locked=True)
    finally:
        _unlock(lock, target)


@contextmanager
def _named(path: Path, temporary: Path) -> Iterator[None]:
    """Says the name that the user gave, where a writer inside says that of the temporary folder."""
    try:
        yield
    except OutputError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or not str(error).startswith(f"{temporary}"):
            raise
        raise OutputError(f"{path} cannot be written: {_explanation(path, cause)}") from cause


@contextmanager
def _explained(path: Path, numbers: set[int] | None = None, *, option: str = OUTPUT) -> Iterator[None]:
    """Turns the operating system's errors, or those of some numbers, into one line with a next step."""
    try:
        yield
    except OSError as error:
        if numbers is not None and error.errno not in numbers:
            raise
        raise OutputError(f"{path} cannot be written: {_explanation(path, error, option)}") from error


def _explanation(path: Path, error: OSError, option: str = OUTPUT) -> str:
    folder = path.parent
    elsewhere = f"write elsewhere with {option}"
    if error.errno in _FULL:
        return f"the disk is full or a quota is reached; free some space or {elsewhere}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission in {folder}; {elsewhere}"
    if error.errno == errno.EROFS:
        return f"{folder} is read-only; {elsewhere}"
    if error.errno == errno.ENOENT and not folder.exists():
        return f"the folder {folder} does not exist; make it first"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{_first_file(folder)} is a file and no folder; {elsewhere}"
    return f"{error.strerror or error}; {elsewhere}"


def _first_file(folder: Path) -> Path:
    """What stands in the way of a folder."""
    return next(
        (path for path in (*reversed(folder.parents), folder) if path.exists() and not path.is_dir()), folder
    )


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.edgeq-{os.getpid()}-{secrets.token_hex(4)}")


_OLD = "-old"


def _remove_leftovers(target: Path, *, locked: bool) -> None:
    """Removes what dead processes left, and puts an old folder back that one of them had renamed."""
    pattern = re.compile(
        rf"\.{re.escape(target.name)}\.edgeq-(?P<pid>\d+)-[0-9a-f]{{8}}(?P<old>{_OLD})?", re.ASCII
    )
    for entry in target.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if not match:
            continue
        pid = int(match["pid"])
        # With the lock held, a leftover of this process's own number is of a namesake that is dead:
        # in containers every process has the same few numbers.
        if _is_alive(pid) and not (locked and pid == os.getpid()):
            continue
        if match["old"] and not target.exists():
            entry.rename(target)
        elif entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with suppress(OSError):
                entry.unlink()


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        # Windows has no harmless os.kill, and its locks can be relied on.
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _refuse_existing(target: Path, path: Path, force: bool, replaceable: Callable[[Path], bool]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{path} is not a folder: name another one with -o")
    if not any(target.iterdir()):
        return
    if not force:
        raise OutputError(f"{path} exists: add --force to replace it")
    if not replaceable(target):
        raise OutputError(
            f"{path} exists and was not made by edgeq, so --force does not replace it: name another folder "
            "with -o"
        )


def _sync(folder: Path) -> None:
    """Sends the files of a folder to the disk: after a power cut a rename may be there and they not."""
    for parent, _, names in os.walk(folder):
        for name in names:
            # Windows wants write access for it; elsewhere a file may be read-only.
            with (Path(parent) / name).open("rb+" if os.name == "nt" else "rb") as stream:
                os.fsync(stream.fileno())


def _put_in_place(new: Path, target: Path) -> None:
    if not target.exists():
        new.rename(target)
    elif _exchange(new, target):
        return
    else:
        old = new.with_name(new.name + _OLD)
        target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Lets two folders change places in one step; False where that is not possible."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    failed = rename(
        ctypes.c_int(_AT_FDCWD), os.fsencode(one), ctypes.c_int(_AT_FDCWD), os.fsencode(other),
        ctypes.c_uint(_RENAME_EXCHANGE),
    )  # fmt: skip
    return not failed


def _lock_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.edgeq-lock")


def _lock(target: Path, path: Path) -> int:
    """Takes the lock that stands for a folder; the operating system releases it when a process dies."""
    name = _lock_path(target)
    while True:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _try_lock(descriptor):
                raise OutputError(
                    f"{path} is being written by another process: wait for it or name another folder with -o"
                )
            if _is_same(descriptor, name):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # Its last holder removed it between the two calls.
        os.close(descriptor)


def _is_same(descriptor: int, name: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), name.stat())
    except FileNotFoundError:
        return False


def _unlock(descriptor: int, target: Path) -> None:
    with suppress(OSError):
        # Before the lock is released, so that nobody's lock is removed; Windows wants it the other way.
        _lock_path(target).unlink()
    os.close(descriptor)
    if os.name == "nt":
        with suppress(OSError):
            _lock_path(target).unlink()


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            # Some network and FUSE file systems have no locks: there, two writers are not told apart,
            # and the later rename wins.
            if error.errno not in _NO_LOCKS_HERE:
                raise
        return True
