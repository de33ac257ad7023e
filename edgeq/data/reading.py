"""From a path to a data set: which form it has."""

from __future__ import annotations

import os
from pathlib import Path

from edgeq.data.dataset import Dataset
from edgeq.data.readers.arrays import ARRAY_SUFFIXES, LABEL_KEYS, read_array_file, read_arrays
from edgeq.data.readers.coco import read_coco, read_coco_folder
from edgeq.data.readers.folders import read_folder
from edgeq.data.readers.kinds import kind_of
from edgeq.data.readers.listing import list_folder, suffix_of
from edgeq.data.readers.manifests import MANIFEST_SUFFIXES, read_manifest
from edgeq.data.readers.mask_folders import has_mask_folders, read_mask_folders
from edgeq.errors import DataError
from edgeq.printing import printable

__all__ = ["LABEL_KEYS", "read_arrays", "read_dataset"]

FORMS = (
    "a folder of images or WAV files with one folder a class, a manifest (.csv, .jsonl), arrays (.npz, .npy), COCO "
    "annotations (.json), a folder with images/ and masks/, or a converter script with data()"
)
"""What edgeq reads, for messages."""


def read_dataset(path: Path | str) -> Dataset:
    """Reads a data set as it lies on disk; images, sounds and arrays are not loaded.

    Args:
        path: class folders or a folder of images or WAV files; a CSV or JSON Lines manifest; an ``.npz`` or ``.npy``;
            a COCO file or the folder with it; a folder of images and masks; or a converter script, for what its
            ``data()`` returns. Modules of `edgeq.data.readers` say the rules of each.

    Raises:
        DataError: it does not exist, is damaged, or is of no known kind.
        ModelError: a converter script fails when it is read.
    """
    path = Path(path)
    # Unlike those of Path these never raise, whatever the name.
    if os.path.isdir(path):  # noqa: PTH112
        return _read_folder(path)
    if not os.path.exists(path):  # noqa: PTH110
        raise DataError(f"{printable(path)} does not exist: expected {FORMS}")
    if not os.path.isfile(path):  # noqa: PTH113
        raise DataError(f"{printable(path)} is no regular file: expected {FORMS}")
    return _read_file(path)


def _read_folder(folder: Path) -> Dataset:
    listing = list_folder(folder)
    coco = read_coco_folder(folder, listing)
    if coco is not None:
        return coco
    return read_mask_folders(folder) if has_mask_folders(listing) else read_folder(folder, listing)


def _read_file(path: Path) -> Dataset:
    suffix = suffix_of(path.name)
    if suffix in ARRAY_SUFFIXES:
        return read_array_file(path)
    if suffix in MANIFEST_SUFFIXES:
        return read_manifest(path)
    if suffix == ".json":
        return read_coco(path)
    if suffix == ".py":
        from edgeq.data.script import read_script_data

        return read_script_data(path)
    kind = kind_of(path.name)
    if kind is not None:
        raise DataError(f"{printable(path)} is one {kind}: name its folder, or a manifest")
    raise DataError(f"{printable(path)} is no data set that edgeq reads: expected {FORMS}")
