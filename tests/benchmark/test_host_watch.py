from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import made_up_machines
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_machines import vcgencmd

from edgeq.benchmark import host_watch
from edgeq.benchmark.host_watch import Clocks, HostWatch, StateLog, clock_warnings, throttling
from edgeq.runtime.host_state import HostState

STATE = HostState("before", 0.0, (), None, None, None, None)


def states(*throttled: int | None) -> list[HostState]:
    moments = ["before", *["during"] * (len(throttled) - 2), "after"]
    return [
        replace(STATE, moment=moment, throttled=bits) for moment, bits in zip(moments, throttled, strict=True)
    ]


class TestThrottling:
    @pytest.mark.parametrize(
        ("first", "bits", "named"),
        [
            (0x0, (0x0, 0x1, 0x10000), "under-voltage"),
            (0x0, (0x0, 0xE0008), "frequency capped, throttled, soft temperature limit"),
            # Nobody looked while it was so, but the firmware remembers.
            (0x0, (0x0, 0x0, 0x40000), "throttled"),
            # It was so before, and what came in addition rose.
            (0x50005, (0x50005, 0xD000D), "soft temperature limit"),
            # The first thread count brought it about, and it goes on.
            (0x0, (0x40004, 0x40004), "throttled"),
        ],
    )
    def test_bits_that_rise_make_the_times_invalid(
        self, first: int, bits: tuple[int, ...], named: str
    ) -> None:
        assert throttling(replace(STATE, throttled=first), states(*bits)) == (
            f"the Raspberry Pi throttled during the run ({named}): "
            "use a better power supply or cooling, and measure again"
        )

    @pytest.mark.parametrize(
        ("first", "bits"),
        [
            (0x0, (0x0, 0x0)),
            (None, (None, None)),
            (0x50000, (0x50000, 0x50000)),
            (0x50005, (0x50005, 0x50005, 0x50000)),
            # The memory of an earlier thread count: now it runs well.
            (0x0, (0x40000, 0x40000)),
            (None, (0x1, 0x1)),
            (0x0, (None, None)),
        ],
    )
    def test_bits_that_do_not_rise_do_not(self, first: int | None, bits: tuple[int | None, ...]) -> None:
        assert throttling(replace(STATE, throttled=first), states(*bits)) is None

    @given(st.lists(st.none() | st.integers(0, 0xFFFFF), min_size=2, max_size=6))
    def test_whatever_is_set_already_does_not_count(self, bits: list[int | None]) -> None:
        first = replace(STATE, throttled=0xF)
        assert throttling(first, states(*bits)) is None

    def test_a_raspberry_pi_that_throttles_meanwhile_is_found(self, tmp_path: Path) -> None:
        root = made_up_machines.pi4(tmp_path)
        # At the start of the session, before, during and after.
        vcgencmd(root, "throttled=0x0", "throttled=0x0", "throttled=0x80008", "throttled=0x80000")
        watch = HostWatch(root)
        log = StateLog(watch.look, interval_s=0)
        log.between_rounds()
        found = log.end()
        assert [state.throttled for state in found] == [0, 0x80008, 0x80000]
        assert "soft temperature limit" in (throttling(watch.first, found) or "")


class TestStateLog:
    class Look:
        """A machine whose clock ticks as it is told."""

        def __init__(self, patch: pytest.MonkeyPatch) -> None:
            self.now = 0.0
            patch.setattr(host_watch.time, "monotonic", lambda: self.now)

        def __call__(self, moment: str) -> HostState:
            return replace(STATE, moment=moment, elapsed_s=self.now)

    def logged(
        self, patch: pytest.MonkeyPatch, rounds: Sequence[float], most: int = 60
    ) -> tuple[HostState, ...]:
        look = self.Look(patch)
        log = StateLog(look, most=most)
        for seconds in rounds:
            look.now += seconds
            log.between_rounds()
        return log.end()

    def test_it_looks_about_every_five_seconds_between_rounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = self.logged(monkeypatch, [2.0] * 10)
        assert [state.moment for state in found] == ["before", "during", "during", "during", "after"]
        assert [state.elapsed_s for state in found] == [0, 6, 12, 18, 20]

    def test_long_rounds_have_a_look_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert [state.elapsed_s for state in self.logged(monkeypatch, [30.0, 40.0])] == [0, 30, 70, 70]

    @given(st.integers(0, 3000), st.floats(0.5, 7), st.integers(10, 60))
    def test_looks_of_a_long_run_are_thinned_evenly(self, rounds: int, seconds: float, most: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            found = self.logged(patch, [seconds] * rounds, most)
        assert [found[0].moment, found[-1].moment] == ["before", "after"]
        times = [state.elapsed_s for state in found[1:-1]]
        assert len(times) <= most
        assert times == sorted(times)
        if rounds * seconds > 20 * most:
            gaps = [later - earlier for earlier, later in pairwise(times)]
            assert len(times) >= most // 3
            # Twice the distance where the last thinning lies behind, and as much as a round is too late.
            assert max(gaps) <= 2.5 * min(gaps) + 2 * seconds


class TestClock:
    START = Clocks(wall=1e9, monotonic=50.0, awake_or_asleep=70.0)

    def after(self, *, wall: float, monotonic: float, boot: float) -> list[str]:
        start = self.START
        return clock_warnings(
            start, Clocks(start.wall + wall, start.monotonic + monotonic, start.awake_or_asleep + boot)
        )

    def test_a_clock_that_goes_as_it_should_is_not_mentioned(self) -> None:
        assert self.after(wall=601.5, monotonic=600.0, boot=600.0) == []
        assert clock_warnings(Clocks.now(), Clocks.now()) == []

    @pytest.mark.parametrize("jump", [-86400, -3, 3, 31_536_000])
    def test_a_clock_that_is_set_is_told_with_what_it_means(self, jump: int) -> None:
        # A Raspberry Pi without a clock of its own is years off until it has network.
        assert self.after(wall=60 + jump, monotonic=60, boot=60) == [
            f"the clock was set by {jump} s during the run: times are measured by another clock and unaffected"
        ]

    def test_a_machine_that_slept_is_not_one_whose_clock_was_set(self) -> None:
        assert self.after(wall=660, monotonic=60, boot=660) == [
            "the machine slept for 600 s during the run: systemd-inhibit keeps it awake"
        ]
