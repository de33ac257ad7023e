from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edgeq.optimize.fewest import fewest, first_of_all


@given(st.integers(1, 300), st.integers(1, 301), st.booleans())
def test_where_more_is_better_it_is_the_smallest_number_with_few_questions(count, least, all_work):
    least = min(least, count) if all_work else least
    asked = []

    def works(number: int) -> bool:
        asked.append(number)
        return number >= least

    answer = fewest(count, works, all_work=all_work)
    assert answer == (least if least <= count else None)
    assert len(asked) == len(set(asked))
    assert len(asked) <= 2 * math.log2(count) + 2
    assert not (all_work and count in asked)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.booleans())
def test_with_noise_the_answer_was_asked_and_one_less_was_not_enough(noisy, all_work):
    asked = {}

    def works(number: int) -> bool:
        assert 1 <= number <= len(noisy)
        assert number not in asked
        asked[number] = noisy[number - 1]
        return asked[number]

    answer = fewest(len(noisy), works, all_work=all_work)
    if answer is None:
        assert not all_work
        assert asked[len(noisy)] is False
        return
    assert asked.get(answer, all_work and answer == len(noisy))
    assert answer == 1 or asked[answer - 1] is False


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.booleans())
def test_the_grid_asks_all_and_takes_the_first(noisy, all_work):
    asked = []

    def works(number: int) -> bool:
        asked.append(number)
        return noisy[number - 1]

    answer = first_of_all(len(noisy), works, all_work=all_work)
    assert asked == list(range(1, len(noisy) + (0 if all_work else 1)))
    known = [*noisy[:-1], True] if all_work else noisy
    assert answer == (known.index(True) + 1 if any(known) else None)
