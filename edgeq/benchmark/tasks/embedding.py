"""Models that map items of one class close together: faces, products, speakers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import above_chance
from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task
from edgeq.benchmark.tasks.classification import share_metric
from edgeq.data.truth import ClassLabels, Truth
from edgeq.errors import DataError

_RANKS = (1, 5)
_SAME = 1e-6
"""Cosines closer than this count as equal: sums of float32 differ by less from machine to machine."""
_COSINES_AT_ONCE = 1 << 22
"""16 MiB of float32."""


@dataclass(frozen=True)
class Embedding(Task):
    """One output [n, size] whose cosines say how alike two items are.

    Each item is looked for among all others: recall@k is the share of items that have one of their own class among
    the k most alike (Musgrave, Belongie and Lim, "A Metric Learning Reality Check", ECCV 2020, section 2). Items
    alone in their class are among the others, and are not looked for. Intervals take the other items as given: they
    are of new items that are looked for among these.

    Observations: ``embedding`` float32[n, size], of length 1.

    Attributes:
        size: numbers of an embedding.
    """

    size: int
    name = "embedding"

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
        """See `Task.check`."""
        if truth is None:
            return
        if not isinstance(truth, ClassLabels):
            raise DataError(f"{source}: expected one class an item, found {type(truth).__name__}")
        _sought(truth.values, source)

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        (output,) = outputs.values()
        vectors = output.reshape(len(output), self.size).astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):  # infinite ones become NaN, and are refused when all are scored
            vectors /= np.where(lengths > 0, lengths, 1)
        return {"embedding": vectors.astype(np.float32)}

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:
        """See `Task.require_sound`."""
        labels = _labels(truth)
        sought = _sought(labels)
        found = int((_rivals(observed["embedding"], labels)[sought] == 0).sum())
        sizes = np.bincount(labels.astype(np.intp))
        n = int(sought.sum())
        # The probability that another item taken by chance is of the same class.
        chance = float((sizes * (sizes - 1)).sum() / (n * (len(labels) - 1)))
        if not above_chance(found, n, int((sizes > 0).sum()), majority_share=min(1.0, chance)):
            raise DataError(
                f"{variant} has a recall@1 of {found / n:.1%} on {n} items, not above chance: the preprocessing or "
                "the labels are wrong (see --preprocess); no drop can be measured"
            )

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        if truth is None:
            return Score()
        labels = _labels(truth)
        sought = _sought(labels)
        ours = _rivals(observed["embedding"], labels)[sought]
        theirs = None if baseline is None else _rivals(baseline["embedding"], labels)[sought]
        metrics = tuple(
            share_metric(f"recall{k}", f"recall@{k}", ours < k, None if theirs is None else theirs < k)
            for k in _RANKS
        )
        return Score(metrics, correct=ours < 1 if sought.all() else None)


def _rivals(embedding: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many items of other classes are at least as alike as the most alike one of the own class.

    Equals count against the model: one that gives all items the same embedding finds nothing. The cosines of all
    pairs are never in memory at once.

    Args:
        embedding: float32[n, size] of length 1.
        labels: int64[n].

    Returns:
        int64[n]; of no meaning for an item that is alone in its class.

    Raises:
        DataError: an embedding is NaN or infinite.
    """
    broken = int((~np.isfinite(embedding)).any(axis=1).sum())
    if broken:
        raise DataError(
            f"embeddings of {broken} of {len(labels)} items are NaN or infinite: nothing is alike"
        )
    n = len(labels)
    # Classes side by side: the cosines to the own class are then a slice of each row.
    order = np.argsort(labels, kind="stable")
    vectors, classes = embedding[order], labels[order]
    firsts, ends = (np.searchsorted(classes, classes, side) for side in ("left", "right"))
    rivals = np.zeros(n, np.int64)
    at_once = max(1, _COSINES_AT_ONCE // n)
    for start in range(0, n, at_once):
        for row, cosines in enumerate(vectors[start : start + at_once] @ vectors.T, start):
            cosines[row] = -np.inf
            own = cosines[firsts[row] : ends[row]]
            nearest = own.max()
            own[:] = -np.inf
            rivals[order[row]] = np.count_nonzero(cosines >= nearest - _SAME)
    return rivals


def _sought(labels: npt.NDArray[np.int64], source: str = "the measured data") -> npt.NDArray[np.bool_]:
    """Which items are not alone in their class.

    Raises:
        DataError: all are.
    """
    sought = np.asarray(np.bincount(labels.astype(np.intp))[labels] > 1)
    if not sought.any():
        raise DataError(
            f"{source}: each of {len(labels)} items is alone in its class: expected several a class"
        )
    return sought


def _labels(truth: Truth) -> npt.NDArray[np.int64]:
    assert isinstance(truth, ClassLabels)  # noqa: S101 - `check` has refused others
    return truth.values
