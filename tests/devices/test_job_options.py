from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.benchmark.latency import DEFAULT, FULL, QUICK
from edgeq.devices.job_options import JobOptions, add_options, job_options, read_cores

names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
seconds = st.integers(100, 10**7).map(lambda milliseconds: milliseconds / 1000)
options = st.builds(
    JobOptions,
    variants=st.lists(names, max_size=3).map(tuple),
    threads=st.lists(st.integers(1, 64), max_size=3).map(tuple),
    runtime=st.none() | names,
    baseline=st.none() | names,
    speed=st.sampled_from(["quick", "default", "full"]),
    max_seconds=st.none() | seconds,
    latency=st.booleans(),
    accuracy=st.booleans(),
    cpus=st.sets(st.integers(0, 99), max_size=4).map(lambda cores: tuple(sorted(cores))),
    sustained_s=seconds,
    cool_down_s=seconds,
    seed=st.integers(-5, 2**31),
    verbose=st.booleans(),
)


def parsed(words: list[str]) -> JobOptions:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_options(parser)
    return job_options(parser.parse_args(words))


@given(options)
def test_options_arrive_on_the_device_as_they_were_sent(sent: JobOptions) -> None:
    assert parsed(sent.arguments()) == sent


def test_no_arguments_are_the_defaults() -> None:
    assert parsed([]) == JobOptions()


def test_a_variant_that_looks_like_an_option_stays_a_name() -> None:
    assert parsed(JobOptions(variants=("--full",)).arguments()) == JobOptions(variants=("--full",))


def test_the_plan_is_that_of_the_speed() -> None:
    assert JobOptions().plan() is DEFAULT
    assert JobOptions(speed="quick").plan() is QUICK
    assert JobOptions(speed="full").plan() is FULL
    assert JobOptions(latency=False).plan() is None


def test_less_time_than_the_speed_asks_for_is_the_least_time_too() -> None:
    plan = JobOptions(speed="full", max_seconds=2.0).plan()
    assert plan is not None
    assert (plan.max_seconds, plan.least_seconds) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("text", "cores"), [("0", (0,)), ("2,3", (2, 3)), ("4-7", (4, 5, 6, 7)), ("3, 0-1,1", (0, 1, 3))]
)
def test_cores_are_read(text: str, cores: tuple[int, ...]) -> None:
    assert read_cores(text) == cores


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1-2-3", "99999", "²", "3-1"])
def test_what_is_no_core_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected numbers of cores"):
        read_cores(text)
