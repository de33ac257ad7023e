"""Writes archives whose bytes depend only on what is in them, with aligned entries as Android wants them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

EPOCH = (1981, 1, 1, 1, 1, 2)
"""Date of all entries, the one that Android's own build writes."""

LIBRARY_ALIGNMENT = 16384
"""Bytes: the largest page of a device, so that the loader maps libraries right out of the archive."""

ENTRY_ALIGNMENT = 4
"""Bytes: for other entries that are not compressed, which are mapped as well."""

_NEVER_COMPRESSED = (".so", ".tflite", ".arsc")
"""What is mapped into memory. The app's Gradle file says the same with ``noCompress``; .arsc must be so from API 30."""

_ALIGNMENT_FIELD = 0xD935
"""Extra field that tells the signer an entry's alignment, so that it keeps it."""

_LOCAL_HEADER = 30
_FIELD_HEADER = 6


def write_jar(folder: Path, path: Path) -> None:
    """Packs the files of a folder.

    Args:
        folder: with them.
        path: of the archive; it is replaced.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH), file.read_bytes())


def write_apk(entries: Mapping[str, bytes], path: Path, stored: Iterable[str] = ()) -> None:
    """Packs an app.

    Args:
        entries: contents by name, in the order that they are written in.
        path: of the archive; it is replaced.
        stored: names of entries that are not compressed, besides those that never are.
    """
    plain = set(stored)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            if name in plain or name.endswith(_NEVER_COMPRESSED):
                entry.compress_type = zipfile.ZIP_STORED
                entry.extra = _padding(archive.start_dir, name)
            else:
                entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=9)


def alignment_of(name: str) -> int:
    """What an entry's data is aligned to where it is not compressed, in bytes."""
    return LIBRARY_ALIGNMENT if name.endswith(".so") else ENTRY_ALIGNMENT


def _padding(offset: int, name: str) -> bytes:
    """Extra field that makes the data behind a header at this offset begin where it is aligned."""
    alignment = alignment_of(name)
    begin = offset + _LOCAL_HEADER + len(name.encode()) + _FIELD_HEADER
    padding = -begin % alignment
    field = _ALIGNMENT_FIELD.to_bytes(2, "little") + (2 + padding).to_bytes(2, "little")
    return field + alignment.to_bytes(2, "little") + bytes(padding)
