from __future__ import annotations

import base64
import dataclasses
import re
from decimal import Decimal

import numpy as np
import pytest
from bare_measurement import BARE
from hypothesis import example, given
from hypothesis import strategies as st

from edgeq.benchmark import gates
from edgeq.benchmark.gates import FAILED, PASSED, UNDECIDED, Gate, evaluate, parse_gate, to_github
from edgeq.benchmark.item_values import pack_values
from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import (
    Accuracy,
    Estimate,
    Fidelity,
    Latency,
    Measurement,
    Metric,
    VariantInfo,
)
from edgeq.errors import ResultsError, UsageError


def latency(median_ms: float, *, rounds: int = 40, ratio: Estimate | None = None) -> Latency:
    noise = np.random.default_rng(0).normal(0, 0.01, size=(rounds, 5))
    chunks = tuple(map(tuple, (median_ms * np.exp(noise)).tolist()))
    median = Estimate(median_ms, 0.98 * median_ms, 1.02 * median_ms, 5 * rounds)
    return Latency(1, 1, median, median_ms, median_ms, median_ms, median_ms, chunks, ratio, None)


def accuracy(
    wrong: range = range(0), *, n: int = 1000, drop: Estimate | None = None, digest: str = "data"
) -> Accuracy:
    """Accuracy of a variant that gets the numbered items wrong."""
    correct = np.ones(n, dtype=bool)
    correct[list(wrong)] = False
    share = Estimate(correct.mean(), correct.mean() - 0.01, min(1, correct.mean() + 0.01), n)
    return Accuracy(
        n=n,
        excluded=0,
        data_digest=digest,
        task="classification",
        metrics=(Metric("top1", "top-1", share, drop=drop),),
        agreement=None if drop is None else Estimate(0.985, 0.975, 0.99, n),
        sqnr_db=None if drop is None else 24.0,
        correct=base64.b64encode(np.packbits(correct).tobytes()).decode(),
        fidelity=() if drop is None else (Fidelity("a", 24.0, 0.998), Fidelity("b", 25.0, 0.991)),
    )


def corpus(value: float = 0.72, *, drop: Estimate | None = None, key: str = "miou", **options) -> Accuracy:
    """Quality by a metric of all 500 items at once, which has no value of single items."""
    spread = 0.02 if options.get("is_rate", True) else 0.02 * value
    metric = Metric(key, key, Estimate(value, value - spread, value + spread, 500), drop=drop, **options)
    return Accuracy(500, 0, "masks", "segmentation", (metric,), None, None, None)


def regression(value: float = 0.41, *, drop: Estimate | None = None, shift: float = 0.0) -> Accuracy:
    """Quality by an error that is a mean over items, of which less is better."""
    made = corpus(value, drop=drop, key="mae", is_rate=False, higher_is_better=False)
    errors = value * (0.5 + np.arange(500) * 0.6180339887 % 1) + shift * (1 + 0.1 * np.cos(np.arange(500)))
    return dataclasses.replace(made, item_values=pack_values(errors))


def measurement(name: str, **changes: object) -> Measurement:
    """A variant of a bundle, smaller and faster than its FP32 where it is int8."""
    small = name != "float32"
    made = dataclasses.replace(
        BARE,
        variant=VariantInfo(
            "mobile", name, f"{name}.tflite", name, "float32", "0" * 64, 400 if small else 1000, 100
        ),
        inputs={"image": "float32[1, 8, 8, 3]"},
        latency=latency(2.0, ratio=Estimate(0.5, 0.48, 0.52, 40)) if small else latency(4.0),
        accuracy=accuracy(range(20), drop=Estimate(2.0, 1.2, 3.1, 1000)) if small else accuracy(),
        peak_memory_bytes=30_000_000 if small else 50_000_000,
    )
    return dataclasses.replace(made, **changes)


SESSION = (measurement("float32"), measurement("int8"))


def outcome(text: str, measurements=SESSION, **options) -> str:
    """The outcome of a gate on int8."""
    (result,) = evaluate(parse_gate(text), measurements, variants=["int8"], **options)
    return result.outcome


def unescaped(text: str, codes: dict[str, str]) -> str:
    """What GitHub's runner makes of a value; the percent sign comes last, as it came first."""
    for code, character in (codes | {"%0A": "\n", "%0D": "\r", "%25": "%"}).items():
        text = text.replace(code, character)
    return text


gate_texts = st.builds(
    lambda metric, operator, limit: metric + operator + limit,
    st.sampled_from([*gates.METRICS, "top1"]),
    st.sampled_from([">", "<", ">=", "<="]),
    st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{1,3})?(pp|%|B|KB|MiB|us|ms|s|dB|)", fullmatch=True),
)


class TestParse:
    @pytest.mark.parametrize(
        ("text", "metric", "operator", "limit", "is_change"),
        [
            ("drop>1pp", "drop", ">", 1.0, False),
            ("drop>-0.5pp", "drop", ">", -0.5, False),
            ("size>+5%", "size", ">", 5.0, True),
            ("size >= -60 %", "size", ">=", -60.0, True),
            ("size>2MB", "size", ">", 2e6, False),
            ("size>500KB", "size", ">", 5e5, False),
            ("size>1MiB", "size", ">", 1048576.0, False),
            ("memory>+10%", "memory", ">", 10.0, True),
            ("memory>64mb", "memory", ">", 64e6, False),
            ("latency>+5%", "latency", ">", 5.0, True),
            ("latency>5ms", "latency", ">", 5.0, False),
            ("latency>=200us", "latency", ">=", 0.2, False),
            ("latency>200µs", "latency", ">", 0.2, False),
            ("latency<1.5s", "latency", "<", 1500.0, False),
            ("agreement<99%", "agreement", "<", 99.0, False),
            ("top1<=70.5%", "top1", "<=", 70.5, False),
            ("Top-5<90%", "top5", "<", 90.0, False),
            ("accuracy<70%", "accuracy", "<", 70.0, False),
            ("drop>2%", "drop", ">", 2.0, False),
            ("miou<70%", "miou", "<", 70.0, False),
            ("mAP_small<=17.5%", "map_small", "<=", 17.5, False),
            ("mae>0.5", "mae", ">", 0.5, False),
            ("r2<-1", "r2", "<", -1.0, False),
            ("sqnr<20db", "sqnr", "<", 20.0, False),
            ("cosine<0.99", "cosine", "<", 0.99, False),
        ],
    )
    def test_reads_what_the_documentation_shows(
        self, text: str, metric: str, operator: str, limit: float, is_change: bool
    ) -> None:
        gate = parse_gate(text)
        assert (gate.metric, gate.operator, gate.is_change) == (metric, operator, is_change)
        assert gate.limit == pytest.approx(limit)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is no gate: expected METRIC OPERATOR LIMIT such as drop>1pp"),
            ("drop", "is no gate"),
            ("drop=1pp", "is no gate"),
            ("drop>pp", "is no gate"),
            ("drop>1pp please", "is no gate"),
            ("drop>1e3pp", "found 'e'|is no gate"),
            (
                "speed>5ms",
                "speed is none of drop, size, latency, memory, agreement, sqnr, cosine; if it is a metric of your "
                "task, expected a limit in % or a plain number, found 'ms'; write speed<90% or speed>0.5",
            ),
            ("drop>1ms", r"expected drop in pp, %, found 'ms'; write drop>1pp, or drop>2% where"),
            ("drop>1", "expected drop in pp, %, found none"),
            ("cosine<99%", "expected cosine in no unit, found '%'; write cosine<0.99"),
            ("sqnr<20", "expected sqnr in dB, found none; write sqnr<20dB"),
            ("miou<-5%", "miou has no sign; write miou<90%"),
            ("size>5ms", "expected size in %, B, KB, .*, found 'ms'; write size>"),
            ("size>5%", r"a change needs its sign; write size>\+5% for 5% more"),
            ("latency>5%", r"a change needs its sign; write latency>\+5%"),
            ("latency>+5ms", "latency has no sign"),
            ("agreement<99pp", "expected agreement in %"),
            ("agreement<-1%", "agreement has no sign"),
            ("top1<101%", "at most 100%"),
        ],
    )
    def test_says_what_is_wrong_with_an_example(self, text: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            parse_gate(text)

    @given(st.text() | gate_texts)
    @example("drop>99999999999999999999pp")
    @example("size>+0%\x00")
    def test_raises_nothing_but_usage_errors(self, text: str) -> None:
        try:
            gate = parse_gate(text)
        except UsageError:
            return
        assert parse_gate(str(gate)) == gate

    @given(gate_texts)
    def test_round_trips(self, text: str) -> None:
        try:
            gate = parse_gate(text)
        except UsageError:
            return
        assert parse_gate(str(gate)) == gate

    def test_writes_itself_as_a_user_would(self) -> None:
        assert str(Gate("latency", ">", Decimal(5), "%")) == "latency>+5%"
        assert str(Gate("size", ">=", Decimal("-60.5"), "%")) == "size>=-60.5%"
        assert str(Gate("drop", ">", Decimal(1), "pp")) == "drop>1pp"
        assert str(Gate("size", ">", Decimal(2), "MB")) == "size>2MB"


class TestOutcome:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("drop>1pp", FAILED),
            ("drop>2.5pp", UNDECIDED),
            ("drop>1.5pp", UNDECIDED),
            ("drop>3.1pp", PASSED),
            ("drop>=3.1pp", UNDECIDED),
            ("drop<5pp", FAILED),
            ("drop<1.2pp", PASSED),
            ("drop<=1.2pp", UNDECIDED),
            ("size>+5%", PASSED),
            ("size>-70%", FAILED),
            ("size>-60%", PASSED),
            ("size>=-60%", FAILED),
            ("size>399B", FAILED),
            ("size>400B", PASSED),
            ("latency>+5%", PASSED),
            ("latency>-50%", UNDECIDED),
            ("latency>-60%", FAILED),
            ("latency>1ms", FAILED),
            ("latency>2ms", UNDECIDED),
            ("latency>3000us", PASSED),
            ("memory>-50%", FAILED),
            ("memory>-40%", PASSED),
            ("memory>20MB", FAILED),
            ("agreement<99.5%", FAILED),
            ("agreement<98%", UNDECIDED),
            ("agreement<97%", PASSED),
            ("top1<97%", PASSED),
            ("top1<99.5%", FAILED),
            ("accuracy<99.5%", FAILED),
            ("sqnr<24dB", PASSED),
            ("sqnr<24.1dB", FAILED),
            ("cosine<0.991", PASSED),
            ("cosine<=0.991", FAILED),
        ],
    )
    def test_needs_the_whole_interval_on_one_side(self, text: str, expected: str) -> None:
        assert outcome(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("drop>1.5pp", FAILED), ("drop>2pp", PASSED), ("drop>=2pp", FAILED), ("latency>-51%", FAILED)],
    )
    def test_strict_decides_by_the_value(self, text: str, expected: str) -> None:
        assert outcome(text, strict=True) == expected

    @given(gate_texts, st.booleans())
    def test_fails_exactly_where_the_opposite_gate_passes(self, text: str, strict: bool) -> None:
        try:
            gate = parse_gate(text)
        except UsageError:
            return
        if gate.metric == "top1" and gate.unit == "":
            return
        if gate.metric == "drop" and gate.unit == "%":
            return
        opposite = {">": "<=", "<=": ">", "<": ">=", ">=": "<"}[gate.operator]
        (result,) = evaluate(gate, SESSION, variants=["int8"], strict=strict)
        (other,) = evaluate(
            dataclasses.replace(gate, operator=opposite), SESSION, variants=["int8"], strict=strict
        )
        assert other.outcome == {FAILED: PASSED, PASSED: FAILED, UNDECIDED: UNDECIDED}[result.outcome]

    def test_exact_limits_are_not_lost_to_rounding(self) -> None:
        int8 = measurement("int8")
        grown = dataclasses.replace(int8, variant=dataclasses.replace(int8.variant, size_bytes=1050))
        assert outcome("size>+5%", (SESSION[0], grown)) == PASSED
        assert outcome("size>=+5%", (SESSION[0], grown)) == FAILED

    def test_reports_observation_and_limit_in_one_unit(self) -> None:
        (result,) = evaluate(parse_gate("latency>+5%"), SESSION)
        assert (result.variant, result.threads, result.limit) == ("int8", 1, 5.0)
        assert result.observed == Estimate(-50.0, -52.0, -48.0, 40)


class TestMessage:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("drop>1pp", "int8, 1 thread: drop 2.00 pp (1.20 to 3.10, n = 1,000) against FP32 is above 1pp"),
            ("size>+5%", "int8, 1 thread: size -60.00% against FP32 is not above +5%"),
            ("size>0.3KB", "int8, 1 thread: size 0.4000 KB is above 0.3KB"),
            ("latency<=3ms", "int8, 1 thread: latency 2.000 ms (1.960 to 2.040, n = 200) is at or below 3ms"),
            ("memory>20MB", "int8, 1 thread: memory 30.00 MB is above 20MB"),
            (
                "agreement<99.5%",
                "int8, 1 thread: agreement 98.50% (97.50 to 99.00, n = 1,000) against FP32 is below 99.5%",
            ),
            ("sqnr<25dB", "int8, 1 thread: sqnr 24.00 dB against FP32 is below 25dB"),
            ("cosine<0.99", "int8, 1 thread: cosine 0.991 against FP32 is not below 0.99"),
        ],
    )
    def test_is_one_line_with_numbers(self, text: str, expected: str) -> None:
        (result,) = evaluate(parse_gate(text), SESSION, variants=["int8"])
        assert result.message == expected

    @pytest.mark.parametrize(
        ("text", "pattern"),
        [
            ("drop>1.5pp", r"may be above 1\.5pp; about [\d,]+ items would decide"),
            ("agreement<98%", r"may be below 98%; about [\d,]+ items would decide"),
            ("latency>-49%", r"may be above -49%; about [\d,]+ rounds would decide"),
            ("latency>2.01ms", r"may be above 2\.01ms; about [\d,]+ runs would decide"),
            ("latency>2ms", "may be above 2ms; measure more"),
        ],
    )
    def test_says_what_would_decide(self, text: str, pattern: str) -> None:
        (result,) = evaluate(parse_gate(text), SESSION, variants=["int8"])
        assert re.search(pattern, result.message)

    @given(st.floats(0.1, 5), st.floats(-3, 3), st.integers(10, 100_000))
    def test_asks_for_more_than_there_is(self, half: float, value: float, n: int) -> None:
        drop = Estimate(value, value - half, value + half, n)
        int8 = measurement("int8", accuracy=accuracy(drop=drop))
        gate = parse_gate(f"drop>{value + half / 2:.6f}pp")
        (result,) = evaluate(gate, (SESSION[0], int8))
        needed = re.search(r"about ([\d,]+) items", result.message)
        assert needed
        assert int(needed[1].replace(",", "")) > n

    def test_names_what_tells_measurements_apart(self) -> None:
        pi = dataclasses.replace(BARE.environment, device="Raspberry Pi 4", device_id="d2")
        both = (*SESSION, *(dataclasses.replace(m, session="s2", environment=pi, threads=4) for m in SESSION))
        messages = [result.message for result in evaluate(parse_gate("latency>+5%"), both)]
        assert messages[0].startswith("int8, 1 thread, test machine: latency")
        assert messages[1].startswith("int8, 4 threads, Raspberry Pi 4: latency")

    def test_stays_one_line_whatever_the_name(self) -> None:
        name = "int8\r\n::error::x\x1b[31m"
        int8 = measurement(name)
        (result,) = evaluate(parse_gate("size>2MB"), (SESSION[0], int8), variants=[name])
        assert result.message.startswith("int8??::error::x?[31m, 1 thread: size")

    def test_a_gigabyte_is_a_number(self) -> None:
        int8 = measurement("int8", peak_memory_bytes=2_500_000_000)
        (result,) = evaluate(parse_gate("memory>1GB"), (SESSION[0], int8), variants=["int8"])
        assert result.message == "int8, 1 thread: memory 2.500 GB is above 1GB"

    def test_an_unbounded_interval_reads_as_such(self) -> None:
        int8 = measurement("int8", latency=latency(2.0, ratio=Estimate(0.5, 0.0, 1e9, 1)))
        (result,) = evaluate(parse_gate("latency>+5%"), (SESSION[0], int8))
        assert result.outcome == UNDECIDED
        assert "latency -50.00% (-100.00 to ∞, n = 1) against FP32 may be above +5%; measure more" in (
            result.message
        )


class TestWhatAGateAppliesTo:
    @pytest.mark.parametrize("text", ["drop>1pp", "size>+5%", "latency>+5%", "memory>+5%", "agreement<90%"])
    def test_fp32_is_not_held_against_itself(self, text: str) -> None:
        assert [result.variant for result in evaluate(parse_gate(text), SESSION)] == ["int8"]
        with pytest.raises(UsageError, match="compares with FP32 and applies to nothing in float32"):
            evaluate(parse_gate(text), SESSION, variants=["float32"])

    @pytest.mark.parametrize("text", ["size>2MB", "latency>9ms", "memory>1GB", "top1<10%"])
    def test_fp32_is_held_against_absolute_limits(self, text: str) -> None:
        assert [result.variant for result in evaluate(parse_gate(text), SESSION)] == ["float32", "int8"]

    @pytest.mark.parametrize("text", ["size>+5%", "drop>1pp", "latency>+5%"])
    def test_fp32_is_held_against_an_earlier_result(self, text: str) -> None:
        results = evaluate(parse_gate(text), SESSION, old=SESSION)
        assert [result.variant for result in results] == ["float32", "int8"]

    def test_an_unknown_variant_is_an_error_that_names_the_known(self) -> None:
        with pytest.raises(UsageError, match="no variant 'int9' to check; there are float32, int8"):
            evaluate(parse_gate("size>2MB"), SESSION, variants=["int8", "int9"])

    def test_no_measurement_at_all_is_an_error(self) -> None:
        with pytest.raises(ResultsError, match="there are no measurements"):
            evaluate(parse_gate("size>2MB"), ())

    @pytest.mark.parametrize(
        ("text", "changes", "reason"),
        [
            ("drop>1pp", {"accuracy": None}, "drop was not measured"),
            ("drop>1pp", {"accuracy": accuracy()}, "FP32 that is above chance"),
            ("top1<9%", {"accuracy": None}, "top1 was not measured"),
            ("sqnr<9dB", {"accuracy": accuracy()}, "sqnr was not measured .it needs FP32"),
            (
                "agreement<9%",
                {"accuracy": corpus()},
                "agreement was not measured .it needs FP32, and outputs that",
            ),
            ("latency>9ms", {"latency": None}, "latency was not measured"),
            ("latency>+5%", {"latency": latency(2.0)}, "latency was not compared with FP32"),
            ("memory>9MB", {"peak_memory_bytes": None}, "memory was not measured"),
            ("size>+5%", {"baseline": None}, "no FP32 was measured with it"),
            ("drop>1pp", {"baseline": None}, "no FP32 was measured with it"),
            ("size>+5%", {"session": "s2"}, "its FP32 is missing"),
            ("memory>+5%", {"threads": 4}, "its FP32 is missing"),
        ],
    )
    def test_a_gate_that_cannot_fire_is_an_error(
        self, text: str, changes: dict[str, object], reason: str
    ) -> None:
        measurements = (SESSION[0], measurement("int8", **changes))
        with pytest.raises(ResultsError, match=f"applies to no measurement: int8.*{reason}"):
            evaluate(parse_gate(text), measurements, variants=["int8"])

    def test_what_one_of_several_lacks_is_undecided_and_said(self) -> None:
        measurements = (*SESSION, measurement("float16", accuracy=None))
        results = evaluate(parse_gate("drop>5pp"), measurements)
        assert [(result.variant, result.outcome) for result in results] == [
            ("int8", PASSED),
            ("float16", UNDECIDED),
        ]
        assert results[1].observed is None
        assert results[1].message.endswith("; drop>5pp was not checked")


class TestAgainstAnEarlierResult:
    def test_size_is_compared_with_the_same_variant(self) -> None:
        old = measurement("int8", variant=dataclasses.replace(SESSION[1].variant, size_bytes=380))
        assert outcome("size>+5%", old=(old,)) == FAILED
        assert outcome("size>+6%", old=(old,)) == PASSED

    def test_latency_is_compared_across_sessions(self) -> None:
        old = measurement("int8", latency=latency(1.5))
        (result,) = evaluate(parse_gate("latency>+5%"), SESSION, old=(old,), variants=["int8"])
        assert result.outcome == FAILED
        assert result.observed is not None
        assert result.observed.value == pytest.approx(33.3, abs=0.1)
        assert "against before is above +5%" in result.message

    def test_two_sessions_of_one_file_do_not_fail_a_close_gate(self) -> None:
        old = measurement("int8", latency=latency(1.96))
        (result,) = evaluate(parse_gate("latency>+1%"), SESSION, old=(old,), variants=["int8"])
        assert result.outcome == UNDECIDED
        assert result.message.endswith("measure both files in one session")

    def test_drop_is_paired_by_item(self) -> None:
        old = measurement("int8", accuracy=accuracy(range(10, 20)))
        (result,) = evaluate(parse_gate("drop>0.5pp"), SESSION, old=(old,), variants=["int8"])
        # Ten more items wrong and none right that was wrong before.
        assert result.observed is not None
        assert result.observed.value == pytest.approx(1.0)
        assert result.outcome == FAILED

    def test_the_last_of_several_earlier_results_counts(self) -> None:
        first, last = measurement("int8", latency=latency(1.0)), measurement("int8", latency=latency(3.0))
        assert outcome("latency>+5%", old=(first, last)) == PASSED
        assert outcome("latency>+5%", old=(last, first)) == FAILED

    @pytest.mark.parametrize(
        "changes",
        [
            {"threads": 4},
            {"environment": dataclasses.replace(BARE.environment, device_id="d2")},
            {"runtime": dataclasses.replace(BARE.runtime, name="tflite-runtime")},
            {"inputs": {"image": "float32[2, 8, 8, 3]"}},
            {"variant": dataclasses.replace(SESSION[1].variant, model="other")},
        ],
        ids=["threads", "device", "runtime", "inputs", "model"],
    )
    def test_latency_needs_the_same_circumstances(self, changes: dict[str, object]) -> None:
        old = measurement("int8", **changes)
        with pytest.raises(ResultsError, match="same model, runtime, threads, device and inputs"):
            evaluate(parse_gate("latency>+5%"), SESSION, old=(old,), variants=["int8"])

    def test_size_needs_no_more_than_the_model(self) -> None:
        elsewhere = dataclasses.replace(BARE.environment, device_id="d2")
        assert outcome("size>+5%", old=(measurement("int8", threads=4, environment=elsewhere),)) == PASSED

    @pytest.mark.parametrize(
        ("old_accuracy", "reason"),
        [
            (accuracy(digest="other"), "other data"),
            (accuracy(n=999), "other data .999 items, now 1,000."),
            (None, "needs labels, now and in the earlier result"),
            (dataclasses.replace(accuracy(), metrics=()), "needs labels"),
            (
                dataclasses.replace(corpus(), data_digest="data", n=1000),
                "the results have different metrics .'top1' now, 'miou' before.: measure both with one --task",
            ),
            (dataclasses.replace(accuracy(), correct="!!!"), "damaged"),
            (dataclasses.replace(accuracy(), correct="AAAA"), "expected 1000 bits, found 24"),
        ],
    )
    def test_drop_needs_the_same_data(self, old_accuracy: Accuracy | None, reason: str) -> None:
        old = measurement("int8", accuracy=old_accuracy)
        with pytest.raises(ResultsError, match=reason):
            evaluate(parse_gate("drop>1pp"), SESSION, old=(old,), variants=["int8"])

    def test_a_new_variant_is_undecided_where_others_can_be_compared(self) -> None:
        results = evaluate(parse_gate("size>+5%"), SESSION, old=(SESSION[0],))
        assert [(result.variant, result.outcome) for result in results] == [
            ("float32", PASSED),
            ("int8", UNDECIDED),
        ]
        assert "has no such variant, only float32" in results[1].message

    def test_an_empty_earlier_result_is_an_error(self) -> None:
        with pytest.raises(ResultsError, match="no such variant, only nothing"):
            evaluate(parse_gate("size>+5%"), SESSION, old=())


class TestAnyMetric:
    MIOU = (
        measurement("float32", accuracy=corpus()),
        measurement("int8", accuracy=corpus(0.715, drop=Estimate(0.5, 0.2, 0.8, 500))),
    )
    MAE = (
        measurement("float32", accuracy=regression()),
        measurement("int8", accuracy=regression(0.42, drop=Estimate(2.4, 2.1, 2.7, 500))),
    )

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("miou<65%", PASSED),
            ("miou<71%", UNDECIDED),
            ("miou<75%", FAILED),
            ("drop>0.1pp", FAILED),
            ("drop>0.5pp", UNDECIDED),
            ("drop>1pp", PASSED),
        ],
    )
    def test_a_rate_and_its_drop(self, text: str, expected: str) -> None:
        assert outcome(text, self.MIOU) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("mae>0.3", FAILED),
            ("mae>0.42", UNDECIDED),
            ("mae>0.5", PASSED),
            ("drop>2%", FAILED),
            ("drop>2.5%", UNDECIDED),
            ("drop>3%", PASSED),
        ],
    )
    def test_an_amount_and_its_drop(self, text: str, expected: str) -> None:
        assert outcome(text, self.MAE) == expected

    def test_an_amount_is_written_with_four_digits(self) -> None:
        (result,) = evaluate(parse_gate("mae>0.5"), self.MAE, variants=["int8"])
        assert result.message == "int8, 1 thread: mae 0.42 (0.4116 to 0.4284, n = 500) is not above 0.5"

    def test_a_drop_says_in_what_unless_it_is_top1(self) -> None:
        (result,) = evaluate(parse_gate("drop>2%"), self.MAE, variants=["int8"])
        assert result.message == (
            "int8, 1 thread: drop (mae) 2.40% (2.10 to 2.70, n = 500) against FP32 is above 2%"
        )

    def test_a_small_amount_is_not_rounded_away(self) -> None:
        tiny = measurement("int8", accuracy=corpus(3e-12, key="mse", is_rate=False))
        (result,) = evaluate(parse_gate("mse>0.000000000002"), (tiny,))
        assert result.outcome == FAILED

    @pytest.mark.parametrize(
        ("text", "measurements", "message"),
        [
            ("drop>2%", MIOU, "miou is a rate, whose drop is in pp: write drop>2pp"),
            ("drop>1pp", MAE, "mae is an amount, whose drop is in %: write drop>1%"),
            ("mae>50%", MAE, "mae is an amount, whose limit is given as a plain number: write mae>50"),
            ("miou<0.7", MIOU, "miou is a rate, whose limit is given in %: write miou<70%"),
            ("miou<70", MIOU, "miou is a rate, whose limit is given in %: write miou<70%"),
        ],
    )
    def test_a_unit_of_another_kind_of_metric_is_named_with_the_right_one(
        self, text: str, measurements: tuple[Measurement, ...], message: str
    ) -> None:
        with pytest.raises(UsageError, match=re.escape(message)):
            evaluate(parse_gate(text), measurements)

    def test_a_metric_that_nobody_knows_lists_the_known(self) -> None:
        with pytest.raises(
            UsageError,
            match=r"no metric 'map'; these results have miou, drop, size, latency, memory, agreement",
        ):
            evaluate(parse_gate("map<30%"), self.MIOU)

    def test_accuracy_is_top1_unless_the_task_has_a_metric_of_that_name(self) -> None:
        own = measurement("int8", accuracy=corpus(0.3, key="accuracy"))
        (result,) = evaluate(parse_gate("accuracy<70%"), (own,))
        assert (result.outcome, result.gate.metric) == (FAILED, "accuracy")
        (result,) = evaluate(parse_gate("accuracy<70%"), SESSION, variants=["int8"])
        assert (result.outcome, result.gate.metric) == (PASSED, "top1")

    def test_a_drop_from_no_error_at_all_is_written_as_infinite(self) -> None:
        endless = Estimate(UNBOUNDED, -UNBOUNDED, UNBOUNDED, 1)
        pair = (self.MAE[0], measurement("int8", accuracy=regression(drop=endless)))
        (result,) = evaluate(parse_gate("drop>1%"), pair)
        assert result.message == (
            "int8, 1 thread: drop (mae) ∞% (-∞ to ∞, n = 1) against FP32 may be above 1%; measure more"
        )

    def test_without_labels_there_is_no_metric_at_all(self) -> None:
        bare = dataclasses.replace(accuracy(), metrics=())
        with pytest.raises(ResultsError, match="no metric was measured, which needs data with labels"):
            evaluate(parse_gate("top1<90%"), [dataclasses.replace(one, accuracy=bare) for one in SESSION])

    def test_of_two_models_the_one_with_the_metric_is_checked(self) -> None:
        results = evaluate(parse_gate("drop>3%"), (*self.MIOU, *self.MAE), variants=["int8"])
        assert [result.outcome for result in results] == [UNDECIDED, PASSED]
        assert "miou is a rate, which has another unit; drop>3% was not checked" in results[0].message

    def test_a_mean_over_items_is_compared_with_an_earlier_one_item_by_item(self) -> None:
        old = measurement("int8", accuracy=regression(0.41))
        now = measurement("int8", accuracy=regression(0.41, shift=0.0041))
        (result,) = evaluate(parse_gate("drop>0.9%"), (now,), old=(old,))
        assert result.observed is not None
        assert result.observed.value == pytest.approx(1.0, abs=0.01)
        assert result.observed.high - result.observed.low < 0.2
        assert result.outcome == FAILED
        assert "paired" not in result.message

    def test_a_metric_of_all_items_at_once_is_compared_by_its_intervals_and_says_so(self) -> None:
        variant = dataclasses.replace(SESSION[1].variant, sha256="1" * 64)
        old = measurement("int8", accuracy=corpus(0.75), variant=variant)
        (result,) = evaluate(parse_gate("drop>0pp"), self.MIOU, old=(old,), variants=["int8"])
        assert result.observed is not None
        assert result.observed.value == pytest.approx(3.5)
        assert result.observed.high == pytest.approx(3.5 + 2 * 2**0.5)
        assert result.outcome == FAILED
        assert result.message.endswith("; not paired by item, so the interval is wider than it need be")

    def test_an_unchanged_file_has_dropped_nothing(self) -> None:
        (result,) = evaluate(parse_gate("drop>0pp"), self.MIOU, old=self.MIOU, variants=["int8"])
        assert result.observed == Estimate(0.0, 0.0, 0.0, 500)
        assert result.outcome == PASSED

    def test_an_interval_that_shrinks_with_the_root_of_the_items_says_how_many_would_decide(self) -> None:
        (result,) = evaluate(parse_gate("drop>0.65pp"), self.MIOU, variants=["int8"])
        # Half of it is 0.3 pp and has to become 0.15 pp: four times the images.
        assert result.message.endswith("may be above 0.65pp; about 2,000 items would decide")

    @given(st.text(min_size=1))
    def test_a_hostile_key_stays_on_one_line(self, key: str) -> None:
        hostile = measurement("int8", accuracy=corpus(key=key, drop=Estimate(0.5, 0.2, 0.8, 500)))
        with pytest.raises(UsageError) as caught:
            evaluate(parse_gate("drop>1%"), (hostile,))
        assert str(caught.value).isprintable()


class TestGitHub:
    def test_fails_as_an_error_doubts_as_a_warning_and_passes_in_silence(self) -> None:
        results = [
            result
            for text in ("drop>1pp", "drop>1.5pp", "drop>9pp")
            for result in evaluate(parse_gate(text), SESSION)
        ]
        error, warning = to_github(results).split("\n")
        assert error == (
            "::error title=edgeq%3A drop>1pp (int8)::"
            "int8, 1 thread: drop 2.00 pp (1.20 to 3.10, n = 1,000) against FP32 is above 1pp"
        )
        assert warning.startswith("::warning title=edgeq%3A drop>1.5pp (int8)::int8, 1 thread: drop")

    def test_nothing_to_say_is_nothing(self) -> None:
        assert to_github(evaluate(parse_gate("drop>9pp"), SESSION)) == ""

    @given(st.text(), st.text())
    def test_no_name_breaks_out_of_its_command(self, name: str, message: str) -> None:
        (result,) = evaluate(parse_gate("drop>1pp"), SESSION)
        line = to_github([dataclasses.replace(result, variant=name, message=message)])
        match = re.fullmatch(r"::error title=([^,:\r\n]*)::([^\r\n]*)", line)
        assert match
        assert unescaped(match[1], {"%3A": ":", "%2C": ","}) == f"edgeq: drop>1pp ({name})"
        assert unescaped(match[2], {}) == message
