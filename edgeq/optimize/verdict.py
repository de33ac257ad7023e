"""The sentence that says why the chosen file was chosen: by what was measured on the validation set."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.optimize.choosing import Choice, is_within, point_of
from edgeq.optimize.findings import AGREEMENT, Quality
from edgeq.optimize.keeping import has_uniform_layers
from edgeq.optimize.result import Goal
from edgeq.optimize.tried import Tried
from edgeq.report.wording import decimal


def verdict(choice: Choice, tried: Sequence[Tried], goal: Goal) -> str | None:
    """Names the winner, what it loses and what it was preferred to.

    Args:
        choice: that was made.
        tried: all candidates.
        goal: what was wanted.

    Returns:
        A sentence; None where nothing is within the budget, which has sentences of its own.
    """
    chosen = choice.chosen
    if chosen is None or chosen.quality is None or not choice.meets:
        return None
    measured = [one for one in tried if one.quality is not None]
    within = [one for one in measured if is_within(one.quality, goal)]
    few = "one is" if len(within) == 1 else "all are" if within == measured else f"{len(within)} are"
    cost = "fastest" if choice.by_latency else "smallest"
    ties = _is_beaten_in_cost(chosen, within, choice)
    which = f"as good as the {cost} of these and more accurate" if ties else f"the {cost} of these"
    beaten = _beaten(chosen, measured, within, goal)
    return (
        f"Of {len(measured)} files measured on {chosen.quality.n:,} items {few} within the budget of "
        f"{goal.max_drop_pp:g} {_unit(chosen.quality)}; {chosen.candidate.title} is {which} and "
        f"{_loss(chosen.quality)}{beaten}."
    )


def _is_beaten_in_cost(chosen: Tried, within: Sequence[Tried], choice: Choice) -> bool:
    own = point_of(chosen, by_latency=choice.by_latency)
    others = [point_of(one, by_latency=choice.by_latency) for one in within]
    return own is not None and any(other is not None and other.cost < own.cost for other in others)


def _beaten(chosen: Tried, measured: Sequence[Tried], within: Sequence[Tried], goal: Goal) -> str:
    """The recipe of least output error, for it led until files were measured; else the next one in size."""
    scheme = None if chosen.candidate.recipe is None else chosen.candidate.recipe.scheme
    alike = [
        one
        for one in measured
        if one.candidate.recipe is not None
        and scheme in (None, one.candidate.recipe.scheme)
        and has_uniform_layers(one.candidate.recipe, goal.kept)
    ]
    leader = min(alike, key=lambda one: one.error, default=None)
    if leader is not None and leader.key != chosen.key and leader.quality is not None:
        of = leader.candidate.recipe.scheme if leader.candidate.recipe else ""
        return f"; {leader.candidate.title}, the {of} recipe of least output error, {_loss(leader.quality)}"
    others = [one for one in within if one.key != chosen.key and one.candidate.recipe is not None]
    following = min(others, key=lambda one: one.built.size_bytes if one.built else 0, default=None)
    if following is None or following.quality is None or following.built is None:
        return ""
    size = f"{following.built.size_bytes / 1000:,.1f} kB"
    return f"; next in size, with {size}, is {following.candidate.title}, which {_loss(following.quality)}"


def _loss(quality: Quality) -> str:
    verb = "differs from float32 on" if quality.metric == AGREEMENT else "loses"
    return f"{verb} {decimal(quality.drop_pp, 2)} {_unit(quality)}"


def _unit(quality: Quality) -> str:
    return "%" if quality.metric == AGREEMENT else "pp"
