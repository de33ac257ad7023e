"""What an APK is made of, in bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

_OTHER = "zip directory, alignment and signature"


def sizes_of(apk: Path) -> dict[str, int]:
    """Bytes that each kind of content takes in the file; their sum is the file's size.

    Args:
        apk: the file.

    Returns:
        Bytes by kind, such as ``native library arm64-v8a``, the largest first.
    """
    sizes: dict[str, int] = {}
    with zipfile.ZipFile(apk) as archive:
        for entry in archive.infolist():
            kind = _kind(entry.filename)
            sizes[kind] = sizes.get(kind, 0) + entry.compress_size
    sizes[_OTHER] = sizes.get(_OTHER, 0) + apk.stat().st_size - sum(sizes.values())
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _kind(name: str) -> str:
    if name.startswith("lib/"):
        return f"native library {name.split('/')[1]}"
    if name.endswith(".dex"):
        return "classes (dex)"
    if name.endswith(".tflite"):
        return "models"
    if name.startswith("assets/"):
        return "other assets"
    if name.startswith("META-INF/"):
        return _OTHER
    return "resources and manifest"


def table(sizes: Mapping[str, int]) -> str:
    """The sizes as lines, with their sum."""
    width = max(map(len, sizes))
    lines = [f"  {kind:<{width}} {size:>12,} B" for kind, size in sizes.items()]
    return "\n".join([*lines, f"  {'total':<{width}} {sum(sizes.values()):>12,} B"])
