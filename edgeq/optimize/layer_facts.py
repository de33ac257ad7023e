"""The layers of a float32 file that have weights: what the search can give another precision."""

from __future__ import annotations

from edgeq.inspection.layers import inspect_layers
from edgeq.optimize.workshop import LayerFacts
from edgeq.quantize.editable import EditableModel
from edgeq.tflite.model import read_model


def layer_facts(float32: bytes) -> tuple[LayerFacts, ...]:
    """The layers of a float32 file that have weights of their own, in the order in which they run."""
    described = {layer.index: layer for layer in inspect_layers(read_model(float32)) if layer.subgraph == 0}
    return tuple(
        LayerFacts(
            name=layer.output,
            title=described[layer.index].name or layer.output,
            kind=layer.kind,
            weights=int(layer.weights.size),
            macs=described[layer.index].macs,
        )
        for layer in EditableModel(float32).weighted_layers()
    )
