"""Writes tables in front of whole flatbuffers, with offsets that lead into them; see `edgeq.tflite.signature`.

Unpacking a file into objects and packing it again would lose what the unpacking code does not know, and would copy
every weight through Python. Here the old files stay byte for byte behind the new tables:

    header | new tables, vectors and constants | padding | first file | padding | second file

Offsets only lead forward, so a table is written before what it refers to, and its fields are linked afterwards.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.tflite.flatbuffer import Table
from edgeq.tflite.schema import IDENTIFIER

_ALIGNMENT = 64
"""Of the old files: the schema aligns contents of buffers to 16 bytes from the start; a cache line has 64."""
_MOST_BYTES = 2**31 - 1
"""Offsets are 32-bit, and TensorFlow Lite reads them as signed."""
_FIELD = 4
"""Bytes of every field that is written here: offsets, and scalars of at most 32 bits."""
_U32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Place:
    """Where a table, a vector or a string begins.

    Attributes:
        part: 0 for the new front, 1 for the first old file, 2 for the second.
        position: in it.
    """

    part: int
    position: int


@dataclass(frozen=True)
class Written:
    """A table or a list of tables in the front, whose fields are still to be linked.

    Attributes:
        place: of it.
        fields: position of each field in the front, by slot or by index.
    """

    place: Place
    fields: Mapping[int, int]


class Front:
    """What is put in front of old files; `joined` ends it."""

    def __init__(self) -> None:
        self._content = bytearray(8)
        self._links: list[tuple[int, Place]] = []

    def table(self, scalars: Mapping[int, int], offsets: Sequence[int]) -> Written:
        """Writes a table.

        Args:
            scalars: value by slot; unsigned, of at most 32 bits.
            offsets: slots of the fields that are linked later.
        """
        slots = sorted((*scalars, *offsets))
        count = max(slots, default=-1) + 1
        vtable = self._reserve(4 + 2 * count, 2)
        position = self._reserve(4 + _FIELD * len(slots), 4)
        fields = {slot: position + 4 + _FIELD * place for place, slot in enumerate(slots)}
        in_table = [fields[slot] - position if slot in fields else 0 for slot in range(count)]
        head = struct.pack(f"<{2 + count}H", 4 + 2 * count, 4 + _FIELD * len(slots), *in_table)
        self._content[vtable : vtable + len(head)] = head
        struct.pack_into("<i", self._content, position, position - vtable)
        for slot, value in scalars.items():
            struct.pack_into("<I", self._content, fields[slot], value)
        return Written(Place(0, position), {slot: fields[slot] for slot in offsets})

    def tables(self, count: int) -> Written:
        """Writes a vector of so many tables, which are linked later."""
        position = self._reserve(4 + 4 * count, 4)
        struct.pack_into("<I", self._content, position, count)
        return Written(Place(0, position), {index: position + 4 + 4 * index for index in range(count)})

    def numbers(self, values: npt.ArrayLike, dtype: str) -> Place:
        """Writes a vector of numbers of a dtype of NumPy's."""
        array = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<"))
        return self.content(array.tobytes(), array.size, alignment=max(4, array.itemsize))

    def content(self, data: bytes, count: int | None = None, *, alignment: int = 16) -> Place:
        """Writes a vector of bytes, or of `count` items that they are, whose first item is aligned."""
        length = len(data) if count is None else count
        # The item follows the four bytes of the length.
        padding = -(len(self._content) + 4) % alignment
        self._content += bytes(padding)
        position = len(self._content)
        self._content += struct.pack("<I", length)
        self._content += data
        return Place(0, position)

    def string(self, text: str) -> Place:
        """Writes a string."""
        data = text.encode()
        return self.content(data + b"\0", len(data), alignment=4)

    def link(self, field: int, target: Place) -> None:
        """Makes a field lead to a place behind it."""
        self._links.append((field, target))

    def joined(self, root: Place, files: Sequence[memoryview]) -> bytes:
        """The whole new file.

        Args:
            root: the new root table.
            files: the old ones, in the order of `Place.part`.

        Raises:
            ModelError: it would be larger than a file can be.
        """
        starts, end = [0], len(self._content)
        for file in files:
            starts.append(-(-end // _ALIGNMENT) * _ALIGNMENT)
            end = starts[-1] + len(file)
        if end > _MOST_BYTES:
            raise ModelError(f"the file is too large to be edited: a .tflite ends at {_MOST_BYTES} bytes")
        struct.pack_into("<I4s", self._content, 0, root.position, IDENTIFIER)
        for field, target in self._links:
            distance = starts[target.part] + target.position - field
            struct.pack_into("<I", self._content, field, distance)
        parts: list[bytes | bytearray | memoryview] = [self._content]
        length = len(self._content)
        for start, file in zip(starts[1:], files, strict=True):
            parts += [bytes(start - length), file]
            length = start + len(file)
        return b"".join(parts)

    def _reserve(self, size: int, alignment: int) -> int:
        position = -(-len(self._content) // alignment) * alignment
        self._content += bytes(position + size - len(self._content))
        return position


def copied(
    front: Front,
    old: Table,
    part: int,
    layout: Mapping[int, str],
    replaced: Sequence[int],
    *,
    left_out: Sequence[int] = (),
    scalars: Mapping[int, int] | None = None,
) -> Written:
    """Writes a table like an old one, with fields of its own.

    Args:
        front: where to.
        old: the table.
        part: of the file that it is in.
        layout: the dtype of each scalar slot, ``offset`` for what lies elsewhere in the file, ``outside`` for
            the place of what lies behind it: 0 or the converter's placeholder 1 where there is nothing.
        replaced: slots that are linked later instead of leading to what the old table's lead to.
        left_out: slots that the new table does not take over.
        scalars: values by slot instead of the old table's.

    Returns:
        The table, with the replaced slots as its open fields.

    Raises:
        ModelError: the old table has a field that the layout does not know, or refers to what lies behind the file.
    """
    present = {slot: field for slot in range(old.slots) if (field := old.field(slot)) is not None}
    unknown = [slot for slot in present if slot not in layout]
    if unknown:
        raise ModelError(
            f"{old.file.name} is of a newer schema: {old.what} has an unknown field {unknown[0]}"
        )
    if any(old.scalar(slot, "uint64") > 1 for slot in present if layout[slot] == "outside"):
        raise ModelError(f"{old.file.name} keeps parts behind its flatbuffer, as files of over 2 GB do")
    taken = [slot for slot in present if slot not in left_out and layout[slot] != "outside"]
    values = {slot: old.scalar(slot, layout[slot]) & _U32 for slot in taken if layout[slot] != "offset"}
    kept = [slot for slot in taken if layout[slot] == "offset" and slot not in replaced]
    made = front.table(values | dict(scalars or {}), [*kept, *replaced])
    for slot in kept:
        front.link(made.fields[slot], Place(part, old.file.follow(present[slot], old.what)))
    return Written(made.place, {slot: made.fields[slot] for slot in replaced})
