"""What the operators of one layer cost together: a Keras layer becomes several of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgeq.layers.structure import LayerCost


@dataclass(frozen=True)
class LayerSum:
    """A layer with all its operators.

    Attributes:
        name: of the layer.
        operators: its operators, in order of execution; one alone for most layers, ``INPUT`` for an input.
        indices: of them as in `LayerCost.index`; empty for an input.
        error_share: sum of those whose damage was measured; None where none was.
        latency_us: sum of those that were timed; None where none was.
        latency_share: likewise.
        size_bytes: sum over all.
        float_bytes: sum over all; None in a lone file.
        macs: sum over all.
    """

    name: str
    operators: tuple[str, ...]
    indices: tuple[int, ...]
    error_share: float | None
    latency_us: float | None
    latency_share: float | None
    size_bytes: int
    float_bytes: int | None
    macs: int


def by_layer(costs: Iterable[LayerCost]) -> tuple[LayerSum, ...]:
    """Adds up the operators of each layer.

    Noise adds as in `LayerCost.error_share`: as if that of an operator knew nothing of that of another.

    Args:
        costs: of operators and inputs, in order.

    Returns:
        Layers in the order of their first operators. An operator without a name is a layer of its own, and so is an
        input.
    """
    groups: dict[tuple[object, ...], list[LayerCost]] = {}
    for place, cost in enumerate(costs):
        is_alone = cost.index is None or not cost.name
        groups.setdefault((cost.name, place if is_alone else None), []).append(cost)
    return tuple(_summed(group) for group in groups.values())


def _summed(costs: list[LayerCost]) -> LayerSum:
    floats = [cost.float_bytes for cost in costs if cost.float_bytes is not None]
    return LayerSum(
        name=costs[0].name,
        operators=tuple(cost.operator for cost in costs),
        indices=tuple(cost.index for cost in costs if cost.index is not None),
        error_share=_sum(cost.error_share for cost in costs),
        latency_us=_sum(cost.latency_us for cost in costs),
        latency_share=_sum(cost.latency_share for cost in costs),
        size_bytes=sum(cost.size_bytes for cost in costs),
        float_bytes=sum(floats) if floats else None,
        macs=sum(cost.macs for cost in costs),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
