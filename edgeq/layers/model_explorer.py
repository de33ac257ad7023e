"""Node data for Google's Model Explorer: values of layers that it draws onto the graph of the ``.tflite``.

The format is that of ``node_data_builder.py`` in the package ``ai-edge-model-explorer`` 0.1.34: graph id, then node id,
then a value. Its adapter of ``.tflite`` calls graphs by the name of their subgraph, ``main`` mostly, and nodes by the
index of their operator. A file holds one value a node.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.errors import UsageError
from edgeq.layers.structure import LayerAnalysis, LayerCost
from edgeq.tflite.model import read_model

_GRADIENT = ((0.0, "#fff7ec"), (0.5, "#fc8d59"), (1.0, "#b30000"))
"""From light to dark, also without colours: OrRd of ColorBrewer (C. Brewer, 2003)."""


@dataclass(frozen=True)
class NodeMetric:
    """A value of layers.

    Attributes:
        key: also the end of the file's name.
        title: as Model Explorer shows it.
        value: of a layer; None where it was not measured.
    """

    key: str
    title: str
    value: Callable[[LayerCost], float | None]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


METRICS = (
    NodeMetric(
        "damage", "damage: % of the noise that all layers add", lambda layer: _percent(layer.error_share)
    ),
    NodeMetric("latency", "latency, µs", lambda layer: layer.latency_us),
    NodeMetric("saturation", "clipped values, %", lambda layer: _percent(layer.saturation)),
    NodeMetric("size", "size of constants, bytes", lambda layer: layer.size_bytes),
)
"""The most important first."""


def node_data(analysis: LayerAnalysis, file: Path) -> dict[str, str]:
    """Node data for the graph of the analysed file.

    Args:
        analysis: of the file.
        file: the variant's .tflite, which is to be opened in Model Explorer.

    Returns:
        JSON by the key of the metric, of those that were measured.

    Raises:
        ModelError: the file is missing or damaged.
        UsageError: nothing was measured.
    """
    graph = graph_id(file)
    found = {metric.key: _document(analysis, metric, graph) for metric in METRICS}
    texts = {
        key: json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        for key, document in found.items()
        if document[graph]["results"]
    }
    if not texts:
        raise UsageError(f"{file.name} has no layers to show in Model Explorer")
    return texts


def graph_id(file: Path) -> str:
    """What Model Explorer calls the first subgraph of a file."""
    return read_model(file).subgraphs[0].name or "main"


def node_data_paths(path: Path, keys: list[str]) -> dict[str, Path]:
    """Where node data go: the first metric to the path itself, others beside it with their key in the name."""
    first, *others = keys
    return {first: path} | {key: path.with_name(f"{path.stem}.{key}{path.suffix}") for key in others}


def _document(analysis: LayerAnalysis, metric: NodeMetric, graph: str) -> dict[str, Any]:
    results: dict[str, dict[str, float]] = {}
    for layer in analysis.layers:
        value, index = metric.value(layer), _index(analysis, layer)
        if index is not None and value is not None and math.isfinite(value):
            results[str(index)] = {"value": float(f"{value:.4g}")}
    gradient = [{"stop": stop, "bgColor": color} for stop, color in _GRADIENT]
    name = f"{metric.title} ({analysis.variant})"
    return {graph: {"results": results, "name": name, "gradient": gradient}}


def _index(analysis: LayerAnalysis, layer: LayerCost) -> int | None:
    """The layer's operator in the analysed file; None where that has none."""
    is_lone_file = analysis.n == 0
    return layer.index if is_lone_file else layer.quantized_index
