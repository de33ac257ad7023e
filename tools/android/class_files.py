"""Reads which members classes have from jars and from a JDK's record of older Java versions (JVM specification, 4)."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from tools.android.members import ClassMembers

_WIDTHS = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}
"""Bytes of a constant by its tag; those of text (1) say it themselves."""

_TEXT, _WIDE = 1, (5, 6)


class Jar:
    """The classes of a jar."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self._names = set(self._archive.namelist())

    def find(self, name: str) -> ClassMembers | None:
        """The class with this internal name; None where there is none."""
        file = f"{name}.class"
        return read_class(self._archive.read(file)) if file in self._names else None


class OlderJava:
    """The public classes that Java had in an older version, as the JDK's compiler knows them for ``--release``."""

    def __init__(self, jdk: Path, versions: str) -> None:
        """Opens the record.

        Args:
            jdk: its folder.
            versions: the versions to look in, in this order, one letter for each: 7, 8, 9, A for 10 and so on. The
                first that the JDK knows counts.
        """
        self._archive = zipfile.ZipFile(jdk / "lib" / "ct.sym")
        names = [name.split("/", 2) for name in self._archive.namelist() if name.endswith(".sig")]
        known = next(one for one in versions if any(one in name[0] for name in names))
        # A folder's name lists all versions that what is in it holds for; below it is the module's folder.
        self._paths = {name[2]: "/".join(name) for name in names if known in name[0]}

    def find(self, name: str) -> ClassMembers | None:
        """The class with this internal name; None where there is none."""
        path = self._paths.get(f"{name}.sig")
        return read_class(self._archive.read(path)) if path else None


def read_class(data: bytes) -> ClassMembers:
    """Reads a class file.

    Args:
        data: all of it.
    """
    constants, offset = _constants(data)

    def class_name(index: int) -> str:
        return _text(data, constants, _u2(data, constants[index] + 1))

    (this, above, count) = struct.unpack_from(">HHH", data, offset + 2)
    interfaces = struct.unpack_from(f">{count}H", data, offset + 8)
    offset += 8 + 2 * count
    members: set[tuple[str, str]] = set()
    # First the fields, then the methods; both have the same form.
    for _ in range(2):
        offset, found = _declared(data, constants, offset)
        members |= found
    parents = tuple(class_name(index) for index in (above, *interfaces) if index)
    return ClassMembers(class_name(this), parents, frozenset(members))


def _constants(data: bytes) -> tuple[dict[int, int], int]:
    """Where each constant begins, by its number, and where the table ends."""
    offsets, offset, index = {}, 10, 1
    while index < _u2(data, 8):
        offsets[index] = offset
        tag = data[offset]
        offset += 3 + _u2(data, offset + 1) if tag == _TEXT else 1 + _WIDTHS[tag]
        index += 2 if tag in _WIDE else 1
    return offsets, offset


def _declared(data: bytes, constants: dict[int, int], offset: int) -> tuple[int, set[tuple[str, str]]]:
    count, members = _u2(data, offset), set()
    offset += 2
    for _ in range(count):
        name, descriptor, attributes = struct.unpack_from(">HHH", data, offset + 2)
        members.add((_text(data, constants, name), _text(data, constants, descriptor)))
        offset += 8
        for _ in range(attributes):
            offset += 6 + int(struct.unpack_from(">I", data, offset + 2)[0])
    return offset, members


def _text(data: bytes, constants: dict[int, int], index: int) -> str:
    begin = constants[index] + 1
    return data[begin + 2 : begin + 2 + _u2(data, begin)].decode("utf-8", "surrogatepass")


def _u2(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "big")
