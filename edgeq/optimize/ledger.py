"""The search's book: what was tried and found out, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edgeq.errors import DeviceError, WorkerError
from edgeq.optimize.budget import Budget, in_words
from edgeq.optimize.candidate import Candidate
from edgeq.optimize.choosing import best_so_far, is_within
from edgeq.optimize.findings import BuiltFile, Quality, Speed
from edgeq.optimize.result import LATENCY, Goal
from edgeq.optimize.tried import Tried
from edgeq.optimize.twins import join
from edgeq.optimize.workshop import CHOICE, REPORT, LayerFacts, Workshop
from edgeq.report.wording import decimal

_SILENT = "nothing came back for it"

JUDGED_AT_THE_END = 2
"""Candidates that the time for judging is kept for: the best by its error so far, and one for the other half."""


class BudgetEndedError(Exception):
    """Nothing more may be built; the message is a clause that says why."""


class Ledger:
    """Has candidates built, judged and timed, each once, and remembers the answers."""

    def __init__(
        self, workshop: Workshop, goal: Goal, budget: Budget, progress: Callable[[str], None]
    ) -> None:
        """Opens an empty book.

        Args:
            workshop: makes, judges and times candidates.
            goal: what is wanted.
            budget: how long it may take.
            progress: takes one line that shows the best so far.
        """
        self.goal = goal
        self.budget = budget
        self.layers: Sequence[LayerFacts] = workshop.layers
        self.sentences: list[str] = []
        self.in_layer_grid = 0
        self._workshop = workshop
        self._progress = progress
        self._tried: dict[str, Tried] = {}

    @property
    def tried(self) -> tuple[Tried, ...]:
        """Everything, in the order in which it was tried."""
        return tuple(self._tried.values())

    @property
    def evaluations(self) -> int:
        """Candidates that were built; those that could not be made cost as much and count too."""
        return sum(1 for one in self._tried.values() if not one.skipped)

    def of(self, candidate: Candidate) -> Tried:
        """What is known of a candidate; of one that gives the same file as another, what was measured of that one."""
        one = self._tried.get(candidate.key, Tried(candidate))
        if not one.same_as:
            return one
        standing = self._tried[one.same_as]
        return replace(one, quality=standing.quality, speed=standing.speed, failure=standing.failure)

    def error(self, candidate: Candidate) -> float:
        """Of its outputs on held-back calibration items; infinite where there is no file."""
        return self.of(candidate).error

    def meets(self, candidate: Candidate) -> bool:
        """Whether it was measured to be within the budget."""
        return is_within(self.of(candidate).quality, self.goal)

    def say(self, sentence: str) -> None:
        """Records a decision."""
        self.sentences.append(sentence)

    def build(self, candidates: Sequence[Candidate], *, free: bool = False) -> None:
        """Has those built that were not built before.

        Args:
            candidates: to build, in order of importance.
            free: whether they do not count against the budget.

        Raises:
            BudgetEndedError: some of them may not be built any more.
        """
        new = list({one.key: one for one in candidates if self._is_new(one)}.values())
        while new:
            count = len(new) if free else self.budget.affordable(len(new), self._workshop.workers)
            if not count:
                reason = self.budget.ended() or "the budget ended"
                self._tried.update((one.key, Tried(one, skipped=reason)) for one in new)
                raise BudgetEndedError(reason)
            self._build(new[:count], free=free)
            new = new[count:]

    def judge(self, candidates: Sequence[Candidate], *, least: int = 0) -> None:
        """Has those measured on the validation set that are built and not measured.

        Args:
            candidates: to measure, in order of importance.
            least: how many are measured even where the time has ended.

        Raises:
            BudgetEndedError: the time ended before all were measured.
        """
        waiting = [self.of(self._standing(one)) for one in candidates]
        waiting = [
            one for one in waiting if one.built is not None and one.quality is None and not one.failure
        ]
        unjudged = list({one.key: one.candidate for one in waiting}.values())
        while unjudged:
            count = max(self.budget.measurable(len(unjudged)), min(least, len(unjudged)))
            if not count:
                raise BudgetEndedError(self.budget.ended() or "the budget ended")
            self._judge(unjudged[:count])
            unjudged, least = unjudged[count:], max(0, least - count)

    def _judge(self, candidates: Sequence[Candidate]) -> None:
        start = self.budget.elapsed_s()
        answers = self._workshop.judge(candidates, CHOICE)
        took = self.budget.elapsed_s() - start
        self.budget.spend_measuring(len(candidates), took)
        self.budget.reserve(took / len(candidates) * JUDGED_AT_THE_END)
        for candidate in candidates:
            answer = answers.get(candidate.key, _SILENT)
            one = self.of(candidate)
            self._tried[one.key] = (
                replace(one, quality=answer)
                if isinstance(answer, Quality) and math.isfinite(answer.drop_pp)
                else replace(one, failure=f"not measured: {_reason(answer)}")
            )
        self.show()

    def judge_report(self, candidates: Sequence[Candidate]) -> None:
        """Has candidates measured on the other half of the validation set."""
        if not candidates:
            return
        answers = self._workshop.judge(candidates, REPORT)
        for candidate in candidates:
            answer = answers.get(candidate.key, _SILENT)
            if isinstance(answer, Quality):
                self._tried[candidate.key] = replace(self.of(candidate), report=answer)
            else:
                self.say(f"{candidate.title} could not be measured on the other half: {answer}.")

    def time(self, candidates: Sequence[Candidate]) -> None:
        """Has candidates timed, all in one run."""
        built = [one for one in candidates if self.of(one).built is not None]
        if not built:
            return
        answers: Mapping[str, Speed | str]
        try:
            answers = self._workshop.time(built)
        except (DeviceError, WorkerError) as error:
            # What was searched for an hour is not thrown away with a cable.
            answers = dict.fromkeys((one.key for one in built), str(error))
            self.say(f"Nothing could be timed: {error}.")
        for candidate in built:
            answer = answers.get(candidate.key, _SILENT)
            one = self.of(candidate)
            self._tried[one.key] = (
                replace(one, failure=f"not timed: {answer}")
                if isinstance(answer, str)
                else replace(one, speed=answer)
            )

    def show(self) -> None:
        """Shows the best so far."""
        left = ""
        if self.budget.seconds is not None:
            left = f"; {in_words(self.budget.left_s())} left"
        measured = sum(1 for one in self.tried if one.quality is not None)
        counts = f"{self.evaluations} built, {measured} measured on the validation set"
        self._progress(f"{_best_in_words(self.tried, self.goal)}; {counts}{left}")

    def _standing(self, candidate: Candidate) -> Candidate:
        """The candidate itself, or the plainer one that gives the same file."""
        same_as = self._tried.get(candidate.key, Tried(candidate)).same_as
        return self._tried[same_as].candidate if same_as else candidate

    def _is_new(self, candidate: Candidate) -> bool:
        known = self._tried.get(candidate.key)
        return known is None or bool(known.skipped)

    def _build(self, candidates: Sequence[Candidate], *, free: bool) -> None:
        start = self.budget.elapsed_s()
        answers: Mapping[str, BuiltFile | str] = self._workshop.build(candidates)
        if not free:
            self.budget.spend(len(candidates), self.budget.elapsed_s() - start)
        for candidate in candidates:
            answer = answers.get(candidate.key, _SILENT)
            self._tried[candidate.key] = (
                Tried(candidate, failure=f"not built: {answer}")
                if isinstance(answer, str)
                else Tried(candidate, built=answer)
            )
            join(self._tried, candidate.key)
        self.show()


def _reason(answer: Quality | str) -> str:
    return answer if isinstance(answer, str) else f"its drop is {answer.drop_pp}"


def _best_in_words(tried: Sequence[Tried], goal: Goal) -> str:
    best = best_so_far(tried, goal)
    if best is None or best.quality is None or best.built is None:
        return "no quantized file measured on the validation set yet"
    beside = "" if is_within(best.quality, goal) else ", over the budget"
    by_latency = goal.objective == LATENCY
    untimed = ", not timed yet" if by_latency and best.speed is None else ""
    return (
        f"{'least drop' if by_latency else 'best'} so far: {best.candidate.title}, "
        f"drop {decimal(best.quality.drop_pp, 2)} pp{beside}, {best.built.size_bytes / 1000:,.1f} kB{untimed}"
    )
