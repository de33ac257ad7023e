"""What the terminal and the page show of a search: its result beside what only the caller knows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeq.optimize.findings import Quality
from edgeq.optimize.result import LATENCY, Outcome, SearchResult
from edgeq.optimize.workshop import LayerFacts
from edgeq.report.wording import visible
from edgeq.schemes import BASELINE


@dataclass(frozen=True, eq=False)
class View:
    """A search and its surroundings.

    Attributes:
        result: what was found.
        model: its name.
        float32_bytes: size of the float32 file.
        bundle: folder that was written; None where none was.
        data: what was searched on, as the user named it; None where the model brings its own.
        measuring: options with which ``edgeq benchmark`` measures as the search did, such as the device.
        looking: likewise of ``edgeq layers``.
        names: of candidates in the bundle, by key.
        layers: of the float32 file.
        notes: what is to be said about the run, a sentence each.
        warnings: what a user should look at, a sentence each.
        provenance: what it was made from and with: pairs of a word and a text.
        document: the content of optimize.json.
    """

    result: SearchResult
    model: str
    float32_bytes: int
    bundle: Path | None = None
    data: Path | None = None
    measuring: tuple[str, ...] = ()
    looking: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[LayerFacts, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()
    document: str = ""

    @property
    def front(self) -> tuple[Outcome, ...]:
        """Outcomes on the Pareto front and the chosen one, from the smallest or fastest on, as the goal is."""
        keys = dict.fromkeys((*filter(None, [self.result.chosen]), *self.result.front))
        return tuple(sorted((self.result.outcome(key) for key in keys), key=self._cost))

    def _cost(self, outcome: Outcome) -> float:
        if self.is_about_latency:
            return math.inf if outcome.speed is None else outcome.speed.latency_ms
        return math.inf if outcome.built is None else outcome.built.size_bytes

    @property
    def is_about_latency(self) -> bool:
        """Whether the front is over drop and latency; over drop and size also where nothing could be timed."""
        timed = (one for one in self.result.outcomes if one.speed is not None)
        is_timed = any(one.candidate.variant != BASELINE for one in timed)
        return self.result.goal.objective == LATENCY and is_timed

    def name(self, outcome: Outcome) -> str:
        """Of a candidate: its variant's in the bundle, else what distinguishes it."""
        return visible(self.names.get(outcome.key) or outcome.candidate.variant or outcome.candidate.title)

    def layer(self, output: str) -> str:
        """A layer's name as the user knows it."""
        return visible(next((one.title for one in self.layers if one.name == output and one.title), output))


def reported(outcome: Outcome) -> Quality | None:
    """What is told of a candidate's quality: on items that it was not chosen on, where some were kept for that."""
    return outcome.report or outcome.quality
