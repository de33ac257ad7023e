"""The statistics of accuracy and of outputs: each function returns a value with its 95 % interval and its n.

Accuracies are shares of one set of items, so two variants are compared item by item.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import Estimate
from edgeq.errors import DataError, ResultsError

SQNR_LIMIT_DB = 200.0
"""Stands for an infinite ratio, which JSON cannot hold; float32 itself ends at about 145 dB."""

_Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def proportion(successes: int, n: int) -> Estimate:
    """A share with Wilson's score interval.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927; the form is
    that of Newcombe, Statistics in Medicine 17, 1998, pages 857–872, method 3.

    Args:
        successes: items that count.
        n: all items, at least one.

    Returns:
        The share between 0 and 1.

    Raises:
        ResultsError: there is no item, or successes are not between 0 and n.
    """
    if not 0 <= successes <= n or n < 1:
        raise ResultsError(f"expected a count between 0 and the number of items, found {successes} of {n}")
    share = successes / n
    centre = (successes + _Z95**2 / 2) / (n + _Z95**2)
    half = _Z95 * math.sqrt(n * share * (1 - share) + _Z95**2 / 4) / (n + _Z95**2)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(share, low, high, n)


def paired_difference(correct: npt.NDArray[np.bool_], baseline_correct: npt.NDArray[np.bool_]) -> Estimate:
    """Difference of two shares that were measured on the same items, with Tango's score interval.

    Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17, 1998, pages 891–908, equations 24–26. It stays honest where the two
    never disagree: each side is then as long as Wilson's interval of zero successes.

    Args:
        correct: bool[N], which items the variant got right.
        baseline_correct: bool[N], which of the same items the baseline got right.

    Returns:
        The variant's share minus the baseline's, between -1 and 1.

    Raises:
        ResultsError: there is no item, or the two are not of one length.
    """
    ours = np.asarray(correct, dtype=bool)
    theirs = np.asarray(baseline_correct, dtype=bool)
    if ours.shape != theirs.shape or ours.ndim != 1 or ours.size == 0:
        raise ResultsError(
            f"expected two lists of one length, found {ours.shape} and {theirs.shape}: "
            "only results on the same items can be compared"
        )
    gained = int(np.count_nonzero(ours & ~theirs))
    lost = int(np.count_nonzero(theirs & ~ours))
    low, high = _tango_interval(gained, lost, ours.size)
    return Estimate((gained - lost) / ours.size, low, high, ours.size)


def drop_pp(correct: npt.NDArray[np.bool_], baseline_correct: npt.NDArray[np.bool_]) -> Estimate:
    """The drop: the baseline's share minus the variant's in percentage points, paired by item.

    Args:
        correct: bool[N], which items the variant got right.
        baseline_correct: bool[N], which of the same items the baseline got right.

    Returns:
        `paired_difference` with its sides exchanged, times 100; positive where the variant is worse.

    Raises:
        ResultsError: there is no item, or the two are not of one length.
    """
    difference = paired_difference(baseline_correct, correct)
    return Estimate(100 * difference.value, 100 * difference.low, 100 * difference.high, difference.n)


def mcnemar_exact(b: int, c: int) -> float:
    """The probability of a split at least this uneven if the two variants were equally good.

    McNemar, Psychometrika 12, 1947, in its exact form: the two-sided binomial test of b against c.

    Args:
        b: items that only the one got right.
        c: items that only the other got right.

    Returns:
        The two-sided p-value; 1 where the two never disagree.

    Raises:
        ResultsError: a count is negative.
    """
    if b < 0 or c < 0:
        raise ResultsError(f"expected two counts of items, found {b} and {c}")
    return min(1.0, 2 * _binomial_tail(max(b, c), b + c, 0.5))


def above_chance(correct: int, n: int, classes: int, majority_share: float = 0.0) -> bool:
    """Whether a classifier beats guessing: one-sided exact binomial test at 5 %.

    Guessing is right with the larger of one in ``classes`` and the share of the commonest class, which is
    what a model scores that always answers the same. Binomial test: Conover, "Practical Nonparametric
    Statistics", 3rd edition, 1999, section 3.1.

    Args:
        correct: items whose top-1 is the label.
        n: all items.
        classes: number of classes.
        majority_share: share of the commonest label among the items, between 0 and 1.

    Returns:
        True where so many correct items would come up by guessing in at most 5 % of cases.

    Raises:
        ResultsError: the counts do not fit together.
    """
    if not 0 <= correct <= n or n < 1 or classes < 1 or not 0 <= majority_share <= 1:
        raise ResultsError(
            f"expected counts that fit together, found {correct} of {n} items right, {classes} classes "
            f"and a commonest class of {majority_share:.1%}"
        )
    return _binomial_tail(correct, n, max(1 / classes, majority_share)) <= 0.05


def sqnr_db(reference: npt.NDArray[np.floating], value: npt.NDArray[np.floating]) -> float:
    """Signal to quantization noise ratio: 10 log10(Σ reference² / Σ (reference − value)²) in decibels.

    The definition of signal processing: Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd
    edition, 2010, section 4.8.3.

    Args:
        reference: float[...], outputs of the float model.
        value: float[...] of the same shape, outputs of the variant.

    Returns:
        Decibels between -`SQNR_LIMIT_DB` and `SQNR_LIMIT_DB`: the upper limit where the two are equal, the
        lower one where the variant has NaN or infinity and the reference a number. Places where the reference
        itself is not finite are left out.

    Raises:
        DataError: the shapes differ, or the reference has no finite value.
    """
    ours, theirs = np.asarray(value, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise DataError(f"expected outputs of one shape, found {theirs.shape} (reference) and {ours.shape}")
    finite = np.isfinite(theirs)
    if not finite.any():
        raise DataError(
            "the reference has no finite output: check the float model and its preprocessing before comparing"
        )
    ours, theirs = ours[finite], theirs[finite]
    if not np.isfinite(ours).all():
        return -SQNR_LIMIT_DB
    # Scaled first: squares of very small or very large numbers would leave the range of float64.
    largest = max(float(np.abs(theirs).max()), float(np.abs(ours).max()))
    if largest == 0:
        return SQNR_LIMIT_DB
    ours, theirs = ours / largest, theirs / largest
    signal, noise = float(np.sum(theirs**2)), float(np.sum((theirs - ours) ** 2))
    if noise == 0:
        return SQNR_LIMIT_DB
    if signal == 0:
        return -SQNR_LIMIT_DB
    return max(-SQNR_LIMIT_DB, min(SQNR_LIMIT_DB, 10 * (math.log10(signal) - math.log10(noise))))


def items_needed(drop_budget_pp: float, discordant_share: float) -> int:
    """Roughly how many validation items bring the drop's half interval below a budget.

    Solves half² = z² p / n + (z² / n)² for n. The first term is the normal approximation of Tango's interval
    with a share p of items on which only one variant is right, the second its length where the two never
    disagree.

    Args:
        drop_budget_pp: half width wanted, in percentage points.
        discordant_share: share of items on which exactly one of the two variants is right, between 0 and 1.

    Returns:
        Number of items.

    Raises:
        ResultsError: the budget is not positive, or the share not between 0 and 1.
    """
    if not drop_budget_pp > 0 or not 0 <= discordant_share <= 1:
        raise ResultsError(
            "expected a budget above 0 pp and a share between 0 and 1, "
            f"found {drop_budget_pp} pp and {discordant_share}"
        )
    half, p = drop_budget_pp / 100, discordant_share
    return math.ceil(_Z95**2 * (p + math.sqrt(p * p + 4 * half * half)) / (2 * half * half))


def rounded_up(number: int) -> int:
    """Two significant digits, upwards, for a needed number of items: more would claim more than is known."""
    step: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // step) * step


def _tango_interval(b: float, c: float, n: int) -> tuple[float, float]:
    """The differences at which Tango's score statistic passes plus and minus z, found by bisection."""
    value = (b - c) / n
    low = -1.0 if value == -1 else _bisect(b, c, n, -1.0, value, _Z95)
    high = 1.0 if value == 1 else _bisect(b, c, n, value, 1.0, -_Z95)
    return low, high


def _bisect(b: float, c: float, n: int, low: float, high: float, target: float) -> float:
    """Where the statistic, which falls from low to high, has the target value."""
    for _ in range(60):  # halves an interval of at most 2 to below the resolution of float64
        middle = (low + high) / 2
        if _tango_statistic(b, c, n, middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tango_statistic(b: float, c: float, n: int, difference: float) -> float:
    """Tango (1998), equation 24, with his Δ = −difference; q is his restricted estimate of c's share."""
    second = -(b + c) + (2 * n - b + c) * difference
    last = -c * difference * (1 - difference)
    q = (math.sqrt(max(0.0, second * second - 8 * n * last)) - second) / (4 * n)
    variance = n * (2 * q + difference * (1 - difference))
    distance = b - c - n * difference
    if variance <= 0:  # only rounding, or no item on which the two disagree, brings it here
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _binomial_tail(k: int, n: int, p: float) -> float:
    """Probability of k or more successes in n trials of probability p, its terms built as logarithms."""
    if k <= 0 or p >= 1:
        return 1.0
    if p <= 0:
        return 0.0
    factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    successes = np.arange(k, n + 1)
    logs = (
        factorials[n]
        - factorials[successes]
        - factorials[n - successes]
        + successes * math.log(p)
        + (n - successes) * math.log1p(-p)
    )
    return min(1.0, float(np.exp(logs).sum()))
