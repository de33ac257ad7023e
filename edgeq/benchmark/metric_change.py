"""How much the primary metric changed from one result to another on the same items.

Item by item where both results keep what came of each item: right or wrong, or a value whose mean the metric is.
A metric of all items at once, such as mean IoU or mAP, has nothing to pair; its change comes from the two
intervals as if the items were others each time. The items being the same, the two err in the same direction and
the true interval is narrower: such a change is never found too early, and small ones stay undecided.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import paired_difference
from edgeq.benchmark.item_values import correct_items, item_values
from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Accuracy, Estimate, Measurement, Metric
from edgeq.errors import ResultsError

_Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MetricChange:
    """The primary metric now against before.

    Attributes:
        metric: as it is now.
        change: new minus old in the metric's `drop_unit`: percentage points, or percent of the old value.
        is_paired: whether item by item.
    """

    metric: Metric
    change: Estimate
    is_paired: bool

    @property
    def drop(self) -> Estimate:
        """The same, positive where the metric became worse."""
        return _negative(self.change) if self.metric.higher_is_better else self.change


def metric_change(new: Measurement, old: Measurement) -> MetricChange | None:
    """How much the primary metric changed.

    Args:
        new: of now.
        old: of then, on the same items: whoever calls has compared their digests.

    Returns:
        The change, between ±`UNBOUNDED`; None where one of them has no metric, or an amount was 0, of which nothing
        is a percentage.

    Raises:
        ResultsError: the two have different metrics, or what they keep of each item is damaged.
    """
    if new.accuracy is None or old.accuracy is None:
        return None
    now, then = new.accuracy.primary, old.accuracy.primary
    if now is None or then is None:
        return None
    if (now.key, now.is_rate, now.higher_is_better) != (then.key, then.is_rate, then.higher_is_better):
        raise ResultsError(
            f"the results have different metrics ({now.key!r} now, {then.key!r} before): measure both with one --task"
        )
    if not now.is_rate and then.value.value == 0:
        return None
    if _is_same(new, old, now, then):
        return MetricChange(now, Estimate(0.0, 0.0, 0.0, new.accuracy.n), is_paired=True)
    paired = _paired(new.accuracy, old.accuracy, now)
    change = _clipped(paired or _unpaired(now, then, new.accuracy.n))
    return MetricChange(now, change, is_paired=paired is not None)


def _is_same(new: Measurement, old: Measurement, now: Metric, then: Metric) -> bool:
    """Whether one file computed the same on one kernel path, and there are no items to pair."""
    assert new.accuracy is not None  # noqa: S101 - narrows the type for mypy
    return (
        new.accuracy.correct is None
        and new.accuracy.item_values is None
        and new.variant.sha256 == old.variant.sha256
        and new.runtime.kernel_path == old.runtime.kernel_path
        and now.value == then.value
    )


def _paired(new: Accuracy, old: Accuracy, metric: Metric) -> Estimate | None:
    ours, theirs = correct_items(new), correct_items(old)
    if ours is not None and theirs is not None and metric.is_rate:
        return _scaled(paired_difference(ours, theirs), 100.0)
    values, before = item_values(new), item_values(old)
    if values is None or before is None or values.shape != before.shape or values.size < 2:
        return None
    if metric.is_rate:
        return _scaled(_mean_difference(values, before), 100.0)
    return _relative_change(values, before) if before.mean() else None


def _mean_difference(values: _Floats, before: _Floats) -> Estimate:
    """Mean of the items' differences with its normal interval."""
    differences = values - before
    value, half = float(differences.mean()), _half_width(differences)
    return Estimate(value, value - half, value + half, differences.size)


def _relative_change(values: _Floats, before: _Floats) -> Estimate:
    """Change of the mean in percent of the mean before.

    The interval is that of a ratio of two means of the same items (the ratio estimator: Cochran, "Sampling
    Techniques", 3rd edition, 1977, chapter 6): its error is the mean of value − ratio × value before.
    """
    base = float(before.mean())
    ratio = float(values.mean()) / base
    half = 100 * _half_width(values - ratio * before) / abs(base)
    value = 100 * (ratio - 1) * math.copysign(1.0, base)
    return Estimate(value, value - half, value + half, values.size)


def _half_width(errors: _Floats) -> float:
    return _Z95 * float(errors.std(ddof=1)) / math.sqrt(errors.size)


def _unpaired(now: Metric, then: Metric, n: int) -> Estimate:
    """The difference of two values with intervals, their distances to the ends squared and added.

    Newcombe, Statistics in Medicine 17, 1998, pages 873–890, method 10; for any pair of intervals Zou and Donner,
    Statistics in Medicine 27, 2008, pages 1693–1702.
    """
    new, old = now.value, then.value
    if UNBOUNDED in (new.high, old.high):  # a single item, which says nothing about the spread
        new, old = (dataclasses.replace(side, low=-math.inf, high=math.inf) for side in (new, old))
    value = new.value - old.value
    low = value - math.hypot(new.value - new.low, old.high - old.value)
    high = value + math.hypot(new.high - new.value, old.value - old.low)
    return _scaled(Estimate(value, low, high, n), 100.0 if now.is_rate else 100.0 / abs(old.value))


def _clipped(estimate: Estimate) -> Estimate:
    """What JSON can hold: of next to nothing even a small change is more percent than a number can say."""
    value, low, high = (
        min(UNBOUNDED, max(-UNBOUNDED, end)) for end in (estimate.value, estimate.low, estimate.high)
    )
    return Estimate(value, low, high, estimate.n)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(factor * estimate.value, factor * estimate.low, factor * estimate.high, estimate.n)


def _negative(estimate: Estimate) -> Estimate:
    # Subtracted, so that no zero becomes a negative one.
    return Estimate(0.0 - estimate.value, 0.0 - estimate.high, 0.0 - estimate.low, estimate.n)
