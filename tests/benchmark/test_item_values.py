from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeq.benchmark.item_values import correct_items, item_values, pack_bits, pack_values
from edgeq.benchmark.measurement import Accuracy
from edgeq.errors import ResultsError


def accuracy(n: int, *, correct: str | None = None, values: str | None = None) -> Accuracy:
    return Accuracy(n, 0, "data", "task", (), None, None, correct, item_values=values)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_bits_survive_packing(bits: list[bool]) -> None:
    packed = pack_bits(np.array(bits))
    assert correct_items(accuracy(len(bits), correct=packed)).tolist() == bits


@given(arrays.arrays(np.float32, st.integers(1, 20), elements=st.floats(-1e6, 1e6, width=32)))
def test_float32_values_survive_packing(values: np.ndarray) -> None:
    packed = pack_values(values)
    assert item_values(accuracy(len(values), values=packed)).tolist() == values.tolist()


def test_values_take_four_bytes_each_least_significant_first() -> None:
    assert base64.b64decode(pack_values(np.array([1.0, 2.0]))).hex() == "0000803f00000040"


def test_where_nothing_is_kept_there_is_nothing() -> None:
    assert correct_items(None) is None
    assert item_values(None) is None
    assert correct_items(accuracy(8)) is None
    assert item_values(accuracy(8)) is None


@pytest.mark.parametrize(
    ("n", "values", "message"),
    [
        (2, "!", "accuracy.item_values of a measurement is damaged: it is no base64; measure again"),
        (3, pack_values(np.zeros(2)), "damaged: expected 12 bytes, found 8"),
        (1, pack_values(np.array([np.nan])), "damaged: it holds what is no number"),
        (1, pack_values(np.array([np.inf])), "damaged: it holds what is no number"),
    ],
)
def test_damaged_values_are_refused(n: int, values: str, message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        item_values(accuracy(n, values=values))


def test_damaged_bits_are_refused() -> None:
    with pytest.raises(
        ResultsError, match=r"accuracy.correct of a measurement is damaged: expected 9 bits, found 8"
    ):
        correct_items(accuracy(9, correct=pack_bits(np.ones(8, dtype=bool))))
