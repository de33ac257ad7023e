"""What the search needs of the world: somebody who makes files, judges them and times them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import BuiltFile, Quality, Speed

CHOICE, REPORT = "choice", "report"
"""Halves of the validation set: on one the search chooses, on the other it says what it chose."""


@dataclass(frozen=True)
class LayerFacts:
    """A layer of the float32 file that has weights.

    Attributes:
        name: of its output tensor.
        title: the user's name of the layer.
        kind: operator.
        weights: how many numbers, without the bias.
        macs: multiplications and additions for one item.
    """

    name: str
    title: str
    kind: str
    weights: int
    macs: int


class Workshop(Protocol):
    """Makes candidates and finds out about them.

    Answers are by the candidates' keys; text instead of an answer says why there is none, as a clause.
    """

    @property
    def layers(self) -> Sequence[LayerFacts]:
        """The layers whose precision can be set, in the order in which they run."""
        ...

    @property
    def workers(self) -> int:
        """How many candidates are made side by side."""
        ...

    def build(self, candidates: Sequence[Candidate]) -> Mapping[str, BuiltFile | str]:
        """Makes files and measures their error; what was made before is not made again."""
        ...

    def judge(self, candidates: Sequence[Candidate], half: str = CHOICE) -> Mapping[str, Quality | str]:
        """Measures files that were built on the validation set, or on one half of it where it was halved."""
        ...

    def time(self, candidates: Sequence[Candidate]) -> Mapping[str, Speed | str]:
        """Times files that were built together with float32, in one run on the named device."""
        ...
