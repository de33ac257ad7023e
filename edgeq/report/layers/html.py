"""The analysis as one HTML file that needs no network: a heat map, layers in order of execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.layers.choice import best_choice
from edgeq.layers.structure import LayerAnalysis, LayerCost
from edgeq.layers.sums import by_layer
from edgeq.report import wording
from edgeq.report.html_page import Templates
from edgeq.report.inspection.wording import visible_sentence
from edgeq.report.layers import sentences
from edgeq.report.layers.columns import Column, columns, decibels, order, percent
from edgeq.report.layers.layer_sums import SUMS_TITLE, sum_columns, summed_layers

_LEAST_SCALE = 1e-9


def to_html(analysis: LayerAnalysis, *, target: str) -> str:
    """The whole page.

    Args:
        analysis: what to show.
        target: the bundle or file as it was named on the command line.

    Raises:
        MissingExtraError: Jinja is not installed.
    """
    templates = Templates("edgeq.report.layers")
    name = sentences.title(analysis)
    shown = columns(analysis)
    return templates.page(
        "layers.html",
        subject=name,
        styles=["layers.css"],
        scripts=[templates.source("page.js")],
        values={
            "title": name,
            "kicker": f"{name} · layer by layer",
            "headline": _headline(analysis),
            "leads": [sentences.next_step(analysis, target).replace("next:", "Next:", 1)],
            "tiles": _tiles(analysis),
            "columns": shown,
            "rows": _rows(analysis, shown),
            "has_ranks": bool(analysis.ranked),
            "sums_title": SUMS_TITLE[:1].upper() + SUMS_TITLE[1:],
            "sum_columns": sum_columns(analysis),
            "sums": _sums(analysis),
            "remedies": sentences.advices(order(analysis)),
            "kept": [sentences.kept(one) for one in analysis.kept_float],
            "notes": [visible_sentence(note) for note in analysis.notes],
            "problems": [
                f"damage not measured: {layer}: {problem}" for layer, problem in sentences.problems(analysis)
            ],
            "sources": list(filter(None, [sentences.measured_on(analysis), sentences.timed_with(analysis)])),
        },
    )


def _headline(analysis: LayerAnalysis) -> str:
    """The layer that costs most, in a few words."""
    layers = by_layer(analysis.layers)
    worst = max(layers, key=lambda layer: layer.error_share or 0.0, default=None)
    if worst is not None and worst.error_share:
        return f"{wording.visible(worst.name)} does {percent(worst.error_share)} % of the damage"
    slowest = max(layers, key=lambda layer: layer.latency_share or 0.0, default=None)
    if slowest is not None and slowest.latency_share:
        return f"{wording.visible(slowest.name)} takes {percent(slowest.latency_share)} % of the time"
    return "Layer by layer"


def _tiles(analysis: LayerAnalysis) -> list[tuple[str, str, str]]:
    """The figures of the whole variant: value, what it is, and what is behind it."""
    tiles = []
    if analysis.sqnr_db is not None:
        behind = (
            "" if analysis.changed is None else f"top-1 differs for {analysis.changed:,} of {analysis.n:,}"
        )
        tiles.append((f"{decibels(analysis.sqnr_db)} dB", "SQNR of the outputs", behind or "against float32"))
    best = best_choice(analysis)
    if best is not None:
        tiles.append((f"{decibels(best.sqnr_db)} dB", *sentences.choice(best)))
    if analysis.latency_us is not None:
        tiles.append(
            (
                wording.duration(analysis.latency_us / 1e3),
                "all operators",
                _first_phrase(analysis.profile_source),
            )
        )
    size = sum(layer.size_bytes for layer in analysis.layers)
    layers = sum(1 for layer in by_layer(analysis.layers) if layer.indices)
    tiles.append((wording.size(size), "weights and other constants", wording.count(layers, "layer")))
    return tiles


def _first_phrase(text: str) -> str:
    return wording.visible(text.partition(",")[0])


def _rows(analysis: LayerAnalysis, shown: tuple[Column, ...]) -> list[dict[str, Any]]:
    hottest = {
        column.key: max((column.heat(layer) or 0.0 for layer in analysis.layers), default=0.0)
        for column in shown
    }
    return [
        {
            "position": position,
            "name": wording.visible(layer.name) or "(no name)",
            "operator": wording.visible(layer.operator),
            "rank": layer.rank,
            "hint": _hint(layer),
            "advised": bool(layer.remedies),
            "cells": [_cell(column, layer, hottest) for column in shown],
        }
        for position, layer in enumerate(analysis.layers)
    ]


def _sums(analysis: LayerAnalysis) -> list[tuple[str, list[str]]]:
    """Names of the layers that have several operators, and their cells."""
    shown = sum_columns(analysis)
    return [
        (wording.visible(one.name), [column.text(one) for column in shown]) for one in summed_layers(analysis)
    ]


def _cell(column: Column, layer: LayerCost, hottest: Mapping[str, float]) -> dict[str, Any]:
    heat, key = column.heat(layer), column.sort(layer)
    scale = max(hottest[column.key], _LEAST_SCALE)
    return {
        "text": column.text(layer),
        # Infinity, as JavaScript reads it.
        "key": "" if key is None else repr(float(key)).replace("inf", "Infinity"),
        "heat": None if heat is None or not heat >= 0 else f"{min(1.0, heat / scale):.3f}",
    }


def _hint(layer: LayerCost) -> str:
    shape = "×".join(map(str, layer.output_shape))
    return wording.visible(f"{layer.output} {layer.dtype}[{shape}]".strip())
