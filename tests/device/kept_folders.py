"""Folders in the user's cache for emulated machines, made once, whole or not at all."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeq.cache import cache_folder
from tools import kept_folders


def made_once(name: str) -> AbstractContextManager[tuple[Path, Path | None]]:
    """A folder of this name, see `tools.kept_folders.made_once`."""
    return kept_folders.made_once(cache_folder("emulated-pi") / name)
