from __future__ import annotations

import numpy as np
import pytest

from edgeq.benchmark.classification import classifies, in_top, top1


@pytest.mark.parametrize(
    ("shapes", "answer"),
    [
        ([(1, 10)], True),
        ([(500, 2)], True),
        ([(1, 1)], False),
        ([(1, 10, 10)], False),
        ([(10,)], False),
        ([(1, 10), (1, 10)], False),
        ([], False),
    ],
)
def test_one_score_a_class_is_a_single_output_of_two_classes_or_more(
    shapes: list[tuple[int, ...]], answer: bool
) -> None:
    assert classifies(shapes) is answer


def test_top1_is_the_largest_score_and_the_first_of_equals() -> None:
    scores = np.array([[1, 3, 2], [5, 5, 1], [0, 0, 0], [-3, -1, -1]])
    assert top1(scores).tolist() == [1, 0, 0, 1]


def test_top1_works_on_any_leading_axes() -> None:
    assert top1(np.array([[[0, 1]], [[1, 0]]])).tolist() == [[1], [0]]


def test_in_top_looks_at_the_k_largest() -> None:
    scores = np.array([[0.1, 0.4, 0.3, 0.2]] * 4)
    labels = np.array([0, 1, 2, 3])
    assert in_top(scores, labels, 1).tolist() == [False, True, False, False]
    assert in_top(scores, labels, 2).tolist() == [False, True, True, False]
    assert in_top(scores, labels, 3).tolist() == [False, True, True, True]
    assert in_top(scores, labels, 4).tolist() == [True] * 4


def test_of_equal_scores_the_first_k_classes_count() -> None:
    # All scores equal, as a saturated int8 output has them: exactly k of the classes are in the top k.
    scores = np.full((8, 8), 127, np.int8)
    assert in_top(scores, np.arange(8), 5).tolist() == [True] * 5 + [False] * 3


def test_the_top_one_is_top1_also_with_ties() -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 4, (500, 7)).astype(np.int8)
    labels = random.integers(0, 7, 500)
    assert np.array_equal(in_top(scores, labels, 1), top1(scores) == labels)
