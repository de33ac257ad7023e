"""Models that tell the normal from the anomalous by a score, or by how badly they reconstruct it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.resampling import Floats, Statistic, bootstrap, resampled_metric
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task
from edgeq.data.truth import ClassLabels, Truth
from edgeq.errors import DataError

_NORMAL = ("normal", "good", "ok", "healthy", "no_anomaly")
_ANOMALOUS = ("anomaly", "anomalous", "abnormal", "defect", "defective", "bad", "faulty", "ng")
_LOW_FALSE_ALARMS = 0.1
"""DCASE's limit of the false positive rate (DCASE challenge, task 2, since 2020)."""
_Z_ONE_SIDED_95 = 1.6448536269514722  # the 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Anomaly(Task):
    """One score an item, the larger the more anomalous, or a reconstruction of the only input.

    Observations: ``score`` float64[n]. That of a reconstruction is its mean squared error.

    Attributes:
        reconstructs: whether the output is a reconstruction.
    """

    reconstructs: bool = False
    name = "anomaly"

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
        """See `Task.check`."""
        if truth is None:
            return
        if not isinstance(truth, ClassLabels):
            raise DataError(f"{source}: expected normal and anomalous items, found {type(truth).__name__}")
        are_anomalous(truth, source)

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        (output,) = outputs.values()
        flat = output.reshape(len(output), -1).astype(np.float64)
        if not self.reconstructs:
            return {"score": flat[:, 0]}
        (given,) = inputs().values()
        with np.errstate(invalid="ignore"):  # of infinite ones; they are refused when all are scored
            errors = flat - given.reshape(flat.shape)
        return {"score": (errors**2).mean(axis=1)}

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:
        """See `Task.require_sound`."""
        anomalous = are_anomalous(truth)
        auc = float(self._statistic(observed, anomalous)(np.ones((1, len(anomalous))))[0, 0])
        positives, negatives = int(anomalous.sum()), int((~anomalous).sum())
        # Mann and Whitney, Annals of Mathematical Statistics 18, 1947: the variance of U where nothing is known.
        deviation = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
        if auc - 0.5 > _Z_ONE_SIDED_95 * deviation:
            return
        reversed_hint = ""
        if 0.5 - auc > _Z_ONE_SIDED_95 * deviation:
            reversed_hint = f", and would be {1 - auc:.3f} with the two classes exchanged"
        raise DataError(
            f"{variant} has a ROC AUC of {auc:.3f} on {len(anomalous)} items, not above chance{reversed_hint}: "
            "the preprocessing or the order of the labels is wrong, or a larger score means normal "
            "(see --preprocess and --labels); no drop can be measured"
        )

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        if truth is None:
            return Score()
        anomalous = are_anomalous(truth)
        sides = [observed] if baseline is None else [observed, baseline]
        n = len(anomalous)
        ours, *others = bootstrap([self._statistic(side, anomalous) for side in sides], n, seed=seed)
        # So many pairs of a normal and an anomalous item share no item: they are independent comparisons.
        pairs = min(int(anomalous.sum()), int((~anomalous).sum()))
        metrics = [
            resampled_metric(
                key, label, n, ours[:, column], others[0][:, column] if others else None, trials=pairs
            )
            for column, (key, label) in enumerate((("auc", "ROC AUC"), ("pauc", "pAUC (10 % FPR)")))
        ]
        return Score(tuple(metrics), item_values=_item_aucs(observed["score"], anomalous))

    def _statistic(self, observed: Observed, anomalous: npt.NDArray[np.bool_]) -> Statistic:
        scores = observed["score"]
        broken = int((~np.isfinite(scores)).sum())
        if broken:
            raise DataError(
                f"scores of {broken} of {len(scores)} items are NaN or infinite: they cannot be ranked"
            )
        return roc_areas(scores, anomalous, (1.0, _LOW_FALSE_ALARMS))


def roc_areas(scores: Floats, positive: npt.NDArray[np.bool_], limits: Sequence[float]) -> Statistic:
    """Areas under the ROC curve of weighted items up to several false positive rates.

    Areas up to less than 1 are standardised so that guessing gives 0.5 and a perfect ranking 1 (McClish, "Analyzing
    a Portion of the ROC Curve", Medical Decision Making 9, 1989), as DCASE and scikit-learn have it. Equal scores
    are a slanted line (Hanley and McNeil, Radiology 143, 1982).

    Args:
        scores: float64[items], finite.
        positive: bool[items].
        limits: of the false positive rate, above 0 and up to 1.

    Returns:
        float64[R, limits]; NaN where there are only positive or only negative items.
    """
    piece = _pieces(scores, positive)
    found, missed = _summed(piece, positive), _summed(piece, ~positive)

    def statistic(weights: Floats) -> Floats:
        true_rate, false_rate = _reached(found(weights)), _reached(missed(weights))
        return np.stack([_area(true_rate, false_rate, limit) for limit in limits], axis=1)

    return statistic


def _pieces(scores: Floats, positive: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Which straight piece of the ROC curve each item is in, numbered by falling scores: int64[items].

    Items of one score are a piece; so are neighbours of one class, whatever their weights.
    """
    level = np.unique(-scores, return_inverse=True)[1]
    share = np.bincount(level, weights=positive) / np.bincount(level)
    mixed = (share > 0) & (share < 1)
    new = np.concatenate(([0], (share[1:] != share[:-1]) | mixed[1:]))
    return np.asarray(np.cumsum(new)[level], dtype=np.int64)


def _summed(piece: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> Statistic:
    """The weights of the chosen items in each piece: float64[R, pieces]."""
    items = np.flatnonzero(chosen)
    order = items[np.argsort(piece[items], kind="stable")]
    where, starts = np.unique(piece[order], return_index=True)
    pieces = int(piece.max()) + 1

    def statistic(weights: Floats) -> Floats:
        sums = np.zeros((len(weights), pieces))
        sums[:, where] = np.add.reduceat(np.take(weights, order, axis=1), starts, axis=1)
        return sums

    return statistic


def _reached(counts: Floats) -> Floats:
    """Shares reached before and after each piece: float64[R, 1 + pieces], from 0 to 1; NaN where there is nothing."""
    reached = np.zeros((len(counts), counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=reached[:, 1:])
    whole = reached[:, -1:]
    reached /= np.where(whole > 0, whole, np.nan)
    return reached


def _area(true_rate: Floats, false_rate: Floats, limit: float) -> Floats:
    """Standardised area up to a false positive rate: float64[R] of curves float64[R, points]."""
    if limit == 1:
        steps = np.diff(false_rate, axis=1)
        return np.asarray(np.einsum("rp,rp->r", steps, true_rate[:, :-1] + true_rate[:, 1:]) / 2)
    # What lies behind the limit on every curve need not be computed.
    end = 1 + int((~(false_rate >= limit)).any(axis=0).sum())
    true_rate, false_rate = true_rate[:, :end], false_rate[:, :end]
    left, right = false_rate[:, :-1], false_rate[:, 1:]
    below, above = true_rate[:, :-1], true_rate[:, 1:]
    within = np.clip(limit - left, 0, right - left)
    length = np.where(right > left, right - left, 1)
    area = (within * (below + (above - below) * within / length / 2)).sum(axis=1)
    guess = limit**2 / 2
    return np.asarray((1 + (area - guess) / (limit - guess)) / 2)


def _item_aucs(scores: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """The area under the ROC curve as a mean over the items: float64[items].

    The area plus its derivative by the weight of each item, times their number (DeLong, DeLong and Clarke-Pearson,
    Biometrics 44, 1988: what they call structural components), for paired comparisons of two results.
    """
    value = np.empty(len(scores))
    for side in (positive, ~positive):
        others = np.sort(scores[~side])
        below, not_above = (np.searchsorted(others, scores[side], end) for end in ("left", "right"))
        value[side] = (below + not_above) / 2 / len(others)
    value[~positive] = 1 - value[~positive]
    auc = value[positive].mean()
    share = np.where(positive, positive.mean(), (~positive).mean())
    return np.asarray(auc + (value - auc) / share)


def are_anomalous(truth: Truth, source: str = "the measured data") -> npt.NDArray[np.bool_]:
    """Which items are anomalous: by the classes' names, without names those of class 1.

    Where one class has the name of the normal one, all others are anomalous, as in folders that are called by the
    kind of defect.

    Args:
        truth: `ClassLabels` of two classes, or of several where one is called normal.
        source: for the message.

    Returns:
        bool[n].

    Raises:
        DataError: the names do not tell, or all items are of one kind.
    """
    assert isinstance(truth, ClassLabels)  # noqa: S101 - `Anomaly.check` has refused others
    names = [name.strip().lower() for name in truth.names]
    if not names or names == ["0", "1"]:
        if int(truth.values.max()) > 1:
            raise DataError(
                f"{source} has labels up to {int(truth.values.max())}: expected 0 (normal) and 1 (anomalous)"
            )
        return _both(np.asarray(truth.values == 1), source)
    normal = [index for index, name in enumerate(names) if name in _NORMAL]
    if not normal and len(names) == 2:
        normal = [index for index, name in enumerate(names) if name not in _ANOMALOUS]
    if len(normal) != 1 or len(names) < 2:
        raise DataError(
            f"{source} has the classes {', '.join(truth.names[:5])}, which do not tell the normal one from the "
            "anomalous: call the normal one normal, good or ok"
        )
    return _both(np.asarray(truth.values != normal[0]), source)


def _both(anomalous: npt.NDArray[np.bool_], source: str) -> npt.NDArray[np.bool_]:
    if anomalous.all() or not anomalous.any():
        kind = "anomalous" if anomalous.all() else "normal"
        raise DataError(
            f"{source}: all {len(anomalous)} items are {kind}, expected normal and anomalous ones"
        )
    return anomalous
