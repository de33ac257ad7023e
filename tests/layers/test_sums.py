from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.layers.structure import LayerCost
from edgeq.layers.sums import by_layer


def cost(index: int | None, name: str, **values: object) -> LayerCost:
    known: dict[str, object] = {"size_bytes": 0, "float_bytes": 0, "macs": 0}
    return LayerCost(index, index, name, "ADD", "out", (1,), "int8", **(known | values))  # type: ignore[arg-type]


SHARES = st.none() | st.floats(0, 1)
COSTS = st.lists(
    st.builds(
        lambda name, size, macs, share, error, latency: (
            lambda index: cost(
                index,
                name,
                size_bytes=size,
                macs=macs,
                latency_share=share,
                error_share=error,
                latency_us=latency,
            )
        ),
        st.sampled_from(["a", "b", ""]),
        st.integers(0, 10**9),
        st.integers(0, 10**12),
        SHARES,
        SHARES,
        st.none() | st.floats(0, 1e6),
    ),
    max_size=12,
)


@given(COSTS)
def test_nothing_is_lost_or_counted_twice(makers: list[Callable[[int], LayerCost]]) -> None:
    costs = [make(index) for index, make in enumerate(makers)]
    sums = by_layer(costs)
    assert sorted(index for one in sums for index in one.indices) == list(range(len(costs)))
    assert sum(one.size_bytes for one in sums) == sum(one.size_bytes for one in costs)
    assert sum(one.macs for one in sums) == sum(one.macs for one in costs)
    for field in ("error_share", "latency_share", "latency_us"):
        known = [getattr(one, field) for one in costs if getattr(one, field) is not None]
        summed = [getattr(one, field) for one in sums if getattr(one, field) is not None]
        assert math.fsum(summed) == pytest.approx(math.fsum(known))
        assert bool(summed) == bool(known)


def test_operators_of_one_name_are_one_layer_in_the_order_of_the_first() -> None:
    sums = by_layer([cost(0, "norm", macs=3), cost(1, "dense", macs=5), cost(2, "norm", macs=4)])
    assert [(one.name, one.indices, one.macs) for one in sums] == [("norm", (0, 2), 7), ("dense", (1,), 5)]


def test_inputs_and_operators_without_a_name_stay_alone() -> None:
    sums = by_layer([cost(None, "image"), cost(0, "image"), cost(1, ""), cost(2, "")])
    assert [one.indices for one in sums] == [(), (0,), (1,), (2,)]
    assert by_layer([]) == ()


def test_what_was_measured_of_no_operator_is_unknown_of_the_layer() -> None:
    (one,) = by_layer([cost(0, "a", float_bytes=None), cost(1, "a", float_bytes=None)])
    assert (one.error_share, one.latency_us, one.float_bytes) == (None, None, None)
    (one,) = by_layer([cost(0, "a"), cost(1, "a", error_share=0.25)])
    assert one.error_share == 0.25
