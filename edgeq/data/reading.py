"""From a path to a data set."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from edgeq.data.dataset import Array, ArrayDataset, Dataset
from edgeq.data.image_folder import ImageFolder
from edgeq.errors import DataError

LABEL_KEYS = ("labels", "label", "y")
"""Names under which an .npz may hold labels."""


def read_dataset(path: Path | str) -> Dataset:
    """Reads an .npz of arrays by input name, or a folder of images with one folder a class.

    Args:
        path: file or folder.

    Raises:
        DataError: it does not exist, is damaged, or is of no known kind.
    """
    path = Path(path)
    if path.is_dir():
        return ImageFolder(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: expected an .npz file or a folder with one folder a class")
    if path.suffix == ".npz":
        return _read_npz(path)
    raise DataError(
        f"{path} is no data set that edgeq reads: expected an .npz file or a folder with one folder a class"
    )


def read_arrays(path: Path) -> dict[str, Array]:
    """Arrays of an .npz by name, or the one of an .npy under an empty name.

    Raises:
        DataError: the file is damaged, or holds Python objects.
    """
    if path.suffix not in (".npy", ".npz"):
        raise DataError(f"{path} is nothing that edgeq reads: expected an image, an .npy or an .npz file")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        if "pickle" in reason:
            reason = "it is no NumPy file, or holds Python objects instead of plain numbers"
        raise DataError(f"{path} cannot be read as {path.suffix}: {reason}") from error


def _read_npz(path: Path) -> ArrayDataset:
    arrays = read_arrays(path)
    key = next((key for key in LABEL_KEYS if key in arrays), None)
    labels = arrays.pop(key) if key is not None else None
    names = arrays.pop("class_names", None)
    return ArrayDataset(
        arrays,
        labels,
        source=str(path),
        class_names=() if names is None else [str(name) for name in names.tolist()],
    )
