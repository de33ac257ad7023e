"""Predictions of every variant side by side, for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgeq.benchmark.classification import Array, classifies
from edgeq.benchmark.prediction import Predictions

_VALUES_SHOWN = 8


def print_predictions(predictions: Predictions, labels: Sequence[str], top: int, console: Console) -> None:
    """Prints a table an input: a column a variant, the classes or values as rows.

    Args:
        predictions: what the variants said.
        labels: class names; empty where unknown.
        top: classes to show.
        console: where to.
    """
    for position, source in enumerate(predictions.inputs):
        table = Table(title=Text(source), title_justify="left", box=None, pad_edge=False)
        columns = []
        for variant, outputs in predictions.outputs.items():
            table.add_column(Text(variant))
            columns.append(_cells(outputs, position, labels, top))
        for row in range(max(map(len, columns))):
            table.add_row(*(Text(cells[row] if row < len(cells) else "") for cells in columns))
        console.print(table)
        console.print()


def to_json(predictions: Predictions, labels: Sequence[str], top: int) -> list[dict[str, Any]]:
    """One object an input: for each variant its top classes, or its outputs in full."""
    return [
        {
            "input": source,
            "variants": {
                variant: _as_json(outputs, position, labels, top)
                for variant, outputs in predictions.outputs.items()
            },
        }
        for position, source in enumerate(predictions.inputs)
    ]


def _cells(outputs: Mapping[str, Array], position: int, labels: Sequence[str], top: int) -> list[str]:
    if _is_classification(outputs):
        (scores,) = outputs.values()
        return [
            f"{_label(index, labels)} {scores[position][index]:.3f}" for index in _top(scores[position], top)
        ]
    cells = []
    for name, values in outputs.items():
        flat = np.asarray(values[position]).ravel()
        shown = " ".join(f"{value:.4g}" for value in flat[:_VALUES_SHOWN])
        cells.append(f"{name} {list(values[position].shape)}")
        cells.append(shown + (" …" if flat.size > _VALUES_SHOWN else ""))
    return cells


def _as_json(outputs: Mapping[str, Array], position: int, labels: Sequence[str], top: int) -> dict[str, Any]:
    if _is_classification(outputs):
        (scores,) = outputs.values()
        row = scores[position]
        return {
            "top": [
                {"class": int(index), "label": _label(index, labels), "score": float(row[index])}
                for index in _top(row, top)
            ]
        }
    return {"outputs": {name: np.asarray(values[position]).tolist() for name, values in outputs.items()}}


def _is_classification(outputs: Mapping[str, Array]) -> bool:
    return classifies([tuple(values.shape) for values in outputs.values()])


def _top(scores: Array, count: int) -> list[int]:
    """Largest first; equal scores in class order."""
    return [int(index) for index in np.argsort(-scores.astype(np.float64), kind="stable")[:count]]


def _label(index: int, labels: Sequence[str]) -> str:
    return labels[index] if index < len(labels) else f"class {index}"
