"""The choice among measured candidates, and their Pareto front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeq.optimize.findings import Quality
from edgeq.optimize.front import Point, pareto
from edgeq.optimize.keeping import variant_keeps
from edgeq.optimize.result import LATENCY, SIZE, Goal
from edgeq.optimize.tried import Tried
from edgeq.schemes import BASELINE

SAME_SIZE = 1.01
"""Sizes that are apart by less than this factor are taken as equal: accuracy is not given away for a hundredth."""

_ROUNDING_PP = 1e-9
"""What sums of floats are off by: a drop of exactly the budget is within it."""


def loss_pp(quality: Quality, goal: Goal) -> float:
    """What is compared with the budget: the drop, or with ``confident`` the upper end of its interval."""
    return quality.high_pp if goal.confident else quality.drop_pp


def is_within(quality: Quality | None, goal: Goal) -> bool:
    """Whether a quality is known and within the accuracy budget."""
    return quality is not None and loss_pp(quality, goal) <= goal.max_drop_pp + _ROUNDING_PP


def is_baseline(one: Tried) -> bool:
    """Whether it is the float32 file, which is the measure of all others and no answer to the question."""
    return one.candidate.variant == BASELINE


def keeps(one: Tried, goal: Goal) -> bool:
    """Whether it has the layers that the goal keeps at their precisions; float32 always stays for comparison."""
    variant = one.candidate.variant
    return variant is None or variant == BASELINE or variant_keeps(variant, goal.kept)


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        chosen: the candidate; None where nothing was measured.
        meets: whether it is within the budget.
        front: from the least drop on.
        by_latency: whether cost is latency; also under the objective ``latency`` it is size where nothing was timed.
    """

    chosen: Tried | None
    meets: bool
    front: tuple[Point, ...]
    by_latency: bool


def choose(tried: Sequence[Tried], goal: Goal) -> Choice:
    """Chooses.

    Within the budget the candidate of least cost wins. Of candidates whose costs cannot be told apart (sizes within
    `SAME_SIZE`; latencies whose intervals overlap the fastest one's) the one that loses least wins. Where nothing but
    float32 is within the budget, the one nearest to it is taken.

    Args:
        tried: candidates, in the order in which they were tried; of equals the first one wins.
        goal: what is wanted.
    """
    measured = _measured(tried, goal)
    others = [one for one in measured if not is_baseline(one)]
    by_latency = goal.objective == LATENCY and any(one.speed is not None for one in others)
    points = [point for one in measured if (point := point_of(one, by_latency=by_latency)) is not None]
    if not any(is_within(one.quality, goal) for one in others):
        nearest = min(others, key=lambda one: _nearness(one, goal), default=None)
        return Choice(nearest, False, _front(points, nearest), by_latency)
    within = [one for one in measured if is_within(one.quality, goal)]
    chosen = _least_cost(within, goal, by_latency=by_latency)
    return Choice(chosen, True, _front(points, chosen), by_latency)


def _front(points: Sequence[Point], chosen: Tried | None) -> tuple[Point, ...]:
    return pareto(points, None if chosen is None else chosen.key)


def best_so_far(tried: Iterable[Tried], goal: Goal) -> Tried | None:
    """What would be chosen before anything is timed, float32 left out; None while nothing is measured.

    Under the objective ``size`` that is the smallest within the budget, under ``latency`` the one that loses least:
    sizes say nothing of latencies.
    """
    others = [one for one in _measured(tried, goal) if not is_baseline(one)]
    within = [one for one in others if is_within(one.quality, goal)]
    if within and goal.objective == SIZE:
        return _least_cost(within, goal, by_latency=False)
    return min(others, key=lambda one: _nearness(one, goal), default=None)


def point_of(one: Tried, *, by_latency: bool) -> Point | None:
    """As the front sees it; None where its drop or its cost is not known."""
    if one.built is None or one.quality is None or (by_latency and one.speed is None):
        return None
    drop, size = one.quality.drop_pp, one.built.size_bytes
    if by_latency and one.speed is not None:
        return Point(one.key, drop, one.speed.ratio, one.speed.high, one.speed.low, size)
    return Point(one.key, drop, float(size), most=size * SAME_SIZE, size=size)


def _measured(tried: Iterable[Tried], goal: Goal) -> list[Tried]:
    return [one for one in tried if one.built is not None and one.quality is not None and keeps(one, goal)]


def _least_cost(within: Sequence[Tried], goal: Goal, *, by_latency: bool) -> Tried:
    """Of least cost; of those that cannot be told apart from it, the one that loses least."""
    best = min(within, key=lambda one: _cost(one, by_latency=by_latency))
    alike = [one for one in within if _is_alike(one, best, by_latency=by_latency)]
    least = min(alike, key=lambda one: (*_nearness(one, goal), _cost(one, by_latency=by_latency)))
    # Wide intervals make a slow one alike: nothing that is better in both may be left.
    better = [one for one in within if _is_better(one, least, goal, by_latency=by_latency)]
    return min(better, key=lambda one: _nearness(one, goal), default=least)


def _is_better(one: Tried, other: Tried, goal: Goal, *, by_latency: bool) -> bool:
    ours, theirs = (
        Point(each.key, _nearness(each, goal)[0], _cost(each, by_latency=by_latency)) for each in (one, other)
    )
    return ours.dominates(theirs)


def _is_alike(one: Tried, best: Tried, *, by_latency: bool) -> bool:
    if by_latency and one.speed is not None and best.speed is not None:
        return not best.speed.is_faster_than(one.speed)
    return _cost(one, by_latency=by_latency) <= _cost(best, by_latency=by_latency) * SAME_SIZE


def _cost(one: Tried, *, by_latency: bool) -> float:
    point = point_of(one, by_latency=by_latency)
    return float("inf") if point is None else point.cost


def _nearness(one: Tried, goal: Goal) -> tuple[float, float, float]:
    """Smaller is nearer to the budget; of equals the smaller file, then the smaller error."""
    if one.quality is None or one.built is None:
        return (float("inf"),) * 3
    return (loss_pp(one.quality, goal), one.built.size_bytes, one.error)
