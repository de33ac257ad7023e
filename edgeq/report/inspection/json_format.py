"""Inspections as JSON.

Format history (``version``):

* 1: first version.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from edgeq.inspection.difference import Difference, LayerChange, OperatorChange, TensorChange
from edgeq.inspection.structure import Inspection, Layer
from edgeq.report.inspection.document import Document, FileView

FORMAT = "edgeq-inspection"
VERSION = 1

_NUMBERS = re.compile(r"\[\n[-+.\deE,\s]+\]")
"""A list of numbers, which fits a line; a histogram would have 2,000."""


def to_json(document: Document) -> dict[str, Any]:
    """A document as values that JSON can hold: NaN and infinite numbers become null."""
    value: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    if document.bundle is not None:
        value["bundle"] = document.bundle
    value["files"] = [_file(view) for view in document.files]
    if document.difference is not None:
        value["difference"] = _difference(document.difference)
    finite: dict[str, Any] = _plain(value)
    return finite


def to_json_text(document: Document) -> str:
    """The whole file, with a newline at its end."""
    text = json.dumps(to_json(document), indent=1, ensure_ascii=True, allow_nan=False)
    # In JSON no string holds a line break, so what has one between brackets is a list of numbers.
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[0][1:-1].split())}]", text) + "\n"


def _file(view: FileView) -> dict[str, Any]:
    inspection = view.inspection
    value = {"title": view.title, **_inspection(inspection), "warnings": view.warnings, "notes": view.notes}
    if view.histograms:
        value["histograms"] = view.histograms
        value["histogram_items"] = view.items
    return value


def _inspection(inspection: Inspection) -> dict[str, Any]:
    fields = {field.name: getattr(inspection, field.name) for field in dataclasses.fields(inspection)}
    return {**fields, "macs": inspection.macs}


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "old": difference.old.name,
        "new": difference.new.name,
        "other": _inspection(difference.new),
        "same_bytes": difference.same_bytes,
        "same_structure": difference.same_structure,
        "contents_compared": difference.contents_compared,
        "values": {change.name: [change.old, change.new] for change in difference.values},
        "tensors": [_tensor_change(change) for change in difference.tensors],
        "operators": [_operator_change(change) for change in difference.operators],
        "layers_changed": [_layer_change(change) for change in difference.changed],
        "layers_added": [_place(layer) for layer in difference.added],
        "layers_removed": [_place(layer) for layer in difference.removed],
        "layers_unchanged": difference.unchanged,
    }


def _tensor_change(change: TensorChange) -> dict[str, Any]:
    return dataclasses.asdict(change)


def _operator_change(change: OperatorChange) -> dict[str, Any]:
    return {"operator": change.operator, "old": change.old, "new": change.new}


def _layer_change(change: LayerChange) -> dict[str, Any]:
    return {
        "name": change.old.name,
        "fields": change.fields,
        "constants": change.constants,
        "old": change.old,
        "new": change.new,
    }


def _place(layer: Layer) -> dict[str, Any]:
    return {
        "subgraph": layer.subgraph,
        "index": layer.index,
        "name": layer.name,
        "operator": layer.operator,
        "precision": layer.precision,
    }


def _plain(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists, and null for what is no finite number."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
