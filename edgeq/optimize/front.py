"""The Pareto front: candidates that no other one beats in both accuracy and cost, as far as these can be told apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SAME_DROP_PP = 0.01
"""Drops that are apart by no more than this are taken as equal where the cheaper file is sought: it is the last digit
that tables show, and less than the answer of one item of 10,000."""


@dataclass(frozen=True)
class Point:
    """A candidate as the front sees it.

    Attributes:
        key: of the candidate.
        drop_pp: how much it loses, in percentage points.
        cost: size in bytes, or latency in parts of float32's.
        most: the cost up to which it may be: the upper end of the latency's interval, or the size above which another
            one counts as larger; the cost itself where it is 0.
        least: lower end of the latency's interval; the cost itself where it is 0.
        size: in bytes, which decides between files that are alike otherwise.
    """

    key: str
    drop_pp: float
    cost: float
    most: float = 0.0
    least: float = 0.0
    size: int = 0

    def dominates(self, other: Point) -> bool:
        """Whether it is no worse in both numbers and better in one, whatever these are known to."""
        no_worse = self.drop_pp <= other.drop_pp and self.cost <= other.cost
        return no_worse and (self.drop_pp, self.cost) != (other.drop_pp, other.cost)

    def is_cheaper_than(self, other: Point) -> bool:
        """Whether it costs less by more than what the two costs are known to."""
        return (self.most or self.cost) < (other.least or other.cost)


def pareto(points: Iterable[Point], winner: str | None = None) -> tuple[Point, ...]:
    """Points that no other one beats, from the least drop on; the differences between them can be told.

    A point is on the front if it is cheaper, by `Point.is_cheaper_than`, than all that lose less. Of points whose costs
    cannot be told apart the one that loses least stays, then the smaller file, then the first one given. A point that
    loses no more than `SAME_DROP_PP` less than a cheaper one gives way to it.

    Args:
        points: of all candidates.
        winner: key of the chosen one, which stays in any case.
    """
    front: list[Point] = []
    least_drop = 0.0
    for point in sorted(points, key=lambda one: (one.drop_pp, one.size, one.cost)):
        if point.key != winner and any(not point.is_cheaper_than(other) for other in front):
            continue
        gives_way = (
            bool(front)
            and front[-1].key != winner
            and point.is_cheaper_than(front[-1])
            # From the first one on that gave way: many small steps are a large one.
            and point.drop_pp - least_drop <= SAME_DROP_PP
        )
        if gives_way:
            front.pop()
        else:
            least_drop = point.drop_pp
        front.append(point)
    return tuple(front)


def dominator(point: Point, front: Iterable[Point]) -> Point | None:
    """The first point of the front that another one gives way to; None for a point of the front itself."""
    front = tuple(front)
    if any(other.key == point.key for other in front):
        return None
    for other in front:
        if other.drop_pp <= point.drop_pp + SAME_DROP_PP and not point.is_cheaper_than(other):
            return other
    return None
