"""Which variant to ship, and why.

The rule: of the variants that stay within the budget, the fastest that is significantly faster than the
baseline; where several are equally fast, the smallest of them; where none is faster, the smallest that is
not slower (`edgeq.report.choice`). To stay within the budget means that the whole 95 % interval of the primary
metric's drop does, or, without labels, that of the agreement. What does not compute on the device what the bundle
recorded is never shipped; where times must not be compared, size and accuracy decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeq.benchmark.accuracy_statistics import items_needed, rounded_up
from edgeq.benchmark.item_values import correct_items
from edgeq.benchmark.latency_statistics import FASTER, SLOWER
from edgeq.benchmark.measurement import Metric
from edgeq.report import metric_wording, wording
from edgeq.report.choice import Choice, choose, fastest
from edgeq.report.tables import Row, Table
from edgeq.report.verdicts import quality_phrase, speed_phrase, speeds

MAX_DROP_PP = 1.0
"""The budget of rates: what a user hardly notices, and what a few thousand items can show."""

MAX_DROP_PERCENT = 1.0
"""The budget of amounts, in percent of the baseline's: of an error, which may have any size, only a share says much."""

MIN_AGREEMENT = 0.99
"""The budget without labels: at most one answer in a hundred changes."""

COMPARISON = "comparison"
"""The task of outputs that are compared with the baseline's and mean nothing else to edgeq."""

_TOO_MANY = 1e9  # items that nobody will measure


@dataclass(frozen=True)
class Budget:
    """What a variant may lose.

    Attributes:
        max_drop_pp: percentage points of a primary metric that is a rate.
        max_drop_percent: percent of one that is an amount.
        min_agreement: share between 0 and 1; counts where there are no labels.
    """

    max_drop_pp: float = MAX_DROP_PP
    max_drop_percent: float = MAX_DROP_PERCENT
    min_agreement: float = MIN_AGREEMENT

    def max_drop(self, metric: Metric) -> float:
        """The budget of a metric in its drop's unit."""
        return self.max_drop_pp if metric.is_rate else self.max_drop_percent


@dataclass(frozen=True)
class Recommendation:
    """The last line of a report.

    Attributes:
        variant: the one to ship; None where nothing can be recommended.
        threads: thread counts for which it holds.
        headline: the advice in a few words.
        reason: why, without a full stop.
        model: the model's name; None for lone files.
        device: where.
    """

    variant: str | None
    threads: tuple[int, ...]
    headline: str
    reason: str
    model: str | None
    device: str

    @property
    def text(self) -> str:
        """Advice and reason as one sentence."""
        return f"{self.headline}: {self.reason}." if self.reason else f"{self.headline}."


def recommend(table: Table, budget: Budget | None = None) -> tuple[Recommendation, ...]:
    """What to ship of one table; more than one entry only where thread counts lead to different variants."""
    budget = budget or Budget()
    others = [row for row in table.rows if not row.is_baseline]
    if table.model is None:
        return (_no_baseline(table),)
    if not others:
        return (_entry(table, None, "Nothing to compare yet", f"only {table.rows[0].variant} was measured"),)
    failing = {row.variant for row in table.rows if row.fails_parity}
    if (baseline := others[0].baseline) in failing:
        return (
            _entry(
                table, None, "Nothing can be recommended", f"{baseline} itself fails parity on this device"
            ),
        )
    others = [row for row in others if row.variant not in failing]
    if not others:
        return (
            _entry(table, baseline, f"Ship {baseline}", "every other variant fails parity on this device"),
        )
    judged = [row for row in others if row.drop is not None]
    if not judged:
        judged = [row for row in others if row.agreement is not None]
    if not judged and any(row.n for row in others):
        return (_only_noise(table, others),)
    if not judged:
        return (_no_accuracy(table, others),)
    qualified = [row for row in judged if _within(row, budget)]
    if not qualified:
        return (_none_qualifies(table, judged, budget),)
    return _picks(table, qualified, budget)


def _picks(table: Table, qualified: Sequence[Row], budget: Budget) -> tuple[Recommendation, ...]:
    choices = choose(qualified)
    return tuple(_pick(table, choice, len(choices) > 1, qualified[0], budget) for choice in choices)


def _pick(table: Table, choice: Choice, is_one_of_many: bool, example: Row, budget: Budget) -> Recommendation:
    baseline = example.baseline or "the baseline"
    counts = wording.enumeration([wording.threads(count) for count in choice.threads])
    where = f" on {counts}" if is_one_of_many else ""
    if choice.variant is None:
        reason = f"every other variant within {_limit(example, budget)} is slower"
        return _entry(table, baseline, f"Ship {baseline}{where}", reason, choice.threads)
    reason = _reason(choice.rows, baseline, choice.why)
    return _entry(table, choice.variant, f"Ship {choice.variant}{where}", reason, choice.threads)


def _reason(rows: Sequence[Row], baseline: str, tipped: str) -> str:
    first = rows[0]
    parts = [part for part in (speeds(rows), _size(first)) if part]
    text = f"{', '.join(parts)} than {baseline}; {_evidence(first)}"
    if not first.metrics:
        text += "; the data have no labels, so the accuracy itself was not measured"
    return f"{text}; {tipped}" if tipped else text


def _size(row: Row) -> str | None:
    return None if row.size_ratio is None else wording.size_phrase(row.size_ratio)


def _evidence(row: Row) -> str:
    """The quality with the bound that counts."""
    if row.primary is not None and row.primary.drop is not None:
        return metric_wording.drop_evidence(row.primary, row.primary.drop, row.n or row.primary.drop.n)
    agreement = row.agreement
    if agreement is None:
        return "accuracy not measured"
    value, low = (wording.decimal(100 * share, 1) for share in (agreement.value, agreement.low))
    return (
        f"agrees with {row.baseline} on {value} % of {wording.count(agreement.n, 'item')}, "
        f"at least {low} % (95 % interval)"
    )


def _none_qualifies(table: Table, judged: Sequence[Row], budget: Budget) -> Recommendation:
    # What is slower is not shipped, however near it is.
    worthwhile = [row for row in judged if row.verdict != SLOWER] or judged
    nearest = min(worthwhile, key=lambda row: _distance(row, budget))
    limit = _limit(nearest, budget)
    if _could_qualify(nearest, budget):
        items = wording.count(nearest.n or 0, "item")
        needed = _needed(nearest, budget, table.baseline)
        more = f", about {rounded_up(needed):,} would decide" if needed is not None else ", more would decide"
        return _entry(
            table,
            None,
            f"Too few items to say whether a variant stays within {limit}",
            f"nearest is {nearest.variant} with {quality_phrase(nearest)} on {items}{more}",
        )
    return _entry(
        table,
        None,
        f"No variant stays within {limit}",
        f"nearest is {nearest.variant} with {quality_phrase(nearest)}; until then ship {nearest.baseline}",
    )


def _no_accuracy(table: Table, others: Sequence[Row]) -> Recommendation:
    faster = [row for row in others if row.verdict == FASTER and row.latency is not None]
    reason = "add --data FOLDER to see what each variant loses"
    if table.environment.reached_by.startswith("packed:"):
        reason = "pack the bundle with --data to see what each variant loses"
    if table.environment.reached_by.startswith("adb:"):
        reason = (
            "adb measures times alone; measure this bundle here with --data to see what each variant loses"
        )
    if table.environment.reached_by.startswith("app:"):
        reason = "the app measures times and parity; measure here with --data to see what each variant loses"
    if faster:
        best = fastest(faster)
        reason += f"; fastest is {best.variant}, {speed_phrase(best)} than {best.baseline}"
    return _entry(table, None, "Accuracy was not measured, so nothing is recommended", reason)


def _only_noise(table: Table, others: Sequence[Row]) -> Recommendation:
    """How much noise is too much, or how much worse is too much than an error of 0, only the user can say."""
    closest = max(others, key=lambda row: row.sqnr_db if row.sqnr_db is not None else -math.inf)
    headline = "Accuracy was not measured, so nothing is recommended"
    reason = "the data have no labels, so only the noise of the outputs was measured"
    if table.metrics:
        headline = "No drop could be measured, so nothing is recommended"
        reason = _why_no_drop(table.metrics[0], table.baseline)
    elif all(row.task in (COMPARISON, None) for row in others):
        headline = "Accuracy has no common measure here, so nothing is recommended"
        reason = "the outputs are not one score a class, so only their noise was measured"
    reason += f"; closest to {closest.baseline} is {closest.variant} with {quality_phrase(closest)}"
    return _entry(table, None, headline, reason)


def _why_no_drop(metric: Metric, baseline: Row | None) -> str:
    of_baseline = baseline.primary if baseline is not None else None
    if baseline is not None and of_baseline is not None and of_baseline.value.value == 0:
        return f"{metric.label} of {baseline.variant} is 0, and nothing is a percentage of that"
    return f"the results hold no drop of {metric.label}"


def _no_baseline(table: Table) -> Recommendation:
    measured = [row for row in table.rows if row.latency is not None]
    of_bundle = any(row.source.provenance for row in table.rows)
    measure = "measure float32 with it (leave out --variant)" if of_bundle else "measure a bundle"
    reason = f"{measure} to see what a variant gains and loses against float32"
    if measured and len(table.variants) > 1:
        best = fastest(measured)
        reason = f"fastest is {best.variant} ({speed_phrase(best)}); " + reason
    return _entry(table, None, "No baseline was measured", reason)


def _entry(
    table: Table, variant: str | None, headline: str, reason: str, counts: tuple[int, ...] | None = None
) -> Recommendation:
    return Recommendation(variant, counts or table.thread_counts, headline, reason, table.model, table.device)


def _within(row: Row, budget: Budget) -> bool:
    if row.primary is not None and row.drop is not None:
        return row.drop.high <= budget.max_drop(row.primary)
    return row.agreement is not None and row.agreement.low >= budget.min_agreement


def _could_qualify(row: Row, budget: Budget) -> bool:
    """Whether more items could bring the interval within the budget."""
    if row.primary is not None and row.drop is not None:
        return row.drop.value < budget.max_drop(row.primary)
    return row.agreement is not None and row.agreement.value > budget.min_agreement


def _distance(row: Row, budget: Budget) -> float:
    if row.primary is not None and row.drop is not None:
        return row.drop.high - budget.max_drop(row.primary)
    return budget.min_agreement - row.agreement.low if row.agreement is not None else math.inf


def _limit(row: Row, budget: Budget) -> str:
    if row.primary is not None and row.drop is not None:
        return metric_wording.limit(row.primary, budget.max_drop(row.primary), row.baseline or "the baseline")
    return f"{100 * budget.min_agreement:g} % agreement"


def _needed(row: Row, budget: Budget, baseline: Row | None) -> int | None:
    """Items that bring the interval within the budget if the value stays; None where that is not known.

    Where single items are right or wrong, by how often the two disagree. Else by the width of the interval, which
    shrinks with the root of the number of items, of a bootstrap's too.
    """
    if row.primary is None or row.drop is None:
        if row.agreement is None:
            return None
        slack = row.agreement.value - budget.min_agreement
        return items_needed(100 * slack, 1 - row.agreement.value)
    slack = budget.max_drop(row.primary) - row.drop.value
    ours = correct_items(row.accuracy)
    theirs = correct_items(baseline.accuracy) if baseline is not None else None
    if ours is not None and theirs is not None and ours.shape == theirs.shape:
        return items_needed(slack, float(np.mean(ours != theirs)))
    ratio = (row.drop.high - row.drop.value) / slack
    needed = (row.n or row.drop.n) * min(ratio, _TOO_MANY) ** 2
    # Rounded, so that 2000.0000001 is not 2,001 and then, rounded up, 2,100.
    return math.ceil(round(needed, 6)) if needed < _TOO_MANY else None
