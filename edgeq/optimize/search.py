"""The search for the best variant within an accuracy budget.

1. The converter's own variants are built and measured.
2. The methods for int8 are searched by output error (`edgeq.optimize.method_search`), the best few measured.
3. Under the objective ``size`` those for 4-bit weights too; under ``latency`` the best recipe is tried with 4-bit
   weights, which are small and, with today's kernels, slow.
4. Where a uniform precision does not do, layers get their own (`edgeq.optimize.layer_search`).
5. The choice among what was measured, the Pareto front, and a sentence for every decision.
"""

from __future__ import annotations

from collections.abc import Callable

from edgeq.optimize.advice import advice, require_reachable
from edgeq.optimize.budget import Budget
from edgeq.optimize.candidate import Candidate, variant_candidate
from edgeq.optimize.choosing import Choice, choose, is_within
from edgeq.optimize.fates import outcomes
from edgeq.optimize.layer_search import search_layers
from edgeq.optimize.ledger import BudgetEndedError, Ledger
from edgeq.optimize.method_search import four_bits, search_int8, search_int8x4
from edgeq.optimize.result import LATENCY, SIZE, Goal, SearchResult
from edgeq.optimize.space import VARIANTS, Space
from edgeq.optimize.tried import Tried
from edgeq.optimize.verdict import verdict
from edgeq.optimize.workshop import Workshop
from edgeq.quantize.recipe import INT8
from edgeq.report.wording import decimal
from edgeq.schemes import BASELINE

Progress = Callable[[str], None]
"""Takes one line that shows the best so far."""

INTERRUPTED = "it was interrupted"

_TIMED_WHEN_NOTHING_MEETS = 3
"""The nearest to the budget, so that what is written has its latency beside it."""

_TIMED_WHEN_TIME_IS_UP = 2
"""Recipes: each costs as long as the device takes to settle, and the time has ended already."""


def search(
    workshop: Workshop, goal: Goal, budget: Budget, progress: Progress, space: Space | None = None
) -> SearchResult:
    """Searches.

    Ctrl-C and the end of the budget leave a result with all that was found until then. Of a budget of time so much is
    kept back that the best file can still be measured. What is being built, measured or timed when it ends is not cut.

    Args:
        workshop: makes, judges and times candidates.
        goal: what is wanted.
        budget: how long it may take.
        progress: takes one line that shows the best so far.
        space: what is tried; None for everything.
    """
    ledger = Ledger(workshop, goal, budget, progress)
    whole = space or Space()
    return run(ledger, whole, lambda: _explore(ledger, whole))


def run(ledger: Ledger, space: Space, explore: Callable[[], None]) -> SearchResult:
    """Explores, and ends in a result however the exploration ended.

    Args:
        ledger: that the exploration fills.
        space: that it explores.
        explore: raises `BudgetEndedError` where the budget ends.
    """
    cut_short = None
    try:
        try:
            explore()
        except BudgetEndedError as ended:
            cut_short = str(ended)
            _judge_best(ledger)
        _time(ledger)
        _report(ledger)
    except KeyboardInterrupt:
        cut_short = INTERRUPTED
    return conclude(ledger, space, cut_short)


def measure_variants(ledger: Ledger) -> None:
    """Has the converter's own variants built and judged.

    Raises:
        DataError: too few items for a ``confident`` goal.
    """
    variants = [variant_candidate(name) for name in VARIANTS]
    ledger.build(variants, free=True)
    # Float32 and one more, so that there is something to choose whatever the time is.
    ledger.judge(variants, least=2)
    float32 = ledger.of(variant_candidate(BASELINE)).quality
    if float32 is not None:
        require_reachable(float32, ledger.goal)


def try_four_bits(ledger: Ledger, best_int8: Candidate) -> None:
    """Has int8's best recipe tried with 4-bit weights.

    Raises:
        BudgetEndedError: the budget ended first.
    """
    if best_int8.recipe is None:
        return
    recipe = four_bits(ledger, best_int8.recipe)
    if all(layer.name in recipe.layers for layer in ledger.layers):
        return  # Nothing may move.
    candidate = Candidate(recipe, None, "4-bit weights, in case that reading fewer bytes is faster here")
    ledger.build([candidate])
    ledger.judge([candidate])


def conclude(ledger: Ledger, space: Space, cut_short: str | None) -> SearchResult:
    """Chooses among what was measured."""
    goal = ledger.goal
    choice = choose(ledger.tried, goal)
    sentences = list(ledger.sentences)
    if cut_short:
        sentences.append(f"The search ended early: {cut_short}. Run it again to go on from here.")
    told = verdict(choice, ledger.tried, goal)
    sentences += [told] if told else []
    sentences += advice(choice, ledger.tried, goal)
    sentences += _on_the_other_half(ledger, choice)
    return SearchResult(
        goal=goal,
        outcomes=outcomes(ledger.tried, choice, goal),
        chosen=None if choice.chosen is None else choice.chosen.key,
        front=tuple(point.key for point in choice.front),
        meets=choice.meets,
        cut_short=cut_short,
        evaluations=ledger.evaluations,
        grid=space.size(goal) + ledger.in_layer_grid,
        sentences=tuple(sentences),
    )


def _explore(ledger: Ledger, space: Space) -> None:
    measure_variants(ledger)
    best = search_int8(ledger, space)
    if best is not None and ledger.goal.objective == SIZE:
        search_int8x4(ledger, space, best)
    elif best is not None:
        try_four_bits(ledger, best)
    search_layers(ledger)


def _judge_best(ledger: Ledger) -> None:
    """Measures the one recipe of least error that the end of the budget left unmeasured."""
    waiting = [
        one
        for one in ledger.tried
        if one.built is not None and one.candidate.recipe is not None and not one.same_as
    ]
    best = min(waiting, key=lambda one: one.error, default=None)
    if best is not None and best.quality is None:
        ledger.judge([best.candidate], least=1)


def _time(ledger: Ledger) -> None:
    """Times what can be chosen, in one run: latencies of several runs are not compared."""
    goal = ledger.goal
    measured = [one for one in ledger.tried if one.quality is not None]
    if goal.objective == LATENCY:
        timed = [one for one in measured if one.candidate.variant is not None or is_within(one.quality, goal)]
        if not any(is_within(one.quality, goal) for one in timed if one.candidate.recipe is not None):
            others = [one for one in measured if one not in timed]
            timed += sorted(others, key=lambda one: one.quality.drop_pp if one.quality else 0.0)[
                :_TIMED_WHEN_NOTHING_MEETS
            ]
        if ledger.budget.left_s() <= 0:
            timed = _few(timed)
    elif ledger.budget.left_s() <= 0:
        # Sizes decide, and the time is up.
        return
    else:
        choice = choose(ledger.tried, goal)
        keys = {point.key for point in choice.front} | ({choice.chosen.key} if choice.chosen else set())
        timed = [one for one in measured if one.key in keys or one.candidate.variant is not None]
    ledger.time([one.candidate for one in timed])


def _few(timed: list[Tried]) -> list[Tried]:
    """What is timed when the time is up: the recipes that lose least, and the converter's integer file."""
    recipes = [one for one in timed if one.candidate.recipe is not None]
    best = sorted(recipes, key=lambda one: one.quality.drop_pp if one.quality else 0.0)[
        :_TIMED_WHEN_TIME_IS_UP
    ]
    return best + [one for one in timed if one.candidate.variant in (BASELINE, INT8)]


def _report(ledger: Ledger) -> None:
    """With ``holdout``, measures the front on the half that nothing was chosen on."""
    if not ledger.goal.holdout:
        return
    choice = choose(ledger.tried, ledger.goal)
    in_time = ledger.budget.left_s() > 0
    keys = dict.fromkeys(point.key for point in choice.front if in_time)
    if choice.chosen is not None:
        keys.setdefault(choice.chosen.key)
    ledger.judge_report([one.candidate for one in ledger.tried if one.key in keys])


def _on_the_other_half(ledger: Ledger, choice: Choice) -> list[str]:
    if choice.chosen is None or choice.chosen.report is None or choice.chosen.quality is None:
        return []
    chosen_on, report = choice.chosen.quality, choice.chosen.report
    verdict = "within" if is_within(report, ledger.goal) else "over"
    interval = f"{decimal(report.low_pp, 2)} to {decimal(report.high_pp, 2)}"
    return [
        f"On {report.n:,} items that nothing was chosen on, {choice.chosen.candidate.title} drops "
        f"{decimal(report.drop_pp, 2)} pp ({interval}), {verdict} the budget; on the {chosen_on.n:,} it was chosen on, "
        f"{decimal(chosen_on.drop_pp, 2)} pp."
    ]
