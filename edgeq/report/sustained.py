"""What happened in minutes of inferences without a pause: how much slower, how hot, and whether the ranking turned."""

from __future__ import annotations

import itertools

from edgeq.benchmark.measurement import SustainedMinute
from edgeq.report import wording
from edgeq.report.choice import STEADY_DIFFERENCE
from edgeq.report.doubts import EMULATED
from edgeq.report.machine_wording import temperature, throttled_now
from edgeq.report.tables import Row, Table

_MINUTE_S = 60.0

_MOST_PAIRS = 4
"""Pairs that a sentence names."""

_MOST_ROWS = 64
"""Rows that are held against each other: no bundle has as many variants."""


def minutes(row: Row) -> tuple[SustainedMinute, ...]:
    """The minutes of a row, empty where none were asked for."""
    return row.source.latency.sustained if row.source.latency is not None else ()


def sustained_lines(table: Table) -> tuple[tuple[str, str], ...]:
    """Label and text of each row that has minutes: ``first minute 3.10 ms, last 4.00 ms (+29 %), 82 °C``."""
    return tuple((row_label(table, row), _text(row)) for row in table.rows if minutes(row))


def sustained_title(table: Table) -> str:
    """``10 minutes without a pause``."""
    longest = max((sum(minute.seconds for minute in minutes(row)) for row in table.rows), default=0.0)
    return f"{_span(longest)} without a pause"


def _span(seconds: float) -> str:
    """``20 s``, ``1 minute``, ``2.5 minutes``."""
    if seconds < _MINUTE_S:
        return f"{wording.decimal(seconds, 0)} s"
    count = seconds / _MINUTE_S
    if round(count, 1) == round(count):
        return wording.count(round(count), "minute")
    return f"{wording.decimal(count, 1)} minutes"


def row_label(table: Table, row: Row) -> str:
    """The variant, with its threads where the table has several counts."""
    return f"{row.variant}, {wording.threads(row.threads)}" if len(table.thread_counts) > 1 else row.variant


def ranking_changes(table: Table) -> tuple[str, ...]:
    """A sentence for each thread count at which the last minute's order is another than the first's.

    Differences below `STEADY_DIFFERENCE` are none, as in the advice. Emulated times have no order.
    """
    sentences = []
    for count in table.thread_counts:
        rows = [row for row in table.rows if row.threads == count and row.mark != EMULATED and minutes(row)]
        turned = [
            _overtaking(*pair) for pair in itertools.permutations(rows[:_MOST_ROWS], 2) if _turned(*pair)
        ]
        if turned:
            shown = turned[:_MOST_PAIRS]
            if len(turned) > _MOST_PAIRS:
                shown.append(f"{wording.count(len(turned) - _MOST_PAIRS, 'further pair')} changed places")
            where = f" on {wording.threads(count)}" if len(table.thread_counts) > 1 else ""
            sentences.append(f"under sustained load the ranking changes{where}: {'; '.join(shown)}")
    return tuple(sentences)


def _overtaking(first: Row, later: Row) -> str:
    """``b overtakes a (3.20 against 3.60 ms in the last minute)``."""
    slow, quick = (minutes(row)[-1].median_ms for row in (first, later))
    unit, factor = wording.time_unit(max(slow, quick))
    times = f"{wording.significant(quick * factor)} against {wording.significant(slow * factor)} {unit}"
    return f"{later.variant} overtakes {first.variant} ({times} in the last minute)"


def _text(row: Row) -> str:
    told = minutes(row)
    first, last = told[0], told[-1]
    marked = f" ({row.mark})" if row.mark is not None else ""
    text = f"first minute {wording.duration(first.median_ms)}{marked}"
    if len(told) == 1:
        text = f"{wording.duration(first.median_ms)}{marked}"
    else:
        text += f", last {wording.duration(last.median_ms)}"
        if first.median_ms > 0 and row.mark != EMULATED:
            text += f" ({_change(last.median_ms / first.median_ms)})"
    if last.temperature_c is not None:
        text += f", {temperature(last.temperature_c)}"
    if held_down := throttled_now(last.throttled):
        text += f", {held_down}"
    return text


def _change(ratio: float) -> str:
    percent = 100 * (ratio - 1)
    return f"{'+' if percent >= 0.5 else ''}{wording.decimal(percent, 0)} %"


def _turned(one: Row, other: Row) -> bool:
    """Whether one was clearly faster at first and the other clearly is at last."""
    margin = 1 + STEADY_DIFFERENCE
    return (
        minutes(one)[0].median_ms * margin <= minutes(other)[0].median_ms
        and minutes(other)[-1].median_ms * margin <= minutes(one)[-1].median_ms
    )
