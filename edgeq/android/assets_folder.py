"""The folder of the bundle in a module's assets, which changes as a whole."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from edgeq.android.constants import ASSETS
from edgeq.errors import OutputError
from edgeq.files import atomic_directory, check_target

ASSETS_FOLDER = PurePosixPath("src/main/assets") / ASSETS
"""Its path in a module."""


def is_asset(name: str) -> bool:
    """Whether a path in a module is that of a file in the folder."""
    return PurePosixPath(name).parent == ASSETS_FOLDER


def check_assets(module: Path) -> None:
    """Refuses before the work what `replace_assets` would refuse after it.

    Raises:
        OutputError: the folder is a link, or cannot be written.
    """
    folder = module / ASSETS_FOLDER
    if folder.is_symlink():
        raise OutputError(
            f"{folder} is a symbolic link: expected a folder of the module's own, or nothing there; remove the link"
        )
    check_target(folder, force=True, replaceable=_always)


def replace_assets(module: Path, files: Mapping[str, bytes], gone: Collection[str]) -> None:
    """Puts files into the folder and takes others away, all at once.

    Args:
        module: its folder.
        files: by path in the module; those outside of the folder are passed over.
        gone: paths in the module of files to take away.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = module / ASSETS_FOLDER
    own = {PurePosixPath(name).name: content for name, content in files.items() if is_asset(name)}
    left_out = {PurePosixPath(name).name for name in gone if is_asset(name)} | own.keys()
    with atomic_directory(folder, force=True, replaceable=_always) as temporary:
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name in left_out:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, temporary / entry.name, symlinks=True)
            else:
                shutil.copy2(entry, temporary / entry.name, follow_symlinks=False)
        for name, content in own.items():
            (temporary / name).write_bytes(content)


def _always(_: Path) -> bool:
    """The folder is edgeq's by its name, and what others put there is kept."""
    return True
