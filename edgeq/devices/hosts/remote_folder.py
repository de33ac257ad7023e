"""A job's folder on a device: made and filled over SSH, kept while somebody asks for it, removed afterwards.

This file is the program that the other end runs (``python3 -c``): it needs Python 3.10 or newer and nothing else.

A job leaves nothing behind: a process of its own, the keeper, removes the folder, and ends what runs in it, when
nobody has been heard of for some time. It goes by the monotonic clock alone, for the wall clock of a small computer
jumps when it first hears of the network.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

BEAT, PID, ALIVE = "beat", "pid", "alive"
"""Whose time of change says that somebody asks; the number of the measuring process; what it locks while it lives."""

_NAME = re.compile(r"edgeq-job-[0-9a-f]{16}", re.ASCII)
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_CHUNK = 1 << 18
_LAST_WORDS_S = 5.0
"""Given to the measuring process to end its workers."""


def main(words: list[str]) -> int:
    """Does what the words say; answers are lines of JSON behind a token, so that nothing else is taken for one."""
    token, action, *rest = words
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        if action == "receive":
            return _receive(token, rest)
        if action == "attach":
            _attach(token, rest)
        elif action == "remove":
            remove(checked(Path(rest[0])))
            tell(token, removed=True)
    except BrokenPipeError:
        return 1
    except OSError as error:
        tell(token, error="full" if error.errno in _FULL else "os", text=str(error))
    return 0


def tell(token: str, **what: object) -> None:
    """Prints one answer."""
    sys.stdout.write(f"{token} {json.dumps(what)}\n")
    sys.stdout.flush()


def boot_id() -> str:
    """What differs after the device was started again; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def beat(folder: Path) -> None:
    """Says that somebody still asks for the job; it needs no room on the disk, and no clock that is right."""
    moment = time.monotonic_ns()
    os.utime(folder / BEAT, ns=(moment, moment))


def give_up_after(seconds: float) -> None:
    """Ends this process when it is not called again in time, also where it hangs in writing to a dead connection."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def checked(folder: Path) -> Path:
    """The folder, if it has the name and the owner of one of ours: nothing else is ever removed.

    Raises:
        OSError: it has not.
    """
    if not _NAME.fullmatch(folder.name):
        raise OSError(errno.EINVAL, "not the folder of a job", str(folder))
    if folder.exists() and folder.lstat().st_uid != os.geteuid():
        raise OSError(errno.EPERM, "the folder of somebody else's job", str(folder))
    return folder


def is_measuring(folder: Path) -> bool:
    """Whether the measuring process lives: the operating system lets go of its lock however it dies."""
    try:
        descriptor = os.open(folder / ALIVE, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Ends what measures in the folder, and removes it and the folders above it that were made for it."""
    _end_measuring(folder)
    shutil.rmtree(folder, ignore_errors=True)
    _remove_unused(folder.parent)


def _remove_unused(place: Path) -> None:
    """Removes the folders above those of jobs, as far as nothing else is in them."""
    with contextlib.suppress(OSError):
        if place.name == "jobs":
            for folder in (place, place.parent, place.parent.parent):
                folder.rmdir()


def _end_measuring(folder: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not is_measuring(folder):
            return
        try:
            os.killpg(int((folder / PID).read_text(encoding="ascii")), number)
        except (OSError, ValueError):
            return
        end = time.monotonic() + _LAST_WORDS_S
        while is_measuring(folder) and time.monotonic() < end:
            time.sleep(0.02)


def _attach(token: str, words: list[str]) -> None:
    """Becomes the packed program, if it is still there."""
    archive = Path(words[0])
    tell(token, boot=boot_id(), gone=not archive.is_file())
    if archive.is_file():
        beat(archive.parent)
        python = [sys.executable, "-X", "utf8"]
        os.execv(python[0], [*python, str(archive), *words[1:]])  # noqa: S606 - no shell is wanted


def _receive(token: str, words: list[str]) -> int:
    """Takes a file from stdin, from where an earlier attempt was cut."""
    folder_name, name, size, sha256, needed, grace_s = words
    if folder_name:
        folder = checked(Path(folder_name))
        if not folder.is_dir():
            tell(token, error="gone", boot=boot_id())
            return 0
    else:
        made = _make_folder(token, int(needed), float(grace_s))
        if made is None:
            return 0
        folder = made
    path = folder / name
    with path.open("ab") as file:
        have = min(file.tell(), int(size))
        file.truncate(have)
        tell(token, folder=str(folder), have=have, boot=boot_id())
        while have < int(size):
            give_up_after(float(grace_s))
            data = os.read(0, min(_CHUNK, int(size) - have))
            if not data:
                return 1
            file.write(data)
            file.flush()
            have += len(data)
            beat(folder)
    give_up_after(0)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        path.unlink()
        tell(token, error="altered")
    else:
        tell(token, received=True)
    return 0


def _make_folder(token: str, needed: int, grace_s: float) -> Path | None:
    """A new folder where there is room, with a keeper; None where there is none, which it tells."""
    room: dict[str, object] = {}
    for place in (Path("~/.cache/edgeq/jobs").expanduser(), Path(tempfile.gettempdir())):
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_abandoned(place)
            room[str(place)] = free = shutil.disk_usage(place).free
            if free >= needed:
                return _kept(place, grace_s)
        except OSError as error:
            room[str(place)] = error.strerror or str(error)
        _remove_unused(place)
    tell(token, error="no room", room=room)
    return None


def _kept(place: Path, grace_s: float) -> Path:
    """A new folder, locked by a keeper for as long as that lives."""
    while True:
        folder = place / f"edgeq-job-{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        lock = os.open(folder, os.O_RDONLY)
        if not _try_lock(lock):
            raise OSError(errno.ENOLCK, "its file system knows no locks")
        with contextlib.suppress(FileNotFoundError):
            # Between the two another job may have taken it for abandoned.
            (folder / BEAT).touch(exist_ok=False)
            break
        os.close(lock)
    if os.fork() == 0:
        _keep(folder, grace_s)
    os.close(lock)
    return folder


def _keep(folder: Path, grace_s: float) -> NoReturn:
    """The keeper: ends when the folder is gone, or removes it when nobody has asked for it in time."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.chdir("/")
    seen: int | None = None
    heard = time.monotonic()
    while True:
        # A network's file system may not answer now: nobody is heard of meanwhile.
        with contextlib.suppress(PermissionError, TimeoutError):
            try:
                moment = (folder / BEAT).stat().st_mtime_ns
            except FileNotFoundError:
                os._exit(0)
            if moment != seen:
                seen, heard = moment, time.monotonic()
        if time.monotonic() - heard > grace_s:
            remove(folder)
            os._exit(0)
        time.sleep(min(1.0, grace_s / 4))


def _remove_abandoned(place: Path) -> None:
    """Removes folders of jobs whose keeper is dead, as after a power cut."""
    for folder in place.iterdir():
        if not _NAME.fullmatch(folder.name):
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(checked(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if _try_lock(descriptor) and not is_measuring(folder):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    # Windows has none of this, and its Python reads this file when it runs a packed bundle itself.
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
