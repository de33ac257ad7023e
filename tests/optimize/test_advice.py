from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.accuracy_statistics import drop_pp
from edgeq.errors import DataError
from edgeq.optimize.advice import require_above_chance, require_reachable, too_few_items
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


def test_confident_with_no_budget_at_all_is_refused():
    with pytest.raises(DataError, match="no number of items shows that"):
        require_reachable(measured(10_000, 0, 0), Goal(0.0, confident=True))


def test_a_model_that_guesses_is_refused_with_both_numbers():
    with pytest.raises(DataError, match=r"top-1 is 9\.8 %, no better than chance \(10\.0 %\)"):
        require_above_chance("top-1", 0.098, 0.1, above=False)
    require_above_chance("top-1", 0.8, 0.1, above=True)
