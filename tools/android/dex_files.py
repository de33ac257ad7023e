"""Reads which classes are in Android's bytecode and what they refer to (Dalvik executable format)."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools.android.members import ClassMembers, Member

_NO_INDEX = 0xFFFFFFFF
_TABLES = 0x38
"""Offset of the header's list of tables: strings, types, prototypes, fields, methods, classes; each size, offset."""


class DexFile:
    """One file of bytecode."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != b"dex\n":
            raise ValueError("no dex file: it does not begin with dex")
        self._data = data
        numbers = struct.unpack_from("<12I", data, _TABLES)
        self._tables = dict(zip(_NAMES, zip(numbers[::2], numbers[1::2], strict=True), strict=True))
        self._strings = [self._string(offset) for (offset,) in self._rows("strings", "<I")]
        self._types = [self._strings[index] for (index,) in self._rows("types", "<I")]
        self._prototypes = [self._descriptor(*row[1:]) for row in self._rows("prototypes", "<III")]
        self._fields = [
            Member(_internal(self._types[owner]), self._strings[name], self._types[kind])
            for owner, kind, name in self._rows("fields", "<HHI")
        ]
        self._methods = [
            Member(_internal(self._types[owner]), self._strings[name], self._prototypes[prototype])
            for owner, prototype, name in self._rows("methods", "<HHI")
        ]

    def references(self) -> Iterator[Member]:
        """All classes, fields and methods that the code names, its own ones too."""
        for name in self._types:
            bare = name.lstrip("[")
            if bare.startswith("L"):
                yield Member(bare[1:-1])
        yield from self._fields
        yield from self._methods

    def classes(self) -> Iterator[ClassMembers]:
        """All classes that are in the file."""
        for row in self._rows("classes", "<8I"):
            this, above, interfaces, content = row[0], row[2], row[3], row[6]
            parents = [] if above == _NO_INDEX else [above]
            parents += self._type_list(interfaces)
            names = tuple(_internal(self._types[index]) for index in parents)
            yield ClassMembers(_internal(self._types[this]), names, frozenset(self._declared(content)))

    def _declared(self, offset: int) -> Iterator[tuple[str, str]]:
        """Name and descriptor of what a class declares; the data is a row of numbers of variable length."""
        if not offset:
            return
        numbers = _leb128(self._data, offset)
        counts = [next(numbers) for _ in range(4)]
        for kind, count in enumerate(counts):
            table = self._fields if kind < 2 else self._methods
            index = 0
            for _ in range(count):
                # Numbers grow within a list and only their growth is written. Flags follow, and a method's code.
                index += next(numbers)
                for _ in range(1 if kind < 2 else 2):
                    next(numbers)
                yield table[index].name, table[index].descriptor

    def _descriptor(self, result: int, parameters: int) -> str:
        inside = "".join(self._types[index] for index in self._type_list(parameters))
        return f"({inside}){self._types[result]}"

    def _type_list(self, offset: int) -> list[int]:
        if not offset:
            return []
        (count,) = struct.unpack_from("<I", self._data, offset)
        return list(struct.unpack_from(f"<{count}H", self._data, offset + 4))

    def _string(self, offset: int) -> str:
        while self._data[offset] & 0x80:
            offset += 1
        end = self._data.index(0, offset + 1)
        # A zero within a text is written as two bytes, and what needs two of Java's characters as two of three bytes.
        text = self._data[offset + 1 : end].replace(b"\xc0\x80", b"\0")
        return text.decode("utf-8", "surrogatepass")

    def _rows(self, table: str, form: str) -> Iterator[tuple[int, ...]]:
        count, offset = self._tables[table]
        width = struct.calcsize(form)
        return struct.iter_unpack(form, self._data[offset : offset + count * width])


_NAMES = ("strings", "types", "prototypes", "fields", "methods", "classes")


class DexClasses:
    """The classes of several files of bytecode."""

    def __init__(self, files: list[DexFile]) -> None:
        self._classes = {one.name: one for file in files for one in file.classes()}

    def find(self, name: str) -> ClassMembers | None:
        """The class with this internal name; None where there is none."""
        return self._classes.get(name)


def dex_files(archive: Path) -> list[DexFile]:
    """The bytecode of an APK or of what D8 writes.

    Args:
        archive: the zip.

    Raises:
        ValueError: a file that should be bytecode is none.
    """
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if re.fullmatch(r"classes\d*\.dex", name)]
        return [DexFile(opened.read(name)) for name in names]


def _internal(descriptor: str) -> str:
    """``java/lang/Object`` of ``Ljava/lang/Object;``; an array's descriptor as it is."""
    return descriptor[1:-1] if descriptor.startswith("L") else descriptor


def _leb128(data: bytes, offset: int) -> Iterator[int]:
    """Numbers without sign, seven bits a byte, the lowest first."""
    while True:
        value = shift = 0
        while True:
            byte = data[offset]
            offset += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield value
