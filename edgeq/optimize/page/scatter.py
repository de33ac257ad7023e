"""The front as a drawing: every candidate's loss over its size or latency, as plain positions for a template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.optimize.findings import Quality
from edgeq.optimize.page.axes import Axis, cost_axis, loss_axis, tick_text
from edgeq.optimize.page.columns import drop_text, is_agreement
from edgeq.optimize.page.labels import Label, place_labels
from edgeq.optimize.page.sentences import budget
from edgeq.optimize.page.view import View
from edgeq.optimize.result import Outcome
from edgeq.report import wording
from edgeq.report.inspection.wording import visible_sentence

WIDTH, HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 740.0, 24.0, 366.0

_BEYOND = 3.0
"""Times the budget: what lies further off would leave the rest no room."""
_LEAST_BUDGET = 0.1
"""In percentage points: of a budget of 0 three times as much is still nothing."""


@dataclass(frozen=True)
class Point:
    """A candidate in the drawing.

    Attributes:
        x, y: its middle, in pixels.
        low, high: ends of the interval of its loss; None where it is not drawn.
        is_low_cut, is_high_cut: whether these ends are those of the axis, and the interval goes on beyond it.
        kind: ``chosen``, ``front`` or ``other``.
        is_beyond: whether it loses more than the axis shows, and stands at its end.
        text: for whoever points at it.
    """

    x: float
    y: float
    low: float | None
    high: float | None
    kind: str
    is_beyond: bool
    text: str
    is_low_cut: bool = False
    is_high_cut: bool = False


@dataclass(frozen=True)
class Scatter:
    """The drawing, in a box of `WIDTH` by `HEIGHT`.

    Attributes:
        points: from the least important to the chosen one.
        front: corners of the front's line, as SVG has them; empty of fewer than two.
        budget: height of the budget's line; None where it is beyond the axis.
        budget_label: what is written there; None where it is beyond the axis.
        labels: names in the drawing.
        across: positions and labels of the ticks of the horizontal axis.
        upright: likewise of the vertical one.
        across_title: what the horizontal axis shows.
        upright_title: what the vertical one shows.
        missing: candidates that are not drawn, because something of them was not measured.
    """

    points: tuple[Point, ...]
    front: str
    budget: float | None
    budget_label: Label | None
    labels: tuple[Label, ...]
    across: tuple[tuple[float, str], ...]
    upright: tuple[tuple[float, str], ...]
    across_title: str
    upright_title: str
    missing: int
    width: int = WIDTH
    height: int = HEIGHT
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM


def scatter(view: View) -> Scatter | None:
    """The drawing of a search; None where nothing was measured of which one could be made."""
    drawn = [
        (one, cost, one.quality)
        for one in view.result.outcomes
        if (cost := _cost(view, one)) and one.quality is not None and math.isfinite(one.quality.drop_pp)
    ]
    if not drawn:
        return None
    unit, factor = _unit(view, max(cost for _, cost, _ in drawn))
    across = cost_axis([cost * factor for _, cost, _ in drawn], _LEFT, _RIGHT)
    limit = view.result.goal.max_drop_pp
    upright = _loss_axis(view, [(one, quality) for one, _, quality in drawn], limit)
    points = {
        one.key: _point(view, one, quality, across.pixel(cost * factor), upright)
        for one, cost, quality in drawn
    }
    rank = {"other": 0, "front": 1, "chosen": 2}
    front = [key for key in view.result.front if key in points]
    corners = sorted(
        ((points[key].x, points[key].y) for key in front), key=lambda corner: (corner[0], -corner[1])
    )
    named = dict.fromkeys(key for key in (view.result.chosen, *front) if key in points)
    height = upright.pixel(limit) if limit <= upright.high else None
    written = None if height is None else Label(_RIGHT - 4, height - 6, "end", f"budget {budget(view)}")
    return Scatter(
        points=tuple(sorted(points.values(), key=lambda point: rank[point.kind])),
        front=" ".join(f"{x:g},{y:g}" for x, y in corners) if len(corners) > 1 else "",
        budget=height,
        budget_label=written,
        labels=place_labels(
            [(points[key].x, points[key].y, view.name(view.result.outcome(key))) for key in named],
            (_LEFT, _RIGHT, _TOP, _BOTTOM),
            [*((point.x, point.y) for point in points.values()), *_across(height)],
            corners,
            [written] if written else [],
        ),
        across=tuple((across.pixel(value), tick_text(value)) for value in across.ticks()),
        upright=tuple((upright.pixel(value), tick_text(value)) for value in upright.ticks()),
        across_title=f"{'latency' if view.is_about_latency else 'size'} ({unit})",
        upright_title="answers that differ from float32's (%)" if is_agreement(view) else "drop (pp)",
        missing=len(view.result.outcomes) - len(points),
    )


def _across(height: float | None) -> list[tuple[float, float]]:
    """Points along the budget's line, so near each other that no name fits between them."""
    return [] if height is None else [(float(x), height) for x in range(int(_LEFT), int(_RIGHT), 6)]


def _cost(view: View, outcome: Outcome) -> float | None:
    if view.is_about_latency:
        return None if outcome.speed is None else outcome.speed.latency_ms
    return None if outcome.built is None else outcome.built.size_bytes


def _unit(view: View, most: float) -> tuple[str, float]:
    """The unit of the horizontal axis, and what a cost is multiplied with."""
    if view.is_about_latency:
        return wording.time_unit(most)
    unit = wording.size_unit(most)
    return unit, {"GB": 1e-9, "MB": 1e-6, "kB": 1e-3}.get(unit, 1.0)


def _loss_axis(view: View, drawn: Sequence[tuple[Outcome, Quality]], limit: float) -> Axis:
    """From the best candidate's loss to what is still of interest; further up is better."""
    losses = [quality.drop_pp for _, quality in drawn]
    far = _BEYOND * max(limit, _LEAST_BUDGET)
    near = [loss for loss in losses if loss <= far]
    on_front = [quality for one, quality in drawn if one.key in view.result.front and quality.drop_pp <= far]
    intervals = [end for quality in on_front for end in (quality.low_pp, quality.high_pp) if abs(end) <= far]
    chosen = [quality.drop_pp for one, quality in drawn if one.key == view.result.chosen]
    return loss_axis([min(losses), limit, *near, *intervals, *chosen], _TOP, _BOTTOM)


def _point(view: View, outcome: Outcome, quality: Quality, x: float, upright: Axis) -> Point:
    is_chosen = outcome.key == view.result.chosen
    kind = "chosen" if is_chosen else "front" if outcome.key in view.result.front else "other"
    beyond = quality.drop_pp > upright.high
    shows_interval = kind != "other" and not beyond and math.isfinite(quality.high_pp - quality.low_pp)
    return Point(
        x=x,
        y=upright.pixel(quality.drop_pp),
        low=upright.pixel(quality.low_pp) if shows_interval else None,
        high=upright.pixel(quality.high_pp) if shows_interval else None,
        kind=kind,
        is_beyond=beyond,
        text=_text(view, outcome, quality),
        is_low_cut=shows_interval and quality.low_pp < upright.low,
        is_high_cut=shows_interval and quality.high_pp > upright.high,
    )


def _text(view: View, outcome: Outcome, quality: Quality) -> str:
    unit = "%" if is_agreement(view) else "pp"
    facts = [f"{'differs' if is_agreement(view) else 'drop'} {drop_text(quality)} {unit}"]
    if outcome.built is not None:
        facts.insert(0, wording.size(outcome.built.size_bytes))
    if outcome.speed is not None:
        facts.append(wording.duration(outcome.speed.latency_ms))
    title = wording.visible(outcome.candidate.title)
    return f"{title}\n{', '.join(facts)}\n{visible_sentence(outcome.reason)}"
