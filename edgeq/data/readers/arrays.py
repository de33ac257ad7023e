"""Arrays in .npz and .npy files as a data set; they are mapped into memory, not read."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.data.columns import MappedArray
from edgeq.data.dataset import Array, ArrayDataset, Dataset
from edgeq.data.readers.npy import MAGIC, SpoolOnDemand, is_npy, map_member, map_npy
from edgeq.data.truth import Masks, Truth, truth_from_array
from edgeq.errors import DataError
from edgeq.printing import printable

LABEL_KEYS = ("labels", "label", "y")
"""Names under which an .npz may hold labels."""

ARRAY_SUFFIXES = (".npz", ".npy")

_TARGETS, _MASKS, _CLASS_NAMES = "targets", "masks", "class_names"

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


def read_array_file(path: Path) -> Dataset:
    """Reads an .npz of arrays by input name, or the one array of an .npy.

    An .npz may hold what is known of the items: ``labels`` (or ``label``, ``y``), numbers to predict as ``targets``,
    or ``masks``; and ``class_names``.

    Raises:
        DataError: it is damaged, holds Python objects, or no data set.
    """
    arrays = dict(_mapped(path))
    source = printable(path)
    labels = [key for key in LABEL_KEYS if key in arrays][:1]
    found = labels + [key for key in (_TARGETS, _MASKS) if key in arrays]
    if len(found) > 1:
        raise DataError(f"{source} holds {' and '.join(found)}: expected one of labels, targets and masks")
    names = _class_names(arrays.pop(_CLASS_NAMES, None), source)
    known = arrays.pop(found[0]).open() if found else None
    dataset = ArrayDataset(arrays, source=source)
    if known is None:
        return dataset
    return dataset.with_truth(_truth(found[0], known, len(dataset), source, names))


def read_arrays(path: Path) -> dict[str, Array]:
    """Arrays of an .npz by name, or the one of an .npy under an empty name, in memory.

    Raises:
        DataError: the file is damaged, or holds Python objects.
    """
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        raise DataError(
            f"{printable(path)} is nothing that edgeq reads: expected an image, a WAV, an .npy or an .npz file"
        )
    try:
        return {name: np.array(mapped.open()) for name, mapped in _mapped(path).items()}
    except MemoryError as error:
        raise DataError(
            f"{printable(path)} holds an array that is too large for this machine's memory: {error}"
        ) from error


def as_masks(values: Array, source: str) -> npt.NDArray[np.uint8]:
    """Classes of pixels as masks have them.

    Args:
        values: bool or integer[N, H, W] or [N, H, W, 1], from 0 to 255.
        source: of the array, for messages.

    Returns:
        uint8[N, H, W].

    Raises:
        DataError: they are something else.
    """
    if values.ndim == 4 and values.shape[-1] == 1:
        return as_masks(values[..., 0], source)
    if values.ndim != 3 or values.dtype.kind not in "bui":
        raise DataError(
            f"{source}: expected masks as integers [N, height, width], found {values.dtype}{list(values.shape)}"
        )
    if (
        values.dtype.kind != "b"
        and values.dtype != np.uint8
        and values.size
        and not 0 <= values.min() <= values.max() <= 255
    ):
        raise DataError(
            f"{source}: expected masks of class numbers from 0 to 255, found {values.min()} to {values.max()}"
        )
    return values.astype(np.uint8, copy=False)


def _truth(key: str, values: Array, count: int, source: str, names: tuple[str, ...]) -> Truth:
    if key == _MASKS:
        return Masks(values=as_masks(values, source), names=names)
    if key == _TARGETS and values.dtype.kind in "bui":
        values = values.astype(np.float32)
    return truth_from_array(values, count, source, names)


def _mapped(path: Path) -> dict[str, MappedArray]:
    """Arrays of an .npz by name, or the one of an .npy under an empty name; the content says which it is."""
    spools = SpoolOnDemand()
    try:
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) == MAGIC:
                return {"": map_npy(path, spools)}
            if path.suffix.lower() == ".npy":
                raise ValueError("pickle")
            with zipfile.ZipFile(stream) as archive:
                return {
                    member.filename.removesuffix(".npy"): _member(path, archive, member, spools)
                    for member in archive.infolist()
                }
    except _DAMAGE as error:
        raise DataError(
            f"{printable(path)} cannot be read as {path.suffix}: {_explanation(path, error)}"
        ) from error


def _member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, spools: SpoolOnDemand
) -> MappedArray:
    if not is_npy(archive, member):
        raise DataError(
            f"{printable(path)} holds {member.filename!r}, which is no NumPy array: expected an .npz file as "
            "numpy.savez writes it"
        )
    return map_member(path, archive, member, spools)


def _explanation(path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if path.stat().st_size == 0:
        return "it is empty; save or copy it again"
    if "pickle" in reason:
        return "it is no NumPy file, or holds Python objects instead of plain numbers"
    return f"it is damaged ({reason}); save or copy it again"


def _class_names(array: MappedArray | None, source: str) -> tuple[str, ...]:
    if array is None:
        return ()
    names = array.open()
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise DataError(
            f"{source}: class_names is {names.dtype}{list(names.shape)}, expected one text a class, as in "
            "numpy.array(['cat', 'dog'])"
        )
    try:
        return tuple(
            name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in names.tolist()
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{source}: class_names is no UTF-8 text: {error}") from error
