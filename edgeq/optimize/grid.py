"""The full grid of the search's own space, which a study compares the search with."""

from __future__ import annotations

from collections.abc import Callable

from edgeq.optimize.budget import Budget
from edgeq.optimize.candidate import Candidate
from edgeq.optimize.fewest import first_of_all
from edgeq.optimize.layer_search import search_layers
from edgeq.optimize.ledger import Ledger
from edgeq.optimize.method_search import least_loss
from edgeq.optimize.result import LATENCY, Goal, SearchResult
from edgeq.optimize.search import measure_variants, run, try_four_bits
from edgeq.optimize.space import Space, schemes_of
from edgeq.optimize.workshop import Workshop
from edgeq.quantize.recipe import INT8

_ORIGIN = "the full grid has every combination"


def _silent(_: str) -> None:
    pass


def grid(
    workshop: Workshop,
    goal: Goal,
    space: Space | None = None,
    progress: Callable[[str], None] = _silent,
) -> SearchResult:
    """Builds and measures every combination of methods, and every number of moved layers.

    Layers are moved in the order of `edgeq.optimize.layer_search.rank`: all subsets of a network's layers are more than
    anybody can measure, so the search is not credited with leaving them out.

    Args:
        workshop: makes, judges and times candidates.
        goal: what is wanted.
        space: of methods; None for everything.
        progress: takes one line that shows the best so far.

    Returns:
        As `edgeq.optimize.search.search` does; evaluations are those of the grid.
    """
    whole = space or Space()
    ledger = Ledger(workshop, goal, Budget(), progress)

    def explore() -> None:
        measure_variants(ledger)
        for scheme in schemes_of(goal):
            candidates = [Candidate(recipe, None, _ORIGIN) for recipe in whole.recipes(scheme, goal)]
            ledger.build(candidates)
            ledger.judge(candidates)
        best = least_loss(ledger, INT8)
        if best is not None and goal.objective == LATENCY:
            try_four_bits(ledger, best)
        search_layers(ledger, counting=first_of_all)

    return run(ledger, whole, explore)
