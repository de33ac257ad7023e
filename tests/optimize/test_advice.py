from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.accuracy_statistics import drop_pp
from edgeq.errors import DataError
from edgeq.optimize.advice import (
    require_enough_items,
    require_reachable,
    too_few_items,
)
from edgeq.optimize.findings import Quality
from edgeq.optimize.result import Goal


def measured(n: int, lost: int, gained: int) -> Quality:
    """Of so many items the float32 file alone is right on some, and the other one alone on some."""
    base = np.ones(n, dtype=bool)
    base[lost : lost + gained] = False
    ours = np.ones(n, dtype=bool)
    ours[:lost] = False
    drop = drop_pp(ours, base)
    return Quality("top-1", 0, 0, drop.value, drop.low, drop.high, 1 - (lost + gained) / n, n)


def needed(sentence: str) -> int:
    found = re.search(r"about ([\d,]+) items", sentence)
    assert found is not None
    return int(found[1].replace(",", ""))


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 300), st.floats(0, 0.2), st.floats(0, 0.2), st.sampled_from([0.5, 1.0, 3.0]))
def test_so_many_items_as_are_asked_for_are_enough(n, lost, gained, budget):
    goal = Goal(budget)
    told = too_few_items(measured(n, int(lost * n), int(gained * n)), goal)
    if told is None:
        return
    more = needed(told)
    assert more > n
    again = measured(more, int(lost * n) * more // n, int(gained * n) * more // n)
    # Two terms stand for Tango's interval: exact for many items, a tenth off for few.
    assert again.half_width_pp <= 1.1 * budget


def test_enough_items_are_not_spoken_of():
    assert too_few_items(measured(10_000, 40, 20), Goal(1.0)) is None
    assert too_few_items(measured(100, 4, 2), Goal(1.0)) is not None


def test_confident_on_too_few_items_is_refused_with_a_number_that_will_do():
    with pytest.raises(DataError, match="on 200 validation items") as raised:
        require_reachable(measured(200, 0, 0), Goal(1.0, confident=True))
    enough = needed(str(raised.value))
    require_reachable(measured(enough, 0, 0), Goal(1.0, confident=True))
    require_reachable(measured(200, 0, 0), Goal(1.0))


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 2000), st.sampled_from([0.3, 1.0, 3.0]))
def test_the_number_of_items_alone_tells_what_float32_against_itself_would(n, budget):
    goal = Goal(budget, confident=True)
    told = []
    for check in (
        lambda: require_reachable(measured(n, 0, 0), goal),
        lambda: require_enough_items(n, goal, has_labels=True),
    ):
        try:
            told.append(check())
        except DataError as error:
            told.append(str(error))
    assert told[0] == told[1]


def test_a_refusal_speaks_of_errors_with_labels_and_of_other_answers_without():
    for has_labels, words in ((True, "a single error more has a drop"), (False, "a single other answer")):
        with pytest.raises(DataError, match=words):
            require_enough_items(100, Goal(1.0, confident=True), has_labels=has_labels)


def test_confident_with_no_budget_at_all_is_refused():
    with pytest.raises(DataError, match="no number of items shows that"):
        require_reachable(measured(10_000, 0, 0), Goal(0.0, confident=True))


def test_no_number_of_items_is_asked_for_that_no_data_set_has():
    told = too_few_items(measured(5, 1, 1), Goal(0.0001))
    assert told is not None
    assert told.endswith("; no data set is large enough.")
    with pytest.raises(DataError, match="no data set is large enough for that: give a larger --max-drop"):
        require_reachable(measured(200, 0, 0), Goal(0.0000001, confident=True))
