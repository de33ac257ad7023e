"""Chooses each tensor's range by the error that the quantized file's outputs have on held-back calibration items.

Which method is best differs from network to network and from tensor to tensor. Wu et al., "Integer Quantization for
Deep Learning Inference: Principles and Empirical Evaluation", 2020, compare methods for whole networks; Nagel et al.,
"A White Paper on Neural Network Quantization", 2021, section 3.1, take another one for logits than for the rest. A
tensor's own error does not tell what it does to the outputs, so that those are measured, as seldom as will do: first
each method for all tensors at once, then, from the best of those, one tensor after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.quantize.ranges.including_zero import including_zero
from edgeq.quantize.ranges.squared_error import SquaredError
from edgeq.quantize.recipe import INT8, Range
from edgeq.quantize.statistics import TensorStatistics

Errors = npt.NDArray[np.float64]
"""Of each held-back item, float64[items]."""

START = "start"
"""Method of a tensor that kept the range which was given to begin with, where that is none of the candidates."""

KEPT_OF_LOGITS = (0.75, 0.5, 0.375, 0.25)
"""Parts of a logits tensor's width that are kept below its largest value."""

_NEAR = 0.02
"""Ranges whose ends differ by less, in parts of the width, are one: five steps of int8."""

_LEAST_PART = 1e-3
"""Of the error: what falls by less is kept as it is. A range that does nothing else than round differently would
otherwise be taken for better about every second time."""

_LEAST_GAIN = 1.0
"""In standard errors of the mean change over the items: what gains less is not taken. With several ranges for each of
dozens of tensors, what is better on the held-back items by chance alone adds up. A network of 60 operators whose ranges
were chosen on 50 items, each gain counting, had an error of 0.0038 on others, the best single method 0.0032."""

_EVALUATIONS_A_TENSOR = 2
"""Of the cap, beside those for all tensors at once."""


@dataclass(frozen=True, eq=False)
class ChosenRanges:
    """What was chosen.

    Attributes:
        ranges: by tensor, of all that `start` had.
        method_by_tensor: which candidate it is, `START`, or ``logits:0.5`` with the part of the width that is kept.
        error: of these ranges.
        evaluations: how often the error was measured.
    """

    ranges: Mapping[str, Range]
    method_by_tensor: Mapping[str, str]
    error: float
    evaluations: int


def choose_ranges(
    error_of: Callable[[Mapping[str, Range]], Errors],
    statistics: Mapping[str, TensorStatistics],
    candidates: Mapping[str, Mapping[str, Range]],
    start: Mapping[str, Range],
    *,
    logits: Sequence[str] = (),
    most_evaluations: int | None = None,
    precision: str = INT8,
) -> ChosenRanges:
    """Ranges of least output error among those of several methods.

    Args:
        error_of: measures ranges of all tensors on held-back items, float64[items], the same items each time; infinite
            or NaN for such as cannot be.
        statistics: of the tensors that have candidates.
        candidates: ranges by tensor, by method.
        start: ranges by tensor; those of tensors without a candidate stay.
        logits: tensors that a softmax reads. What is far below their largest value is as good as zero behind it,
            so that ranges which clip it are tried too.
        most_evaluations: how often the error may be measured, at least once; None for two a tensor and one a method.
        precision: of the activations, for the order in which tensors are tried.

    Returns:
        The ranges, in the mean never worse by `error_of` than `start`.

    Raises:
        ModelError: no ranges of all tensors at once have a finite error.
    """
    cap = 1 + len(candidates) + _EVALUATIONS_A_TENSOR * len(start)
    search = _Search(error_of, cap if most_evaluations is None else max(1, most_evaluations))
    search.begin(start, candidates)
    errors = {name: SquaredError(statistics[name], precision) for name in start if name in statistics}
    changed = _pass(search, _trials(search.ranges, candidates, errors, logits))
    # What a tensor's range does depends on the noise around it, which has changed beside those.
    near = _neighbours(list(start), changed)
    again = [trial for trial in _trials(search.ranges, candidates, errors, logits) if trial.tensor in near]
    _pass(search, again)
    return ChosenRanges(search.ranges, search.methods, search.error, search.evaluations)


@dataclass(frozen=True)
class _Trial:
    """Another range for one tensor, and how much of it is to be expected."""

    tensor: str
    method: str
    range: Range
    effect: float


class _Search:
    """The best ranges so far."""

    def __init__(self, error_of: Callable[[Mapping[str, Range]], Errors], most: int) -> None:
        self._error_of = error_of
        self._left = most
        self._seen: dict[tuple[Range, ...], Errors] = {}
        self._errors = np.array([math.inf])
        self.evaluations = 0
        self.ranges: dict[str, Range] = {}
        self.methods: dict[str, str] = {}

    @property
    def error(self) -> float:
        """Mean over the items."""
        return float(self._errors.mean())

    @property
    def is_over(self) -> bool:
        return self.evaluations >= self._left

    def begin(self, start: Mapping[str, Range], candidates: Mapping[str, Mapping[str, Range]]) -> None:
        """Takes the best method for all tensors at once."""
        self.ranges = dict(start)
        self.methods = {
            name: next((method for method in candidates if candidates[method].get(name) == found), START)
            for name, found in start.items()
        }
        begun = dict(self.methods)
        self._errors = self._measure(self.ranges)
        for method in candidates:
            known = {name: found for name, found in candidates[method].items() if name in start}
            self._take_if_better(dict(start) | known, begun | dict.fromkeys(known, method), least_gain=0.0)
        if not math.isfinite(self.error):
            raise ModelError(
                f"none of {1 + len(candidates)} sets of ranges gives a file with a finite output error: "
                "check the calibration items with edgeq doctor, or keep layers in float32"
            )

    def try_one(self, trial: _Trial) -> bool:
        """Whether another range of one tensor was better, and taken."""
        return self._take_if_better(
            self.ranges | {trial.tensor: trial.range}, self.methods | {trial.tensor: trial.method}
        )

    def _take_if_better(
        self, ranges: dict[str, Range], methods: dict[str, str], *, least_gain: float = _LEAST_GAIN
    ) -> bool:
        errors = self._measure(ranges)
        falls_enough = errors.mean() < self.error - _LEAST_PART * (
            self.error if math.isfinite(self.error) else 0
        )
        if not (falls_enough and _gain(self._errors, errors) > least_gain):
            return False
        self.ranges, self.methods, self._errors = ranges, methods, errors
        return True

    def _measure(self, ranges: Mapping[str, Range]) -> Errors:
        key = tuple(ranges.values())
        if key not in self._seen:
            if self.is_over:
                return np.array([math.inf])
            self.evaluations += 1
            errors = np.asarray(self._error_of(ranges), np.float64)
            self._seen[key] = errors if np.isfinite(errors).all() else np.array([math.inf])
        return self._seen[key]


def _gain(old: Errors, new: Errors) -> float:
    """By how many of its standard errors the mean falls; minus infinity where the new errors are none."""
    if not np.isfinite(new).all():
        return -math.inf
    if not np.isfinite(old).all():
        return math.inf
    falls = old - new
    mean = float(falls.mean())
    # One item, or the same change for each of them, has no spread to compare with.
    deviation = float(falls.std(ddof=1)) / math.sqrt(len(falls)) if len(falls) > 1 else 0.0
    return mean / deviation if deviation > 0 else math.copysign(math.inf, mean) if mean else 0.0


def _pass(search: _Search, trials: Sequence[_Trial]) -> set[str]:
    """Tries ranges in their order; tensors whose range was taken."""
    changed: set[str] = set()
    for trial in trials:
        if search.is_over:
            break
        # A range that was taken before may be about the same.
        if not _is_near(trial.range, search.ranges[trial.tensor]) and search.try_one(trial):
            changed.add(trial.tensor)
    return changed


def _trials(
    ranges: Mapping[str, Range],
    candidates: Mapping[str, Mapping[str, Range]],
    errors: Mapping[str, SquaredError],
    logits: Sequence[str],
) -> list[_Trial]:
    """Other ranges of every tensor that differ enough from its own and each other, most effect first.

    Logits come before all: they are few, and what is expected of clipping them is not in their squared error.
    """
    found: list[_Trial] = []
    for name in ranges:
        others = {method: known[name] for method, known in candidates.items() if name in known}
        if name in logits:
            others |= _clipped_low(ranges[name])
        kept = [ranges[name]]
        for method, other in others.items():
            if any(_is_near(other, one) for one in kept):
                continue
            kept.append(other)
            effect = math.inf if name in logits else _effect(errors.get(name), ranges[name], other)
            found.append(_Trial(name, method, other, effect))
    # Python's sort is stable: of equal ones the tensor that runs first comes first.
    return sorted(found, key=lambda trial: -trial.effect)


def _clipped_low(old: Range) -> dict[str, Range]:
    """Ranges of logits with the same largest value."""
    low, high = old
    return {f"logits:{part:g}": including_zero(high - part * (high - low), high) for part in KEPT_OF_LOGITS}


def _effect(error: SquaredError | None, old: Range, new: Range) -> float:
    """By how much the tensor's noise changes, in parts of its power."""
    if error is None or error.power <= 0:
        return 0.0
    return abs(error.of(new) - error.of(old)) / error.power


def _is_near(one: Range, other: Range) -> bool:
    width = max(one[1] - one[0], other[1] - other[0])
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= _NEAR * width


def _neighbours(names: Sequence[str], changed: set[str]) -> set[str]:
    """Tensors next to those, in the order in which they are given, which is about that of execution."""
    places = [place for place, name in enumerate(names) if name in changed]
    return {names[near] for place in places for near in (place - 1, place + 1) if 0 <= near < len(names)}
