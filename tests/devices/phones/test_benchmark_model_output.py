"""What versions of ``benchmark_model`` print."""

from __future__ import annotations

import dataclasses
import math

import pytest
import replays
from hypothesis import given
from hypothesis import strategies as st

from edgeq.devices.phones.benchmark_model_output import (
    ToolResult,
    parse_output,
    reason_of_failure,
    unknown_flags,
)
from edgeq.errors import EdgeqError, ResultsError


@pytest.mark.parametrize("prefix", [True, False])
def test_the_classic_output_with_percentiles(prefix):
    result = parse_output(replays.classic(1000, prefix=prefix))
    assert result == ToolResult(
        mean_ms=1.0,
        median_ms=0.98,
        p95_ms=1.2,
        min_ms=0.9,
        max_ms=1.5,
        count=50,
        load_ms=2.5,
        first_ms=9.0,
        memory_bytes=int(7.25 * 2**20),
    )


def test_the_classic_output_of_older_versions_tells_no_percentiles():
    result = parse_output(replays.classic(1234.56, percentiles=False))
    assert result.mean_ms == pytest.approx(1.23456)
    assert (result.median_ms, result.p95_ms, result.count) == (None, None, 50)


@pytest.mark.parametrize("percentiles", [True, False])
def test_inferences_that_all_took_the_same_time(percentiles):
    result = parse_output(replays.classic(500, same=True, percentiles=percentiles))
    assert (result.mean_ms, result.min_ms, result.max_ms, result.count) == (0.5, 0.5, 0.5, 50)


def test_a_single_inference_has_neither_mean_nor_extremes():
    result = parse_output("INFO: count=1 curr=670083 p5=670083 median=670083 p95=670083\n")
    assert (result.mean_ms, result.median_ms, result.count) == (670.083, 670.083, 1)


def test_the_timed_inferences_count_and_not_the_warm_up():
    warm_up = "count=3 first=9 curr=9 min=9 max=9 avg=9 std=0\n"
    assert parse_output(warm_up + "count=2 first=5 curr=7 min=5 max=7 avg=6 std=1").mean_ms == 0.006


def test_the_block_of_litert():
    result = parse_output(replays.litert(1.38))
    assert (result.mean_ms, result.count, result.load_ms, result.first_ms) == (1.38, 40, 4.48, 1.93)
    assert (result.min_ms, result.max_ms, result.median_ms) == (1.24, 2.07, None)
    assert result.memory_bytes == int(11.5 * 2**20)


def test_statistics_are_more_exact_than_the_block():
    result = parse_output(replays.litert(0.46453, statistics=True))
    assert (result.mean_ms, result.median_ms) == (0.46453, 0.458)
    assert result.load_ms == 4.48


def test_a_summary_alone_is_enough():
    text = "Inference timings in us: Init: 2491, First inference: 183222, Warmup (avg): 170631, Inference (avg): 163455"
    assert parse_output(text) == ToolResult(mean_ms=163.455, load_ms=2.491, first_ms=183.222)


def test_without_a_warm_up_there_is_no_first_inference():
    text = (
        "Inference timings in us: Init: 2491, First inference: nan, Warmup (avg): nan, Inference (avg): 1e+06"
    )
    assert parse_output(text) == ToolResult(mean_ms=1000.0, load_ms=2.491)


def test_the_statistics_of_a_profile_are_not_those_of_the_run():
    assert parse_output(replays.classic(1000) + replays.PROFILE).mean_ms == 1.0


@pytest.mark.parametrize(
    ("said", "delegate", "delegated", "nodes"),
    [
        ("", "none", None, None),
        (replays.XNNPACK_BY_ITSELF, "XNNPACK", 9, 11),
        (replays.XNNPACK_ASKED, "XNNPACK", None, None),
        ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n", "XNNPACK", None, None),
        (replays.GPU_ASKED, "GPU", 11, 11),
        (replays.GPU_IDLE, "none", None, None),
        (replays.GPU_IDLE + replays.XNNPACK_BY_ITSELF, "XNNPACK", 9, 11),
        (replays.GPU_ASKED + replays.XNNPACK_ASKED, "GPU+XNNPACK", 11, 11),
        (
            "Replacing 64 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 1 partitions.",
            "XNNPACK",
            64,
            None,
        ),
        (
            "Replacing 5 out of 7 node(s) with delegate (MyDelegate) node, yielding 1 partitions.",
            "MyDelegate",
            5,
            7,
        ),
        (
            replays.XNNPACK_BY_ITSELF
            + replays.XNNPACK_BY_ITSELF.replace("subgraph 0", "subgraph 1").partition("\n")[2],
            "XNNPACK",
            9,
            11,
        ),
    ],
)
def test_the_delegate_is_what_the_output_says_executes_something(said, delegate, delegated, nodes):
    result = parse_output(replays.classic(extra=said + "\n"))
    assert (result.delegate, result.nodes_delegated, result.nodes) == (delegate, delegated, nodes)


def test_flags_that_the_tool_does_not_know():
    assert parse_output(replays.classic(extra=replays.UNKNOWN_FLAGS)).unknown_flags == (
        "result_file_path",
        "use_gpu",
    )
    assert unknown_flags("nothing") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no time of an inference; it printed nothing"),
        (
            "INFO: STARTING!\nSegmentation fault\n",
            "no time of an inference; its last line is 'Segmentation fault'",
        ),
        ("\ncount=5 avg=abc", "line 2 of its output: expected a number of 0 or more, found 'abc'"),
        ("count=5 avg=-3", "line 1 of its output: expected a number of 0 or more, found '-3'"),
        ("count=5 avg=inf", "expected a number of 0 or more, found 'inf'"),
        ("count=5 avg=1e300", "expected a number of 0 or more"),
        ("count=0", "line 1 of its output: no inference was timed"),
        ("count=5 first=0 curr=0(all same)", "inferences that take no time"),
        ("count=5 avg=1e-300", "inferences that take no time"),
        ("count=5 min=9 max=3 avg=5", "contradicts itself"),
        ("Inference (avg):  x ms", "found 'x' in"),
        (
            "Memory footprint delta from the start of the tool (MB): init=1 overall=1_0",
            "found '1_0' in",
        ),
    ],
)
def test_what_cannot_be_understood_is_said_with_its_line(text, message):
    with pytest.raises(ResultsError) as caught:
        parse_output(text)
    assert message in str(caught.value)


def test_the_reason_of_a_failure_is_the_last_error_but_the_general_one():
    text = f"INFO: STARTING!\n{replays.REFUSED}ERROR: Benchmarking failed.\n"
    assert "Op builtin_code out of range" in reason_of_failure(text)
    assert reason_of_failure("x\nKilled \n") == "its last line is 'Killed'"


def test_hostile_text_is_shown_printable_and_short():
    said = reason_of_failure("ERROR: \x1b[31m\u202e" + "A" * 100_000)
    assert said.isprintable()
    assert len(said) < 250


LINES = st.one_of(
    st.sampled_from(
        (
            replays.classic() + replays.litert(statistics=True) + replays.PROFILE + replays.GPU_ASKED
        ).splitlines()
    ),
    st.text(max_size=60),
    st.builds(
        "count={} curr={} avg={} min={} max={} median={}".format,
        *[st.one_of(st.integers(), st.floats(), st.text(max_size=5))] * 6,
    ),
)


@given(st.lists(LINES, max_size=30).map("\n".join))
def test_any_text_is_a_sound_result_or_one_printable_line(text):
    result, said = _read(text)
    if result is None:
        assert said.isprintable()
        assert len(said) < 900
        return
    assert 0 < result.mean_ms < 1e10
    numbers = [value for value in dataclasses.astuple(result) if isinstance(value, float | int)]
    assert all(math.isfinite(number) and number >= 0 for number in numbers)
    assert result.nodes is None or result.nodes_delegated <= result.nodes


def _read(text: str) -> tuple[ToolResult | None, str]:
    try:
        return parse_output(text), ""
    except EdgeqError as error:
        return None, str(error)


@given(
    st.integers(1, 10**9),
    st.integers(2, 10**6),
    st.booleans(),
)
def test_numbers_are_read_as_they_were_printed(mean_us, count, prefix):
    line = f"count={count} first=1 curr=2 min=1 max={2 * mean_us} avg={mean_us} std=0"
    result = parse_output(f"{'INFO: ' * prefix}{line}")
    assert (result.mean_ms, result.count) == (mean_us / 1e3, count)


def test_a_very_long_line_takes_no_time():
    result = parse_output("x" * 3_000_000 + "\n" + replays.classic())
    assert result.mean_ms == 1.0
