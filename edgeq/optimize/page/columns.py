"""The columns of the table of candidates; the terminal and the page show the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeq.benchmark.measurement import Estimate
from edgeq.optimize.findings import AGREEMENT, Quality
from edgeq.optimize.page.view import View, reported
from edgeq.optimize.result import Outcome
from edgeq.report import wording

_TO_PERCENT = 100.0


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: of the column.
        header: its first line.
        unit: its second; may be empty.
        explanation: a sentence, for a footnote or a tooltip.
        text: of a cell; empty where nothing was measured.
        sort: a number to sort by; None where nothing was measured.
        priority: 0 is always shown, larger ones are the first to go where there is no room.
    """

    key: str
    header: str
    unit: str
    explanation: str
    text: Callable[[Outcome], str]
    sort: Callable[[Outcome], float | None]
    priority: int = 0


def columns(view: View, outcomes: Sequence[Outcome]) -> tuple[Column, ...]:
    """The number columns of some candidates: those that have something to show."""
    unit = wording.size_unit(max((one.built.size_bytes for one in outcomes if one.built), default=0))
    every = (
        *_size_columns(unit, view.float32_bytes),
        *_quality_columns(view),
        *_speed_columns(outcomes),
        _delegated(),
    )
    return tuple(column for column in every if any(column.sort(one) is not None for one in outcomes))


def page_columns(view: View) -> tuple[Column, ...]:
    """The columns of the page's table of all candidates: few, so that there is room for why they fell."""
    kept = [column for column in columns(view, view.result.outcomes) if column.key in _OF_ALL]
    error = Column(
        "error",
        "error",
        "",
        "of the outputs on held-back calibration items; the search ranks recipes by it",
        lambda one: "" if one.built is None else wording.significant(one.built.error),
        lambda one: None if one.built is None else one.built.error,
    )
    has_errors = any(one.built is not None for one in view.result.outcomes)
    return (*kept[:1], error, *kept[1:]) if has_errors else tuple(kept)


_OF_ALL = ("size", "drop", "latency", "delegated")


def _size_columns(unit: str, float32_bytes: int) -> tuple[Column, ...]:
    def size(outcome: Outcome) -> float | None:
        return None if outcome.built is None else outcome.built.size_bytes

    return (
        Column(
            "size",
            "size",
            unit,
            "of the file",
            lambda one: "" if one.built is None else wording.size_in(one.built.size_bytes, unit),
            size,
        ),
        Column(
            "share",
            "of float32",
            "%",
            "size of the file as a share of the float32 file's",
            lambda one: (
                ""
                if one.built is None or not float32_bytes
                else wording.decimal(_TO_PERCENT * one.built.size_bytes / float32_bytes, 0)
            ),
            size,
            priority=2,
        ),
    )


def _quality_columns(view: View) -> tuple[Column, ...]:
    without_labels = is_agreement(view)
    half = "; on the half of the items that nothing was chosen on" if view.result.goal.holdout else ""
    drop = Column(
        "drop",
        "differs" if without_labels else "drop",
        "%" if without_labels else "pp",
        (
            "share of the items on which the answer is not float32's"
            if without_labels
            else "lost accuracy in percentage points, paired by item"
        )
        + f", with its 95 % interval{half}",
        lambda one: drop_text(reported(one)),
        lambda one: _of(reported(one), lambda quality: quality.drop_pp),
    )
    agreement = Column(
        "agreement",
        "agreement",
        "%",
        "share of the items on which the answer is float32's",
        lambda one: agreement_text(reported(one)),
        lambda one: _of(reported(one), lambda quality: quality.agreement),
        priority=1,
    )
    items = Column(
        "n",
        "n",
        "",
        "items that it was measured on",
        lambda one: "" if reported(one) is None else f"{_of(reported(one), lambda quality: quality.n):,}",
        lambda one: _of(reported(one), lambda quality: quality.n),
        priority=4,
    )
    return (drop, items) if without_labels else (drop, agreement, items)


def _speed_columns(outcomes: Sequence[Outcome]) -> tuple[Column, ...]:
    unit, factor = wording.time_unit(max((one.speed.latency_ms for one in outcomes if one.speed), default=0))
    return (
        Column(
            "latency",
            "latency",
            unit,
            "median of an inference",
            lambda one: "" if one.speed is None else wording.significant(one.speed.latency_ms * factor),
            lambda one: None if one.speed is None else one.speed.latency_ms,
        ),
        Column(
            "ratio",
            "vs float32",
            "",
            "latency as a ratio to float32's in the same run, with its 95 % interval",
            ratio_text,
            lambda one: None if one.speed is None else one.speed.ratio,
            priority=3,
        ),
    )


def _delegated() -> Column:
    return Column(
        "delegated",
        "delegated",
        "",
        "operators that the runtime's fast kernels take, of all",
        lambda one: (
            ""
            if one.built is None or one.built.delegated is None
            else f"{one.built.delegated}/{one.built.operators}"
        ),
        lambda one: (
            None
            if one.built is None or one.built.delegated is None
            else one.built.delegated / max(1, one.built.operators)
        ),
        priority=1,
    )


def is_agreement(view: View) -> bool:
    """Whether there were no labels, so that agreement takes the place of the metric."""
    return any(one.quality.metric == AGREEMENT for one in view.result.outcomes if one.quality)


def drop_text(quality: Quality | None) -> str:
    """``0.10 [−0.05, 0.25]``; empty where nothing was measured."""
    return "" if quality is None else wording.bracketed(drop_estimate(quality))


def drop_estimate(quality: Quality) -> Estimate:
    """The drop with its interval, in percentage points."""
    return Estimate(quality.drop_pp, quality.low_pp, quality.high_pp, quality.n)


def agreement_text(quality: Quality | None) -> str:
    """``98.6``; empty where nothing was measured."""
    if quality is None or quality.agreement is None:
        return ""
    return wording.decimal(_TO_PERCENT * quality.agreement, 1)


def ratio_text(outcome: Outcome) -> str:
    """``0.48 [0.47, 0.49]``; empty where nothing was timed."""
    speed = outcome.speed
    if speed is None:
        return ""
    return wording.bracketed(Estimate(speed.ratio, speed.low, speed.high, 1))


def _of(quality: Quality | None, take: Callable[[Quality], float | None]) -> float | None:
    return None if quality is None else take(quality)
