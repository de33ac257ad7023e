"""Which files of the folder ``android_demo`` make the demo app: all but what building and editing leave there.

``setup.py`` loads this module by its path when it builds a wheel, so it imports nothing of edgeq.
"""

from __future__ import annotations

import os
from pathlib import Path

LEFTOVER_FOLDERS = frozenset(
    {
        ".cxx",
        ".externalNativeBuild",
        ".git",
        ".gradle",
        ".idea",
        ".kotlin",
        "__pycache__",
        "build",
        "captures",
        "out",
    }
)
LEFTOVER_FILES = frozenset(
    {".DS_Store", "Thumbs.db", "edgeq-android.json", "keystore.properties", "local.properties"}
)
LEFTOVER_SUFFIXES = (".aab", ".aar", ".apk", ".class", ".dex", ".hprof", ".iml", ".jks", ".keystore", ".log")
SCREEN_TESTS = Path("app") / "src" / "test"
"""Tests of the screens, which need what edgeq's repository has for them; the core's tests need JUnit alone."""
ASSETS = Path("app") / "src" / "main" / "assets" / "edgeq"
"""The bundle, which is put there for each app anew."""


def demo_files(root: Path) -> tuple[Path, ...]:
    """Paths of the app's files, relative to its folder and sorted.

    Args:
        root: the folder ``android_demo``.
    """
    found = []
    for parent, folders, files in os.walk(root):
        here = Path(parent).relative_to(root)
        folders[:] = [
            name
            for name in folders
            if name not in LEFTOVER_FOLDERS and here / name not in (ASSETS, SCREEN_TESTS)
        ]
        found += [here / name for name in files if _belongs(name)]
    return tuple(sorted(found))


def _belongs(name: str) -> bool:
    return (
        name not in LEFTOVER_FILES
        and not name.endswith(LEFTOVER_SUFFIXES)
        and not name.startswith(".fuse_hidden")
    )
