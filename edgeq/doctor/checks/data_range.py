"""D104: the values that reach the model have another range than it was trained on.

No labels are needed where three things come together, each of which has innocent causes by itself: the data are in one
of the usual ranges, the first layer is moved far too little or far too much by them and not by another usual range
(`data_first_layer`), and the answers are collapsed or saturated and not under that other range (`data_outputs`).
Where there are labels, they decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.evaluation_job import Runner
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import RAW
from edgeq.doctor.case import Case
from edgeq.doctor.checks.data_first_layer import FirstLayer, first_layer_of
from edgeq.doctor.checks.data_outputs import Answers, answers, best_gain, sampled
from edgeq.doctor.checks.data_sets import place
from edgeq.doctor.checks.data_usual_ranges import Candidate, Range, candidates_of, composed, range_of, written
from edgeq.doctor.rule import Finding

Array = npt.NDArray[Any]

_TOO_LITTLE, _TOO_MUCH = 0.1, 40.0
_FITTING = (0.15, 60.0)
"""Spread of W x over the bias, of 34 networks, see `data_first_layer`: data 128 to 255 times too small give 0.004 to
0.07, too large 53 to 1,800; fitting ones 0.4 to 38."""

_COLLAPSED, _COLLAPSED_SHARE = 0.25, 0.1
"""Spread of logits from item to item, and its share of that under the other range: 0.003 to 0.16 and at most 0.03 where
data are too small, 1.0 to 5.3 where they fit."""

_LIVELY = 1.0
"""Likewise where data might be too large: a network that was trained on pixels without any normalization has 0.04 to
0.7 in the other ranges, which would make these look right."""

_STILL = 0.05
"""The same share of outputs that are no scores: at most 0.007 where data are too small."""

_SATURATED, _UNSATURATED = 0.8, 0.5
"""Share of items with a confidence of 1: at least 0.83 where data are too large, at most 0.28 where they fit."""

_FEWER_CLASSES = 1.5
"""How many times more classes must be in use under the other range where answers are not saturated, as those of
networks of ReLU6, which limits what is too large: 1.9 to 2.4 were measured, and less than 1 where data fit."""

_NORMAL, _OFF_SCALE = (0.2, 3.0), 20.0
"""Deviation of what a model that rescales its input makes of it: 0.46 to 1.1 were measured, 130 and 280 of data 255
times too large."""

_MOVED_BY = 64
"""Items whose values are computed with by hand."""

_LEAST_ITEMS = 16
"""Spreads and shares of fewer items say nothing."""


def wrong_range(case: Case) -> Iterator[Finding]:
    """D104: see `DATA_RULES`."""
    for feed in case.feeds:
        for spec in feed.inputs:
            if spec.is_float:
                yield from _examine(case, feed, spec)


def _examine(case: Case, feed: Feed, spec: ModelInput) -> Iterable[Finding]:
    layer = first_layer_of(case, spec)
    sample = sampled(case, feed)
    if layer is None or sample is None:
        return
    values = sample.items(range(min(_MOVED_BY, len(sample.dataset))))[spec.name]
    given = range_of(sample, spec, values)
    candidates = candidates_of(sample, spec, given, values.shape[-1])
    answered = _answers(case, sample, spec, candidates)
    if "given" not in answered:
        return
    judged = _Judgement(case, sample, spec, layer, given, candidates, answered, values)
    yield from judged.findings()


def _answers(case: Case, feed: Feed, spec: ModelInput, candidates: Sequence[Candidate]) -> dict[str, Answers]:
    """What the file answers to the data as given and in each other range; empty where it does not run."""
    assert case.float32_file is not None  # noqa: S101 - needed
    ways = {"given": feed.preprocessing}
    for one in candidates:
        inputs = {**feed.preprocessing.inputs, spec.name: one.preprocessing}
        ways[one.range.name] = replace(feed.preprocessing, inputs=inputs)
    runners = [Runner(name, case.float32_file, way) for name, way in ways.items()]
    return answers(dict.fromkeys(ways, feed), runners, runtime=case.runtime)


@dataclass(frozen=True, eq=False)
class _Judgement:
    """All that the decision rests on."""

    case: Case
    feed: Feed
    spec: ModelInput
    layer: FirstLayer
    given: Range
    candidates: Sequence[Candidate]
    answered: Mapping[str, Answers]
    values: Array

    def findings(self) -> Iterator[Finding]:
        others = {name: one for name, one in self.answered.items() if name != "given"}
        proven = best_gain(self.answered["given"], others)
        if proven is not None:
            name, gained = proven
            chosen = [one for one in self.candidates if one.range.name == name]
            yield (
                self._finding(chosen, str(gained))
                if gained.is_good
                else self._unknown(chosen[0], str(gained))
            )
            return
        fitting = [one for one in self.candidates if self._is_right(one)]
        if fitting:
            # Which of the small ranges it is, only labels tell.
            small = [one for one in self.candidates if one.range.is_small]
            alike = small if fitting[0].range.is_small else fitting
            yield self._finding(alike, self._evidence(fitting[0]))

    def _is_right(self, candidate: Candidate) -> bool:
        """Whether the data are beyond doubt in a wrong range and this is a right one."""
        given, other = self.answered["given"], self.answered.get(candidate.range.name)
        opposite = {candidate.range.is_small, self.given.is_small} == {True, False}
        if other is None or len(self.values) < _LEAST_ITEMS or not opposite:
            return False
        before, after = given.correct, other.correct
        if before is not None and after is not None and after.sum() < before.sum():
            return False
        now, then = self.layer.moved(self.values), self.layer.moved(self._values_in(candidate))
        if self._is_off_scale(candidate):
            return True
        if now is None or then is None or not _FITTING[0] <= then <= _FITTING[1]:
            return False
        if self.given.is_small:
            return now <= _TOO_LITTLE and _is_collapsed(given, other)
        return now >= _TOO_MUCH and _is_exploded(given, other)

    def _is_off_scale(self, candidate: Candidate) -> bool:
        """Whether the model's own rescaling makes far too large values of the data, and normal ones in this range."""
        now = self.layer.rescaled(self.values)
        then = self.layer.rescaled(self._values_in(candidate))
        if not self.layer.scales_input or self.given.is_small or now is None or then is None:
            return False
        channels = now.shape[-1] if now.ndim > 1 else 1
        now, then = now.reshape(-1, channels), then.reshape(-1, channels)
        deviation, centre = np.median(then.std(axis=0)), np.median(np.abs(then.mean(axis=0)))
        is_normal = _NORMAL[0] <= deviation <= _NORMAL[1] and centre <= _NORMAL[1]
        return bool(is_normal and np.median(now.std(axis=0)) >= _OFF_SCALE)

    def _values_in(self, candidate: Candidate) -> npt.NDArray[np.float64]:
        """The sample in another range."""
        scale, offset = composed(RAW, self.given.preprocessing, candidate.range.preprocessing)
        result: npt.NDArray[np.float64] = self.values.astype(np.float64) * np.array(scale) + np.array(offset)
        return result

    def _evidence(self, candidate: Candidate) -> str:
        given = self.answered["given"]
        moved, fitting = self.layer.moved(self.values), self.layer.moved(self._values_in(candidate))
        other = candidate.range.name
        if self._is_off_scale(candidate):
            return f"the model rescales its input itself, to values of about 1 where it gets {other}"
        spread = f"they move the first layer by {moved:.2g} of its bias, {other} would by {fitting:.2g}"
        if self.given.is_small:
            return f"{spread}, and the outputs hardly differ from item to item"
        if given.saturated >= _SATURATED:
            return f"{spread}, and the model is certain of {given.saturated:.0%} of the items"
        return f"{spread}, and the answers are of fewer classes"

    def _finding(self, candidates: Sequence[Candidate], evidence: str) -> Finding:
        names = " or ".join(one.range.name for one in candidates)
        details: dict[str, Any] = {
            "expected": [one.range.name for one in candidates],
            "candidates": [written(one, self.given) for one in candidates],
        }
        if len(candidates) == 1:
            details |= details["candidates"][0]
        return self._told(
            f"expected {names}: {evidence}; say what maps the data to it with --preprocess", details
        )

    def _unknown(self, better: Candidate, evidence: str) -> Finding:
        """A range that is wrong beyond doubt, where the best of the usual ones is a poor one, too.

        Without ``scale`` and ``offset``, which a fix would take for the remedy.
        """
        return self._told(
            f"expected another range, which is none of the usual ones: {better.range.name} is the best of them, and "
            f"poor ({evidence}); say with --preprocess what training did to the values",
            {"expected": [], "candidates": [written(better, self.given)]},
        )

    def _told(self, expected: str, details: Mapping[str, Any]) -> Finding:
        source, given = self.feed.dataset.source, self.feed.preprocessing.of(self.spec.name).name
        low, high = float(self.values.min()), float(self.values.max())
        return Finding(
            source,
            f"{source}: the values of input {self.spec.name!r} reach the model as {low:.4g} to {high:.4g} "
            f"(preprocessing {given}), {expected}",
            place(self.feed.dataset),
            {"input": self.spec.name, "found": [low, high], **details},
        )


def _is_collapsed(given: Answers, other: Answers) -> bool:
    """Whether all items get the same answer as given, and not under the other range."""
    if given.classifies:
        certain = given.saturated > _UNSATURATED
        return not certain and given.spread <= min(_COLLAPSED, _COLLAPSED_SHARE * other.spread)
    return given.spread <= _STILL * other.spread


def _is_exploded(given: Answers, other: Answers) -> bool:
    """Whether a classifier is certain of everything as given, or answers with few classes, and not under the other."""
    if not given.classifies or other.saturated > _UNSATURATED or other.spread < _LIVELY:
        return False
    now, then = given.classes_in_use, other.classes_in_use
    return (given.saturated >= _SATURATED and then >= now) or then >= _FEWER_CLASSES * now
