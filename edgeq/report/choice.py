"""Which of the variants within the budget is best, at every thread count.

A file is shipped once, whatever number of threads an app then uses, so of equally fast variants one that is
among the fastest at every thread count comes before a smaller one that is not.

The advice shall be the same tomorrow. A table calls faster what its session shows to be faster by 1 %; the advice
looks away from anything below `STEADY_DIFFERENCE`, which is what two sessions may differ by, and decides by size there,
which does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.benchmark.latency_statistics import FASTER, SLOWER
from edgeq.report import wording
from edgeq.report.tables import Row

STEADY_DIFFERENCE = 0.03
"""Latencies that differ by less are equal when it comes to advice.

The median of one file moves from session to session with a standard deviation of up to 1 %
(`edgeq.benchmark.latency_statistics.SESSION_SPREAD`), so two equally fast files, float16 and float32 say, come out
up to 1.96 · √2 · 1 % = 2.8 % apart in 95 of 100 sessions.
"""


@dataclass(frozen=True)
class Choice:
    """What is best at some thread counts.

    Attributes:
        variant: its name; None where every variant is slower than the baseline.
        threads: the thread counts, rising.
        rows: the variant's rows there; empty where there is none.
        why: what tipped the scales beside speed, as part of a sentence; may be empty.
    """

    variant: str | None
    threads: tuple[int, ...]
    rows: tuple[Row, ...]
    why: str


def choose(qualified: Sequence[Row]) -> tuple[Choice, ...]:
    """The best of some variants, one choice where it can be the same at every thread count.

    Args:
        qualified: rows within the budget, without the baseline.

    Returns:
        Choices that together cover every thread count of the rows.
    """
    best = {count: _best(qualified, count) for count in sorted({row.threads for row in qualified})}
    everywhere = set.intersection(*({row.variant for row in rows} for rows in best.values()))
    picked: dict[str | None, list[int]] = {}
    for count, rows in best.items():
        candidates = [row for row in rows if row.variant in everywhere] or rows
        chosen = min(candidates, key=lambda row: (row.size_bytes, row.variant), default=None)
        picked.setdefault(chosen.variant if chosen is not None else None, []).append(count)
    return tuple(_choice(variant, counts, qualified, best) for variant, counts in picked.items())


def fastest(rows: Sequence[Row]) -> Row:
    """The row with the lowest median; rows without latency come last."""
    return min(rows, key=lambda row: row.latency.value if row.latency is not None else float("inf"))


def _best(qualified: Sequence[Row], count: int) -> list[Row]:
    """The fastest that are faster than the baseline, else the smallest that is not slower, else nothing.

    One whose speed is not known comes after those that are known not to be slower.
    """
    rows = [row for row in qualified if row.threads == count]
    faster = [row for row in rows if is_faster(row)]
    if faster:
        return [row for row in faster if same_speed(row, fastest(faster))]
    not_slower = [row for row in rows if not _is_slower(row)]
    return sorted(not_slower, key=lambda row: (row.verdict is None, row.size_bytes, row.variant))[:1]


def is_faster(row: Row) -> bool:
    """Whether a variant is faster than the baseline, and by so much that it will be tomorrow."""
    if row.verdict != FASTER or row.latency is None:
        return False
    return row.ratio is None or row.ratio.value * (1 + STEADY_DIFFERENCE) <= 1


def _is_slower(row: Row) -> bool:
    if row.verdict != SLOWER:
        return False
    return row.ratio is None or row.ratio.value >= 1 + STEADY_DIFFERENCE


def same_speed(row: Row, best: Row) -> bool:
    """Whether the medians' intervals overlap, or differ by less than counts as a difference."""
    if row.latency is None or best.latency is None:
        return False
    overlap = row.latency.low <= best.latency.high
    return overlap or row.latency.value <= best.latency.value * (1 + STEADY_DIFFERENCE)


def _choice(
    variant: str | None, counts: Sequence[int], qualified: Sequence[Row], best: dict[int, list[Row]]
) -> Choice:
    rows = tuple(row for row in qualified if row.variant == variant and row.threads in counts)
    return Choice(variant, tuple(counts), rows, _why(rows, best) if rows else "")


def _why_by_size(rows: Sequence[Row]) -> str:
    if any(row.verdict is not None for row in rows):
        return (
            f"no variant within the budget is faster by {100 * STEADY_DIFFERENCE:g} %, this is the smallest"
        )
    marks = wording.enumeration(list(dict.fromkeys(row.mark for row in rows if row.mark is not None)))
    if marks:
        return f"its times are {marks}, so size and accuracy alone decide: this is the smallest"
    if any(row.latency is not None for row in rows):
        return "its latency has no baseline to be compared with, so size and accuracy alone decide"
    return "latency was not measured, this is the smallest"


def _why(rows: Sequence[Row], best: dict[int, list[Row]]) -> str:
    if not any(map(is_faster, rows)):
        return _why_by_size(rows)
    here = {row.threads: row for row in rows}
    tied = {
        count: {other.variant: other.size_bytes - row.size_bytes for other in best[count] if other is not row}
        for count, row in here.items()
    }
    always = set.intersection(*(set(others) for others in tied.values()))
    larger = sorted(name for name in always if all(others[name] > 0 for others in tied.values()))
    if larger:
        return f"{wording.enumeration(larger)} {'is' if len(larger) == 1 else 'are'} as fast but larger"
    for count, others in tied.items():
        smaller = sorted(name for name, growth in others.items() if growth < 0 and name not in always)
        if smaller:
            verb = "is" if len(smaller) == 1 else "are"
            return (
                f"{wording.enumeration(smaller)} {verb} smaller but as fast only on {wording.threads(count)}"
            )
    return ""
