"""From what a file was observed to do, and float32, to what it is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import proportion
from edgeq.benchmark.measurement import Metric
from edgeq.errors import DataError
from edgeq.optimize.findings import AGREEMENT, Quality


def by_agreement(agreeing: npt.NDArray[np.bool_]) -> Quality:
    """What a file is worth where there are no labels.

    Args:
        agreeing: bool[n], on which items the answer is float32's.
    """
    share = proportion(int(agreeing.sum()), agreeing.size)
    drop = 100.0 * int(np.count_nonzero(~agreeing)) / agreeing.size
    # Subtracted the other way round, the ends could lie beyond the drop by what rounding leaves.
    low, high = min(drop, 100 * (1 - share.high)), max(drop, 100 * (1 - share.low))
    return Quality(AGREEMENT, share.value, 1.0, drop, low, high, share.value, agreeing.size)


def by_metric(metric: Metric, reference: Metric, agreement: float | None, n: int) -> Quality:
    """What a file is worth by the task's first metric.

    Args:
        metric: of the file; its drop is in percentage points of a rate, in percent of the reference of an amount.
        reference: of the float32 file.
        agreement: share of items with float32's answer; None where outputs are no answers.
        n: items.

    Raises:
        DataError: the metric cannot be compared.
    """
    if metric.drop is None:
        raise DataError(
            f"how much {metric.label} changed cannot be said: float32's is {reference.value.value:g}"
        )
    drop = metric.drop
    return Quality(
        metric.label, metric.value.value, reference.value.value, drop.value, drop.low, drop.high, agreement, n
    )
