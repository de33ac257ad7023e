"""The tables of the HTML page as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.inspection.structure import Inspection
from edgeq.report.html_tables import Cell
from edgeq.report.inspection import wording
from edgeq.report.inspection.changes import Row

MOST_LAYERS = 5_000
"""Rows of the table: a browser sorts as many in a moment; a hostile file has a million."""


@dataclass(frozen=True)
class Heading:
    """A column of a table."""

    name: str
    is_number: bool = False


@dataclass(frozen=True)
class TableRow:
    """A row; ``mark`` is ``island``, ``custom`` or empty, ``hint`` is shown on hovering."""

    cells: tuple[Cell, ...]
    mark: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Grid:
    """A table with a title for those who cannot see it, and a sentence below it."""

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[TableRow, ...]
    note: str = ""


def text(value: str) -> Cell:
    """A cell that sorts as it reads."""
    return Cell(value, value)


def figure(shown: str, value: float) -> Cell:
    """A cell that sorts by a number; an empty one for 0."""
    return Cell(shown, value) if value else Cell("", 0)


def layer_grid(inspection: Inspection) -> Grid:
    """Every layer with all that is known of it."""
    in_float = {place for island in inspection.islands for place in island.layers}
    total, macs = inspection.weight_bytes, inspection.macs
    rows = []
    for number, layer in enumerate(inspection.layers[:MOST_LAYERS]):
        place = f"{layer.index}" if layer.subgraph == 0 else f"{layer.subgraph}.{layer.index}"
        cells = (
            Cell(place, number),
            text(wording.visible(layer.name)),
            text(wording.operator(layer)),
            Cell(f"{layer.version}", layer.version),
            text(wording.visible(layer.precision)),
            text(f"{wording.visible(layer.output_dtype)}{wording.shape(layer.output_shape)}"),
            text(wording.weights(layer)),
            figure(wording.size(layer.size_bytes), layer.size_bytes),
            figure(wording.percent(layer.size_bytes, total), layer.size_bytes),
            figure(wording.amount(layer.macs), layer.macs),
            figure(wording.percent(layer.macs, macs), layer.macs),
            text({"": "", "✓": "yes", "✗": "no"}[wording.delegated(layer)]),
        )
        mark = "island" if (layer.subgraph, layer.index) in in_float else ""
        mark = mark or ("" if layer.kind == "builtin" else "custom")
        rows.append(TableRow(cells, mark, "\n".join(wording.constant(one) for one in layer.constants[:12])))
    headings = (
        Heading("#", is_number=True),
        Heading("layer"),
        Heading("operator"),
        Heading("version", is_number=True),
        Heading("precision"),
        Heading("output"),
        Heading("weights"),
        Heading("size", is_number=True),
        Heading("of size", is_number=True),
        Heading("MACs", is_number=True),
        Heading("of MACs", is_number=True),
        Heading("delegated"),
    )
    hidden = len(inspection.layers) - len(rows)
    note = (
        f"Shown are the first {len(rows):,} of {len(inspection.layers):,} layers; the JSON has all."
        if hidden
        else ""
    )
    return Grid("Layers", headings, tuple(rows), note)


def operator_grid(inspection: Inspection) -> Grid:
    """Kinds of operators with their shares."""
    rows = tuple(
        TableRow(
            (
                text(wording.visible(use.operator)),
                Cell(f"{use.count:,}", use.count),
                text(wording.versions(use.versions)),
                text(wording.precisions(use)),
                figure(wording.size(use.size_bytes), use.size_bytes),
                figure(wording.percent(use.size_bytes, inspection.weight_bytes), use.size_bytes),
                figure(wording.amount(use.macs), use.macs),
                figure(wording.percent(use.macs, inspection.macs), use.macs),
            ),
            "" if use.kind == "builtin" else "custom",
        )
        for use in inspection.operators
    )
    headings = (
        Heading("operator"),
        Heading("count", is_number=True),
        Heading("versions"),
        Heading("precision"),
        Heading("size", is_number=True),
        Heading("of size", is_number=True),
        Heading("MACs", is_number=True),
        Heading("of MACs", is_number=True),
    )
    return Grid("Operators", headings, rows)


def runtime_grid(inspection: Inspection) -> Grid:
    """What can run the file."""
    words = {True: "yes", False: "no", None: "unknown"}
    rows = tuple(
        TableRow(
            (
                text(wording.visible(one.runtime)),
                text(words[one.runs]),
                text(wording.visible(one.least_version or "")),
                text(wording.visible(one.reason)),
            )
        )
        for one in inspection.runtimes
    )
    return Grid("Runtimes", tuple(map(Heading, ("runtime", "runs", "from version", "why"))), rows)


def tensor_grid(rows: Sequence[tuple[str, ...]]) -> Grid:
    """Inputs and outputs: name, role, type, quantization."""
    return Grid(
        "Inputs and outputs",
        tuple(map(Heading, ("name", "role", "type", "quantization"))),
        tuple(
            TableRow((text(row[1]), text(row[0]), text(row[2]), text(row[3]))) for row in rows[:MOST_LAYERS]
        ),
    )


def change_grid(title: str, rows: Sequence[Row], names: tuple[str, str], total: int) -> Grid:
    """What differs between two files.

    Args:
        title: of the table.
        rows: of which at most `MOST_LAYERS` are shown.
        names: of both files.
        total: of differences, where that is more than rows.
    """
    shown = rows[:MOST_LAYERS]
    hidden = total - len(shown)
    return Grid(
        title,
        tuple(map(Heading, ("", *names, "change"))),
        tuple(TableRow((text(row.what), text(row.old), text(row.new), text(row.change))) for row in shown),
        f"And {hidden:,} more, which the JSON has." if hidden else "",
    )
