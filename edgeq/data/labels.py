"""Class numbers in the model's order."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from edgeq.data.dataset import Dataset


def in_order_of(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """The data set with its classes numbered as the model numbers them, where both know the names.

    Class folders are numbered alphabetically, which need not be the order that the model was trained in.

    Args:
        dataset: with or without labels.
        labels: class names in the order of the model's outputs; empty where unknown.

    Returns:
        The data set itself where there is nothing to do or the names differ; else one that shares its items.
    """
    names = dataset.class_names
    if dataset.labels is None or tuple(labels) == names or sorted(labels) != sorted(names):
        return dataset
    number = {name: position for position, name in enumerate(labels)}
    renumbered = copy.copy(dataset)
    renumbered.labels = np.array([number[name] for name in names], dtype=np.int64)[dataset.labels]
    renumbered.class_names = tuple(labels)
    return renumbered
