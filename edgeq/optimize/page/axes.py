"""Scales and round ticks of a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1, 2, 5, 10)
_WIDE = 8.0
"""Largest through smallest value from which on a linear axis leaves the small ones no room."""
_MARGIN = 0.06
"""Of the axis, left free at both ends."""


@dataclass(frozen=True)
class Axis:
    """Maps values to pixels.

    Attributes:
        low: value at the first pixel.
        high: value at the last pixel.
        first: pixel of the low end.
        last: pixel of the high end.
        is_logarithmic: whether equal ratios have equal lengths.
    """

    low: float
    high: float
    first: float
    last: float
    is_logarithmic: bool = False

    def pixel(self, value: float) -> float:
        """Where a value stands; one beyond an end stands at it."""
        inside = min(max(value, self.low), self.high)
        if self.is_logarithmic:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self, most: int = 6) -> list[float]:
        """At most so many round values within the axis, rising."""
        if not self.is_logarithmic:
            return _linear_ticks(self.low, self.high, most)
        return _logarithmic_ticks(self.low, self.high, most)


def cost_axis(values: Sequence[float], first: float, last: float) -> Axis:
    """An axis for values above 0: from 0 on, or logarithmic where they lie far apart.

    Args:
        values: at least one, all above 0 and finite.
        first: pixel of the low end.
        last: pixel of the high end.
    """
    low, high = min(values), max(values)
    if high / low >= _WIDE:
        factor = (high / low) ** _MARGIN
        return Axis(low / factor, high * factor, first, last, is_logarithmic=True)
    return Axis(0.0, high * (1 + _MARGIN), first, last)


def loss_axis(values: Sequence[float], first: float, last: float) -> Axis:
    """A linear axis that holds all values and some room.

    Args:
        values: at least one, all finite.
        first: pixel of the low end.
        last: pixel of the high end.
    """
    low, high = min(*values, 0.0), max(*values, 0.0)
    room = _MARGIN * (high - low) or 1.0
    return Axis(low - room, high + room, first, last)


def tick_text(value: float) -> str:
    """A tick's label: as few digits as it needs, and a real minus."""
    return f"{value:.6g}".replace("-", "−")


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough * 0.999)
    count = math.floor(high / step * (1 + 1e-12))
    return [number * step for number in range(math.ceil(low / step * (1 - 1e-12)), count + 1)]


def _logarithmic_ticks(low: float, high: float, most: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        inside = [value for value in found if low <= value <= high]
        if len(inside) <= most:
            break
    # Of many decades every second, third, … one.
    return inside[:: max(1, math.ceil(len(inside) / most))]
