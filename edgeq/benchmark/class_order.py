"""Whether the labels of a data set name the model's classes in another order.

A model that is right on a third of the items is above chance and may still be judged by shuffled labels: some
classes happen to keep their number. What it predicts for each class tells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import paired_difference

_LEAST_GAIN = 0.1
"""A mere confusion of two like classes must not be taken for an exchange: this much must be won beyond doubt."""


def likely_order(
    labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64] | None:
    """The renumbering of labels under which the model is right far more often.

    Args:
        labels: int64[N], as the data set numbers the classes.
        predicted: int64[N].
        classes: of the model.

    Returns:
        int64[classes], the model's number of each class of the data set; None where the labels fit as they are.
    """
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    order = _greedy_assignment(confusion)
    if (order == np.arange(classes)).all():
        return None
    gain = paired_difference(predicted == order[labels], predicted == labels)
    return order if gain.low > _LEAST_GAIN else None


def _greedy_assignment(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pairs labels with predictions, the most frequent pair first; labels without items keep their number."""
    classes = len(confusion)
    order = np.full(classes, -1, dtype=np.int64)
    taken = np.zeros(classes, dtype=bool)
    for flat in np.argsort(-confusion, axis=None, kind="stable"):
        label, prediction = divmod(int(flat), classes)
        if confusion[label, prediction] and order[label] < 0 and not taken[prediction]:
            order[label] = prediction
            taken[prediction] = True
    for unseen in map(int, np.flatnonzero(order < 0)):
        order[unseen] = unseen if not taken[unseen] else np.flatnonzero(~taken)[0]
        taken[order[unseen]] = True
    return order
