"""Digests of what the constants of a file hold, to tell whether two files have the same weights."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.model import read_model

ConstantDigests = Mapping[tuple[int, str], str]
"""SHA-256 of the content of each constant, by subgraph and tensor name; of namesakes, of all contents in order."""

_MOST_HASHED = 4
"""Times a file's size that is hashed at most: buffers that lie over each other could make a small file endless."""


def constant_digests(path: Path) -> ConstantDigests | None:
    """Digests of the contents of a file's constants; a buffer that several share is read once.

    Returns:
        None where the file's buffers lie over each other so often that it would take too long.

    Raises:
        ModelError: it is missing or damaged.
    """
    model = read_model(path)
    sizes = {(buffer.start, buffer.size) for buffer in model.buffers}
    if sum(size for _, size in sizes) > _MOST_HASHED * model.file_bytes:
        return None
    of_place: dict[tuple[int, int], bytes] = {}
    found: dict[tuple[int, str], list[bytes]] = defaultdict(list)
    with open_flatbuffer(path) as file:
        for number, graph in enumerate(model.subgraphs):
            for tensor in graph.tensors:
                if not tensor.is_constant:
                    continue
                buffer = model.buffers[tensor.buffer]
                place = (buffer.start, buffer.size)
                if place not in of_place:
                    # Not bound to a name: a file cannot be unmapped while a part of it is in use.
                    of_place[place] = hashlib.sha256(
                        file.content[buffer.start : buffer.start + buffer.size]
                    ).digest()
                found[number, tensor.name].append(of_place[place])
    return {key: hashlib.sha256(b"".join(digests)).hexdigest() for key, digests in found.items()}
