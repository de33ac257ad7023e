from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import made_up_machines
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_machines import vcgencmd

from edgeq.benchmark.host_watch import HostWatch
from edgeq.benchmark.measurement import SustainedMinute
from edgeq.benchmark.sustained import SustainedPlan, run_sustained, throttling_notes
from edgeq.errors import UsageError
from edgeq.runtime.process import Worker

File = Callable[[str], Path]


@pytest.fixture
def workers(demo_file: File) -> Iterator[dict[str, Worker]]:
    with ExitStack() as stack:
        started = {name: stack.enter_context(Worker(name)) for name in ("float32", "int8")}
        for name, worker in started.items():
            worker.load(demo_file(name), 1, None)
        yield started


class TestPlan:
    @pytest.mark.parametrize(
        ("seconds", "minutes"),
        [
            (0, []), (10, [10]), (45, [45]), (60, [60]), (69, [60]), (70, [60, 10]), (90, [60, 30]),
            (600, [60] * 10),
        ],
    )  # fmt: skip
    def test_a_rest_counts_from_ten_seconds_on(self, seconds: float, minutes: list[float]) -> None:
        assert SustainedPlan(seconds).minutes_s() == minutes

    @given(st.floats(10, 86400))
    def test_minutes_add_up_to_nearly_all_that_was_asked_for(self, seconds: float) -> None:
        minutes = SustainedPlan(seconds).minutes_s()
        assert seconds - 10 < sum(minutes) <= seconds + 1e-6
        assert all(10 <= minute <= 60 for minute in minutes)

    @pytest.mark.parametrize(
        ("seconds", "pause"), [(5, 0), (1e9, 0), (-60, 0), (60, -1), (60, 1e9), (float("nan"), 0)]
    )
    def test_what_cannot_be_run_is_refused(self, seconds: float, pause: float) -> None:
        with pytest.raises(UsageError, match=r"^a (sustained run|pause) takes .*, found "):
            SustainedPlan(seconds, pause)


def test_each_variant_runs_alone_and_has_a_median_a_minute(
    workers: dict[str, Worker], tmp_path: Path
) -> None:
    root = made_up_machines.pi4(tmp_path)
    vcgencmd(root, "throttled=0x0", "throttled=0x0", "throttled=0x80008")
    told: list[tuple[str, int, int]] = []
    plan = SustainedPlan(2.5, minute_s=1.0, cool_down_s=0.2)
    found = run_sustained(workers, plan, HostWatch(root).look, progress=lambda *step: told.append(step))
    assert found.failures == {}
    assert list(found.minutes) == ["float32", "int8"]
    for minutes in found.minutes.values():
        assert [minute.minute for minute in minutes] == [1, 2, 3]
        assert all(minute.n > 10 and minute.median_ms > 0 for minute in minutes)
        assert {(minute.temperature_c, minute.frequency_mhz) for minute in minutes} == {(47.712, 600.0)}
    assert [minute.throttled for minute in found.minutes["float32"]] == [0, 0x80008, 0x80008]
    changes = [what for i, (what, _, _) in enumerate(told) if i == 0 or told[i - 1][0] != what]
    assert changes == ["cooling down", "sustained, float32", "cooling down", "sustained, int8"]
    assert all(0 <= done <= total for _, done, total in told)


def test_nothing_runs_and_nothing_waits_where_nothing_was_asked_for(workers: dict[str, Worker]) -> None:
    told: list[str] = []
    found = run_sustained(
        workers,
        SustainedPlan(cool_down_s=3600),
        HostWatch().look,
        progress=lambda what, *_: told.append(what),
    )
    assert (found.minutes, found.failures, told) == ({}, {}, [])


def test_a_variant_that_dies_is_named_and_the_next_one_runs(workers: dict[str, Worker]) -> None:
    workers["float32"]._process.kill()
    found = run_sustained(workers, SustainedPlan(0.5, minute_s=0.5), HostWatch().look)
    assert list(found.failures) == ["float32"]
    assert found.failures["float32"].startswith("float32: ")
    assert list(found.minutes) == ["int8"]


class TestThrottling:
    def minutes(self, *medians: float) -> Sequence[SustainedMinute]:
        return [
            SustainedMinute(position, median, 100, None, None, None)
            for position, median in enumerate(medians, start=1)
        ]

    def test_who_throttles_is_told_with_the_minute_from_which_on(self) -> None:
        cool = self.minutes(3.0, 3.0, 3.0)
        hot = [
            replace(minute, throttled=bits) for minute, bits in zip(cool, (0x0, 0x8, 0xE000E), strict=True)
        ]
        earlier = [replace(minute, throttled=0x50000) for minute in cool]
        assert throttling_notes({"cool": cool, "hot": hot, "earlier": earlier}, 1) == [
            "hot: the Raspberry Pi throttled in the sustained run from minute 2 on "
            "(frequency capped, throttled, soft temperature limit; 1 thread)"
        ]
