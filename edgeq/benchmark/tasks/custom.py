"""A user's own metrics, which a converter script has under ``metrics``.

``metrics`` maps a name to a function, or to a tuple of a function, what is better, and where it is one, ``"rate"``::

    metrics = {
        "character errors": (character_errors, "lower"),
        "word accuracy": (right_words, "higher", "rate"),
    }

A function is called as ``function(outputs, truth)`` for some items at a time, in the script's folder, and returns one
number for each of them; the metric is their mean. ``outputs`` is the array float32[n, …] where the model has one
output, else a dictionary of arrays by name. ``truth`` is the array of labels or targets of these items (the paths of
masks that are in files, the objects of boxes), or None. Higher is better where nothing is said; a rate lies between
0 and 1 and is shown in percent.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.benchmark.measurement import Metric
from edgeq.benchmark.resampling import Floats, bootstrap_means, resampled_metric
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task
from edgeq.benchmark.tasks.classification import share_metric
from edgeq.data.script import Script, read_script
from edgeq.data.truth import Boxes, ClassLabels, Masks, MultiLabels, Targets, Truth
from edgeq.errors import DataError
from edgeq.printing import printable


@dataclass(frozen=True)
class CustomMetric:
    """One entry of a script's ``metrics``.

    Attributes:
        label: the name as the script has it.
        key: the name in lower case, other characters than letters and digits being ``_``.
        is_rate: whether each number is between 0 and 1.
        higher_is_better: its direction.
    """

    label: str
    key: str
    is_rate: bool
    higher_is_better: bool


@dataclass(frozen=True)
class Custom(Task):
    """The means of what the functions of a script return; workers read the script again.

    Observations: float64[n] by the metric's key.

    Attributes:
        script: path of the script.
        metrics: what it has, in its order.
    """

    script: Path
    metrics: tuple[CustomMetric, ...]
    name = "custom"

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        # Read-only: a function that changes its argument would change what the outputs are compared on.
        arrays = {output: array.view() for output, array in outputs.items()}
        for array in arrays.values():
            array.flags.writeable = False
        first = next(iter(arrays.values()))
        given = first if len(arrays) == 1 else arrays
        return {
            metric.key: _values(_script(self.script), metric, given, truth, len(first))
            for metric in self.metrics
        }

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        ours = self._table(observed)
        sides = [ours] if baseline is None else [ours, self._table(baseline)]
        replicated = bootstrap_means(sides, seed=seed)
        metrics = tuple(
            _metric(metric, [side[:, index] for side in sides], [side[:, index] for side in replicated])
            for index, metric in enumerate(self.metrics)
        )
        return Score(metrics, item_values=ours[:, 0])

    def _table(self, observed: Observed) -> Floats:
        """float64[n, metrics]."""
        return np.stack([observed[metric.key] for metric in self.metrics], axis=1)


def read_custom(path: Path) -> Custom:
    """The task of a script's ``metrics``.

    Args:
        path: of a converter script.

    Raises:
        ModelError: the script cannot be read, or one of its metrics is not what it should be.
        DataError: it has no metrics, or two that cannot be told apart.
    """
    entries = read_script(path).metrics
    if not entries:
        raise DataError(
            f"{printable(path)} has no metrics: expected metrics = {{name: function(outputs, truth)}}, which returns "
            "one number an item"
        )
    metrics = tuple(_metric_of(name, entry) for name, entry in entries.items())
    keys = [metric.key for metric in metrics]
    bad = next((metric for metric in metrics if not metric.key or keys.count(metric.key) > 1), None)
    if bad is not None:
        reason = "another metric has too" if bad.key else "without letters or digits"
        raise DataError(
            f"{printable(path)}: metric {bad.label!r} has the key {bad.key!r}, {reason}: rename it"
        )
    return Custom(path, metrics)


def _metric_of(name: str, entry: Any) -> CustomMetric:
    words = () if callable(entry) else entry[1:]
    key = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
    return CustomMetric(name, key, "rate" in words, "lower" not in words)


@functools.lru_cache(maxsize=1)
def _script(path: Path) -> Script:
    """The script; a worker reads it once, not for every few items."""
    return read_script(path)


def _values(script: Script, metric: CustomMetric, given: Any, truth: Truth | None, n: int) -> Floats:
    """What the metric's function returns for n items, checked: float64[n]."""
    what = f"{printable(script.path)}: metric {metric.label!r}"
    entry = script.metrics[metric.label]
    function = entry if callable(entry) else entry[0]
    try:
        returned = np.asarray(script.call(function, given, _known(truth)))
    except DataError as error:
        raise DataError(f"{error} (in the metric {metric.label!r})") from error
    if returned.shape != (n,) or returned.dtype.kind not in "biuf":
        raise DataError(
            f"{what} returned {returned.dtype}{list(returned.shape)}, expected one number for each of {n} items"
        )
    values = returned.astype(np.float64)
    bad = ~np.isfinite(values)
    if metric.is_rate:
        bad |= (values < 0) | (values > 1)
    if bad.any():
        expected = "numbers between 0 and 1, as it is a rate" if metric.is_rate else "finite numbers"
        raise DataError(f"{what} returned {values[bad][0]}, expected {expected}")
    return values


def _known(truth: Truth | None) -> Any:
    """What a function gets as ``truth``."""
    match truth:
        case ClassLabels() | MultiLabels() | Targets():
            return truth.values
        case Masks():
            return truth.files if truth.values is None else truth.values
        case Boxes():
            return truth.objects
        case _:
            return None


def _metric(metric: CustomMetric, values: list[Floats], replicated: list[Floats]) -> Metric:
    """The metric from the numbers of the items, and from their means on all items and on each replicate.

    Args:
        metric: which.
        values: float64[n] of the variant, and of the baseline where there is one.
        replicated: float64[1 + replicates] likewise.
    """
    right_or_wrong = all(bool(((side == 0) | (side == 1)).all()) for side in values)
    if metric.is_rate and metric.higher_is_better and right_or_wrong:
        ours, *theirs = (side == 1 for side in values)
        return share_metric(metric.key, metric.label, ours, theirs[0] if theirs else None)
    return resampled_metric(
        metric.key,
        metric.label,
        len(values[0]),
        *replicated,
        is_rate=metric.is_rate,
        higher_is_better=metric.higher_is_better,
    )
