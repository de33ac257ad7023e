"""Which layer of one file is which of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from edgeq.inspection.structure import Layer

Pairs = list[tuple[Layer, Layer]]


def pair_layers(
    old: Sequence[Layer], new: Sequence[Layer]
) -> tuple[Pairs, tuple[Layer, ...], tuple[Layer, ...]]:
    """Pairs layers of two files.

    Those of the same subgraph, name and operator first; of the others those of the same name, then those of the same
    operator and output shape in their order, so that a model with other names is still compared layer by layer.

    Args:
        old: layers of the first file, in order.
        new: layers of the second file, in order.

    Returns:
        Layers of both files, those of the first alone, those of the second alone; each in order.
    """
    pairs: Pairs = []
    left, right = list(old), list(new)
    keys: tuple[Callable[[Layer], Hashable], ...] = (
        lambda layer: (layer.subgraph, layer.name, layer.operator),
        lambda layer: (layer.subgraph, layer.name),
        lambda layer: (layer.subgraph, layer.operator, layer.output_shape),
    )
    for key in keys:
        waiting: dict[Hashable, list[Layer]] = defaultdict(list)
        for layer in reversed(right):
            waiting[key(layer)].append(layer)
        unpaired = []
        for layer in left:
            candidates = waiting[key(layer)]
            if candidates:
                pairs.append((layer, candidates.pop()))
            else:
                unpaired.append(layer)
        left = unpaired
        right = sorted(
            (layer for rest in waiting.values() for layer in rest),
            key=lambda layer: (layer.subgraph, layer.index),
        )
    pairs.sort(key=lambda pair: (pair[0].subgraph, pair[0].index))
    return pairs, tuple(left), tuple(right)
