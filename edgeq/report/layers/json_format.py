"""The analysis as JSON.

Version 1: ``format``, ``version``, then the fields of `edgeq.layers.structure.LayerAnalysis`, and ``by_layer``, the
operators of each layer added up. Ratios that are infinite,
where there is no noise at all, are the texts ``Infinity`` and ``-Infinity``; what is not a number is null.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from edgeq.layers.structure import LayerAnalysis
from edgeq.layers.sums import by_layer

FORMAT = "edgeq-layers"
VERSION = 1


def to_json_text(analysis: LayerAnalysis) -> str:
    """The analysis as one JSON object, indented, with a newline at its end."""
    sums = [dataclasses.asdict(one) for one in by_layer(analysis.layers)]
    document = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(analysis), "by_layer": sums}
    return json.dumps(_finite(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The same without numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        return "Infinity" if value > 0 else "-Infinity"
    # A surrogate, of a name that is no UTF-8, cannot be written to a file.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
