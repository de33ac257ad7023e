"""The files of a folder: sorted, without what operating systems and programs leave in it."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from edgeq.errors import DataError
from edgeq.printing import printable

_SYSTEM_NAMES = frozenset(
    {
        "$recycle.bin",  # Windows
        "@eadir",  # Synology's thumbnails
        "__macosx",  # in archives that macOS packed
        "desktop.ini",
        "lost+found",  # ext2 to ext4
        "system volume information",
        "thumbs.db",
    }
)
"""What systems put beside a user's files, in lower case; whatever begins with a dot is left out as well."""


@dataclass(frozen=True)
class Listing:
    """What is in one folder.

    Attributes:
        folders: names of the folders in it, sorted; links to folders are among them.
        files: names of everything else, sorted.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]


def list_folder(folder: Path) -> Listing:
    """The names in a folder, sorted by their characters, without hidden ones and those of the system.

    Raises:
        DataError: it cannot be listed; says which.
    """
    folders: list[str] = []
    files: list[str] = []
    for entry in _entries(os.fspath(folder)):
        (folders if _is_folder(entry, follow_links=True) else files).append(entry.name)
    return Listing(tuple(folders), tuple(files))


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files with one of the suffixes in a folder and in all folders below it, in the order of their parts.

    Links to folders are not followed, so that there are no endless ones. A folder or such a link that is named like
    a file (``photo.png``) is in the list, to be found bad when it is read: it must not vanish.

    Args:
        folder: where to begin; may be a link itself.
        suffixes: in lower case, with the dot.

    Raises:
        DataError: a folder cannot be listed; says which.
    """
    found: list[Path] = []
    # A stack of its own, because folders may lie deeper in each other than Python may call itself.
    waiting: list[os.DirEntry[str]] = _entries(os.fspath(folder))[::-1]
    while waiting:
        entry = waiting.pop()
        if suffix_of(entry.name) in suffixes:
            found.append(Path(entry.path))
        elif _is_folder(entry, follow_links=False):
            waiting += _entries(entry.path)[::-1]
    return found


def suffix_of(name: str) -> str:
    """The suffix of a file's name in lower case, with the dot; empty where there is none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - ten times as fast as a Path


def is_file_name(text: str) -> bool:
    """Whether a text can be the path of a file: not empty, without the characters that no path can have."""
    try:
        return bool(text) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not _is_hidden(entry.name)]
    except OSError as error:
        raise DataError(f"{printable(Path(folder))} cannot be listed: {error.strerror or error}") from error
    return sorted(shown, key=lambda entry: entry.name)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def _is_folder(entry: os.DirEntry[str], *, follow_links: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow_links)
    except OSError:
        # A link that leads to itself, or into a folder that may not be looked into.
        return False
