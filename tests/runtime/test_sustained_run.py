from __future__ import annotations

import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.runtime import sustained_run
from edgeq.runtime.sustained_run import run_without_pause


class Clock:
    """A device whose inferences take as long as they are told, by a clock of its own."""

    def __init__(self, nanoseconds: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.samples: list[int] = []
        self.batches: list[int] = []
        self._nanoseconds = nanoseconds
        monkeypatch.setattr(sustained_run.time, "monotonic", lambda: self.now)

    def time_batch(self, runs: int) -> list[int]:
        taken = [self._nanoseconds[(len(self.samples) + i) % len(self._nanoseconds)] for i in range(runs)]
        self.samples += taken
        self.batches.append(runs)
        self.now += sum(taken) / 1e9
        return taken


@given(st.lists(st.integers(1_000_000, 3_000_000_000), min_size=1, max_size=5), st.floats(0.1, 20))
def test_it_lasts_as_long_as_asked_and_tells_the_median_of_all(
    nanoseconds: list[int], seconds: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock(nanoseconds, patch)
        median, count = run_without_pause(clock.time_batch, seconds, lambda _: None)
    assert count == len(clock.samples)
    assert median == statistics.median(clock.samples)
    elapsed = clock.now - 100.0
    assert elapsed >= seconds * 0.999999
    # The last batch is too long by what its inferences were slower than those before it.
    last = sum(clock.samples[-clock.batches[-1] :]) / 1e9
    assert elapsed - last <= seconds


def test_progress_comes_about_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told = Clock([10_000_000], monkeypatch), list[float]()
    run_without_pause(clock.time_batch, 10, told.append)
    assert 8 <= len(told) <= 10
    assert told == sorted(told)


def test_many_samples_are_thinned_evenly_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock([10_000, 20_000, 30_000], monkeypatch)
    median, count = run_without_pause(clock.time_batch, 2.0, lambda _: None, most_kept=1000)
    assert count == len(clock.samples) > 90_000
    assert median == 20_000


def test_a_single_slow_inference_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock([90_000_000_000], monkeypatch)
    assert run_without_pause(clock.time_batch, 60, lambda _: None) == (90e9, 1)
