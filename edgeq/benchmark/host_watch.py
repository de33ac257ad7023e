"""Looks at the machine while it measures, and judges afterwards whether the times can be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.runtime.host_state import HostState, read_host_state
from edgeq.runtime.power import throttled_now, throttled_since_start, throttling_named
from edgeq.runtime.system_files import ROOT

BEFORE, DURING, AFTER = "before", "during", "after"

_INTERVAL_S = 5.0
_MOST_DURING = 60

_CLOCK_JUMP_S = 2.0
"""NTP slews the clock by 0.0005 s a second at most (RFC 5905), and the monotonic clock with it: more is a jump."""


class HostWatch:
    """What the machine was like since a session began.

    Attributes:
        first: its state when the session began.
    """

    def __init__(self, root: Path = ROOT) -> None:
        """Begins the session.

        Args:
            root: where /proc and /sys are.
        """
        self._root = root
        self._clocks = Clocks.now()
        self.first = self.look(BEFORE)

    def look(self, moment: str) -> HostState:
        """The machine, now.

        Args:
            moment: see `HostState`.
        """
        return read_host_state(moment, time.monotonic() - self._clocks.monotonic, self._root)

    def clock_warnings(self) -> list[str]:
        """What happened to the clock since the session began, one sentence each."""
        return clock_warnings(self._clocks, Clocks.now())

    def throttling(self, states: Sequence[HostState]) -> str | None:
        """Why the times between the first and the last of some states must not be compared; None where they may."""
        return throttling(self.first, states)


class StateLog:
    """States around and between the rounds of one thread count."""

    def __init__(
        self, look: Callable[[str], HostState], *, interval_s: float = _INTERVAL_S, most: int = _MOST_DURING
    ) -> None:
        """Takes the first state.

        Args:
            look: gives the state of a moment.
            interval_s: between two looks, at least.
            most: states that are kept of those between the first and the last.
        """
        self._look = look
        self._interval_s = interval_s
        self._most = most
        self._during: list[HostState] = []
        self.before = look(BEFORE)
        self._looked_at = time.monotonic()

    def between_rounds(self) -> None:
        """Looks at the machine if it is time to."""
        if time.monotonic() - self._looked_at < self._interval_s:
            return
        self._during.append(self._look(DURING))
        self._looked_at = time.monotonic()
        if len(self._during) > self._most:
            # Every second one goes, and from now on half as many come: they stay evenly spread.
            self._during = self._during[1::2]
            self._interval_s *= 2

    def end(self) -> tuple[HostState, ...]:
        """Takes the last state; gives all in their order."""
        return (self.before, *self._during, self._look(AFTER))


@dataclass(frozen=True)
class Clocks:
    """Readings of three clocks at one moment, in seconds.

    Attributes:
        wall: that people set.
        monotonic: that stands still while the machine sleeps, on Linux; inferences are timed by it.
        awake_or_asleep: that counts sleep, too; like monotonic where there is none.
    """

    wall: float
    monotonic: float
    awake_or_asleep: float

    @classmethod
    def now(cls) -> Clocks:
        """All three, now."""
        monotonic = time.monotonic()
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return cls(time.time(), monotonic, monotonic if boot is None else time.clock_gettime(boot))


def clock_warnings(start: Clocks, end: Clocks) -> list[str]:
    """What happened to the clock between two moments, one sentence each."""
    warnings = []
    slept = (end.awake_or_asleep - start.awake_or_asleep) - (end.monotonic - start.monotonic)
    jump = (end.wall - start.wall) - (end.awake_or_asleep - start.awake_or_asleep)
    if slept > _CLOCK_JUMP_S:
        warnings.append(f"the machine slept for {slept:.0f} s during the run: systemd-inhibit keeps it awake")
    if abs(jump) > _CLOCK_JUMP_S:
        warnings.append(
            f"the clock was set by {jump:.0f} s during the run: times are measured by another clock and unaffected"
        )
    return warnings


def throttling(first: HostState, states: Sequence[HostState]) -> str | None:
    """Why times must not be compared that were measured on a Raspberry Pi that began to throttle.

    What counts are bits 0 to 3 of ``vcgencmd get_throttled`` that were not set when the session began, and bits 16 to
    19 that were not when the measuring began: these keep what happened between two looks.

    Args:
        first: when the session began.
        states: of the measuring, from before to after it.

    Returns:
        One sentence; None where nothing rose.
    """
    known = [state.throttled for state in states if state.throttled is not None]
    if not known or first.throttled is None:
        return None
    now = frozenset(bit for bits in known for bit in throttled_now(bits))
    meanwhile = throttled_since_start(known[-1]) - throttled_since_start(known[0])
    risen = (now | meanwhile) - throttled_now(first.throttled)
    if not risen:
        return None
    return (
        f"the Raspberry Pi throttled during the run ({throttling_named(risen)}): "
        "use a better power supply or cooling, and measure again"
    )
