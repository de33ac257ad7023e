from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.latency import DEFAULT, FULL, QUICK, Plan, Timed, time_interleaved
from edgeq.benchmark.session import default_threads
from edgeq.errors import WorkerError
from edgeq.runtime.host import cpu_count

TINY = Plan(rounds=8, least_runs=8, least_seconds=0.0, max_seconds=10.0, warmup_seconds=0.0, warmup_runs=3)


class Machine:
    """Stands for the workers of a session: every inference takes as long as it is told."""

    def __init__(self, **seconds: float) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.workers = {variant: _Worker(variant, each, self.calls) for variant, each in seconds.items()}

    def run(self, plan: Plan, seed: int = 0, **options: object) -> Timed:
        return time_interleaved(self.workers, plan, seed=seed, **options)  # type: ignore[arg-type]

    def measured(self, plan: Plan, seed: int = 0) -> list[tuple[str, int, int]]:
        """The chunks that were asked for: (variant, discarded, timed); what went before was warming up."""
        timed = self.run(plan, seed)
        return self.calls[-sum(map(len, timed.chunks_ms.values())) :]

    def rounds(self, plan: Plan, seed: int = 0) -> list[list[str]]:
        order = [variant for variant, _, _ in self.measured(plan, seed)]
        return [order[i : i + len(self.workers)] for i in range(0, len(order), len(self.workers))]


class _Worker:
    def __init__(self, variant: str, seconds: float, calls: list[tuple[str, int, int]]) -> None:
        self.fails_after: int | None = None
        self._variant = variant
        self._seconds = seconds
        self._calls = calls

    def time(self, discard: int, runs: int) -> list[int]:
        mine = sum(variant == self._variant for variant, _, _ in self._calls)
        if self.fails_after is not None and mine >= self.fails_after:
            raise WorkerError(f"{self._variant}: the runtime crashed at 'time' (SIGSEGV)")
        self._calls.append((self._variant, discard, runs))
        return [round(self._seconds * 1e9)] * runs


class TestPlan:
    @pytest.mark.parametrize(
        ("seconds", "plan", "rounds", "discard", "runs"),
        [
            (0.00003, DEFAULT, 20, 2, 1667),  # fast: 33,340 runs fill the second that is wanted
            (0.010, DEFAULT, 20, 2, 5),  # 100 runs fill it
            (0.139, DEFAULT, 20, 1, 3),  # 50 runs are wanted, so 3 a round
            (1.000, DEFAULT, 20, 1, 2),  # 60 s allow 3 a round, one of them discarded
            (2.000, DEFAULT, 15, 1, 1),  # 60 s allow fewer rounds only
            (30.00, DEFAULT, 5, 1, 1),  # below 5 rounds there is nothing to say
            (0.00003, QUICK, 10, 2, 667),
            (0.00003, FULL, 50, 2, 3334),
        ],
    )
    def test_chunks_and_rounds_follow_from_how_long_a_run_takes(
        self, seconds: float, plan: Plan, rounds: int, discard: int, runs: int
    ) -> None:
        assert Machine(model=seconds).measured(plan) == [("model", discard, runs)] * rounds

    @settings(deadline=None)
    @given(st.floats(1e-4, 100), st.sampled_from([QUICK, DEFAULT, FULL, replace(DEFAULT, max_seconds=0.5)]))
    def test_no_variant_takes_longer_than_the_plan_allows(self, seconds: float, plan: Plan) -> None:
        chunks = Machine(model=seconds).measured(plan)
        total = sum((discard + runs) * seconds for _, discard, runs in chunks)
        assert total <= plan.max_seconds * 1.0001 or len(chunks) == 5

    @settings(deadline=None)
    @given(st.floats(1e-4, 0.5))
    def test_a_variant_gets_the_runs_and_the_time_that_are_wanted(self, seconds: float) -> None:
        timed = Machine(model=seconds).run(DEFAULT)
        runs = sum(map(len, timed.chunks_ms["model"]))
        assert runs >= DEFAULT.least_runs
        assert runs * seconds >= DEFAULT.least_seconds * 0.9999

    def test_a_slow_variant_costs_the_others_rounds_and_not_pairs(self) -> None:
        timed = Machine(fast=0.001, slow=3.0).run(DEFAULT)
        assert len(timed.chunks_ms["fast"]) == len(timed.chunks_ms["slow"]) == 10


class TestWarmUp:
    def test_it_lasts_as_long_and_takes_as_many_runs_as_the_plan_says(self) -> None:
        machine = Machine(model=0.001)
        chunks = len(machine.measured(DEFAULT))
        warming = machine.calls[:-chunks]
        runs = sum(runs for _, _, runs in warming)
        assert runs >= DEFAULT.warmup_runs
        assert DEFAULT.warmup_seconds <= runs * 0.001 < 3 * DEFAULT.warmup_seconds

    def test_it_takes_a_quarter_of_the_time_at_most_and_one_run_at_least(self) -> None:
        machine = Machine(model=20.0)
        chunks = len(machine.measured(DEFAULT))
        assert [runs for _, _, runs in machine.calls[:-chunks]] == [1]


class TestInterleaving:
    variants = ("a", "b", "c", "d")

    def machine(self) -> Machine:
        return Machine(**dict.fromkeys(self.variants, 0.001))

    def test_every_variant_runs_once_a_round(self) -> None:
        rounds = self.machine().rounds(TINY)
        assert len(rounds) == TINY.rounds
        assert all(sorted(order) == list(self.variants) for order in rounds)

    def test_the_order_is_drawn_anew_each_round(self) -> None:
        rounds = self.machine().rounds(TINY)
        assert len(set(map(tuple, rounds))) > TINY.rounds // 2
        first = Counter(order[0] for order in self.machine().rounds(replace(TINY, rounds=200)))
        # A variant that is always first would always find the caches of the one that is always last.
        assert all(25 <= first[variant] <= 80 for variant in self.variants)

    def test_the_seed_decides_about_the_order(self) -> None:
        assert self.machine().rounds(TINY, seed=1) == self.machine().rounds(TINY, seed=1)
        assert self.machine().rounds(TINY, seed=1) != self.machine().rounds(TINY, seed=2)

    def test_samples_are_milliseconds_by_round(self) -> None:
        timed = Machine(fast=0.000123456, slow=0.1).run(TINY)
        assert timed.chunks_ms == {"fast": [(0.123456,)] * 8, "slow": [(100.0,)] * 8}
        assert timed.failures == {}

    def test_progress_is_told_after_each_round(self) -> None:
        told: list[tuple[str, int, int]] = []
        self.machine().run(TINY, progress=lambda *step: told.append(step))
        assert len(told) == TINY.rounds
        assert all(0 <= done <= total for _, done, total in told)

    def test_there_is_time_to_look_at_the_machine_after_each_round_and_never_within(self) -> None:
        machine = self.machine()
        looked: list[int] = []
        machine.run(TINY, between_rounds=lambda: looked.append(len(machine.calls)))
        assert len(looked) == TINY.rounds
        assert {later - earlier for earlier, later in pairwise(looked)} == {len(self.variants)}


class TestFailures:
    def test_a_variant_that_dies_while_warming_up_is_named_and_the_rest_is_measured(self) -> None:
        machine = Machine(good=0.001, bad=0.001)
        machine.workers["bad"].fails_after = 0
        timed = machine.run(TINY)
        assert timed.failures == {"bad": "bad: the runtime crashed at 'time' (SIGSEGV)"}
        assert list(timed.chunks_ms) == ["good"]

    def test_a_variant_that_dies_in_a_round_has_no_samples_and_the_rest_has_all(self) -> None:
        machine = Machine(good=0.001, bad=0.001, fine=0.001)
        machine.workers["bad"].fails_after = 6
        timed = machine.run(TINY)
        assert list(timed.failures) == ["bad"]
        assert {variant: len(chunks) for variant, chunks in timed.chunks_ms.items()} == {"good": 8, "fine": 8}

    def test_without_variants_there_is_nothing_and_no_error(self) -> None:
        assert Machine().run(TINY) == Timed()


def test_one_thread_and_up_to_four_are_measured_by_default() -> None:
    assert default_threads() == tuple(sorted({1, min(4, cpu_count())}))
