"""Images or sounds in folders: one folder a class, as Keras and torchvision have it, or a folder of files alone.

The same below folders called train, validation and test reads as one data set that knows its parts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.data.dataset import Dataset
from edgeq.data.readers.kinds import EXPECTED_FILES, MEDIA_SUFFIXES, kind_of, media_column
from edgeq.data.readers.listing import Listing, files_below, list_folder
from edgeq.data.readers.split_names import SPLITS, split_of
from edgeq.data.truth import ClassLabels
from edgeq.errors import DataError, NoItemsError
from edgeq.printing import printable

_SHOWN = 5


@dataclass(frozen=True)
class _Part:
    """Files of one folder; `classes` has the class of each, or is empty where there are no class folders."""

    paths: tuple[Path, ...]
    classes: tuple[str, ...]


def read_folder(folder: Path, listing: Listing | None = None) -> Dataset:
    """Lists a folder; the sorted names of its subfolders are the classes. No file is opened.

    Args:
        folder: class folders, files alone, or either of them below ``train``, ``validation`` (or ``val``) and
            ``test``.
        listing: what is in it, where that is known.

    Returns:
        Images or sounds, sorted within each class; without labels where there are no class folders.

    Raises:
        DataError: there is no image or sound, or there are both; a class folder without any, or files beside the
            class folders.
    """
    listing = listing or list_folder(folder)
    folders = listing.folders
    names = {name: split for name in folders if (split := split_of(name)) is not None}
    if folders and len(names) == len(folders):
        return _read_splits(folder, listing, names)
    if len(set(names.values())) > 1:
        others = [name for name in folders if name not in names]
        raise DataError(
            f"{printable(folder)} has the parts {', '.join(names)} and {_shown(others)} beside them: expected parts "
            "alone, or one folder a class; name the part to read"
        )
    part = _read_part(folder, listing)
    return _dataset(folder, part, ())


def _read_splits(folder: Path, listing: Listing, names: dict[str, str]) -> Dataset:
    _refuse_stray(folder, listing)
    ordered = sorted(names, key=lambda name: (SPLITS.index(names[name]), name))
    parts = [_read_part(folder / name, list_folder(folder / name)) for name in ordered]
    without = [name for name, part in zip(ordered, parts, strict=True) if not part.classes]
    if without and len(without) < len(parts):
        raise DataError(
            f"{printable(folder)}: {', '.join(without)} has no class folders, unlike the other parts: expected "
            "one folder a class in each; name the part to read"
        )
    whole = _Part(
        tuple(path for part in parts for path in part.paths),
        tuple(name for part in parts for name in part.classes),
    )
    splits = [names[name] for name, part in zip(ordered, parts, strict=True) for _ in part.paths]
    return _dataset(folder, whole, splits)


def _dataset(folder: Path, part: _Part, splits: Sequence[str]) -> Dataset:
    source = printable(folder)
    truth = None
    if part.classes:
        classes = sorted(set(part.classes))
        numbers = {name: number for number, name in enumerate(classes)}
        values = np.array([numbers[name] for name in part.classes], np.int64)
        truth = ClassLabels(values, tuple(printable(Path(name)) for name in classes))
    return Dataset({"": media_column(part.paths, source)}, truth, source=source, splits=splits)


def _read_part(folder: Path, listing: Listing) -> _Part:
    classes = listing.folders
    if not classes:
        paths = tuple(files_below(folder, MEDIA_SUFFIXES))
        if not paths:
            raise NoItemsError(f"{printable(folder)} holds no image and no sound: expected {EXPECTED_FILES}")
        return _Part(paths, ())
    _refuse_stray(folder, listing)
    _refuse_circles(folder, classes)
    by_class = {name: files_below(folder / name, MEDIA_SUFFIXES) for name in classes}
    empty = [name for name, paths in by_class.items() if not paths]
    if empty:
        one = len(empty) == 1
        raise DataError(
            f"{printable(folder)}: the class folder{'' if one else 's'} {_shown(empty)} hold{'s' if one else ''} no "
            f"image and no sound: expected {EXPECTED_FILES}; remove {'it' if one else 'them'}, or fill "
            f"{'it' if one else 'them'}"
        )
    return _Part(
        tuple(path for paths in by_class.values() for path in paths),
        tuple(name for name, paths in by_class.items() for _ in paths),
    )


def _refuse_stray(folder: Path, listing: Listing) -> None:
    """Files beside class folders have no class; to leave them out in silence would lose what may be most."""
    stray = [name for name in listing.files if kind_of(name) is not None]
    if stray:
        folders = f"folder{'s' * (len(listing.folders) > 1)} {_shown(listing.folders, 3)}"
        raise DataError(
            f"{printable(folder)} has {len(stray)} {kind_of(stray[0])}{'s' * (len(stray) > 1)} ({_shown(stray, 1)}) "
            f"beside the {folders}: expected one folder a class, or files alone"
        )


def _refuse_circles(folder: Path, classes: Sequence[str]) -> None:
    """A link to a folder may be a class, but not one to what holds the classes: every item would come twice."""
    around = os.path.realpath(folder)
    for name in classes:
        path = folder / name
        if not path.is_symlink():
            continue
        target = os.path.realpath(path)
        if os.path.commonpath([target, around]) == target:
            raise DataError(
                f"{printable(path)} is a link that leads back to {printable(Path(target))}: remove it, "
                "or let it lead to the files of one class"
            )


def _shown(names: Sequence[str], count: int = _SHOWN) -> str:
    shown = ", ".join(printable(Path(name)) for name in names[:count])
    return shown + ", …" * (len(names) > count)
