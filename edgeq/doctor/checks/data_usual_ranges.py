"""The usual ranges of values that models take: which one data are in, and how they come into another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import (
    MINUS_ONE_TO_ONE,
    PREPROCESSINGS,
    RAW,
    TORCH,
    ZERO_TO_ONE,
    Preprocessing,
)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Range:
    """A usual range of values.

    Attributes:
        preprocessing: that maps pixels 0..255 to it.
        is_small: whether its values are of the order of 1, or far below what models take; None where that is open.
    """

    preprocessing: Preprocessing
    is_small: bool | None

    @property
    def name(self) -> str:
        """As people call it."""
        return "0..255" if self.preprocessing.is_raw else self.preprocessing.name


PIXELS, UNIT, SIGNED = Range(RAW, False), Range(ZERO_TO_ONE, True), Range(MINUS_ONE_TO_ONE, True)
STANDARDIZED = Range(TORCH, True)

AS_THEY_ARE = Preprocessing("as they are")
SMALLER = Range(Preprocessing("values 255 times smaller", (1 / 255,)), True)
LARGER = Range(Preprocessing("values 255 times larger", (255.0,)), False)
FAR_LARGER = Range(Preprocessing("values 65,025 times larger", (255.0**2,)), False)

_TINY, _HUGE = 0.1, 260.0
"""Largest values that are below, or above, what any model is fed by its author: pixels divided or multiplied twice."""


@dataclass(frozen=True)
class Candidate:
    """Another range for one input.

    Attributes:
        range: what it is.
        preprocessing: that gives the input values in it, from the data as they are stored.
    """

    range: Range
    preprocessing: Preprocessing


def range_of(feed: Feed, spec: ModelInput, values: Array) -> Range:
    """The usual range that values are in; one without a name, of what is told by `_LARGEST`, where they are in none."""
    low, high = float(values.min()), float(values.max())
    if low >= 0 and 32 <= high <= 255:
        return PIXELS
    if low >= 0 and 0.5 <= high <= 1.001:
        return UNIT
    if -1.001 <= low <= -0.2 and 0.2 <= high <= 1.001:
        return SIGNED
    own = feed.preprocessing.of(spec.name)
    if feed.are_pixels(spec) and not own.is_raw:
        return Range(own, is_small=max(abs(low), abs(high)) <= 10)
    largest = max(abs(low), abs(high))
    return Range(AS_THEY_ARE, is_small=None if _TINY < largest <= _HUGE else largest <= _TINY)


def candidates_of(feed: Feed, spec: ModelInput, given: Range, channels: int) -> list[Candidate]:
    """The other usual ranges, the most usual first; 255 times more or less of what is in none."""
    own = feed.preprocessing.of(spec.name)
    ranges = [UNIT, SIGNED, PIXELS, *([STANDARDIZED] if channels == 3 else [])]
    if given.preprocessing is AS_THEY_ARE:
        ranges = [LARGER, FAR_LARGER] if given.is_small else [SMALLER, LARGER]
    found = []
    for one in ranges:
        scale, offset = composed(own, given.preprocessing, one.preprocessing)
        is_same = np.allclose(scale, own.numbers()[0], rtol=0.02) and np.allclose(
            offset, own.numbers()[1], atol=0.02
        )
        if not is_same:
            found.append(Candidate(one, replace(own, name=one.name, scale=scale, offset=offset, inputs={})))
    return found


def composed(
    own: Preprocessing, given: Preprocessing, wanted: Preprocessing
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """From stored values to pixels and on to what is wanted: scales and offsets, one or one a channel."""
    scales = (np.array(one.scale, np.float64) for one in (own, given, wanted))
    offsets = (np.array(one.offset, np.float64) for one in (own, given, wanted))
    (s0, s1, s2), (o0, o1, o2) = scales, offsets
    scale, offset = s0 / s1 * s2, (o0 - o1) / s1 * s2 + o2
    count = max(len(scale), len(offset))
    return tuple(np.broadcast_to(scale, count).tolist()), tuple(np.broadcast_to(offset, count).tolist())


def written(candidate: Candidate, given: Range) -> dict[str, Any]:
    """A candidate as JSON.

    Returns:
        ``scale`` and ``offset``, what the values that reach the model lack, a number or one a channel; ``preprocess``,
        the name of the whole map from stored values where it has one, else None.
    """
    scale, offset = composed(RAW, given.preprocessing, candidate.range.preprocessing)
    own = candidate.preprocessing
    named = next((one.name for one in PREPROCESSINGS if _equal(one, own)), None)
    return {"scale": _short(scale), "offset": _short(offset), "preprocess": named}


def _equal(one: Preprocessing, other: Preprocessing) -> bool:
    if one.image != other.image or len(one.scale) > len(other.scale):
        return False
    return np.allclose(one.scale, other.scale) and np.allclose(one.offset, other.offset, atol=1e-6)


def _short(numbers: Sequence[float]) -> float | list[float]:
    return numbers[0] if len(set(numbers)) == 1 else list(numbers)
