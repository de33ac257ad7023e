"""The bootstrap over items: intervals and p-values of metrics that are no plain shares of right items.

Items are drawn with replacement, as many as there are, and the metric is computed anew on what was drawn. The
difference of two variants is taken on the same draws, so that what makes items easy or hard cancels. Intervals are
percentile intervals (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3), widened for few
items (Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69, 2015).
Everything is deterministic: the same numbers and seed give the same result.

Times in this module are of one x86 core with AVX-512 and NumPy 2.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import drop_pp, proportion
from edgeq.benchmark.latency_statistics import UNBOUNDED, student_t95
from edgeq.benchmark.measurement import Estimate, Metric
from edgeq.errors import DataError, ResultsError

Floats = npt.NDArray[np.float64]

Statistic = Callable[[Floats], Floats]
"""Metrics of weighted items: float64[R, items] to float64[R, metrics].

A weight says how often an item was drawn; each row has as many draws as there are items. NaN stands where a metric is
not defined, such as a ROC curve of one class.
"""

REPLICATES = 2000
"""Percentiles need 1,000 or more (Efron and Tibshirani, 1993, chapter 19)."""
_LEAST_REPLICATES = 1000
_MOST_DRAWS = 100_000_000
"""Of all replicates and passes: more than that, and fewer replicates are drawn. So many draws take 0.5 s."""
_MOST_GROUPS = 10_000
_WEIGHTS_AT_ONCE = 1 << 20
"""8 MiB: they and what is made of them stay near the cache."""
_ROUNDING = 1e-9
_DECIMALS = 9
"""Of a loss, in percent: sums in another order differ by less, and must not count as lost or won."""
_Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def bootstrap(
    statistics: Sequence[Statistic], items: int, *, seed: int = 0, passes: int = 1
) -> tuple[Floats, ...]:
    """Computes statistics on all items and on replicates, the same replicates for every statistic.

    2,000 replicates of 50,000 items and of two ROC curves take 2.7 s.

    Args:
        statistics: of the same items, such as those of a variant and of its baseline.
        items: how many.
        seed: of the draws.
        passes: how often a statistic goes through all weights, such as once a class: where that is often, there are
            1,000 replicates instead of 2,000.

    Returns:
        One float64[1 + replicates, metrics] a statistic; row 0 is of all items, each once.

    Raises:
        ResultsError: there is no item.
    """
    if items < 1:
        raise ResultsError("expected at least one item, found none: measure again")
    replicates = min(REPLICATES, max(_LEAST_REPLICATES, _MOST_DRAWS // (items * passes)))
    once = np.ones((1, items))
    results = [[statistic(once)] for statistic in statistics]
    for weights in _weights(items, replicates, seed):
        for rows, statistic in zip(results, statistics, strict=True):
            rows.append(statistic(weights))
    return tuple(np.concatenate(rows) for rows in results)


def bootstrap_sums(
    values: Sequence[Floats], function: Callable[[Floats], Floats], *, seed: int = 0
) -> tuple[Floats, ...]:
    """`bootstrap` of metrics that depend on sums over the items alone, as quick for any number of items.

    More than 10,000 items are joined at random to so many groups, which are drawn instead: sums of groups vary as those
    of the items do (random groups: Wolter, "Introduction to Variance Estimation", 2nd edition, 2007, chapter 2).

    Args:
        values: float64[items, columns] of each side, such as a variant and its baseline.
        function: from sums float64[R, columns] to metrics float64[R, metrics].
        seed: of the draws and groups.

    Returns:
        One float64[1 + replicates, metrics] a side.

    Raises:
        ResultsError: there is no item.
    """
    items = len(values[0])
    groups = min(items, _MOST_GROUPS)
    if groups < items:
        order = np.random.default_rng(seed).permutation(items)
        starts = np.arange(groups) * items // groups
        values = [np.add.reduceat(side[order], starts, axis=0) for side in values]

    def summed(side: Floats) -> Statistic:
        return lambda weights: function(weights @ side)

    return bootstrap([summed(side) for side in values], groups, seed=seed)


def bootstrap_means(values: Sequence[Floats], *, seed: int = 0) -> tuple[Floats, ...]:
    """`bootstrap_sums` of metrics that are means over the items.

    Args:
        values: float64[items, metrics] of each side.
        seed: of the draws.

    Returns:
        One float64[1 + replicates, metrics] a side.
    """
    counted = [np.column_stack([side, np.ones(len(side))]) for side in values]
    return bootstrap_sums(counted, lambda sums: sums[:, :-1] / sums[:, -1:], seed=seed)


def resampled_metric(
    key: str,
    label: str,
    items: int,
    ours: Floats,
    theirs: Floats | None = None,
    *,
    is_rate: bool = True,
    higher_is_better: bool = True,
    trials: int | None = None,
) -> Metric:
    """A metric with its interval and, where there is a baseline, what of it was lost.

    Args:
        key: of the metric.
        label: of the metric.
        items: how many were drawn from.
        ours: float64[1 + replicates], a column of `bootstrap`.
        theirs: the baseline's from the same call; None for the baseline itself and a lone file.
        is_rate: see `Metric`.
        higher_is_better: see `Metric`.
        trials: for the interval of a rate of 0 or 1, see `interval`; the number of items where it is None. Where the
            loss of a rate is the same on every replicate, its interval is Tango's of so many trials that all went
            alike for both.
    """
    value = interval(ours, items, trials=(trials or items) if is_rate else None)
    if theirs is None:
        return Metric(key, label, value, is_rate, higher_is_better)
    lost = _lost(ours, theirs, is_rate=is_rate, higher_is_better=higher_is_better)
    drop = _drop(lost, items, trials or items) if is_rate else interval(lost, items)
    return Metric(key, label, value, is_rate, higher_is_better, drop, p_value(lost, items))


def interval(replicated: Floats, items: int, *, trials: int | None = None) -> Estimate:
    """The value with its 95 % percentile interval.

    Resampling n items understates the spread by sqrt((n - 1) / n) and has the normal distribution's tails where
    Student's would be right (Hesterberg, 2015): the replicates are spread by both. A lone item says nothing about the
    spread: its interval is 0 to 1 for a rate, else as wide as `UNBOUNDED`.

    A rate of 0 or 1 is the same on every replicate, and still not certain. Its interval is Wilson's of so many trials
    that all went alike: the independent comparisons that are surely in it.

    In simulations of 60 and 200 items the interval holds the truth in 91 to 94 % of cases for a mean of skewed errors
    and for a ROC AUC, and in 87 to 91 % for their RMSE; that of the loss in 89 to 96 %.

    Args:
        replicated: float64[1 + replicates], the value and what it is on each replicate; NaN where not defined.
        items: how many were drawn from; they are the estimate's n.
        trials: of a rate; None where the value is not between 0 and 1 by its nature.

    Raises:
        DataError: the value is not a number.
    """
    value = float(replicated[0])
    if not math.isfinite(value):
        raise DataError(f"a metric is {value} on these items: look for NaN or infinity in outputs and labels")
    if trials is None:
        return _percentiles(replicated, items, -UNBOUNDED, UNBOUNDED)
    if min(abs(value), abs(1 - value)) < _ROUNDING:
        certain = proportion(round(value) * trials, trials)
        return Estimate(float(round(value)), certain.low, certain.high, items)
    return _percentiles(replicated, items, 0.0, 1.0)


def p_value(lost: Floats, items: int) -> float:
    """How surely something was lost or won: twice the share of replicates on the other side of 0.

    The test that the percentile interval stands for (Efron and Tibshirani, 1993, section 15.4), one added to both
    counts so that it is never 0 (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 4.2).

    Args:
        lost: float64[1 + replicates], the loss on all items and on each replicate.
        items: how many were drawn from.

    Returns:
        Between 2 / (replicates + 1) and 1; 1 where there is no loss in any replicate, or only one item.
    """
    spread = _spread(lost, items)
    if spread is None:
        return 1.0
    smaller = min(int((spread <= 0).sum()), int((spread >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (1 + spread.size))


def _weights(items: int, replicates: int, seed: int) -> Iterator[Floats]:
    """float64[some, items] until there are enough: how often each item was drawn."""
    generator = np.random.default_rng(seed)
    at_once = max(1, _WEIGHTS_AT_ONCE // items)
    for start in range(0, replicates, at_once):
        rows = min(at_once, replicates - start)
        drawn = generator.integers(items, size=(rows, items))
        drawn += items * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel().astype(np.intp, copy=False), minlength=rows * items)
        yield counts.reshape(rows, items).astype(np.float64)


def _spread(replicated: Floats, items: int) -> Floats | None:
    """The replicates, widened around the value; None where nothing can be said."""
    value, replicates = replicated[0], replicated[1:]
    replicates = replicates[np.isfinite(replicates)]
    if items < 2 or replicates.size == 0:
        return None
    widening = math.sqrt(items / (items - 1)) * student_t95(items - 1) / _Z95
    result: Floats = value + widening * (replicates - value)
    return result


def _percentiles(replicated: Floats, items: int, lowest: float, highest: float) -> Estimate:
    value = float(replicated[0])
    spread = _spread(replicated, items)
    if spread is None:
        return Estimate(value, lowest, highest, items)
    low, high = (float(bound) for bound in np.quantile(spread, (0.025, 0.975)))
    return Estimate(value, max(lowest, min(low, value)), min(highest, max(high, value)), items)


def _drop(lost: Floats, items: int, trials: int) -> Estimate:
    """A drop in percentage points; one that no replicate changes may still be another on new items."""
    value = float(lost[0])
    if not bool(((lost == value) | np.isnan(lost)).all()):
        return _percentiles(lost, items, -100.0, 100.0)
    alike = np.zeros(trials, dtype=bool)
    around = drop_pp(alike, alike)
    return Estimate(value, max(-100.0, value + around.low), min(100.0, value + around.high), items)


def _lost(ours: Floats, theirs: Floats, *, is_rate: bool, higher_is_better: bool) -> Floats:
    """What was lost, in percentage points or in percent of the baseline's; positive where the variant is worse."""
    worse = theirs - ours if higher_is_better else ours - theirs
    if is_rate:
        return np.round(100 * worse, _DECIMALS) + 0.0  # no negative zero
    # A share of a baseline that is now above and now below 0 would mean nothing: its value on all items is steady.
    steady = bool((np.sign(theirs[np.isfinite(theirs)]) == np.sign(theirs[0])).all())
    scale = np.abs(theirs if steady else theirs[:1])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(worse == 0, 0.0, 100 * worse / scale)
    # The baseline may be without error: what is infinitely worse must still fit into JSON.
    return np.clip(np.round(share, _DECIMALS) + 0.0, -UNBOUNDED, UNBOUNDED)
