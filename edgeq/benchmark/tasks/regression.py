"""Models that predict numbers: a price, the position of joints, another image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeq.benchmark.resampling import Floats, bootstrap_sums, resampled_metric
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task
from edgeq.benchmark.tasks.comparison import nothing
from edgeq.data.truth import ClassLabels, Targets, Truth
from edgeq.errors import DataError

_MOST_COLUMNS = 64
"""So many numbers of an item are predictions of their own, each with its mean: the 63 of a hand's joints are, the
pixels of an image are not."""
_CONSTANT = 1e-13
"""A variance below this share of the mean square is rounding: float64 sums are good to about 1e-15."""
_METRICS = (("mae", "MAE", False), ("rmse", "RMSE", False), ("r2", "R²", True))
"""Key, label, and whether higher is better."""
_PARTS = ("absolute", "squared", "target", "target_squared")


@dataclass(frozen=True)
class Regression(Task):
    """One output of the targets' shape.

    Observations: ``absolute``, ``squared``, ``target`` and ``target_squared`` float64[n, columns], sums of absolute
    errors, of squared errors, of targets and of their squares. There is a column for each number of an item up to 64,
    else one for all.

    Attributes:
        shape: of the output without batch axis.
    """

    shape: tuple[int, ...]
    name = "regression"

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
        """See `Task.check`."""
        if truth is None:
            return
        if not isinstance(truth, Targets | ClassLabels):
            raise DataError(f"{source}: expected numbers to predict, found {type(truth).__name__}")
        found = tuple(truth.values.shape[1:])
        if _squeezed(found) != _squeezed(self.shape):
            raise DataError(
                f"{source} has targets of shape {list(found)} an item, the model's output is {list(self.shape)}: "
                "expected the same shape"
            )

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        if truth is None:
            return nothing(outputs)
        (output,) = outputs.values()
        n, numbers = len(output), math.prod(self.shape)
        targets = _targets(truth).reshape(n, numbers).astype(np.float64)
        errors = output.reshape(n, numbers) - targets
        sums = (np.abs(errors), errors**2, targets, targets**2)
        if numbers > _MOST_COLUMNS:
            sums = tuple(part.sum(axis=1, keepdims=True) for part in sums)
        return dict(zip(_PARTS, sums, strict=True))

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:
        """See `Task.require_sound`."""
        self._require_finite(observed)
        r2 = float(self._metrics(self._parts(observed).sum(axis=0, keepdims=True))[0, 2])
        if r2 <= 0:
            raise DataError(
                f"{variant} is no better on {len(truth)} items than always to answer the targets' mean "
                f"(R² = {r2:.3g}): the preprocessing, the unit or the order of the targets is wrong "
                "(see --preprocess); no drop can be measured"
            )

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        if truth is None:
            return Score()
        sides = [observed] if baseline is None else [observed, baseline]
        for side in sides:
            self._require_finite(side)
        ours, *others = bootstrap_sums([self._parts(side) for side in sides], self._metrics, seed=seed)
        metrics = tuple(
            resampled_metric(
                key,
                label,
                len(truth),
                ours[:, column],
                others[0][:, column] if others else None,
                is_rate=False,
                higher_is_better=higher_is_better,
            )
            for column, (key, label, higher_is_better) in enumerate(_METRICS)
            if np.isfinite(ours[0, column])
        )
        item_values = observed["absolute"].sum(axis=1) / math.prod(self.shape)
        return Score(metrics, item_values=item_values)

    def _parts(self, observed: Observed) -> Floats:
        """What `_metrics` needs the sums of: float64[n, 3 + 3 × columns]."""
        columns = [observed[part] for part in _PARTS[1:]]
        sums = [observed[part].sum(axis=1) for part in ("absolute", "squared")]
        return np.column_stack([*sums, np.full(len(sums[0]), math.prod(self.shape)), *columns])

    def _metrics(self, sums: Floats) -> Floats:
        """MAE, RMSE and R² from sums of `_parts`: float64[R, 3]; R² is NaN where the targets are constant."""
        absolute, squared, numbers = sums[:, :3].T
        squares, target, target_squared = np.split(sums[:, 3:], 3, axis=1)
        count = numbers[:, None] / squares.shape[1]
        explained = _r2(squares, target, target_squared, count)
        return np.column_stack([absolute / numbers, np.sqrt(squared / numbers), explained])

    def _require_finite(self, observed: Observed) -> None:
        broken = np.asarray(~np.isfinite(observed["squared"]).all(axis=1))
        if broken.any():
            raise DataError(
                f"outputs or targets of {int(broken.sum())} of {len(broken)} items are NaN or infinite: "
                "no error can be computed"
            )


def _r2(squared: Floats, target: Floats, target_squared: Floats, count: Floats) -> Floats:
    """The share of the targets' variance that is explained, mean over the columns that vary.

    Draper and Smith, "Applied Regression Analysis", 3rd edition, 1998, section 1.3; of several columns each counts
    alike, whatever its unit.

    Args:
        squared: float64[R, columns], sums of squared errors.
        target: float64[R, columns], sums of targets.
        target_squared: float64[R, columns], sums of their squares.
        count: float64[R, 1], numbers in each sum.

    Returns:
        float64[R]; NaN where no column varies.
    """
    variance = target_squared - target**2 / count
    varies = variance > _CONSTANT * target_squared
    explained = np.where(varies, 1 - squared / np.where(varies, variance, 1), 0).sum(axis=1)
    columns = varies.sum(axis=1)
    result: Floats = np.where(columns > 0, explained / np.maximum(columns, 1), np.nan)
    return result


def _targets(truth: Truth) -> Array:
    """The numbers to predict; whole ones, such as an age, are read as `ClassLabels`."""
    assert isinstance(truth, Targets | ClassLabels)  # noqa: S101 - `check` has refused others
    return truth.values


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
