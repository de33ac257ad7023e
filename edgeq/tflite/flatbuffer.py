"""Reads a flatbuffer in bounds: every offset and every length is checked before it is followed.

The `flatbuffers` package reads what it is told to, without a verifier: in Python that means an absurd
vector length loops for hours, a negative position counts from the file's end, and a string may silently be
cut short. A file from the internet needs the checks that C++ has in ``flatbuffers::Verifier``; this module
is their counterpart, for reading only.

The format (https://flatbuffers.dev/internals/): a *table* begins with a signed offset back to its
*vtable*, which lists for each field (*slot*) where in the table it is stored; strings, vectors and
sub-tables are stored as unsigned offsets forward, so that no cycle is possible, but many offsets may lead
to one place. That is why what is read is also counted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from edgeq.errors import ModelError

# flatbuffers::Verifier of C++ refuses more tables than that, too.
_MOST_TABLES = 1_000_000
# Bounds the memory of what is read; the scales of a network of two billion parameters are some 3 million.
_MOST_ITEMS = 1 << 24
# Writers may store equal vectors and strings once; a table is never shared.
_MOST_SHARING = 4
_SMALLEST_TABLE = 8
"""Bytes: the offset to the table in a vector and the table's own offset to its vtable."""

_U8 = struct.Struct("<B")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_SCALARS = {
    "bool": struct.Struct("<?"),
    "int8": struct.Struct("<b"),
    "int32": _I32,
    "uint32": _U32,
    "uint64": struct.Struct("<Q"),
}
_ITEMS = {"int32": "i", "int64": "q", "float32": "f"}


class Flatbuffer:
    """The bytes of a file and how much of them may still be read.

    Args:
        content: the whole file; it is never copied.
        name: what errors call it.
    """

    __slots__ = ("_items_left", "_tables_left", "content", "name", "size")

    def __init__(self, content: memoryview, name: str) -> None:
        self.content = content
        self.name = name
        self.size = len(content)
        self._tables_left = min(_MOST_TABLES, self.size // _SMALLEST_TABLE)
        self._items_left = min(_MOST_ITEMS, self.size * _MOST_SHARING)

    def root(self) -> Table:
        """The root table."""
        return Table(self, self.follow(0, "the root table"))

    def damaged(self, what: str) -> ModelError:
        """The error that says what is wrong with the file."""
        return ModelError(f"{self.name} is damaged or cut short: {what}; download or convert it again")

    def unpack(self, scalar: struct.Struct, position: int, what: str) -> int:
        """The number stored at a position."""
        if not 0 <= position <= self.size - scalar.size:
            raise self.damaged(f"{what} lies at byte {position} of {self.size}")
        value: int = scalar.unpack_from(self.content, position)[0]
        return value

    def follow(self, position: int, what: str) -> int:
        """Where the offset stored at a position leads to."""
        return position + self.unpack(_U32, position, what)

    def vector(self, position: int, item_bytes: int, what: str) -> tuple[int, int]:
        """First byte and length in items of the vector that begins at a position.

        Raises:
            ModelError: it is longer than the rest of the file.
        """
        length = self.unpack(_U32, position, what)
        start = position + _U32.size
        if length * item_bytes > self.size - start:
            raise self.damaged(
                f"{what} has {length} items of {item_bytes} bytes, and {self.size - start} bytes are left"
            )
        return start, length

    def count_table(self, what: str) -> None:
        """Counts a table against the limit."""
        self._tables_left -= 1
        if self._tables_left < 0:
            raise self.damaged(f"it lists more tables than {self.size} bytes should hold ({what})")

    def count_items(self, items: int, what: str) -> None:
        """Counts vector items or characters against the limit."""
        self._items_left -= items
        if self._items_left < 0:
            raise self.damaged(f"it lists more values than {self.size} bytes should hold ({what})")


class Table:
    """A table of a flatbuffer; its fields are read when they are asked for.

    Args:
        file: the flatbuffer.
        position: of the table's first byte.
        what: what errors call it.
    """

    __slots__ = ("_vtable", "_vtable_bytes", "file", "position", "what")

    def __init__(self, file: Flatbuffer, position: int, what: str = "the root table") -> None:
        file.count_table(what)
        self.file = file
        self.position = position
        self.what = what
        self._vtable = position - file.unpack(_I32, position, what)
        self._vtable_bytes = file.unpack(_U16, self._vtable, f"the vtable of {what}")
        if self._vtable + self._vtable_bytes > file.size:
            raise file.damaged(f"the vtable of {what} ends behind the file")

    @property
    def slots(self) -> int:
        """How many fields the writer knew."""
        return max(0, self._vtable_bytes - 4) // 2

    def field(self, slot: int) -> int | None:
        """Position of a field; None where it is left out, which means its default."""
        if slot >= self.slots:
            return None
        offset = self.file.unpack(_U16, self._vtable + 4 + 2 * slot, self.what)
        return self.position + offset if offset else None

    def scalar(self, slot: int, dtype: str, default: int = 0) -> int:
        """A number: ``bool``, ``int8``, ``int32``, ``uint32`` or ``uint64``."""
        position = self.field(slot)
        return default if position is None else self.file.unpack(_SCALARS[dtype], position, self.what)

    def string(self, slot: int) -> str | None:
        """A string; None where it is left out. Bytes that are no UTF-8 become U+FFFD."""
        place = self.place(slot, 1)
        if place is None:
            return None
        start, length = place
        self.file.count_items(length, self.what)
        return bytes(self.file.content[start : start + length]).decode("utf-8", "replace")

    def numbers(self, slot: int, dtype: str) -> tuple[int, ...]:
        """A vector of ``int32``, ``int64`` or ``float32``; empty where it is left out."""
        code = _ITEMS[dtype]
        place = self.place(slot, struct.calcsize(f"<{code}"))
        if place is None:
            return ()
        start, length = place
        self.file.count_items(length, self.what)
        return struct.unpack_from(f"<{length}{code}", self.file.content, start)

    def table(self, slot: int, what: str) -> Table | None:
        """A sub-table; None where it is left out."""
        position = self.field(slot)
        return None if position is None else Table(self.file, self.file.follow(position, what), what)

    def tables(self, slot: int, what: str) -> Iterator[Table]:
        """The tables of a vector of tables, one after the other."""
        place = self.place(slot, _U32.size)
        if place is None:
            return
        start, length = place
        for index in range(length):
            yield Table(self.file, self.file.follow(start + _U32.size * index, what), f"{what} {index}")

    def place(self, slot: int, item_bytes: int) -> tuple[int, int] | None:
        """First byte and length in items of a string's or vector's content; None where it is left out."""
        position = self.field(slot)
        if position is None:
            return None
        return self.file.vector(self.file.follow(position, self.what), item_bytes, self.what)
