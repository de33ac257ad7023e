"""Inspections as one HTML file that needs no network, and no plotting library: 60 kB and 0.5 kB a layer."""

from __future__ import annotations

from typing import Any

from edgeq.inspection.difference import Difference
from edgeq.inspection.structure import Inspection
from edgeq.report.html_page import Templates
from edgeq.report.inspection import changes, html_figures, html_tables, wording
from edgeq.report.inspection.document import ACTIVATION, WEIGHTS, Document, FileView
from edgeq.report.inspection.facts import facts, headline, tensors

_Tile = tuple[str, str, str]


def to_html(document: Document) -> str:
    """The whole page.

    Raises:
        MissingExtraError: Jinja is not installed.
    """
    templates = Templates("edgeq.report.inspection")
    title, kicker, lead = _title(document)
    return templates.page(
        "inspection.html",
        subject=f"{kicker}{title}",
        styles=["inspection.css"],
        scripts=[templates.source("page.js", "inspection.js")],
        values={
            "headline": title,
            "kicker": kicker,
            "leads": [lead],
            "files": [] if document.difference is not None else [_file(view) for view in document.files],
            "overview": _overview(document) if document.is_overview else None,
            "difference": None if document.difference is None else _difference(document.difference),
        },
    )


def _title(document: Document) -> tuple[str, str, str]:
    """Headline, what stands above it, and the sentence below it."""
    if document.difference is not None:
        difference = document.difference
        title = f"{wording.visible(difference.old.name)} → {wording.visible(difference.new.name)}"
        return title, "two files compared", changes.verdict(difference)
    if document.is_overview:
        return wording.visible(document.bundle or "bundle"), "bundle", f"{len(document.files)} variants"
    inspection = document.files[0].inspection
    title = wording.visible(inspection.scheme or "No known scheme")
    return title, wording.visible(inspection.name), f"{wording.precision(inspection)}."


def _file(view: FileView) -> dict[str, Any]:
    inspection = view.inspection
    layers = {(layer.subgraph, layer.index): layer for layer in inspection.layers}
    return {
        "title": wording.visible(view.title),
        # A variant is mostly named after its scheme, with which the headline begins.
        "summary": " · ".join(headline(inspection)).removeprefix(f"{wording.visible(view.title)}: "),
        "tiles": _tiles(view),
        "warnings": [wording.visible_sentence(warning) for warning in view.warnings],
        "notes": [wording.visible_sentence(note) for note in view.notes],
        "tensors": html_tables.tensor_grid(tensors(inspection)),
        "bars": html_figures.bars(inspection),
        "legend": _legend(inspection),
        "layers": html_tables.layer_grid(inspection),
        "operators": html_tables.operator_grid(inspection),
        "runtimes": html_tables.runtime_grid(inspection),
        "islands": [
            wording.island(one, layers) for one in inspection.islands[: html_figures.MOST_HISTOGRAMS]
        ],
        "facts": [pair for pair in facts(inspection) if pair[0] not in ("runs on", "sha256")]
        + [("sha256", wording.visible(inspection.sha256))],
        "histograms": _histograms(view),
    }


def _legend(inspection: Inspection) -> list[tuple[str, int]]:
    """Kinds of operators with their colours; the last stands for others where there are any."""
    named = [(wording.visible(name), color) for name, color in html_figures.colors(inspection)]
    used = {segment.color for bar in html_figures.bars(inspection) for segment in bar.segments}
    return [*named, ("others", 0)] if 0 in used else named


def _tiles(view: FileView) -> list[_Tile]:
    """The figures that people ask for first: value, what it is, and what is behind it."""
    inspection = view.inspection
    found = [
        (
            wording.size(inspection.file_bytes),
            "file",
            f"{wording.size(inspection.weight_bytes)} of constants",
        ),
        (
            wording.macs(inspection),
            "multiply-accumulates",
            f"one inference, {wording.count(len(inspection.layers), 'operator')}",
        ),
        (wording.size(inspection.arena_bytes), "arena", "memory of activations"),
    ]
    delegation, run = wording.delegation(inspection), inspection.run
    if delegation and run is not None:
        parts = "" if run.partitions is None else f" in {wording.count(run.partitions, 'part')}"
        found.append((delegation, "operators delegated", f"to {wording.visible(run.delegate)} here{parts}"))
    return found


def _histograms(view: FileView) -> list[dict[str, Any]]:
    titles = {
        WEIGHTS: "Weights",
        ACTIVATION: f"Activations on {wording.count(view.items, 'item')}, logarithmic",
    }
    groups = []
    for kind, title in titles.items():
        every = [one for one in view.histograms if one.kind == kind]
        shown = every[: html_figures.MOST_HISTOGRAMS]
        if shown:
            hidden = len(every) - len(shown)
            note = f"And {hidden:,} more, which the JSON has." if hidden else ""
            groups.append({"title": title, "plots": [html_figures.plot(one) for one in shown], "note": note})
    return groups


def _overview(document: Document) -> html_tables.Grid:
    rows = []
    for view in document.files:
        inspection = view.inspection
        cells = (
            html_tables.text(wording.visible(view.title)),
            html_tables.text(wording.scheme(inspection)),
            html_tables.figure(wording.size(inspection.file_bytes), inspection.file_bytes),
            html_tables.figure(f"{len(inspection.layers):,}", len(inspection.layers)),
            html_tables.text(wording.visible(inspection.weights)),
            html_tables.text(wording.visible(inspection.activations)),
            html_tables.figure(wording.macs(inspection), inspection.macs),
            html_tables.figure(wording.size(inspection.arena_bytes), inspection.arena_bytes),
            html_tables.text(wording.delegation(inspection)),
            html_tables.figure(f"{len(inspection.islands)}", len(inspection.islands)),
            html_tables.figure(f"{len(view.warnings)}", len(view.warnings)),
        )
        rows.append(html_tables.TableRow(cells))
    numbers = {"size", "operators", "MACs", "arena", "islands", "warnings"}
    names = ("variant", "scheme", "size", "operators", "weights", "activations", "MACs", "arena")
    return html_tables.Grid(
        "Variants",
        tuple(
            html_tables.Heading(name, is_number=name in numbers)
            for name in (*names, "delegated", "islands", "warnings")
        ),
        tuple(rows),
    )


def _difference(difference: Difference) -> list[html_tables.Grid]:
    old, new = wording.visible(difference.old.name), wording.visible(difference.new.name)
    most = html_tables.MOST_LAYERS
    removed = [changes.lone_layer(layer) for layer in difference.removed[:most]]
    added = [changes.lone_layer(layer) for layer in difference.added[:most]]
    values, tensors_, operators = (
        changes.values(difference),
        changes.tensors(difference),
        changes.operators(difference),
    )
    groups = [
        ("File", values, len(values)),
        ("Inputs and outputs", tensors_, len(tensors_)),
        ("Operators", operators, len(operators)),
        ("Layers that differ", changes.layers(difference, most), len(difference.changed)),
        (f"Only in {old}", [changes.Row(row.what, row.old, "") for row in removed], len(difference.removed)),
        (f"Only in {new}", [changes.Row(row.what, "", row.new) for row in added], len(difference.added)),
    ]
    return [html_tables.change_grid(title, rows, (old, new), total) for title, rows, total in groups if rows]
