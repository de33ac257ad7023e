"""The Pareto front against its definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeq.report.pareto import pareto_front

# Few values, so that ties are common.
POINTS = st.lists(st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), max_size=12)


def dominates(one, other):
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(POINTS)
def test_the_front_is_exactly_what_nothing_dominates(points):
    expected = {i for i, point in enumerate(points) if not any(dominates(other, point) for other in points)}
    assert set(pareto_front(points)) == expected


@given(POINTS)
def test_cost_and_gain_rise_along_the_front(points):
    front = [points[index] for index in pareto_front(points)]
    assert front == sorted(front)
    assert [gain for _, gain in front] == sorted(gain for _, gain in front)
    assert len(front) == len(set(pareto_front(points)))
