"""One candidate and all that is known of it so far."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import BuiltFile, Quality, Speed


@dataclass(frozen=True)
class Tried:
    """A candidate and what is known of it.

    Attributes:
        candidate: that was tried, or would have been.
        built: its file; None while it is not made.
        quality: on what the choice is made by; None while it is not judged.
        speed: None while it is not timed.
        report: its quality on the other half of the validation set.
        failure: why a part of it is missing for good, as a clause; empty where nothing failed.
        skipped: why it was not tried, as a clause; empty where it was.
        same_as: key of the plainer recipe that gives the same file and stands for it; empty where there is none.
    """

    candidate: Candidate
    built: BuiltFile | None = None
    quality: Quality | None = None
    speed: Speed | None = None
    report: Quality | None = None
    failure: str = ""
    skipped: str = ""
    same_as: str = ""

    @property
    def key(self) -> str:
        """The candidate's."""
        return self.candidate.key

    @property
    def error(self) -> float:
        """Of its outputs on held-back calibration items; infinite where there is no file or no number."""
        if self.built is None or math.isnan(self.built.error):
            return math.inf
        return self.built.error
