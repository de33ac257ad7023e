"""Each variant alone without a pause for minutes: the ranking of a hot device is not that of a cool one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edgeq.benchmark.host_watch import DURING
from edgeq.benchmark.measurement import SustainedMinute
from edgeq.errors import UsageError, WorkerError
from edgeq.runtime.host_state import HostState
from edgeq.runtime.power import throttled_now, throttling_named
from edgeq.runtime.process import Worker

Progress = Callable[[str, int, int], None]

_MINUTE_S = 60.0

_LEAST_SHARE = 1 / 6
"""Of a minute, 10 s: a shorter rest at the end is not run."""

_LONGEST_S = 24 * 3600.0


@dataclass(frozen=True)
class SustainedPlan:
    """How long to run each variant without a pause.

    Attributes:
        seconds: for each variant; 0 for not at all.
        cool_down_s: pause before each thread count and before each variant's run.
        minute_s: over which one median is taken.
    """

    seconds: float = 0.0
    cool_down_s: float = 0.0
    minute_s: float = _MINUTE_S

    def __post_init__(self) -> None:
        """Refuses what cannot be run."""
        least = _LEAST_SHARE * self.minute_s
        if self.seconds and not least <= self.seconds <= _LONGEST_S:
            raise UsageError(
                f"a sustained run takes {least:g} s to {_LONGEST_S:.0f} s for each variant, found {self.seconds:g} s"
            )
        if not 0 <= self.cool_down_s <= _LONGEST_S:
            raise UsageError(f"a pause takes 0 to {_LONGEST_S:.0f} s, found {self.cool_down_s:g} s")

    def minutes_s(self) -> list[float]:
        """Length of each minute: whole ones, and a rest that is long enough."""
        whole, rest = divmod(self.seconds, self.minute_s)
        return [self.minute_s] * int(whole) + [rest] * (rest >= _LEAST_SHARE * self.minute_s)


@dataclass
class Sustained:
    """Minutes of each variant, and which variants failed on the way.

    Attributes:
        minutes: by variant.
        failures: reason by variant; it has no minutes.
    """

    minutes: dict[str, tuple[SustainedMinute, ...]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def run_sustained(
    workers: Mapping[str, Worker],
    plan: SustainedPlan,
    look: Callable[[str], HostState],
    *,
    progress: Progress | None = None,
) -> Sustained:
    """Runs one variant after the other without a pause.

    Args:
        workers: by variant; each has loaded its model and has its inputs set. The others wait meanwhile.
        plan: how long, and how long the pause before each variant is.
        look: gives the machine's state of a moment.
        progress: called with what is done, the seconds that are done and those that there are.

    Returns:
        The medians.
    """
    sustained = Sustained()
    for variant, worker in workers.items() if plan.minutes_s() else ():
        cool_down(plan.cool_down_s, progress)
        try:
            sustained.minutes[variant] = _minutes(variant, worker, plan, look, progress)
        except WorkerError as error:
            sustained.failures[variant] = str(error)
    return sustained


def cool_down(seconds: float, progress: Progress | None) -> None:
    """Waits."""
    start = time.monotonic()
    while (left := seconds - (time.monotonic() - start)) > 0:
        if progress is not None:
            progress("cooling down", round(seconds - left), round(seconds))
        time.sleep(min(left, 1.0))


def _minutes(
    variant: str,
    worker: Worker,
    plan: SustainedPlan,
    look: Callable[[str], HostState],
    progress: Progress | None,
) -> tuple[SustainedMinute, ...]:
    minutes: list[SustainedMinute] = []
    passed = 0.0
    for seconds in plan.minutes_s():

        def tell(done: int, _: int, passed: float = passed) -> None:
            if progress is not None:
                total = round(sum(plan.minutes_s()))
                progress(f"sustained, {variant}", min(round(passed) + done, total), total)

        tell(0, 0)
        median_ns, count = worker.sustain(seconds, tell)
        passed += seconds
        state = look(DURING)
        minutes.append(
            SustainedMinute(
                minute=len(minutes) + 1,
                median_ms=round(median_ns / 1e6, 6),
                n=count,
                temperature_c=state.temperature_c,
                frequency_mhz=state.fastest_mhz,
                throttled=state.throttled,
                seconds=round(seconds, 3),
            )
        )
    return tuple(minutes)


def throttling_notes(minutes: Mapping[str, Sequence[SustainedMinute]], threads: int) -> list[str]:
    """In which variants' runs a Raspberry Pi throttled, one sentence each.

    Args:
        minutes: of each variant.
        threads: of the interpreter.
    """
    notes = []
    for variant, each in minutes.items():
        found = [(minute.minute, bits) for minute in each if (bits := throttled_now(minute.throttled))]
        if found:
            named = throttling_named(frozenset().union(*(bits for _, bits in found)))
            notes.append(
                f"{variant}: the Raspberry Pi throttled in the sustained run from minute {found[0][0]} on "
                f"({named}; {_counted(threads)})"
            )
    return notes


def _counted(threads: int) -> str:
    return f"{threads} thread{'s' * (threads > 1)}"
