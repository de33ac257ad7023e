"""Calibration and validation from one data set, by seed and content, never by file order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

CALIBRATION_ITEMS = 200
"""Enough for activation ranges to settle; TensorFlow's guide names 100 to 500."""

CALIBRATION_SPLITS = ("train", "training", "calibration")
"""Items that a data set sets apart for these are calibrated on, and never measured on, where it also has others."""


def draw(
    digests: Sequence[str], labels: npt.NDArray[np.int64] | None, count: int, seed: int
) -> tuple[int, ...]:
    """Draws items at random, with classes in proportion where there are labels.

    The order of an item depends on its content and the seed only, so that a data set that grew, or whose
    files were renamed, keeps its draw as far as possible. Items of equal content are drawn as one.

    Args:
        digests: of the items.
        labels: int64[N], or None.
        count: how many; all of them if there are no more.
        seed: of the draw.

    Returns:
        Indices, sorted; the number of different contents when that is less than `count`.
    """
    first: dict[str, int] = {}
    for index, digest in enumerate(digests):
        first.setdefault(digest, index)
    unique = sorted(first.values(), key=lambda index: _rank(digests[index], seed))
    if labels is None:
        return tuple(sorted(unique[:count]))
    return tuple(sorted(_stratified(unique, labels, count)))


def _stratified(ranked: Sequence[int], labels: npt.NDArray[np.int64], count: int) -> list[int]:
    """Takes from each class in proportion, largest remainder first, at least one where count allows."""
    by_class: dict[int, list[int]] = {}
    for index in ranked:
        by_class.setdefault(int(labels[index]), []).append(index)
    total = len(ranked)
    count = min(count, total)
    shares = {label: len(members) * count / total for label, members in by_class.items()}
    taken = {label: int(share) for label, share in shares.items()}
    if count >= len(by_class):
        taken = {label: max(1, number) for label, number in taken.items()}
    # A class that was raised to one item has more than its share already.
    by_remainder = sorted(by_class, key=lambda label: (taken[label] - shares[label], label))
    position = 0
    while sum(taken.values()) < count:
        label = by_remainder[position % len(by_remainder)]
        if taken[label] < len(by_class[label]):
            taken[label] += 1
        position += 1
    while sum(taken.values()) > count:
        largest = max(taken, key=lambda label: (taken[label], label))
        taken[largest] -= 1
    return [index for label, members in by_class.items() for index in members[: taken[label]]]


def _rank(digest: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{digest}".encode()).digest()
