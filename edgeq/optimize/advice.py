"""What a search tells beside its choice: what would help, how many items are needed, what the float model is worth."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.benchmark.accuracy_statistics import items_needed, proportion, rounded_up
from edgeq.errors import DataError
from edgeq.optimize.choosing import Choice, is_baseline, is_within, keeps, loss_pp
from edgeq.optimize.findings import AGREEMENT, Quality
from edgeq.optimize.result import LATENCY, Goal
from edgeq.optimize.tried import Tried
from edgeq.report.wording import decimal

MOST_ITEMS = 300_000_000
"""Labelled images of JFT-300M (Sun et al. 2017), one of the largest sets there are: to ask for more is no advice."""

_Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def advice(choice: Choice, tried: Sequence[Tried], goal: Goal) -> list[str]:
    """Sentences on how far the choice holds and what would help where it does not.

    Args:
        choice: that was made.
        tried: all candidates.
        goal: what is wanted.
    """
    if choice.chosen is None or choice.chosen.quality is None:
        return []
    sentences = []
    if not choice.meets:
        sentences += _nothing_meets(choice.chosen, choice.chosen.quality, tried, goal)
    elif _only_float(tried, goal):
        sentences.append(
            "Only files that compute in float are within the budget: no integer file is. "
            "Quantization-aware training or more calibration data bring int8 nearer."
        )
    if choice.meets and choice.by_latency:
        sentences += _about_speed(choice.chosen)
    elif goal.objective == LATENCY and not choice.by_latency:
        sentences.append("Nothing was timed: the choice is by size.")
    few = too_few_items(choice.chosen.quality, goal)
    return [*sentences, few] if few else sentences


def too_few_items(quality: Quality, goal: Goal) -> str | None:
    """Whether the drop's interval is wider than the budget, and how many items would make it narrow enough.

    The share of items on which only one of the two files is right is at most the share on which they disagree; where
    the model does not classify, it is what makes an interval of this width at this number of items.

    Returns:
        A sentence; None where there are enough.
    """
    if goal.max_drop_pp <= 0 or quality.n < 1 or quality.half_width_pp <= goal.max_drop_pp:
        return None
    of_interval = (quality.half_width_pp / 100) ** 2 * quality.n / _Z95**2
    share = of_interval if quality.agreement is None else 1 - quality.agreement
    needed = rounded_up(items_needed(goal.max_drop_pp, min(1.0, max(0.0, share))))
    if needed <= quality.n:
        # The interval is not that of two shares, whatever the agreement is.
        needed = rounded_up(items_needed(goal.max_drop_pp, min(1.0, of_interval)))
    needed = max(needed, quality.n + 1)
    is_possible = needed <= MOST_ITEMS
    remedy = (
        f"about {needed:,} items would bring that within it" if is_possible else "no data set is large enough"
    )
    return (
        f"{quality.n:,} validation items are few for a budget of {goal.max_drop_pp:g} pp: the drop is known to "
        f"±{quality.half_width_pp:.2f} pp; {remedy}."
    )


def require_reachable(float32: Quality, goal: Goal) -> None:
    """Refuses what `confident` can never reach on so few items.

    Args:
        float32: the float32 file compared with itself: no other one can have a narrower interval.
        goal: what is wanted.

    Raises:
        DataError: its interval already ends above the budget.
    """
    if goal.confident and float32.high_pp > goal.max_drop_pp:
        raise _unreachable(float32.n, float32.high_pp, goal, has_labels=float32.metric != AGREEMENT)


def require_enough_items(n: int, goal: Goal, *, has_labels: bool) -> None:
    """Refuses by their number alone what `require_reachable` would refuse of a share of items.

    Where two files never disagree, each side of the interval of their difference is that of Wilson's for no success.

    Args:
        n: validation items at most.
        goal: what is wanted.
        has_labels: whether the share is of right answers, not of answers like float32's.

    Raises:
        DataError: the interval ends above the budget on so few items.
    """
    if not goal.confident or n < 1:
        return
    high_pp = 100 * proportion(0, n).high
    if high_pp > goal.max_drop_pp:
        raise _unreachable(n, high_pp, goal, has_labels=has_labels)


def _unreachable(n: int, high_pp: float, goal: Goal, *, has_labels: bool) -> DataError:
    if goal.max_drop_pp <= 0:
        return DataError(
            "--confident with a budget of 0 pp: no number of items shows that; expected a budget above 0"
        )
    needed = rounded_up(items_needed(goal.max_drop_pp, 0.0))
    enough = (
        f"give about {needed:,} items or"
        if needed <= MOST_ITEMS
        else "no data set is large enough for that: give"
    )
    same = (
        "without a single error more has a drop"
        if has_labels
        else "without a single other answer has a difference"
    )
    return DataError(
        f"--confident: on {n:,} validation items even a file {same} of up to "
        f"{high_pp:.2f} {'pp' if has_labels else '%'}, the budget is {goal.max_drop_pp:g} pp: {enough} a larger "
        "--max-drop"
    )


def _nothing_meets(nearest: Tried, quality: Quality, tried: Sequence[Tried], goal: Goal) -> list[str]:
    drop = "disagreement with float32" if quality.metric == AGREEMENT else "drop"
    over = loss_pp(quality, goal) - goal.max_drop_pp
    sentences = [
        f"Nothing but float32 is within the budget of {goal.max_drop_pp:g} pp: nearest is {nearest.candidate.title} "
        f"with a {drop} of {decimal(quality.drop_pp, 2)} pp ({decimal(quality.low_pp, 2)} to "
        f"{decimal(quality.high_pp, 2)}), {decimal(over, 2)} pp over it."
    ]
    unkept = [one.candidate.title for one in tried if is_within(one.quality, goal) and not keeps(one, goal)]
    if unkept:
        sentences.append(f"Without --keep, {' and '.join(unkept)} would be within it.")
    if goal.confident and quality.drop_pp <= goal.max_drop_pp:
        sentences.append(
            "Its drop itself is within the budget, and only the upper end of its interval is not: "
            "more validation items, or no --confident."
        )
    sentences.append(
        f"With --max-drop {_rounded_up_pp(loss_pp(quality, goal)):g}pp it would be within the budget."
    )
    sentences.append(
        "Fine-tuning with quantization-aware training wins back more than any choice made afterwards; "
        "more calibration data, of the kind that the device will see, makes ranges and weights fit better."
    )
    return sentences


def _rounded_up_pp(value: float) -> float:
    """To hundredths, upwards."""
    hundredths = int(value * 100)
    return (hundredths + (hundredths < value * 100)) / 100


def _only_float(tried: Sequence[Tried], goal: Goal) -> bool:
    within = [one for one in tried if is_within(one.quality, goal) and not is_baseline(one)]
    integers = [one for one in tried if one.quality is not None and one.candidate.recipe is not None]
    return bool(within and integers) and all(one.candidate.variant == "float16" for one in within)


def _about_speed(chosen: Tried) -> list[str]:
    if is_baseline(chosen):
        return ["Nothing within the budget was measured faster than float32: ship float32 on this device."]
    if chosen.speed is not None and chosen.speed.high >= 1:
        return [f"{chosen.candidate.title} was not measured faster than float32 on {chosen.speed.device}."]
    return []
