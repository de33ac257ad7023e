"""Why each candidate fell or was chosen: one status and one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeq.optimize.choosing import Choice, is_baseline, is_within, keeps, loss_pp, point_of
from edgeq.optimize.findings import Quality
from edgeq.optimize.front import Point, dominator
from edgeq.optimize.keeping import has_uniform_layers
from edgeq.optimize.result import (
    CHOSEN,
    DOMINATED,
    FAILED,
    FRONT,
    LATENCY,
    NOT_FASTER,
    NOT_KEPT,
    NOT_TRIED,
    OUTDONE,
    OVER_BUDGET,
    Goal,
    Outcome,
)
from edgeq.optimize.tried import Tried
from edgeq.report.wording import decimal


def outcomes(tried: Sequence[Tried], choice: Choice, goal: Goal) -> tuple[Outcome, ...]:
    """Says of every candidate what became of it.

    Args:
        tried: in the order in which they were tried.
        choice: that was made among them.
        goal: what was wanted.
    """
    teller = _Teller(choice, goal, {one.key: one for one in tried}, _least_error(tried, goal))
    return tuple(
        Outcome(one.candidate, *teller.fate(one), one.built, one.quality, one.speed, one.report)
        for one in tried
    )


def _least_error(tried: Sequence[Tried], goal: Goal) -> Mapping[str, Tried]:
    """Of each scheme's recipes without moved layers that were measured, the one with the least error."""
    best: dict[str, Tried] = {}
    for one in tried:
        recipe = one.candidate.recipe
        if recipe is None or one.quality is None or not has_uniform_layers(recipe, goal.kept):
            continue
        if recipe.scheme not in best or one.error < best[recipe.scheme].error:
            best[recipe.scheme] = one
    return best


@dataclass(frozen=True)
class _Teller:
    """What fates are told from."""

    choice: Choice
    goal: Goal
    tried: Mapping[str, Tried]
    least_error: Mapping[str, Tried]

    def fate(self, one: Tried) -> tuple[str, str]:
        """Status and sentence."""
        if one.skipped:
            return NOT_TRIED, f"Not tried: {one.skipped}."
        if one.same_as:
            return (
                OUTDONE,
                f"Gives the same file as {self.tried[one.same_as].candidate.title}, a plainer recipe.",
            )
        if one.built is None or (one.quality is None and one.failure):
            return FAILED, _sentence(one.failure)
        if one.quality is None:
            return OUTDONE, self._outdone(one)
        if self.choice.chosen is not None and one.key == self.choice.chosen.key:
            return CHOSEN, self._chosen(one.quality)
        if not keeps(one, self.goal):
            return NOT_KEPT, "The converter makes it without the layers that are to keep their precision."
        return self._measured(one, one.quality)

    def _measured(self, one: Tried, quality: Quality) -> tuple[str, str]:
        point = point_of(one, by_latency=self.choice.by_latency)
        over = "" if is_within(one.quality, self.goal) else self._over(quality)
        if point is not None and any(point.key == other.key for other in self.choice.front):
            where = "on the front, without any loss by definition" if is_baseline(one) else "on the front"
            beside = f", and {over}" if over else f": {self._against_chosen(point)}"
            return FRONT, _sentence(f"{where}{beside}")
        if over:
            return OVER_BUDGET, _sentence(over)
        if point is None:
            return FAILED, _sentence(one.failure or "within the budget and not timed")
        if is_baseline(one):
            return (
                DOMINATED,
                f"The reference that all others are compared with. {self._dominated(one, point)}",
            )
        if self.goal.objective == LATENCY and one.speed is not None and one.speed.high >= 1:
            return (
                NOT_FASTER,
                f"Not measured faster than float32, the reference: {_interval(point)} of its latency.",
            )
        return DOMINATED, self._dominated(one, point)

    def _chosen(self, quality: Quality) -> str:
        if not self.choice.meets:
            return f"The nearest to the budget, {self._over(quality)}."
        best = "fastest" if self.choice.by_latency else "smallest"
        drop = decimal(quality.drop_pp, 2)
        return f"The {best} within the budget, or as good as it and more accurate: drop {drop} pp."

    def _over(self, quality: Quality) -> str:
        what = "the upper end of its drop's interval is " if self.goal.confident else ""
        return f"{what}over the budget by {loss_pp(quality, self.goal) - self.goal.max_drop_pp:.2f} pp"

    def _against_chosen(self, point: Point) -> str:
        chosen = self.choice.chosen
        theirs = None if chosen is None else point_of(chosen, by_latency=self.choice.by_latency)
        if theirs is None:
            return "neither accuracy nor cost is beaten"
        if point.cost > theirs.cost:
            return f"more accurate than the chosen one and {'slower' if self.choice.by_latency else 'larger'}"
        return "less accurate than the chosen one for a gain that is too small to tell"

    def _dominated(self, one: Tried, point: Point) -> str:
        winner = dominator(point, self.choice.front)
        if winner is None:
            return "Neither on the front nor beaten by it."
        name = self.tried[winner.key].candidate.title
        if _are_same_file(one, self.tried[winner.key]):
            return f"The same file as {name}."
        drops = f"drop {decimal(point.drop_pp, 2)} pp, against {decimal(winner.drop_pp, 2)} pp"
        if winner.drop_pp > point.drop_pp:
            return f"No more accurate than {name} that it could be told, and {self._dearer}: {drops}."
        if winner.cost > point.cost:
            return f"Not told apart in {self._kind} from {name}, {self._costs(winner, point)}; {drops}."
        return (
            f"Dominated by {name}: drop {decimal(winner.drop_pp, 2)} pp and {self._cost(winner)}, "
            f"against {decimal(point.drop_pp, 2)} pp and {self._cost(point)}."
        )

    def _cost(self, point: Point) -> str:
        if self.choice.by_latency:
            return f"{point.cost:.2f} of float32's latency"
        return f"{point.cost / 1000:,.1f} kB"

    @property
    def _dearer(self) -> str:
        return "slower" if self.choice.by_latency else "larger"

    @property
    def _kind(self) -> str:
        return "latency" if self.choice.by_latency else "size"

    def _costs(self, winner: Point, point: Point) -> str:
        if self.choice.by_latency:
            return f"{_interval(winner)} of float32's, against {_interval(point)}"
        return f"{self._cost(winner)}, against {self._cost(point)}"

    def _outdone(self, one: Tried) -> str:
        recipe = one.candidate.recipe
        if recipe is None:
            return "Not measured: the search ended before."
        if not has_uniform_layers(recipe, self.goal.kept):
            return f"Made to rank the layers: its output error is {one.error:.3g}."
        best = self.least_error.get(recipe.scheme)
        if best is None or one.error < best.error:
            return f"Not measured: the search ended before; its output error is {one.error:.3g}."
        return f"Its output error is {one.error:.3g}, the best {recipe.scheme} recipe's is {best.error:.3g}."


def _are_same_file(one: Tried, other: Tried) -> bool:
    return one.built is not None and other.built is not None and "" != one.built.sha256 == other.built.sha256


def _interval(point: Point) -> str:
    """Of a latency, in parts of float32's."""
    low, high = f"{point.least:.2f}", f"{point.most:.2f}"
    return low if low == high else f"{low} to {high}"


def _sentence(clause: str) -> str:
    text = clause.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
