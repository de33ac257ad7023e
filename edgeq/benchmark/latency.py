"""Times variants against each other: a worker each, interleaved in random order, in chunks.

Machines drift (temperature, other programs), so variants are not measured one after the other. In each round
every variant runs one chunk, in an order drawn anew; chunks of one round are pairs, and a drift that hits
the round hits both. A variant that has just waited finds cold caches, so each chunk begins with runs that
are thrown away.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edgeq.errors import WorkerError
from edgeq.runtime.process import Worker

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Plan:
    """How long to measure.

    Attributes:
        rounds: chunks of each variant.
        least_runs: timed runs of each variant, at least.
        least_seconds: of timed runs of each variant, at least.
        max_seconds: for a variant in all; a slow one gets fewer runs.
        warmup_seconds: before the first chunk.
        warmup_runs: before the first chunk, at least.
    """

    rounds: int = 20
    least_runs: int = 50
    least_seconds: float = 1.0
    max_seconds: float = 60.0
    warmup_seconds: float = 0.3
    warmup_runs: int = 5


QUICK = Plan(rounds=10, least_runs=20, least_seconds=0.2, max_seconds=10.0, warmup_seconds=0.1)
DEFAULT = Plan()
FULL = Plan(rounds=50, least_runs=200, least_seconds=5.0, max_seconds=300.0, warmup_seconds=1.0)

_LEAST_ROUNDS = 5
_SLOW_RUN_S = 0.05
"""From here on one discarded run is enough: the caches are cold only for a small part of it."""


@dataclass
class Timed:
    """Chunks of each variant, and which variants failed on the way.

    Attributes:
        chunks_ms: samples in milliseconds, by variant; equal positions are one round.
        failures: reason by variant; it has no chunks.
    """

    chunks_ms: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Chunk:
    discard: int
    runs: int


def time_interleaved(
    workers: Mapping[str, Worker],
    plan: Plan,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    between_rounds: Callable[[], None] | None = None,
) -> Timed:
    """Times loaded models against each other.

    Args:
        workers: by variant; each has loaded its model and has its inputs set.
        plan: how long.
        seed: of the order.
        progress: called with the seconds that are done and that there are in all.
        between_rounds: called after each round, when no worker runs.

    Returns:
        The samples.
    """
    timed = Timed()
    chunks: dict[str, _Chunk] = {}
    seconds: dict[str, float] = {}
    for variant, worker in workers.items():
        try:
            seconds[variant] = _warm_up(worker, plan)
        except WorkerError as error:
            timed.failures[variant] = str(error)
            continue
        chunks[variant] = _chunk(seconds[variant], plan)
        timed.chunks_ms[variant] = []
    rounds = _rounds(chunks, seconds, plan)
    order = random.Random(seed)  # noqa: S311 - an order to measure in, no secret
    start = time.perf_counter()
    for done in range(rounds):
        variants = list(timed.chunks_ms)
        order.shuffle(variants)
        for variant in variants:
            chunk = chunks[variant]
            try:
                samples = workers[variant].time(chunk.discard, chunk.runs)
            except WorkerError as error:
                timed.failures[variant] = str(error)
                del timed.chunks_ms[variant]
                continue
            timed.chunks_ms[variant].append(tuple(round(sample / 1e6, 6) for sample in samples))
        if between_rounds is not None:
            between_rounds()
        if progress is not None:
            elapsed = time.perf_counter() - start
            progress("measuring", round(elapsed), round(elapsed * rounds / (done + 1)))
    return timed


def _warm_up(worker: Worker, plan: Plan) -> float:
    """Runs until both the time and the count are reached; returns the seconds of a run at the end."""
    runs, elapsed, batch = 0, 0.0, 1
    while True:
        samples = worker.time(0, batch)
        runs += batch
        took = sum(samples) / 1e9
        elapsed += took
        if runs >= plan.warmup_runs and elapsed >= plan.warmup_seconds:
            return took / batch
        if elapsed > plan.max_seconds / 4:
            return took / batch
        per_run = max(took / batch, 1e-7)
        batch = max(1, min(4 * batch, math.ceil((plan.warmup_seconds - elapsed) / per_run)))


def _chunk(seconds: float, plan: Plan) -> _Chunk:
    runs = max(
        math.ceil(plan.least_seconds / plan.rounds / seconds), math.ceil(plan.least_runs / plan.rounds)
    )
    affordable = int(plan.max_seconds / plan.rounds / seconds) - 1
    return _Chunk(discard=1 if seconds > _SLOW_RUN_S else 2, runs=max(1, min(runs, affordable)))


def _rounds(chunks: Mapping[str, _Chunk], seconds: Mapping[str, float], plan: Plan) -> int:
    """Fewer rounds where even single runs would take too long."""
    slowest = max(
        ((chunk.runs + chunk.discard) * seconds[variant] for variant, chunk in chunks.items()), default=0.0
    )
    if slowest * plan.rounds <= plan.max_seconds:
        return plan.rounds
    return max(_LEAST_ROUNDS, int(plan.max_seconds / slowest))
