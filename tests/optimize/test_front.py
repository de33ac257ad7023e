from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeq.optimize.front import SAME_DROP_PP, Point, dominator, pareto

# Few values, so that many are equal.
POINTS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 5)), max_size=20).map(
    lambda pairs: [Point(str(place), drop, cost) for place, (drop, cost) in enumerate(pairs)]
)

# Drops that are a hair apart, and costs that are known to an interval.
VAGUE = st.lists(st.tuples(st.integers(0, 8), st.integers(10, 30), st.integers(0, 6)), max_size=20).map(
    lambda some: [
        Point(str(place), drop * SAME_DROP_PP / 2, cost, cost + width, cost - width, size=place % 3)
        for place, (drop, cost, width) in enumerate(some)
    ]
)


def timed(key: str, drop: float, ratio: float, spread: float, size: int = 100) -> Point:
    return Point(key, drop, ratio, ratio + spread, ratio - spread, size)


def keys(points: list[Point], winner: str | None = None) -> list[str]:
    return [point.key for point in pareto(points, winner)]


@given(POINTS)
def test_where_all_can_be_told_apart_the_front_is_what_nothing_dominates_and_of_equals_the_first(points):
    front = pareto(points)
    undominated = [one for one in points if not any(other.dominates(one) for other in points)]
    assert {(one.drop_pp, one.cost) for one in front} == {(one.drop_pp, one.cost) for one in undominated}
    assert len({(one.drop_pp, one.cost) for one in front}) == len(front)
    for one in front:
        assert one.key == next(p.key for p in points if (p.drop_pp, p.cost) == (one.drop_pp, one.cost))
    assert list(front) == sorted(front, key=lambda one: one.drop_pp)


@given(VAGUE, st.integers(0, 19))
def test_what_is_not_on_the_front_has_somebody_there_who_is_as_good_as_can_be_told(points, place):
    winner = points[place].key if place < len(points) else None
    front = pareto(points, winner)
    assert winner is None or winner in [one.key for one in front]
    for point in points:
        better = dominator(point, front)
        if point in front:
            assert better is None
        else:
            assert better is not None
            assert better.drop_pp <= point.drop_pp + SAME_DROP_PP
            assert not point.is_cheaper_than(better)


@given(VAGUE)
def test_on_the_front_whoever_loses_more_is_cheaper_by_more_than_noise(points):
    front = pareto(points)
    for place, point in enumerate(front):
        assert all(point.is_cheaper_than(before) for before in front[:place])


def test_of_latencies_that_overlap_the_most_accurate_is_the_front_and_of_equals_the_smallest():
    alike = [
        timed("a", 0.30, 0.62894, 0.004),
        timed("b", 0.20, 0.62897, 0.004),
        timed("c", 0.10, 0.62907, 0.004),
        timed("d", 0.10, 0.62925, 0.004, size=90),
    ]
    assert keys(alike) == ["d"]


def test_the_winner_stays_on_the_front():
    assert keys([timed("a", 0.1, 0.63, 0.004), timed("b", 0.3, 0.629, 0.004)], "b") == ["a", "b"]


def test_a_larger_file_that_is_more_accurate_by_a_hair_gives_way_but_many_hairs_do_not_add_up():
    assert keys([Point("a", 0.10, 1000), Point("b", 0.105, 700)]) == ["b"]
    steps = [Point(str(i), 0.009 * i, 1000 - 100 * i) for i in range(4)]
    assert keys(steps) == ["1", "3"]
