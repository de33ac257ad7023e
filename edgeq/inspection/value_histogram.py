"""A histogram of a stream of values whose range nobody knows before, and which can be added to another one.

Bins are a power of two wide and begin at multiples of their width. As the range grows the width doubles and neighbours
are merged in pairs, so that there are at most `BINS` of them at any time. Width and place follow from the smallest and
the largest value alone: the counts are the same in whatever order values come, and however they were divided among
processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError

BINS = 2048
"""At most, and more than half as many where the values differ by enough. That is 16 kB a tensor."""

_BLOCK = 1 << 15
"""Values that are worked on at once: 0.25 MB as float64, which the cache of a core holds."""

_PRECISION = 22
"""Bits: no bin is narrower than this part of the largest value, about what tells two float32 from each other."""

_LEAST_EXPONENT = -160
"""Far below the smallest float32, 2^-149."""

_ALL_OUT = 40
"""A shift that leaves nothing but the sign of a bin's number, which has 23 bits."""

_WHOLE, _REAL = 8, 4
"""How many whole and real numbers a saved histogram has beside its counts."""


class ValueHistogram:
    """Counts, moments and extremes of the values seen so far.

    Attributes:
        count: of finite values.
        not_finite: of NaN and infinite values.
        minimum: of the finite values; 0 where there is none.
        maximum: likewise.
        mean: likewise.
        counts: int64[bins].
        at_lowest: how many are the smallest integer of the dtype; 0 for floats.
        at_highest: likewise the largest.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        """Begins without values.

        Args:
            dtype: of the values: bool, integers or floats. Bins of integers hold whole ones.
        """
        kind = np.dtype(dtype)
        self._least = _LEAST_EXPONENT if kind.kind == "f" else 0
        self._limits = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind in "iu" else None
        self._exponent = self._least
        self._first = 0
        self._squares = 0.0
        self.counts = np.zeros(0, np.int64)
        self.count = self.not_finite = self.at_lowest = self.at_highest = 0
        self.minimum = self.maximum = self.mean = 0.0

    @property
    def width(self) -> float:
        """Of each bin."""
        return math.ldexp(1.0, self._exponent)

    @property
    def deviation(self) -> float:
        """Standard deviation of the finite values; 0 where there is none."""
        return math.sqrt(self._squares / self.count) if self.count else 0.0

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """float64[bins + 1]; the upper one belongs to the next bin. Around integers, which lie in the middle."""
        first = self._first - (0.5 / self.width if self._least == 0 else 0.0)
        return (first + np.arange(len(self.counts) + 1, dtype=np.float64)) * self.width

    def add(self, values: npt.NDArray[Any]) -> None:
        """Counts values of any shape, block by block; they are neither changed nor kept."""
        flat = values.reshape(-1)
        for start in range(0, len(flat), _BLOCK):
            block = flat[start : start + _BLOCK].astype(np.float64)
            finite = np.isfinite(block)
            if not finite.all():
                self.not_finite += len(block) - int(np.count_nonzero(finite))
                block = block[finite]
            if len(block):
                self._add_finite(block)

    def merge(self, other: ValueHistogram) -> None:
        """Adds what another histogram of the same dtype has counted."""
        self.not_finite += other.not_finite
        if not other.count:
            return
        self._cover(other.minimum, other.maximum)
        counts, first = _coarsened(other.counts, other._first, self._exponent - other._exponent)
        self._count_at(first - self._first, counts)
        self.at_lowest += other.at_lowest
        self.at_highest += other.at_highest
        self._add_moments(other.count, other.mean, other._squares)

    def _add_finite(self, block: npt.NDArray[np.float64]) -> None:
        self._cover(float(block.min()), float(block.max()))
        if self._limits is not None:
            self.at_lowest += int(np.count_nonzero(block == self._limits[0]))
            self.at_highest += int(np.count_nonzero(block == self._limits[1]))
        # Exact: by a power of two, and a whole number below 2^23 less another.
        places = np.floor(block * math.ldexp(1.0, -self._exponent)) - self._first
        self._count_at(0, np.bincount(places.astype(np.intp), minlength=len(self.counts)))
        # Squares of values beyond 1e154, which only float64 has, leave the range.
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(block.mean())
            block -= mean
            # Not `block @ block`: the threads of a BLAS spin beside the other processes.
            squares = float(np.square(block, out=block).sum())
            self._add_moments(len(block), mean, squares)

    def _add_moments(self, count: int, mean: float, squares: float) -> None:
        """Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for sample variances", 1979."""
        total = self.count + count
        change = mean - self.mean
        self.mean += change * (count / total)
        self._squares += squares + change * change * (self.count * (count / total))
        self.count = total

    def _count_at(self, place: int, counts: npt.NDArray[np.int64]) -> None:
        self.counts[place : place + len(counts)] += counts

    def _cover(self, low: float, high: float) -> None:
        """Makes bins for values between these two, as wide as all values together need."""
        if self.count:
            low, high = min(low, self.minimum), max(high, self.maximum)
            if (low, high) == (self.minimum, self.maximum):
                return
        self.minimum, self.maximum = low, high
        exponent = _exponent(low, high, self._least)
        counts, old = _coarsened(self.counts, self._first, exponent - self._exponent)
        self._exponent, self._first = exponent, _bin(low, exponent)
        self.counts = np.zeros(_bin(high, exponent) - self._first + 1, np.int64)
        if self.count:
            self._count_at(old - self._first, counts)


def quantile(
    counts: npt.NDArray[np.int64],
    edges: npt.NDArray[np.float64],
    minimum: float,
    maximum: float,
    share: float,
) -> float:
    """The value that a share of the values is below, as nearly as a histogram tells: within one bin.

    Args:
        counts: int64[bins].
        edges: float64[bins + 1].
        minimum: of the values.
        maximum: of the values.
        share: 0 for the minimum to 1 for the maximum.

    Returns:
        The value; 0 where there is none.

    Raises:
        ValueError: the share is no number between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share between 0 and 1, found {share}")
    if not len(counts):
        return 0.0
    below = np.cumsum(counts)
    wanted = share * int(below[-1])
    place = min(int(np.searchsorted(below, wanted)), len(counts) - 1)
    left = wanted - int(below[place] - counts[place])
    part = min(max(left / int(counts[place]), 0.0), 1.0) if counts[place] else 0.0
    value = float(edges[place] + part * (edges[place + 1] - edges[place]))
    return min(max(value, minimum), maximum)


def share_outside(
    counts: npt.NDArray[np.int64],
    edges: npt.NDArray[np.float64],
    minimum: float,
    maximum: float,
    low: float,
    high: float,
) -> float:
    """Share of values below `low` or above `high`, taken as evenly spread within the bins that the limits are in.

    Args:
        counts: int64[bins].
        edges: float64[bins + 1].
        minimum: of the values, exact: nothing is below it.
        maximum: of the values, likewise.
        low: lower limit.
        high: upper limit.

    Returns:
        The share, 0 where there is no value.
    """
    if not len(counts):
        return 0.0
    total = int(counts.sum())
    within = np.clip(edges, minimum, maximum)
    cumulated = np.concatenate([[0], np.cumsum(counts)])
    below = above = 0.0
    if low > minimum:
        below = float(np.interp(low, within, cumulated)) if low <= maximum else total
    if high < maximum:
        above = total - float(np.interp(high, within, cumulated)) if high >= minimum else total
    return min((below + above) / total, 1.0)


def save_histograms(path: Path, histograms: Sequence[ValueHistogram]) -> None:
    """Writes histograms into an ``.npz``, for another process to read."""
    whole = [
        (h._exponent, h._first, h._least, h.count, h.not_finite, h.at_lowest, h.at_highest, len(h.counts))
        for h in histograms
    ]
    real = [(h.minimum, h.maximum, h.mean, h._squares) for h in histograms]
    np.savez(
        path,
        whole=np.array(whole, np.int64).reshape(-1, _WHOLE),
        real=np.array(real, np.float64).reshape(-1, _REAL),
        counts=np.concatenate([np.zeros(0, np.int64), *(h.counts for h in histograms)]),
    )


def load_histograms(path: Path) -> list[ValueHistogram]:
    """Reads what `save_histograms` wrote; such a histogram is for merging and counts no further values.

    Raises:
        ModelError: the numbers do not go together, as when a crash damaged the process that wrote them.
    """
    with np.load(path, allow_pickle=False) as archive:
        whole, real, counts = archive["whole"], archive["real"], archive["counts"]
    ends = np.cumsum(whole[:, -1])
    if len(whole) != len(real) or (len(ends) and ends[-1] != len(counts)):
        raise ModelError(f"{path.name} is damaged: a process that measured activations failed; run it again")
    return [
        _loaded(numbers.tolist(), parts.tolist(), counts[end - numbers[-1] : end].copy())
        for numbers, parts, end in zip(whole, real, ends, strict=True)
    ]


def _loaded(whole: list[int], real: list[float], counts: npt.NDArray[np.int64]) -> ValueHistogram:
    made = ValueHistogram(np.float64)
    made._exponent, made._first, made._least = whole[:3]
    made.count, made.not_finite, made.at_lowest, made.at_highest = whole[3:7]
    made.minimum, made.maximum, made.mean, made._squares = real
    made.counts = counts
    return made


def _exponent(low: float, high: float, least: int) -> int:
    """Of the smallest power of two that is wide enough; grows with the range and with nothing else."""
    largest = max(abs(low), abs(high))
    exponent = max(least, math.frexp(largest)[1] - _PRECISION) if largest else least
    if high > low:
        # As halves, because the whole can leave the range; at this width there are 2,047 bins or more.
        exponent = max(exponent, math.frexp(high / 2 - low / 2)[1] - BINS.bit_length() + 1)
    while _bin(high, exponent) - _bin(low, exponent) >= BINS:
        exponent += 1
    return exponent


def _bin(value: float, exponent: int) -> int:
    return math.floor(math.ldexp(value, -exponent))


def _coarsened(
    counts: npt.NDArray[np.int64], first: int, doublings: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Counts and the first bin's number with bins that are so much wider."""
    if not doublings or not len(counts):
        return counts, first
    numbers = (first + np.arange(len(counts))) >> min(doublings, _ALL_OUT)
    merged = np.zeros(int(numbers[-1] - numbers[0]) + 1, np.int64)
    np.add.at(merged, numbers - numbers[0], counts)
    return merged, int(numbers[0])
