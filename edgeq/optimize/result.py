"""What a search found: every candidate with its fate, the front and the chosen one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edgeq.errors import UsageError
from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import BuiltFile, Quality, Speed
from edgeq.quantize.recipe import PRECISIONS, Recipe

SIZE, LATENCY = "size", "latency"
OBJECTIVES = (LATENCY, SIZE)

CHOSEN, FRONT, DOMINATED, OVER_BUDGET = "chosen", "front", "dominated", "over-budget"
NOT_FASTER, NOT_KEPT = "not-faster", "not-kept"
OUTDONE, FAILED, NOT_TRIED = "outdone", "failed", "not-tried"
STATUSES = (CHOSEN, FRONT, DOMINATED, OVER_BUDGET, NOT_FASTER, NOT_KEPT, OUTDONE, FAILED, NOT_TRIED)
"""``front``: on the Pareto front and not chosen. ``outdone``: fell by its error before the validation set was asked.
``not-faster``: within the budget, and not measured faster than float32. ``not-kept``: a variant of the converter, which
does not know of layers whose precision is given."""


@dataclass(frozen=True)
class Goal:
    """What is wanted.

    Attributes:
        max_drop_pp: the accuracy budget: how much may be lost, in percentage points.
        objective: ``size`` or ``latency``.
        confident: whether the upper end of the drop's interval must be within the budget, not only the drop.
        holdout: whether the choice is made on one half of the validation set and reported on the other.
        kept: precision by name of the layer's output, not to be searched: see `edgeq.optimize.keeping`.
        io: dtype of inputs and outputs.
    """

    max_drop_pp: float
    objective: str = SIZE
    confident: bool = False
    holdout: bool = False
    kept: Mapping[str, str] = field(default_factory=dict)
    io: str = "int8"

    def __post_init__(self) -> None:
        """Refuses what is no goal."""
        if not 0 <= self.max_drop_pp <= 100:
            raise UsageError(f"--max-drop {self.max_drop_pp:g}pp: expected percentage points from 0 to 100")
        if self.objective not in OBJECTIVES:
            raise UsageError(f"unknown objective {self.objective!r}: expected one of {', '.join(OBJECTIVES)}")
        for name, precision in self.kept.items():
            if precision not in PRECISIONS:
                raise UsageError(
                    f"--keep {name}={precision}: expected one of the precisions {', '.join(PRECISIONS)}"
                )


@dataclass(frozen=True)
class Outcome:
    """A candidate's fate.

    Attributes:
        candidate: that was tried, or would have been.
        status: one of `STATUSES`.
        reason: why, as a sentence.
        built: its file; None where it could not be or was not made.
        quality: on what the choice was made by; None where it was not judged.
        speed: None where it was not timed.
        report: on the other half of the validation set, with `Goal.holdout`; only of the front.
    """

    candidate: Candidate
    status: str
    reason: str
    built: BuiltFile | None = None
    quality: Quality | None = None
    speed: Speed | None = None
    report: Quality | None = None

    @property
    def key(self) -> str:
        """The candidate's."""
        return self.candidate.key

    @property
    def explicit_recipe(self) -> Recipe | None:
        """The recipe with every range written out, so that it makes the same file again; None of a variant."""
        if self.candidate.recipe is None or self.built is None:
            return None
        return replace(self.candidate.recipe, ranges=dict(self.built.ranges))


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        goal: that was searched for.
        outcomes: every candidate, in the order in which they were tried.
        chosen: key of the chosen candidate; None where nothing was judged.
        front: keys of the Pareto front, from the least drop on.
        meets: whether the chosen one is within the budget.
        cut_short: why the search ended early, as a clause; None where it did not.
        evaluations: candidates that were built, recipes and the converter's variants: see `recipes_built`.
        grid: how many the full grid of the same space has.
        sentences: what was decided and why, one for each decision; where nothing meets the budget, what would help.
    """

    goal: Goal
    outcomes: tuple[Outcome, ...]
    chosen: str | None
    front: tuple[str, ...]
    meets: bool
    cut_short: str | None
    evaluations: int
    grid: int
    sentences: tuple[str, ...]

    def outcome(self, key: str) -> Outcome:
        """Of a candidate."""
        return next(one for one in self.outcomes if one.key == key)

    @property
    def variants_built(self) -> int:
        """How many of the candidates are the converter's own files, which are no choice of the search."""
        return sum(one.candidate.variant is not None and one.status != NOT_TRIED for one in self.outcomes)

    @property
    def recipes_built(self) -> int:
        """How many recipes were built; those that could not be made count too."""
        return self.evaluations - self.variants_built

    @property
    def measured(self) -> int:
        """How many candidates were measured on the validation set."""
        return sum(one.quality is not None for one in self.outcomes)

    @property
    def winner(self) -> Outcome | None:
        """The chosen candidate's."""
        return None if self.chosen is None else self.outcome(self.chosen)
