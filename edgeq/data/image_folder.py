"""Images with one folder a class, the convention of Keras and torchvision."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeq.data.dataset import Array, Dataset
from edgeq.data.images import IMAGE_SUFFIXES, Decoding, decode
from edgeq.errors import DataError


class ImageFolder(Dataset):
    """Images below a folder; the sorted names of its subfolders are the classes.

    A folder with images and no subfolders is a data set without labels.

    Attributes:
        paths: of the images, sorted within each class.
        decoding: how a file becomes an array; None until the model's input shape is known.
    """

    def __init__(self, folder: Path, decoding: Decoding | None = None) -> None:
        """Lists the images; none is opened yet.

        Args:
            folder: the folder.
            decoding: size and colour that images are decoded to.

        Raises:
            DataError: there are no images, a class folder without any, or images beside the class folders.
        """
        self.source = str(folder)
        self.decoding = decoding
        self._folder = folder
        classes = sorted(entry.name for entry in _entries(folder) if entry.is_dir())
        if classes:
            _refuse_stray(folder, classes)
            by_class = [_images(folder / name) for name in classes]
            empty = [name for name, paths in zip(classes, by_class, strict=True) if not paths]
            if empty:
                raise DataError(
                    f"{folder}: the class folder{'s' * (len(empty) > 1)} {', '.join(empty[:5])} "
                    f"hold{'s' * (len(empty) == 1)} no image ({', '.join(IMAGE_SUFFIXES)})"
                )
            self.paths = tuple(path for paths in by_class for path in paths)
            counts = [len(paths) for paths in by_class]
            self.labels = np.repeat(np.arange(len(classes), dtype=np.int64), counts)
            self.class_names = tuple(classes)
        else:
            self.paths = tuple(_images(folder))
            self.labels = None
        if not self.paths:
            raise DataError(f"{folder} holds no image: expected {', '.join(IMAGE_SUFFIXES)} files")
        self._digests: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each file's bytes; computed once."""
        if self._digests is None:
            self._digests = tuple(_file_digest(path) for path in self.paths)
        return self._digests

    def input_names(self) -> tuple[str, ...]:
        """One input without a name: images fit any model with a single image input."""
        return ("",)

    def raw(self, name: str, indices: Sequence[int]) -> Array:
        """Images uint8[N, H, W, C] in the decoding's size and colour."""
        if self.decoding is None:
            raise DataError(f"{self.source}: images need a size before they are read")
        return np.stack([decode(self.paths[index], self.decoding) for index in indices])


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be listed: {error.strerror}") from error


def _refuse_stray(folder: Path, classes: Sequence[str]) -> None:
    """Images beside class folders have no class; to leave them out in silence would lose what may be most."""
    stray = [
        entry.name for entry in _entries(folder) if entry.suffix.lower() in IMAGE_SUFFIXES and entry.is_file()
    ]
    if stray:
        raise DataError(
            f"{folder} has {len(stray)} image{'s' * (len(stray) > 1)} ({min(stray)}{', …' * (len(stray) > 1)}) beside "
            f"the folder{'s' * (len(classes) > 1)} {', '.join(classes[:3])}{', …' * (len(classes) > 3)}: expected one "
            "folder a class, or images alone"
        )


def _images(folder: Path) -> list[Path]:
    """Image files of a folder and of the folders in it, sorted; links to folders are not followed."""
    found = []
    for entry in _entries(folder):
        if entry.is_dir() and not entry.is_symlink():
            found += _images(entry)
        elif entry.suffix.lower() in IMAGE_SUFFIXES:
            found.append(entry)
    return sorted(found)


def _file_digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
