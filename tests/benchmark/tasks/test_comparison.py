from __future__ import annotations

import pickle

import numpy as np

from edgeq.benchmark.tasks.base import Score
from edgeq.benchmark.tasks.comparison import Comparison
from edgeq.data.truth import ClassLabels


def test_outputs_without_a_meaning_have_no_metrics_whatever_the_labels() -> None:
    task = pickle.loads(pickle.dumps(Comparison()))  # noqa: S301
    outputs = {"a": np.ones((3, 4, 4), np.float32), "b": np.ones((3, 2), np.float32)}
    observed = task.observe(outputs, None, dict)
    assert {key: array.shape for key, array in observed.items()} == {"n": (3,)}
    assert task.score(observed, ClassLabels(np.array([0, 1, 2])), observed) == Score()
    assert task.agreement(observed, observed) is None
