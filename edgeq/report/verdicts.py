"""What each variant costs and loses against the baseline, in words: one line a variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.benchmark.latency_statistics import FASTER, SLOWER
from edgeq.report import metric_wording, wording
from edgeq.report.parity_wording import parity_phrase
from edgeq.report.tables import Row, Table


@dataclass(frozen=True)
class Verdict:
    """One line about one variant.

    Attributes:
        variant: its name.
        text: such as ``2.1× faster, 3.9× smaller, drop 0.10 pp (±0.57)``.
    """

    variant: str
    text: str


def verdicts(table: Table) -> tuple[Verdict, ...]:
    """A verdict for each variant of a table, all its thread counts in one line."""
    by_variant: dict[str, list[Row]] = {}
    for row in table.rows:
        by_variant.setdefault(row.variant, []).append(row)
    return tuple(Verdict(name, _text(rows)) for name, rows in by_variant.items())


def speed_phrase(row: Row) -> str | None:
    """``2.1× faster``, or the latency itself where there is nothing to compare with; None when not measured."""
    if row.latency is None:
        return None
    if row.ratio is None:
        return wording.duration(row.latency.value)
    if row.verdict == FASTER:
        return f"{wording.times(1 / row.ratio.value)} faster"
    if row.verdict == SLOWER:
        return f"{wording.times(row.ratio.value)} slower"
    return "no significant difference in latency"


def quality_phrase(row: Row) -> str | None:
    """The drop in words; else the agreement, the metric, or how close the outputs are; None where none is known."""
    if row.primary is not None and row.primary.drop is not None:
        return metric_wording.drop_phrase(row.primary, row.primary.drop)
    if row.agreement is not None:
        value = wording.decimal(100 * row.agreement.value, 1)
        return f"agreement {value} % ({wording.interval(row.agreement, 1, 100)})"
    if row.primary is not None:
        return metric_wording.value_phrase(row.primary)
    parts = []
    if row.sqnr_db is not None:
        parts.append(f"SQNR {wording.decimal(row.sqnr_db, 1)} dB")
    if row.cosine is not None:
        parts.append(f"cosine {metric_wording.cosine(row.cosine)}")
    return ", ".join(parts) or None


def speeds(rows: Sequence[Row]) -> str | None:
    """The speed at every thread count in one phrase, shorter where they agree."""
    known = [(row.threads, phrase) for row in rows if (phrase := speed_phrase(row)) is not None]
    if not known:
        return None
    phrases = dict.fromkeys(phrase for _, phrase in known)
    if len(phrases) == 1:
        return next(iter(phrases))
    words = [phrase.split(" ", 1) for _, phrase in known]
    # "2.2× faster on 1 thread and 2.1× on 4 threads"; the word only once where it is the same.
    if len({tuple(word[1:]) for word in words}) == 1:
        phrases_at = [words[0], *([word[0]] for word in words[1:])]
    else:
        phrases_at = words
    return wording.enumeration(
        [
            f"{' '.join(phrase)} on {wording.threads(threads)}"
            for (threads, _), phrase in zip(known, phrases_at, strict=True)
        ]
    )


def _text(rows: Sequence[Row]) -> str:
    first = rows[0]
    marks = dict.fromkeys(row.mark for row in rows if row.mark is not None)
    parts = [speeds(rows), *(f"{mark} times, not compared" for mark in marks)]
    if first.is_baseline:
        parts.insert(0, "the baseline")
    elif first.size_ratio is not None:
        parts.append(wording.size_phrase(first.size_ratio))
    else:
        parts.append(wording.size(first.size_bytes))
    parts.append(quality_phrase(first))
    parts.append(parity_phrase(first.parity) if first.parity is not None else None)
    return ", ".join(part for part in parts if part)
