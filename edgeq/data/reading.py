"""From a path to a data set."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from edgeq.data.dataset import Array, ArrayDataset, Dataset
from edgeq.data.image_folder import ImageFolder
from edgeq.errors import DataError

LABEL_KEYS = ("labels", "label", "y")
"""Names under which an .npz may hold labels."""


# What NumPy and the zip archive under it raise on damaged files: RuntimeError for encrypted ones, the last
# three because NumPy reads the header of an array with Python's parser.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    SyntaxError,
    TypeError,
    tokenize.TokenError,
)


def read_dataset(path: Path | str) -> Dataset:
    """Reads an .npz of arrays by input name, a folder of images with one folder a class, or a script's data().

    Args:
        path: file or folder.

    Raises:
        DataError: it does not exist, is damaged, or is of no known kind.
        ModelError: a converter script fails when it is read.
    """
    path = Path(path)
    if path.is_dir():
        return ImageFolder(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: expected an .npz file or a folder with one folder a class")
    if path.suffix == ".npz":
        return _read_npz(path)
    if path.suffix == ".py":
        from edgeq.data.script import read_script_data

        return read_script_data(path)
    raise DataError(
        f"{path} is no data set that edgeq reads: expected an .npz file, a folder with one folder a class, or a "
        "converter script with data()"
    )


def read_arrays(path: Path) -> dict[str, Array]:
    """Arrays of an .npz by name, or the one of an .npy under an empty name.

    Raises:
        DataError: the file is damaged, or holds Python objects.
    """
    if path.suffix not in (".npy", ".npz"):
        raise DataError(f"{path} is nothing that edgeq reads: expected an image, an .npy or an .npz file")
    try:
        # np.load would leave a damaged file open.
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"": loaded}
            arrays = {name: loaded[name] for name in loaded.files}
    except MemoryError as error:
        raise DataError(
            f"{path} holds an array that is too large for this machine's memory: {error}"
        ) from error
    except _DAMAGE as error:
        raise DataError(f"{path} cannot be read as {path.suffix}: {_explanation(path, error)}") from error

    # What is no array in the archive comes as bytes.
    others = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if others:
        raise DataError(
            f"{path} holds {others[0]!r}, which is no NumPy array: expected an .npz file as numpy.savez writes it"
        )
    return arrays


def _explanation(path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if path.stat().st_size == 0:
        return "it is empty; save or copy it again"
    if "pickle" in reason:
        return "it is no NumPy file, or holds Python objects instead of plain numbers"
    return f"it is damaged ({reason}); save or copy it again"


def _read_npz(path: Path) -> ArrayDataset:
    arrays = read_arrays(path)
    key = next((key for key in LABEL_KEYS if key in arrays), None)
    labels = arrays.pop(key) if key is not None else None
    names = arrays.pop("class_names", None)
    return ArrayDataset(
        arrays,
        labels,
        source=str(path),
        class_names=() if names is None else _names(names, path),
    )


def _names(array: Array, path: Path) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(
            f"{path}: class_names is {array.dtype}{list(array.shape)}, expected one text a class, as in "
            "numpy.array(['cat', 'dog'])"
        )
    try:
        return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in array.tolist()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: class_names is no UTF-8 text: {error}") from error
