"""Which layer of a quantized file is which of the float32 file that it was made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edgeq.quantize.editable import EditableModel, WeightedLayer
from edgeq.quantize.weights.storing import StoredLayer, stored_layers
from edgeq.tflite.alignment import aligned_operators
from edgeq.tflite.model import read_model

Pairs = dict[int, int]


def matched_layers(float32: bytes, quantized: bytes) -> list[tuple[WeightedLayer, StoredLayer]]:
    """Pairs of layers, in the order of execution of the float32 file.

    By the names of their outputs, then by those of their weights, where only one layer of either file has the name;
    what is left over is aligned as operators are. Kinds and shapes must be the same.

    Args:
        float32: the float file.
        quantized: made from it. Layers that compute in float there have no partner.

    Raises:
        ModelError: a file cannot be read.
    """
    floats = {layer.index: layer for layer in EditableModel(float32).weighted_layers()}
    stored = {layer.index: layer for layer in stored_layers(EditableModel(quantized))}
    pairs: Pairs = {}
    _add_by_name(
        pairs,
        {index: layer.output for index, layer in floats.items()},
        {index: layer.output for index, layer in stored.items()},
        floats,
        stored,
    )
    _add_by_name(
        pairs,
        {index: layer.weights_name for index, layer in floats.items()},
        {index: layer.weights_name for index, layer in stored.items()},
        floats,
        stored,
    )
    if len(pairs) < len(stored):
        for mine, its in aligned_operators(read_model(float32), read_model(quantized)):
            _add(pairs, mine, its, floats, stored)
    return [(floats[mine], stored[pairs[mine]]) for mine in sorted(pairs)]


def _add_by_name(
    pairs: Pairs,
    mine: Mapping[int, str],
    its: Mapping[int, str],
    floats: Mapping[int, WeightedLayer],
    stored: Mapping[int, StoredLayer],
) -> None:
    counts = Counter(mine.values()), Counter(its.values())
    places = {name: index for index, name in its.items() if counts[1][name] == 1}
    for index, name in mine.items():
        if counts[0][name] == 1:
            _add(pairs, index, places.get(name), floats, stored)


def _add(
    pairs: Pairs,
    mine: int | None,
    its: int | None,
    floats: Mapping[int, WeightedLayer],
    stored: Mapping[int, StoredLayer],
) -> None:
    """Pairs two layers of one kind and shape, neither of which has a partner yet."""
    one, other = floats.get(-1 if mine is None else mine), stored.get(-1 if its is None else its)
    if one is None or other is None or one.index in pairs or other.index in pairs.values():
        return
    if one.kind == other.kind and one.weights.shape == other.integers.shape:
        pairs[one.index] = other.index
