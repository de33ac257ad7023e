from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark.class_order import likely_order


def judged(classes: int, accuracy: float, n: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and predictions that are right with that probability and else anything."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n)
    return labels, np.where(generator.random(n) < accuracy, labels, generator.integers(0, classes, n))


@given(st.permutations(range(6)))
def test_any_renumbering_of_a_good_model_is_found_and_the_right_one_is_left_alone(order):
    labels, predicted = judged(6, 0.9)
    model_order = np.array(order)
    found = likely_order(labels, model_order[predicted], 6)
    if order == list(range(6)):
        assert found is None
    else:
        assert found.tolist() == order


@pytest.mark.parametrize("accuracy", [0.2, 0.5, 0.9])
def test_labels_that_fit_are_left_alone_however_weak_the_model(accuracy):
    assert likely_order(*judged(10, accuracy), 10) is None


def test_a_model_that_confuses_two_like_classes_is_not_taken_for_shuffled_labels():
    labels, predicted = judged(10, 0.9)
    shirts = labels == 6
    predicted = np.where(shirts & (np.arange(len(labels)) % 5 > 1), 0, predicted)
    assert likely_order(labels, predicted, 10) is None


def test_labels_that_lack_a_class_are_judged_on_the_others():
    labels, predicted = judged(5, 0.95)
    kept = labels != 4
    found = likely_order(labels[kept], np.array([1, 2, 3, 0, 4])[predicted[kept]], 5)
    assert found.tolist()[:4] == [1, 2, 3, 0]
