from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.optimize.candidate import Candidate, variant_candidate
from edgeq.optimize.choosing import choose
from edgeq.optimize.fates import outcomes
from edgeq.optimize.findings import BuiltFile, Quality, Speed
from edgeq.optimize.result import (
    CHOSEN,
    DOMINATED,
    FAILED,
    FRONT,
    LATENCY,
    NOT_FASTER,
    OVER_BUDGET,
    SIZE,
    Goal,
)
from edgeq.optimize.tried import Tried
from edgeq.quantize.recipe import Recipe


def tried(name: str, drop: float, size: int, ratio: float | None = None, spread: float = 0.02) -> Tried:
    """A recipe, told from others by its range method; ``float32`` is the file itself."""
    candidate = variant_candidate(name)
    if name not in ("float32", "float16"):
        candidate = Candidate(Recipe(range_method=name), None, "a test")
    built = BuiltFile(Path("x.tflite"), size, size, 0.1, {}, 1, 1, (), ())
    quality = Quality("top-1", 0.8, 0.8, drop, drop - 0.3, drop + 0.3, None, 1000)
    speed = (
        None if ratio is None else Speed(ratio, ratio, ratio - spread, ratio + spread, "here", 1, "litert")
    )
    return Tried(candidate, built, quality, speed)


def statuses(some: list[Tried], goal: Goal) -> list[str]:
    return [one.status for one in outcomes(some, choose(some, goal), goal)]


def test_the_smallest_within_the_budget_wins():
    some = [tried("float32", 0, 4000), tried("a", 0.4, 1000), tried("b", 0.9, 700), tried("c", 1.1, 500)]
    assert statuses(some, Goal(1.0, SIZE)) == [FRONT, FRONT, CHOSEN, FRONT]


def test_a_hundredth_of_the_size_is_not_bought_with_accuracy():
    some = [tried("a", 0.1, 1005), tried("b", 0.9, 1000), tried("c", 1.0, 1011)]
    assert statuses(some, Goal(1.0, SIZE)) == [CHOSEN, DOMINATED, DOMINATED]


def test_a_drop_of_exactly_the_budget_is_within_it():
    assert statuses([tried("a", 0.1 + 0.2, 1)], Goal(0.3, SIZE)) == [CHOSEN]


def test_confident_looks_at_the_upper_end():
    some = [tried("a", 0.5, 1000), tried("b", 0.9, 700)]
    assert statuses(some, Goal(1.0, SIZE)) == [FRONT, CHOSEN]
    assert statuses(some, Goal(1.0, SIZE, confident=True)) == [CHOSEN, FRONT]


def test_what_is_chosen_by_its_interval_may_be_beaten_by_what_is_over_the_budget():
    sure = tried("a", 0.6, 1000)
    unsure = Tried(**{**vars(tried("b", 0.5, 900)), "quality": Quality("m", 0, 0, 0.5, -2, 3, None, 50)})
    assert statuses([sure, unsure], Goal(1.0, confident=True)) == [CHOSEN, FRONT]


def test_of_equals_the_first_is_taken():
    some = [tried("a", 0.5, 1000), tried("b", 0.5, 1000)]
    assert statuses(some, Goal(1.0)) == [CHOSEN, DOMINATED]


def test_of_latencies_that_cannot_be_told_apart_the_most_accurate_wins():
    some = [tried("a", 0.9, 1000, 0.50), tried("b", 0.2, 1000, 0.53), tried("c", 0.1, 1000, 0.60)]
    assert statuses(some, Goal(1.0, LATENCY)) == [DOMINATED, CHOSEN, FRONT]
    (fastest, *_) = outcomes(some, choose(some, Goal(1.0, LATENCY)), Goal(1.0, LATENCY))
    assert fastest.reason.startswith(
        "Not told apart in latency from int8, b ranges, 0.51 to 0.55 of float32's"
    )


def test_float32_is_the_reference_and_not_something_that_was_not_faster():
    some = [tried("float32", 0, 4000, 1.0, 0.0), tried("a", 0.0, 1000, 0.5)]
    (reference, _) = outcomes(some, choose(some, Goal(1.0, LATENCY)), Goal(1.0, LATENCY))
    assert reference.status == DOMINATED
    assert reference.reason.startswith("The reference that all others are compared with.")


def test_a_recipe_that_gives_the_file_of_a_plainer_one_says_so():
    plain = tried("minmax", 0.1, 1000)
    other = Tried(**{**vars(tried("mse", 0.1, 1000)), "quality": None, "same_as": plain.key})
    (_, fate) = outcomes([plain, other], choose([plain, other], Goal(1.0)), Goal(1.0))
    assert fate.reason == "Gives the same file as int8, minmax ranges, a plainer recipe."


def test_a_wide_interval_does_not_make_a_slow_file_the_fastest():
    some = [tried("a", 0.9, 1000, 0.50), tried("b", 0.2, 1000, 0.9, spread=0.45), tried("c", 0.1, 1000, 0.6)]
    assert statuses(some, Goal(1.0, LATENCY))[2] == CHOSEN


def test_slower_than_float32_is_told():
    some = [tried("float32", 0, 4000, 1.0), tried("a", 0.5, 1000, 3.0), tried("b", 0.4, 1000, 0.5)]
    assert statuses(some, Goal(1.0, LATENCY)) == [FRONT, NOT_FASTER, CHOSEN]


def test_what_was_not_timed_cannot_win_where_others_were():
    untimed = Tried(**{**vars(tried("a", 0.1, 10)), "failure": "not timed: the device is lost"})
    some = [untimed, tried("b", 0.4, 1000, 0.5)]
    assert statuses(some, Goal(1.0, LATENCY)) == [FAILED, CHOSEN]


def test_where_nothing_was_timed_size_decides():
    choice = choose([tried("a", 0.1, 900), tried("b", 0.4, 1000)], Goal(1.0, LATENCY))
    assert not choice.by_latency
    assert choice.chosen is not None
    assert choice.chosen.candidate.title.startswith("int8, a")


def test_float32_alone_is_no_answer():
    some = [tried("float32", 0, 4000), tried("a", 5.0, 1000), tried("b", 3.0, 2000), tried("c", 4.0, 2000)]
    choice = choose(some, Goal(1.0))
    assert not choice.meets
    assert statuses(some, Goal(1.0)) == [FRONT, FRONT, CHOSEN, OVER_BUDGET]


def test_nothing_measured_chooses_nothing():
    choice = choose([tried("float32", 0, 4000)], Goal(1.0))
    assert choice.chosen is None
    assert not choice.meets


@pytest.mark.parametrize(("drop", "by"), [(1.25, "0.25"), (3.0, "2.00")])
def test_a_reason_says_by_how_much_the_budget_is_passed(drop, by):
    some = [tried("a", 0.5, 100), tried("b", drop, 200)]
    (_, over) = outcomes(some, choose(some, Goal(1.0)), Goal(1.0))
    assert over.reason == f"Over the budget by {by} pp."
