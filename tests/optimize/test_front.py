from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeq.optimize.front import Point, dominator, pareto

# Few values, so that many are equal.
POINTS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 5)), max_size=20).map(
    lambda pairs: [Point(str(place), drop, cost) for place, (drop, cost) in enumerate(pairs)]
)


@given(POINTS)
def test_the_front_is_what_nothing_dominates_and_of_equals_the_first(points):
    front = pareto(points)
    undominated = [one for one in points if not any(other.dominates(one) for other in points)]
    assert {(one.drop_pp, one.cost) for one in front} == {(one.drop_pp, one.cost) for one in undominated}
    assert len({(one.drop_pp, one.cost) for one in front}) == len(front)
    for one in front:
        assert one.key == next(p.key for p in points if (p.drop_pp, p.cost) == (one.drop_pp, one.cost))
    assert list(front) == sorted(front, key=lambda one: one.drop_pp)


@given(POINTS)
def test_what_is_not_on_the_front_has_somebody_there_who_is_as_good(points):
    front = pareto(points)
    for point in points:
        winner = dominator(point, front)
        if point in front:
            assert winner is None
        else:
            assert winner is not None
            assert winner.drop_pp <= point.drop_pp
            assert winner.cost <= point.cost
