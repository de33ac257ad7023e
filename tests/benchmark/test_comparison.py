from __future__ import annotations

import base64
import dataclasses

import numpy as np
import pytest
from bare_measurement import BARE

from edgeq.benchmark import comparison
from edgeq.benchmark.accuracy_statistics import proportion
from edgeq.benchmark.latency_statistics import median_latency
from edgeq.benchmark.measurement import (
    Accuracy,
    Estimate,
    Fidelity,
    Latency,
    Metric,
)
from edgeq.errors import ResultsError

RATIO = Estimate(0.5, 0.4, 0.6, 10)


def latency(scale: float) -> Latency:
    chunks = scale * np.exp(np.random.default_rng(0).normal(0, 0.01, size=(20, 5)))
    median = median_latency(chunks)
    rounds = tuple(map(tuple, chunks.tolist()))
    return Latency(1, 1, median, scale, scale, scale, scale, rounds, RATIO, "faster")


def accuracy(wrong: int, n: int = 101) -> Accuracy:
    correct = np.arange(n) >= wrong
    bits = base64.b64encode(np.packbits(correct).tobytes()).decode()
    share = proportion(n - wrong, n)
    top1 = Metric("top1", "top-1", share, drop=Estimate(1.0, 0.5, 1.5, n))
    fidelity = (Fidelity("a", 30.0, 0.99), Fidelity("b", 20.0, 0.97), Fidelity("c", 200.0, None))
    return Accuracy(n, 0, "data", "classification", (top1,), share, 24.0, bits, fidelity=fidelity)


INT8 = dataclasses.replace(BARE, latency=latency(2.0), accuracy=accuracy(11), peak_memory_bytes=300)
FP32 = dataclasses.replace(
    INT8,
    variant=dataclasses.replace(INT8.variant, name="float32", size_bytes=1000),
    inputs={"image": "float32[1]"},
    peak_memory_bytes=500,
)


def test_amounts_are_bytes_and_milliseconds() -> None:
    assert comparison.amount("size", INT8) == Estimate(400.0, 400.0, 400.0, 1)
    assert comparison.amount("memory", INT8) == Estimate(300.0, 300.0, 300.0, 1)
    assert INT8.latency is not None
    assert comparison.amount("latency", INT8) == INT8.latency.median


def test_metrics_are_found_by_their_key() -> None:
    assert comparison.metric("top1", INT8).value.value == pytest.approx(90 / 101)
    with pytest.raises(ResultsError, match=r"top5 was not measured .it needs data with labels"):
        comparison.metric("top5", INT8)


def test_closeness_needs_no_labels() -> None:
    assert comparison.closeness("agreement", INT8).n == 101
    assert comparison.closeness("sqnr", INT8) == Estimate(24.0, 24.0, 24.0, 1)
    assert comparison.closeness("cosine", INT8) == Estimate(0.97, 0.97, 0.97, 1)
    with pytest.raises(ResultsError, match=r"cosine was not measured .it needs data"):
        comparison.closeness("cosine", dataclasses.replace(INT8, accuracy=None))


def test_ratios_are_to_the_fp32_of_the_session() -> None:
    assert comparison.ratio("size", INT8, (FP32, INT8)).value == pytest.approx(0.4)
    assert comparison.ratio("memory", INT8, (FP32, INT8)).value == pytest.approx(0.6)
    assert comparison.ratio("latency", INT8, (FP32, INT8)) == RATIO


def test_ratios_are_to_the_same_variant_of_an_earlier_result() -> None:
    old = dataclasses.replace(INT8, session="s0", latency=latency(1.0), peak_memory_bytes=200)
    assert comparison.ratio("memory", INT8, (INT8,), old=(old,)).value == pytest.approx(1.5)
    ratio = comparison.ratio("latency", INT8, (INT8,), old=(old,))
    assert ratio.value == pytest.approx(2.0)
    # Two sessions are never told apart by less than they repeat.
    assert ratio.low < 2.0 * 0.98 < 2.0 * 1.02 < ratio.high


def test_drop_is_to_the_fp32_or_to_the_same_items_before() -> None:
    assert comparison.drop(INT8) == comparison.Drop(Estimate(1.0, 0.5, 1.5, 101), "pp", is_paired=True)
    old = dataclasses.replace(INT8, session="s0", accuracy=accuracy(1))
    drop = comparison.drop(INT8, old=(old,))
    assert drop.estimate.value == pytest.approx(100 * 10 / 101)
    assert (drop.estimate.n, drop.unit, drop.is_paired) == (101, "pp", True)


def test_a_reference_of_no_bytes_is_refused() -> None:
    empty = dataclasses.replace(FP32, peak_memory_bytes=0)
    with pytest.raises(ResultsError, match="memory of 0 bytes"):
        comparison.ratio("memory", INT8, (empty, INT8))


def test_fp32_is_that_of_the_same_session_threads_and_runtime() -> None:
    others = [
        dataclasses.replace(FP32, session="s2"),
        dataclasses.replace(FP32, threads=4),
        dataclasses.replace(FP32, runtime=dataclasses.replace(BARE.runtime, name="tflite-runtime")),
        dataclasses.replace(FP32, variant=dataclasses.replace(FP32.variant, model="other")),
    ]
    assert comparison.fp32_of(INT8, (*others, FP32)) is FP32
    with pytest.raises(ResultsError, match="its FP32 is missing"):
        comparison.fp32_of(INT8, others)
    with pytest.raises(ResultsError, match="no FP32 was measured with it"):
        comparison.fp32_of(dataclasses.replace(INT8, baseline=None), (FP32, INT8))


def test_earlier_names_what_is_there() -> None:
    with pytest.raises(ResultsError, match="no such variant, only float32"):
        comparison.earlier("size", INT8, (FP32,))
    other = dataclasses.replace(INT8, variant=dataclasses.replace(INT8.variant, model="other"))
    with pytest.raises(ResultsError, match=r"with the same model$"):
        comparison.earlier("size", INT8, (other,))
