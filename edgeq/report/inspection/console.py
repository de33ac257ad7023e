"""What `edgeq inspect` prints: first what a person wants to know, then operators, layers and islands."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from edgeq.inspection.structure import Inspection
from edgeq.report.inspection import wording
from edgeq.report.inspection.console_difference import print_difference
from edgeq.report.inspection.console_histograms import print_histograms
from edgeq.report.inspection.console_text import (
    Cells,
    Column,
    print_heading,
    print_pairs,
    print_parts,
    print_table,
    print_text,
)
from edgeq.report.inspection.document import Document, FileView
from edgeq.report.inspection.facts import facts, headline, tensors
from edgeq.report.inspection.tree import MOST_SHOWN, Line, tree_lines

_MOST_TENSORS = 20
"""Inputs or outputs that are listed one by one: streaming models have a dozen states each."""

_MOST_OPERATORS = 60
"""Kinds: large detectors use 30."""

_MOST_ISLANDS = 10


def print_document(document: Document, console: Console, *, layers: bool | None = None) -> None:
    """Prints a document.

    Args:
        document: what to show.
        console: where to; its width decides which columns there is room for.
        layers: whether all layers are listed, or none; None for the first `MOST_SHOWN` lines.
    """
    if document.difference is not None:
        print_difference(document.difference, console, most=None if layers else MOST_SHOWN)
    elif document.is_overview:
        _print_overview(document, console)
    else:
        _print_file(document.files[0], console, layers)


def _print_overview(document: Document, console: Console) -> None:
    inspections = [view.inspection for view in document.files]
    print_text(console, f"{wording.visible(document.bundle or '')}: {len(inspections)} variants", "bold")
    columns = (
        Column("variant", widest=max(20, console.width // 4)),
        Column("scheme"),
        Column("size", is_number=True),
        Column("operators", is_number=True),
        Column("weights", priority=2),
        Column("activations", priority=2),
        Column("MACs", is_number=True, priority=4),
        Column("arena", is_number=True, priority=3),
        Column("delegated", is_number=True, priority=1),
        Column("islands", is_number=True, priority=3),
        Column("warnings", is_number=True, priority=1),
    )
    rows = [Cells(_overview(view)) for view in document.files]
    print_table(console, columns, rows)
    for view in document.files:
        for warning in view.warnings:
            print_text(
                console,
                f"warning: {wording.visible(view.title)}: {wording.visible_sentence(warning)}",
                "yellow",
            )


def _overview(view: FileView) -> tuple[str, ...]:
    inspection = view.inspection
    return (
        wording.visible(view.title),
        wording.visible(inspection.scheme or "none"),
        wording.size(inspection.file_bytes),
        f"{len(inspection.layers):,}",
        wording.visible(inspection.weights),
        wording.visible(inspection.activations),
        wording.macs(inspection) if inspection.macs else "",
        wording.size(inspection.arena_bytes),
        wording.delegation(inspection),
        f"{len(inspection.islands)}" if inspection.islands else "",
        f"{len(view.warnings)}" if view.warnings else "",
    )


def _print_file(view: FileView, console: Console, layers: bool | None) -> None:
    inspection = view.inspection
    print_text(console, wording.visible(inspection.name), "bold")
    print_parts(console, headline(inspection))
    for warning in view.warnings:
        print_text(console, f"warning: {wording.visible_sentence(warning)}", "yellow")
    console.print()
    _print_tensors(inspection, console)
    console.print()
    print_pairs(console, facts(inspection))
    if inspection.operators:
        _print_operators(inspection, console)
    if layers is not False and inspection.layers:
        _print_layers(inspection, console, None if layers else MOST_SHOWN)
    _print_islands(inspection, console)
    if view.histograms:
        print_histograms(view, console)
    for note in view.notes:
        print_text(console, f"note: {wording.visible_sentence(note)}", "yellow")


def _print_tensors(inspection: Inspection, console: Console) -> None:
    columns = (
        Column(""),
        Column("name", widest=max(16, console.width // 3)),
        Column("type"),
        Column("quantization"),
    )
    every = tensors(inspection)
    rows = [Cells(cells) for role in ("input", "output") for cells in _first(every, role)]
    print_table(console, columns, rows)
    hidden = len(every) - len(rows)
    if hidden:
        print_text(console, f"and {hidden:,} more, which --json lists", "dim")


def _first(every: Sequence[tuple[str, str, str, str]], role: str) -> list[tuple[str, str, str, str]]:
    return [cells for cells in every if cells[0] == role][:_MOST_TENSORS]


def _print_operators(inspection: Inspection, console: Console) -> None:
    print_heading(console, "Operators")
    columns = (
        Column("operator", widest=max(20, console.width // 3)),
        Column("n", is_number=True),
        Column("version", is_number=True, priority=1),
        Column("precision", widest=max(16, console.width // 3)),
        Column("size", is_number=True, priority=3),
        Column("of size", is_number=True, priority=2),
        Column("MACs", is_number=True, priority=4),
        Column("of MACs", is_number=True, priority=2),
    )
    rows = []
    for use in inspection.operators[:_MOST_OPERATORS]:
        name = wording.visible(use.operator)
        rows.append(
            Cells(
                (
                    name if use.kind == "builtin" else f"{name} ({wording.visible(use.kind)})",
                    f"{use.count:,}",
                    wording.versions(use.versions),
                    wording.precisions(use),
                    wording.size(use.size_bytes) if use.size_bytes else "",
                    wording.percent(use.size_bytes, inspection.weight_bytes),
                    wording.amount(use.macs) if use.macs else "",
                    wording.percent(use.macs, inspection.macs),
                ),
                "" if use.kind == "builtin" else "yellow",
            )
        )
    print_table(console, columns, rows)
    hidden = len(inspection.operators) - len(rows)
    if hidden:
        print_text(console, f"and {hidden:,} kinds more, which --json lists", "dim")


def _print_layers(inspection: Inspection, console: Console, most: int | None) -> None:
    every = tree_lines(inspection.layers)
    lines = every[:most]
    rest = [layer for line in every[len(lines) :] if not line.is_scope for layer in line.layers]
    has_scopes = any(line.is_scope for line in lines)
    print_heading(console, "Layers", "by name scope" if has_scopes else "in order of execution")
    columns = (
        Column("layer", widest=max(24, console.width * 2 // 5)),
        Column("operator", widest=24),
        Column("output", priority=4),
        Column("precision", priority=1, widest=14),
        Column("weights", priority=3),
        Column("size", is_number=True, priority=1),
        Column("MACs", is_number=True, priority=1),
        Column(_delegate(inspection), is_number=True, priority=2),
    )
    in_float = {place for island in inspection.islands for place in island.layers}
    hidden = print_table(console, columns, [_layer_row(line, in_float) for line in lines])
    if rest:
        size, macs = sum(layer.size_bytes for layer in rest), sum(layer.macs for layer in rest)
        print_text(
            console,
            f"and {wording.count(len(rest), 'layer')} more ({wording.size(size)}, {wording.amount(macs)} MACs): "
            "--layers shows them all",
            "dim",
        )
    if hidden:
        print_text(console, f"not shown at this width: {wording.enumeration(hidden)}", "dim")


def _delegate(inspection: Inspection) -> str:
    run = inspection.run
    return "delegated" if run is None or run.delegate in ("", "none") else wording.visible(run.delegate)


def _layer_row(line: Line, in_float: set[tuple[int, int]]) -> Cells:
    size, macs = sum(layer.size_bytes for layer in line.layers), sum(layer.macs for layer in line.layers)
    sums = (wording.size(size) if size else "", wording.amount(macs) if macs else "")
    label = f"{line.guide}{wording.visible(line.label)}"
    if line.is_scope:
        return Cells((label, "", "", "", "", *sums, ""), "dim")
    first = line.layers[0]
    if line.layer is None:
        marks = {wording.delegated(layer) for layer in line.layers}
        mark = marks.pop() if len(marks) == 1 else ""
        return Cells((label, wording.operator(first), "", first.precision, "", *sums, mark), "dim")
    cells = (
        label,
        wording.operator(first),
        wording.shape(first.output_shape),
        wording.visible(first.precision),
        wording.weights(first),
        *sums,
        wording.delegated(first),
    )
    is_odd = (first.subgraph, first.index) in in_float or first.kind != "builtin"
    return Cells(cells, "yellow" if is_odd else "")


def _print_islands(inspection: Inspection, console: Console) -> None:
    if not inspection.islands:
        return
    layers = {(layer.subgraph, layer.index): layer for layer in inspection.layers}
    print_heading(console, "Float islands", "what computes in float in a file of integers")
    for number, island in enumerate(inspection.islands[:_MOST_ISLANDS], 1):
        print_pairs(console, [(f"{number}", wording.island(island, layers))])
    if len(inspection.islands) > _MOST_ISLANDS:
        print_text(
            console, f"and {len(inspection.islands) - _MOST_ISLANDS:,} more, which --json lists", "dim"
        )
