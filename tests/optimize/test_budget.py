from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark.durations import parse_duration
from edgeq.errors import UsageError
from edgeq.optimize.budget import Budget, in_words


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 24 * 3600))
def test_a_duration_is_written_as_it_is_read(seconds):
    assert parse_duration(in_words(seconds)) == seconds


def test_the_clock_starts_when_it_is_made():
    clock = Clock()
    budget = Budget(seconds=60, clock=clock)
    clock.now += 45
    assert (budget.elapsed_s(), budget.left_s()) == (45, 15)
    assert budget.ended() is None
    clock.now += 20
    assert budget.left_s() == 0
    assert budget.ended() == "the budget of 1m ended"


def test_without_an_end_everything_is_affordable():
    budget = Budget()
    budget.spend(1000, 1e6)
    assert budget.affordable(50) == 50
    assert budget.ended() is None


def test_candidates_are_counted():
    budget = Budget(candidates=3)
    assert budget.affordable(10) == 3
    budget.spend(2)
    assert budget.affordable(10) == 1
    budget.spend(1)
    assert budget.affordable(10) == 0
    assert budget.ended() == "--max-candidates 3 was reached"


def test_only_so_many_are_begun_as_fit_by_what_the_ones_before_took():
    clock = Clock()
    budget = Budget(seconds=100, clock=clock)
    assert budget.affordable(50) == 50
    clock.now += 40
    budget.spend(4, 40)
    assert budget.affordable(50) == 6
    budget.reserve(30)
    assert budget.affordable(50) == 3
    clock.now += 29.5
    assert budget.affordable(50) == 1
    clock.now += 1
    assert budget.affordable(50) == 0


@pytest.mark.parametrize(
    "limits", [{"seconds": 0}, {"seconds": -1.0}, {"seconds": float("nan")}, {"candidates": 0}]
)
def test_a_budget_of_nothing_is_refused(limits):
    with pytest.raises(UsageError, match="expected a number above 0"):
        Budget(**limits)
