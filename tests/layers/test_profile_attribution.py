"""Events of a profiler as times of the file's operators."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.layers.profile import LITERT_PROFILER, OperatorProfile
from edgeq.layers.profile_attribution import OperatorTime, TimedEvent, attributed, restored

NAMES = ["CONV_2D", "CUSTOM_THING", "CONV_2D", "SOFTMAX"]
CONVOLUTION = "Convolution (NHWC, F32) IGEMM"


def event(name, index, latency_us=2.0, *, delegated=True):
    return TimedEvent(name, index, delegated, latency_us)


def profile(times):
    return OperatorProfile("a.tflite", LITERT_PROFILER, "litert", "2.3.0", 1, 5, tuple(times), 10.0, ())


def test_each_partition_counts_from_zero_and_builtin_operators_have_the_files_index():
    events = [
        event(CONVOLUTION, 0, 3.0),
        event("CUSTOM_THING", 1, 5.0, delegated=False),
        event(CONVOLUTION, 0, 4.0),
        event("Softmax (NC, F32)", 1, 1.0),
    ]
    times, notes = attributed(events, [[0], [2, 3]], NAMES)
    assert {time.operators: time.latency_us for time in times} == {(0,): 3.0, (1,): 5.0, (2,): 4.0, (3,): 1.0}
    assert notes == []


def test_neighbouring_partitions_are_told_apart():
    events = [event(CONVOLUTION, 0), event(CONVOLUTION, 0)]
    times, _ = attributed(events, [[0], [2]], NAMES)
    assert [time.operators for time in times] == [(0,), (2,)]


def test_a_partition_that_does_not_fit_its_events_is_one_lump_with_a_note():
    times, notes = attributed([event("Softmax (NC, F32)", 0, 7.0)], [[0, 2]], NAMES)
    assert [(time.operators, time.latency_us) for time in times] == [((0, 2), 7.0)]
    assert "XNNPACK's part 1" in notes[0]


@pytest.mark.parametrize(
    ("events", "partitions"),
    [
        ([event(CONVOLUTION, 0)], []),
        ([event("CONV_2D", 7, delegated=False)], []),
        ([event(CONVOLUTION, 0), event("CONV_2D", 0, delegated=False)], [[0]]),
    ],
)
def test_events_of_another_file_are_refused(events, partitions):
    with pytest.raises(ModelError):
        attributed(events, partitions, NAMES)


def test_what_whole_microseconds_cut_off_is_given_back_to_delegated_operators_alone():
    events = [event(CONVOLUTION, 0, 3.0), event("CUSTOM_THING", 1, 5.0, delegated=False)]
    assert [one.latency_us for one in restored(events, 8.3)] == [pytest.approx(3.3), 5.0]
    assert [one.latency_us for one in restored(events, 100.0)] == [3.5, 5.0]
    assert [one.latency_us for one in restored(events, 1.0)] == [3.0, 5.0]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.floats(0, 1e6)), max_size=8),
    st.dictionaries(st.integers(0, 40), st.floats(-1e9, 1e9, allow_nan=False), max_size=8),
)
def test_sharing_out_loses_no_time(sizes, weights):
    times, first = [], 0
    for size, latency in sizes:
        times.append(OperatorTime(tuple(range(first, first + size)), latency))
        first += size
    made = profile(times)
    shared = made.by_operator(weights)
    assert sum(shared.values()) == pytest.approx(made.sum_us, rel=1e-9, abs=1e-9)
    assert sorted(shared) == list(range(first))
    assert all(value >= 0 for value in shared.values())


def test_shares_in_a_lump_follow_the_weights():
    made = profile([OperatorTime((0, 1), 9.0), OperatorTime((2, 3), 4.0)])
    assert made.by_operator({0: 2, 1: 1}) == {0: 6.0, 1: 3.0, 2: 2.0, 3: 2.0}
    assert made.coverage == pytest.approx(1.3)
