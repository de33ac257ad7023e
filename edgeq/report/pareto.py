"""The Pareto front: what nothing else beats in both latency and quality."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """The points that no other one dominates.

    One point dominates another that has no smaller cost and no larger gain, and is worse in one of the two.

    Args:
        points: pairs of a cost, of which less is better, and a gain, of which more is better.

    Returns:
        Indices in the order of rising cost; equal points are all in it or all not.
    """
    front: list[int] = []
    best = float("-inf")
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[index][1] > best or (front and points[index] == points[front[-1]]):
            front.append(index)
            best = points[index][1]
    return tuple(front)
