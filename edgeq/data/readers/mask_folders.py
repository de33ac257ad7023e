"""Images and their masks in two folders, matched by name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeq.data.columns import ImageColumn
from edgeq.data.dataset import Dataset
from edgeq.data.labels import read_labels_file
from edgeq.data.readers.kinds import MEDIA_SUFFIXES
from edgeq.data.readers.listing import Listing, files_below, list_folder, suffix_of
from edgeq.data.readers.split_names import split_of
from edgeq.data.truth import Masks
from edgeq.errors import DataError
from edgeq.printing import printable

_IMAGES = ("images", "imgs", "JPEGImages")
_MASKS = ("masks", "labels", "annotations", "SegmentationClass")
_NAMES = ("labels.txt", "classes.txt")

# Of the formats that `edgeq.data.media.masks` reads: JPEG changes values, and with them the numbers of classes.
_MASK_SUFFIXES = (".bmp", ".png")

_SHOWN = 5


def has_mask_folders(listing: Listing) -> bool:
    """Whether a folder holds one of images and one of masks, by their names."""
    folders = listing.folders
    return any(name in folders for name in _IMAGES) and any(name in folders for name in _MASKS)


def read_mask_folders(folder: Path) -> Dataset:
    """Lists images and their masks; a mask has the name of its image, apart from the suffix.

    Args:
        folder: holds ``images`` (or ``imgs``, ``JPEGImages``) and ``masks`` (or ``labels``, ``annotations``,
            ``SegmentationClass``), perhaps with the same folders in both, and perhaps a ``labels.txt`` or
            ``classes.txt`` with class names in the order of their numbers.

    Raises:
        DataError: images or masks lack their partner, or masks are no lossless images; names them.
    """
    folders = list_folder(folder).folders
    images = _by_stem(_only(folder, [name for name in _IMAGES if name in folders]))
    masks = _by_stem(_only(folder, [name for name in _MASKS if name in folders]))
    source = printable(folder)
    if not images or not masks:
        raise DataError(
            f"{source}: expected images in one folder and masks ({', '.join(_MASK_SUFFIXES)}) in the other, found "
            f"{len(images)} and {len(masks)} of them; boxes are read from a COCO file, named by its own path"
        )
    check_mask_names(list(masks.values()), source)
    _refuse_lone(source, images, masks)
    return Dataset(
        {"": ImageColumn(tuple(images.values()))},
        Masks(files=tuple(masks[stem] for stem in images), names=_names(folder)),
        source=source,
        splits=_splits(list(images)),
    )


def check_mask_names(files: Sequence[Path], source: str) -> None:
    """Refuses masks that cannot be what they should be.

    Raises:
        DataError: a file is no image by its suffix, or one whose compression changes values.
    """
    for file in files:
        if suffix_of(file.name) not in _MASK_SUFFIXES:
            raise DataError(
                f"{source}: {printable(file)} cannot be a mask: expected {', '.join(_MASK_SUFFIXES)}, whose values "
                "are the numbers of classes"
            )


def _only(folder: Path, names: Sequence[str]) -> Path:
    if len(names) > 1:
        raise DataError(f"{printable(folder)} has the folders {' and '.join(names)}: expected one of them")
    return folder / names[0]


def _by_stem(folder: Path) -> dict[str, Path]:
    """Images by their path in the folder without suffix."""
    found: dict[str, Path] = {}
    for path in files_below(folder, MEDIA_SUFFIXES):
        stem = os.fspath(path.relative_to(folder).with_suffix(""))
        if stem in found:
            raise DataError(
                f"{printable(found[stem])} and {printable(path)} differ in their suffix only: expected one image a name"
            )
        found[stem] = path
    return found


def _refuse_lone(source: str, images: Mapping[str, Path], masks: Mapping[str, Path]) -> None:
    without = [path for stem, path in images.items() if stem not in masks]
    beyond = [path for stem, path in masks.items() if stem not in images]
    if not without and not beyond:
        return
    parts = [f"{len(without)} of {len(images)} images have no mask ({_shown(without)})"] if without else []
    parts += [f"{len(beyond)} of {len(masks)} masks have no image ({_shown(beyond)})"] if beyond else []
    raise DataError(
        f"{source}: {' and '.join(parts)}: expected the same names, or a manifest with columns path and mask"
    )


def _names(folder: Path) -> tuple[str, ...]:
    file = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
    return () if file is None else tuple(read_labels_file(file))


def _splits(stems: Sequence[str]) -> list[str]:
    """The parts, where all images lie in folders that are called like parts."""
    found = [split_of(Path(stem).parts[0]) if os.sep in stem else None for stem in stems]
    splits = [split for split in found if split is not None]
    return splits if len(splits) == len(found) else []


def _shown(paths: Sequence[Path]) -> str:
    return ", ".join(printable(path) for path in paths[:_SHOWN]) + ", …" * (len(paths) > _SHOWN)
