"""How long a search may take: wall clock and number of candidates."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from edgeq.errors import UsageError


class Budget:
    """Counts what a search has used; the clock starts when it is made.

    Candidates are not torn out of their work, but with an end of the time they are handed out in pieces: those that
    were begun in time may end after it, and the best of them is still measured.
    """

    def __init__(
        self,
        seconds: float | None = None,
        candidates: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts the clock.

        Args:
            seconds: that the search may take; None for no end.
            candidates: how many recipes it may build; None for no end. The converter's variants are not counted.
            clock: seconds since any moment.

        Raises:
            UsageError: one of the two is not above 0.
        """
        for name, value in (("--budget", seconds), ("--max-candidates", candidates)):
            if value is not None and not value > 0:
                raise UsageError(f"{name} {value:g}: expected a number above 0")
        self.seconds = seconds
        self.candidates = candidates
        self.built = 0
        self._clock = clock
        self._start = clock()
        self._building_s = 0.0
        self._reserved_s = 0.0
        self._measured = 0
        self._measuring_s = 0.0
        self._last_measured = 0

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def left_s(self) -> float:
        """Seconds that are left; infinite without an end."""
        return math.inf if self.seconds is None else max(0.0, self.seconds - self.elapsed_s())

    def left_candidates(self) -> float:
        """Candidates that may still be built; infinite without an end."""
        return math.inf if self.candidates is None else max(0, self.candidates - self.built)

    def spend(self, candidates: int, seconds: float = 0.0) -> None:
        """Counts candidates that were built, and how long that took altogether."""
        self.built += candidates
        self._building_s += seconds

    def reserve(self, seconds: float) -> None:
        """Keeps seconds at the end for measuring the best one; the largest of several reserves counts."""
        self._reserved_s = max(self._reserved_s, seconds)

    def spend_measuring(self, files: int, seconds: float) -> None:
        """Counts files that were measured on the validation set, and how long that took altogether."""
        self._measured += files
        self._measuring_s += seconds
        self._last_measured = files

    def affordable(self, wanted: int, workers: int | None = None) -> int:
        """How many of the wanted candidates to build at once, by how long the ones before took; 0 when it ended.

        Args:
            wanted: how many there are.
            workers: that build side by side: where the time has an end, no more are begun at once. None for any number.
        """
        if self.ended() is not None:
            return 0
        number = min(wanted, self.left_candidates())
        if self.seconds is not None and workers is not None:
            number = min(number, max(1, workers))
        if self.seconds is not None and self.built and self._building_s > 0:
            fitting = (self.left_s() - self._reserved_s) * self.built / self._building_s
            number = min(number, max(1, math.floor(fitting)))
        return int(number)

    def measurable(self, wanted: int) -> int:
        """How many of the wanted files to measure at once; 0 when the time ended.

        Where the time has an end, at most twice as many as before, and as many as fit by how long the ones before took:
        files that are measured together read the validation items once, and nothing ends them.
        """
        if self.seconds is None:
            return wanted
        if self.left_s() <= 0:
            return 0
        number = min(wanted, max(1, 2 * self._last_measured))
        if self._measuring_s > 0:
            number = min(number, max(1, math.floor(self.left_s() * self._measured / self._measuring_s)))
        return number

    def ended(self) -> str | None:
        """Why nothing more may be built, as a clause; None while something may."""
        if self.seconds is not None and self.left_s() <= self._reserved_s:
            return f"the budget of {in_words(self.seconds)} ended"
        if self.left_candidates() <= 0:
            return f"--max-candidates {self.candidates} was reached"
        return None


def in_words(seconds: float) -> str:
    """A duration as `edgeq.benchmark.durations.parse_duration` reads it, in whole seconds from 1 s on."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if number]
    return "".join(parts) or f"{seconds:g}s"
