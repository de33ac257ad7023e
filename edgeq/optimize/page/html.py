"""A search as one HTML file that needs no network: the front drawn, decisions, layers, the recipe, every candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeq.optimize.page import sentences
from edgeq.optimize.page.columns import Column, columns, drop_estimate, is_agreement, page_columns
from edgeq.optimize.page.facts import recipe_facts
from edgeq.optimize.page.scatter import scatter
from edgeq.optimize.page.sensitivity import sensitivity
from edgeq.optimize.page.view import View, reported
from edgeq.optimize.result import (
    CHOSEN,
    DOMINATED,
    FAILED,
    FRONT,
    NOT_FASTER,
    NOT_KEPT,
    NOT_TRIED,
    OUTDONE,
    OVER_BUDGET,
    Outcome,
)
from edgeq.report import wording
from edgeq.report.html_page import Templates
from edgeq.report.inspection.wording import visible_sentence

_FATES = {
    CHOSEN: "the best within the budget; where none is, the nearest to it",
    FRONT: "no other measured candidate is better in accuracy and in size or latency, whichever is wanted",
    DOMINATED: "within the budget, and another one loses no more and costs no more",
    OVER_BUDGET: "measured, and it loses more than the budget",
    NOT_FASTER: "within the budget, and not measured faster than float32",
    NOT_KEPT: "made by the converter, without the layers that --keep names",
    OUTDONE: "not measured on the validation set: others had less error on calibration items, or it ranks layers",
    FAILED: "could not be made, measured or timed",
    NOT_TRIED: "left out of the search",
}
"""What is said of each status, in the order of the legend."""


def to_html(view: View) -> str:
    """The whole page.

    Args:
        view: what to show.

    Raises:
        MissingExtraError: Jinja is not installed.
    """
    templates = Templates("edgeq.optimize.page")
    shown = page_columns(view)
    filled, badge = _chosen_words(view)
    return templates.page(
        "optimize.html",
        subject=sentences.title(view),
        styles=["optimize.css"],
        scripts=[templates.source("page.js")],
        values={
            "title": sentences.title(view),
            "kicker": sentences.title(view),
            "headline": sentences.headline(view),
            "leads": [sentences.conclusion(view)],
            "tiles": _tiles(view),
            "cost": "latency" if view.is_about_latency else "size",
            "filled": filled,
            "badge": badge,
            "legend": _legend(view, shown),
            "plot": scatter(view),
            "decisions": sentences.decisions(view),
            "columns": shown,
            "front": [_row(view, one, columns(view, view.front)) for one in view.front],
            "front_columns": columns(view, view.front),
            "rows": [_row(view, one, shown) for one in view.result.outcomes],
            "sensitivity": sensitivity(view),
            "recipe": recipe_facts(view),
            "effort": sentences.effort(view),
            "notes": [visible_sentence(note) for note in view.notes],
            "warnings": [visible_sentence(warning) for warning in view.warnings],
            "next_step": sentences.next_step(view).removeprefix("next: "),
            "provenance": [tuple(map(visible_sentence, pair)) for pair in view.provenance],
        },
    )


def _chosen_words(view: View) -> tuple[str, str]:
    """What the chosen candidate is, in the drawing and in the table of the front."""
    if sentences.is_untold(view):
        return "what seems best", "perhaps"
    return ("what to ship", "ship") if view.result.meets else ("the nearest", "nearest")


def _legend(view: View, shown: Sequence[Column]) -> tuple[tuple[str, str], ...]:
    """The fates that occur and the columns, explained."""
    there = {one.status for one in view.result.outcomes}
    fates = ((status, text) for status, text in _FATES.items() if status in there)
    return (*fates, *((column.header, column.explanation) for column in shown))


def _tiles(view: View) -> list[tuple[str, str, str]]:
    """The chosen candidate's figures: value, what it is, and the numbers behind it."""
    winner = view.result.winner
    if winner is None:
        return []
    tiles = []
    if winner.speed is not None:
        faster = winner.speed.ratio <= 1
        factor = 1 / winner.speed.ratio if faster and winner.speed.ratio else winner.speed.ratio
        behind = f"{wording.duration(winner.speed.latency_ms)} on {wording.visible(winner.speed.device)}"
        tiles.append((wording.times(factor), f"{'faster' if faster else 'slower'} than float32", behind))
    if winner.built is not None and view.float32_bytes and winner.built.size_bytes:
        ratio = view.float32_bytes / winner.built.size_bytes
        behind = (
            f"{wording.size(winner.built.size_bytes)}, {wording.size(winner.built.gzip_bytes)} after gzip"
        )
        word = "smaller" if ratio >= 1 else "larger"
        tiles.append((wording.times(max(ratio, 1 / ratio)), f"{word} than float32", behind))
    if not view.is_about_latency:
        tiles.reverse()
    quality = reported(winner)
    if quality is not None:
        drop = drop_estimate(quality)
        unit, word = ("%", "of answers differ") if is_agreement(view) else ("pp", f"drop in {quality.metric}")
        behind = f"95 % interval {wording.interval(drop)}, {wording.count(drop.n, 'item')}"
        tiles.append((f"{wording.decimal(drop.value, 2)} {unit}", wording.visible(word), behind))
    return tiles


def _row(view: View, outcome: Outcome, shown: tuple[Column, ...]) -> dict[str, Any]:
    return {
        "name": view.name(outcome),
        "title": wording.visible(outcome.candidate.title),
        "origin": visible_sentence(outcome.candidate.origin),
        "status": outcome.status,
        "fate": _FATES.get(outcome.status, ""),
        "reason": visible_sentence(outcome.reason),
        "is_chosen": outcome.key == view.result.chosen,
        "is_front": outcome.key in view.result.front,
        "cells": [(column.text(outcome), _key(column.sort(outcome))) for column in shown],
    }


def _key(value: float | None) -> str:
    # Infinity, as JavaScript reads it.
    return "" if value is None else repr(float(value)).replace("inf", "Infinity")
