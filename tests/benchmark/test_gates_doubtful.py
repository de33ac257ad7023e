"""Gates on times that must not be compared: an error, and not a gate that was passed or left undecided."""

from __future__ import annotations

import dataclasses

import pytest
from bare_measurement import BARE

from edgeq.benchmark.gates import ERROR, FAILED, PASSED, evaluate, parse_gate, to_github
from edgeq.benchmark.measurement import Estimate, Latency, Measurement, VariantInfo
from edgeq.cli.results import judge
from edgeq.errors import EXIT_BAD_INPUT, EXIT_FINE, EXIT_GATE

THROTTLED = "the Raspberry Pi throttled during the run (under-voltage)"


def measured(
    name: str, *, emulator: str | None = None, invalid: str | None = None, **changes: object
) -> Measurement:
    is_base = name == "float32"
    value = 10.0 if is_base else 5.0
    ratio = None if is_base else Estimate(0.5, 0.49, 0.51, 3)
    verdict = None if is_base else "faster"
    median = Estimate(value, value * 0.98, value * 1.02, 3)
    chunks = ((value,), (value * 1.01,), (value * 0.99,))
    return dataclasses.replace(
        BARE,
        variant=VariantInfo("mobile", name, f"mobile.{name}.tflite", name, name, name * 9, 400, 100),
        environment=dataclasses.replace(BARE.environment, emulator=emulator, **changes),
        latency=Latency(None, None, median, None, None, value, value, chunks, ratio, verdict, "median"),
        peak_memory_bytes=1000,
        invalid=invalid,
    )


def session(**changes: object) -> list[Measurement]:
    return [measured("float32", **changes), measured("int8", **changes)]


@pytest.mark.parametrize("expression", ["latency>5s", "latency<1ms", "latency>+5%", "latency>-99%"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"emulator": "qemu-user"}, "its CPU was emulated (qemu-user), and such times mean nothing"),
        ({"invalid": THROTTLED}, f"its times are invalid: {THROTTLED}"),
    ],
    ids=["emulated", "throttled"],
)
def test_a_gate_on_such_a_latency_is_an_error_whatever_its_limit(expression, changes, reason):
    results = evaluate(parse_gate(expression), session(**changes))
    assert {result.outcome for result in results} == {ERROR}
    assert all(result.observed is None for result in results)
    assert f"{parse_gate(expression)} cannot be checked: {reason}" in results[-1].message
    assert "\n" not in results[-1].message


def test_a_throttled_baseline_leaves_nothing_to_compare_with():
    (result,) = evaluate(
        parse_gate("latency>+5%"), [measured("float32", invalid=THROTTLED), measured("int8")]
    )
    assert result.outcome == ERROR
    assert "its reference cannot be used: its times are invalid: the Raspberry Pi throttled" in result.message


def test_an_emulated_night_before_is_nothing_to_compare_with():
    results = evaluate(parse_gate("latency>+5%"), session(), old=session(emulator="qemu-user"))
    assert {result.outcome for result in results} == {ERROR}


def test_sizes_still_count():
    (result,) = evaluate(parse_gate("size>1KB"), [measured("int8", emulator="qemu-user")])
    assert result.outcome == PASSED


def test_memory_counts_on_a_throttled_device_and_not_on_an_emulated_one():
    gate = parse_gate("memory>1MB")
    (throttled,) = evaluate(gate, [measured("int8", invalid=THROTTLED)])
    (emulated,) = evaluate(gate, [measured("int8", emulator="qemu-user")])
    assert (throttled.outcome, emulated.outcome) == (PASSED, ERROR)
    assert "its memory is the emulator's too" in emulated.message


def test_other_variants_are_judged_all_the_same():
    results = evaluate(parse_gate("latency>1ms"), [measured("float32"), measured("int8", invalid=THROTTLED)])
    assert [result.outcome for result in results] == [FAILED, ERROR]


def test_a_workflow_is_told_of_the_error():
    results = evaluate(parse_gate("latency>5s"), [measured("int8", emulator="qemu-user")])
    assert to_github(results).startswith("::error title=edgeq")


@pytest.mark.parametrize(
    ("changes", "expression", "code"),
    [
        ({}, "latency>1ms", EXIT_GATE),
        ({}, "latency>5s", EXIT_FINE),
        ({"emulator": "qemu-user"}, "latency>5s", EXIT_BAD_INPUT),
    ],
)
def test_the_exit_code_of_a_gate_that_cannot_be_checked_is_that_of_bad_input(changes, expression, code):
    gates = (parse_gate(expression),)
    found = judge(gates, session(**changes), old=None, variants=(), strict=False, github=False)
    assert found == code


def test_tied_to_other_cores_nothing_before_fits():
    with pytest.raises(Exception, match="on the same cores and power supply"):
        evaluate(parse_gate("latency>+5%"), session(), old=session(cpus=(2, 3)))


def test_one_sample_a_round_is_compared_with_an_earlier_night():
    results = evaluate(parse_gate("latency>+50%"), session(), old=session())
    assert {result.outcome for result in results} == {PASSED}


def test_messages_tell_two_boards_of_one_kind_apart():
    boards = [measured("int8", reached_by=f"ssh:{name}") for name in ("a", "b")]
    assert [result.message.partition(":")[0] for result in evaluate(parse_gate("size>1KB"), boards)] == [
        "int8, 1 thread, ssh",
        "int8, 1 thread, ssh",
    ]
    assert "ssh:a" in evaluate(parse_gate("size>1KB"), boards)[0].message
