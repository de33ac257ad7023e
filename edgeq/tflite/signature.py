"""Names a model's inputs and outputs after the fact, without TensorFlow and without touching anything else.

Unpacking a file into objects and packing it again would lose every field that the unpacking code does not
know. So nothing is unpacked: a new root table is put in front of the whole old file, refers into it, and
replaces only the list of signatures.

    offset to the root | TFL3 | new root table | new signature | padding | the old file, byte for byte
                                    └──────────── offsets, which only lead forward ───┘

The old header and root table, some 100 bytes, remain as dead bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import flatbuffers
import tflite

from edgeq.errors import ModelError, UsageError
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.flatbuffer import Flatbuffer, Table
from edgeq.tflite.model import Signature, TfliteModel, read_model
from edgeq.tflite.schema import IDENTIFIER

DEFAULT_KEY = "serving_default"
"""What a Keras model's signature is called."""

# The schema aligns the contents of buffers to 16 bytes from the file's start; a cache line has 64.
_ALIGNMENT = 64
_MOST_BYTES = 2**31 - 1
"""Offsets are 32-bit, and TensorFlow Lite reads them as signed."""

# Fields of the root table in schema order. All but the version are offsets.
_VERSION = 0
_SIGNATURES = 7
_KNOWN_SLOTS = 10


def add_signature(
    content: bytes, inputs: Mapping[str, int], outputs: Mapping[str, int], key: str = DEFAULT_KEY
) -> bytes:
    """Gives a model a signature for its first subgraph; one of the same key is replaced, others stay.

    Args:
        content: the ``.tflite`` file.
        inputs: name to tensor index; every input of the subgraph exactly once.
        outputs: name to tensor index; every output of the subgraph, under several names if need be.
        key: the signature's name.

    Returns:
        The new file, which computes the same bits: everything but the list of signatures is the old
        file's, byte for byte.

    Raises:
        UsageError: the names do not cover the subgraph's inputs and outputs.
        ModelError: the content is no TensorFlow Lite model or cannot be extended.
    """
    model = read_model(content)
    _check(model, inputs, outputs)
    signature = _pack_signature(Signature(key, inputs, outputs, subgraph_index=0))
    with open_flatbuffer(content) as file:
        _refuse_absolute_offsets(file, model)
        root = file.root()
        kept = [
            table.position
            for table, old in zip(root.tables(_SIGNATURES, "signature"), model.signatures, strict=True)
            if old.key != key
        ]
        front = _front(root, kept, signature)
    if len(front) + len(content) > _MOST_BYTES:
        raise ModelError(f"a signature does not fit: a .tflite ends at {_MOST_BYTES} bytes")
    return b"".join((front, content))


def tensor_indices(names: tuple[str, ...], tensors: tuple[int, ...]) -> dict[str, int]:
    """Names in the order of a subgraph's inputs or outputs, as `add_signature` takes them.

    Raises:
        UsageError: there are not as many names as tensors, or one is there twice.
    """
    if len(names) != len(tensors) or len(set(names)) != len(names):
        raise UsageError(f"expected {len(tensors)} different names, one for each tensor; found {names}")
    return dict(zip(names, tensors, strict=True))


def _check(model: TfliteModel, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
    graph = model.subgraphs[0]
    for kind, named, tensors in (("input", inputs, graph.inputs), ("output", outputs, graph.outputs)):
        if not all(named):
            raise UsageError(f"an {kind} has an empty name: name every {kind}")
        if set(named.values()) != set(tensors):
            raise UsageError(
                f"the names must cover the model's {kind}s: expected the tensors {sorted(set(tensors))}, "
                f"found {dict(named)}"
            )
    if len(inputs) != len(graph.inputs):
        raise UsageError(f"an input cannot have two names: found {dict(inputs)}")


def _refuse_absolute_offsets(file: Flatbuffer, model: TfliteModel) -> None:
    subgraphs = file.root().tables(2, "subgraph")
    operators = (operator for subgraph in subgraphs for operator in subgraph.tables(3, "operator"))
    if any(buffer.is_external for buffer in model.buffers) or any(
        operator.scalar(9, "uint64") > 1 for operator in operators
    ):
        raise ModelError(
            f"{file.name} keeps weights behind its flatbuffer, as files of over 2 GB do: "
            "a signature cannot be added to it; convert it with one"
        )


def _pack_signature(signature: Signature) -> bytes:
    """A flatbuffer of its own with the signature as its root."""
    builder = flatbuffers.Builder(256)

    def names(tensors: Mapping[str, int]) -> int:
        maps = []
        for name, index in tensors.items():
            offset = builder.CreateString(name)
            tflite.TensorMapStart(builder)
            tflite.TensorMapAddName(builder, offset)
            tflite.TensorMapAddTensorIndex(builder, index)
            maps.append(tflite.TensorMapEnd(builder))
        builder.StartVector(4, len(maps), 4)
        for offset in reversed(maps):
            builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())

    inputs, outputs = names(signature.inputs), names(signature.outputs)
    key = builder.CreateString(signature.key)
    tflite.SignatureDefStart(builder)
    tflite.SignatureDefAddInputs(builder, inputs)
    tflite.SignatureDefAddOutputs(builder, outputs)
    tflite.SignatureDefAddSignatureKey(builder, key)
    tflite.SignatureDefAddSubgraphIndex(builder, signature.subgraph_index)
    builder.Finish(tflite.SignatureDefEnd(builder))
    return bytes(builder.Output())


def _front(root: Table, kept: list[int], signature: bytes) -> bytes:
    """What precedes the old file: header, root table, list of signatures, the new signature, padding.

    Args:
        root: the old root table.
        kept: positions of the old signatures that stay.
        signature: the new one, packed.
    """
    if root.slots > _KNOWN_SLOTS and any(root.field(slot) for slot in range(_KNOWN_SLOTS, root.slots)):
        raise ModelError(
            f"{root.file.name} is of a newer schema, with {root.slots} fields in its root table instead of "
            f"{_KNOWN_SLOTS}: a signature cannot be added to it; convert it with one"
        )
    targets = {
        slot: root.file.follow(position, "the root table")
        for slot in range(1, _KNOWN_SLOTS)
        if slot != _SIGNATURES and (position := root.field(slot)) is not None
    }
    slots = sorted((*targets, _VERSION, _SIGNATURES))

    vtable_at = 8
    table_at = _aligned(vtable_at + 4 + 2 * _KNOWN_SLOTS, 4)
    table_bytes = 4 + 4 * len(slots)
    field_at = {slot: table_at + 4 + 4 * place for place, slot in enumerate(slots)}
    list_at = table_at + table_bytes
    signature_at = _aligned(list_at + 4 + 4 * (1 + len(kept)), 8)
    old_at = _aligned(signature_at + len(signature), _ALIGNMENT)

    front = bytearray(old_at)
    struct.pack_into("<I4s", front, 0, table_at, IDENTIFIER)
    in_table = [field_at[slot] - table_at if slot in field_at else 0 for slot in range(_KNOWN_SLOTS)]
    struct.pack_into(f"<{2 + _KNOWN_SLOTS}H", front, vtable_at, 4 + 2 * _KNOWN_SLOTS, table_bytes, *in_table)
    struct.pack_into("<iI", front, table_at, table_at - vtable_at, root.scalar(_VERSION, "uint32"))
    for slot, target in targets.items():
        struct.pack_into("<I", front, field_at[slot], old_at + target - field_at[slot])
    struct.pack_into("<I", front, field_at[_SIGNATURES], list_at - field_at[_SIGNATURES])

    (new_root,) = struct.unpack_from("<I", signature)
    positions = [*(old_at + position for position in kept), signature_at + new_root]
    struct.pack_into("<I", front, list_at, len(positions))
    for place, position in enumerate(positions):
        at = list_at + 4 + 4 * place
        struct.pack_into("<I", front, at, position - at)
    front[signature_at : signature_at + len(signature)] = signature
    return bytes(front)


def _aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
