"""The Pareto front: candidates that no other one beats in both accuracy and cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A candidate as the front sees it.

    Attributes:
        key: of the candidate.
        drop_pp: how much it loses, in percentage points.
        cost: size in bytes, or latency in parts of float32's.
    """

    key: str
    drop_pp: float
    cost: float

    def dominates(self, other: Point) -> bool:
        """Whether it is no worse in both and better in one."""
        no_worse = self.drop_pp <= other.drop_pp and self.cost <= other.cost
        return no_worse and (self.drop_pp, self.cost) != (other.drop_pp, other.cost)


def pareto(points: Iterable[Point]) -> tuple[Point, ...]:
    """Points that no other one dominates, from the least drop on.

    Of equal points the first one given stays.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (one.drop_pp, one.cost)):
        if not front or point.cost < front[-1].cost:
            front.append(point)
    return tuple(front)


def dominator(point: Point, front: Iterable[Point]) -> Point | None:
    """The first point of the front that dominates a point, or is equal to it and not it; None on the front itself."""
    for other in front:
        if other.key == point.key:
            return None
        if other.drop_pp <= point.drop_pp and other.cost <= point.cost:
            return other
    return None
