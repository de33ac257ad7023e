"""The user's folder for what can be made or fetched again."""

from __future__ import annotations

import os
import time
from pathlib import Path

_FORGOTTEN_DAYS = 30


def cache_folder(name: str = "") -> Path:
    """``$XDG_CACHE_HOME/edgeq/NAME``, by default below ``~/.cache``; it need not exist.

    Args:
        name: of a folder for one purpose; empty for the one that holds them all.

    Raises:
        RuntimeError: the user has no home, as in many containers.
    """
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "edgeq" / name


def forgotten(folder: Path) -> list[Path]:
    """Folders in a folder that nobody has written to for a month."""
    limit = time.time() - _FORGOTTEN_DAYS * 86_400
    if not folder.is_dir():
        return []
    return [entry for entry in folder.iterdir() if entry.is_dir() and entry.stat().st_mtime < limit]
