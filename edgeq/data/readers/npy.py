"""NumPy's file formats, mapped into memory instead of read: .npy files and the members of .npz files.

NEP 1 ("A Simple File Format for NumPy Arrays") has the layout of .npy; an .npz is a zip archive of them, and where a
member is not compressed its array lies in the archive as it would in a file of its own (PKWARE, APPNOTE.TXT 6.3.10,
section 4.3.7, the local file header).
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.data.columns import MappedArray
from edgeq.data.readers.spooling import Spool, SpooledArray, SpoolFile

MAGIC = b"\x93NUMPY"

_LOCAL_HEADER = struct.Struct("<26xHH")
"""After 26 bytes the lengths of the name and of the extra field, which follow."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Header:
    """What stands before the values; `offset` is where they begin in the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    offset: int


class SpoolOnDemand:
    """A scratch folder that is made when something has to be unpacked."""

    def __init__(self) -> None:
        """Makes nothing yet."""
        self._spool: Spool | None = None
        self._files = 0

    def new_file(self) -> tuple[Spool, Path]:
        """The folder, and a file in it that is not there yet."""
        self._spool = self._spool or Spool()
        self._files += 1
        return self._spool, self._spool.folder / f"{self._files}.npy"


def map_npy(path: Path, spools: SpoolOnDemand) -> MappedArray:
    """The array of an .npy file.

    Raises:
        ValueError: it is none, is damaged or holds Python objects.
        OSError: it cannot be read.
    """
    return _mapped(path, 0, path.stat().st_size, spools)


def is_npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a member of an archive begins like an .npy file."""
    with archive.open(member) as stream:
        return stream.read(len(MAGIC)) == MAGIC


def map_member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, spools: SpoolOnDemand
) -> MappedArray:
    """The array of an .npz file's member: where it lies, or unpacked where it is compressed.

    Args:
        path: of the archive.
        archive: the same, open.
        member: which; `is_npy` has been asked.
        spools: where to unpack to.

    Raises:
        ValueError: it is damaged or holds Python objects.
        DataError: there is no room to unpack it.
    """
    if member.compress_type != zipfile.ZIP_STORED:
        return _unpacked(archive, member, spools)
    start = _start(path, member)
    _check_sum(path, start, member)
    return _mapped(path, start, member.file_size, spools)


def _start(path: Path, member: zipfile.ZipInfo) -> int:
    """Where the content of a member begins that is not compressed; `is_npy` has checked the header there."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    start: int = member.header_offset + _LOCAL_HEADER.size + name + extra
    return start


def _check_sum(path: Path, start: int, member: zipfile.ZipInfo) -> None:
    """Mapping does not see damage that unpacking would; it costs about a second for 1 to 3 GB."""
    found, left = 0, member.file_size
    with path.open("rb") as file:
        file.seek(start)
        while left and (block := file.read(min(_BLOCK, left))):
            found = zlib.crc32(block, found)
            left -= len(block)
    if left or found != member.CRC:
        raise ValueError(f"bad CRC-32 for {member.filename}")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, spools: SpoolOnDemand) -> MappedArray:
    with archive.open(member) as packed:
        # Python objects are refused before anything is written.
        _header(packed)
    spool, target = spools.new_file()
    spool.require_room(member.file_size)
    with archive.open(member) as packed, SpoolFile(spool, target) as file:
        while block := packed.read(_BLOCK):
            file.write(block)
    return _kept(_mapped(target, 0, target.stat().st_size, spools), spool)


def _mapped(path: Path, start: int, size: int, spools: SpoolOnDemand) -> MappedArray:
    """The array of the .npy file that lies somewhere in a file."""
    with path.open("rb") as file:
        file.seek(start)
        header = _header(file)
    values = math.prod(header.shape) * header.dtype.itemsize
    if header.offset + values > start + size:
        raise ValueError(f"it ends after {start + size - header.offset} of {values} bytes of values")
    # A map lives on when the working directory changes.
    array = MappedArray(path.absolute(), header.dtype.str, header.shape, header.offset)
    return _in_c_order(array, spools) if header.is_fortran and values and len(header.shape) > 1 else array


def _header(file: Any) -> _Header:
    version = np.lib.format.read_magic(file)
    # Version 3 is for names of fields, which numbers have not.
    readers: dict[tuple[int, int], Callable[[Any], Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"the array has the format {version}, expected (1, 0) or (2, 0)")
    shape, is_fortran, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("the array holds Python objects, which would have to be unpickled")
    if any(side < 0 for side in shape) or not dtype.itemsize:
        raise ValueError(f"the array has the shape {shape} and values of {dtype.itemsize} bytes")
    return _Header(dtype, shape, is_fortran, file.tell())


def _in_c_order(array: MappedArray, spools: SpoolOnDemand) -> MappedArray:
    """The same array written anew, some rows at a time, because items are rows."""
    rows = np.memmap(array.path, array.dtype, "r", array.offset, array.shape, order="F")
    spool, target = spools.new_file()
    spool.require_room(rows.nbytes)
    count = max(1, _BLOCK * len(rows) // max(1, rows.nbytes))
    with SpoolFile(spool, target) as file:
        for first in range(0, len(rows), count):
            file.write(np.ascontiguousarray(rows[first : first + count]).tobytes())
    return SpooledArray(target, array.dtype, array.shape, 0, spool)


def _kept(array: MappedArray, spool: Spool) -> MappedArray:
    if isinstance(array, SpooledArray):
        return array
    return SpooledArray(array.path, array.dtype, array.shape, array.offset, spool)
