"""What the app's Kotlin measures on this machine's JVM is what Python reads, computes and reports."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.benchmark.latency import Plan
from edgeq.benchmark.latency_statistics import median_latency, paired_ratio, percentile, verdict
from edgeq.benchmark.measurement import Measurement, to_json
from edgeq.benchmark.parity import same_outputs
from edgeq.benchmark.session import measure
from edgeq.benchmark.targets import find_targets
from edgeq.bundle import Bundle, read_bundle
from edgeq.demo import assets
from edgeq.report.results import append_results, read_results
from edgeq.runtime.host import kernel_path
from edgeq.runtime.running import run_file

_ROUNDING = 1e-11
"""Logarithms and powers of the two libraries differ in the last bit."""

_TINY = Plan(rounds=6, least_runs=12, least_seconds=0.0, max_seconds=1.0, warmup_seconds=0.0, warmup_runs=1)


def _run_kotlin(out: Path, bundle: Path) -> None:
    """Runs the Kotlin tests that need a runtime; they write into the folder."""
    from tools.android.jvm_tests import run_core_tests

    result = run_core_tests(out, bundle=bundle, package="edgeq.core.jvm")
    assert not result.failures, str(result)
    assert not result.skipped, str(result)


@pytest.fixture(scope="module")
def kotlin(jdk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what the tests wrote about the demo's bundle."""
    out = tmp_path_factory.mktemp("kotlin")
    _run_kotlin(out, assets.bundle_path())
    return out


@pytest.fixture(scope="module")
def lines(kotlin: Path) -> list[dict[str, Any]]:
    text = (kotlin / "measurements.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def measurements(kotlin: Path) -> tuple[Measurement, ...]:
    return read_results([kotlin / "measurements.jsonl"])


def test_outputs_are_pythons_bit_for_bit(kotlin: Path) -> None:
    _assert_same_outputs(read_bundle(assets.bundle_path()), kotlin)


def test_every_variant_and_thread_count_is_read(measurements: tuple[Measurement, ...]) -> None:
    names = [variant.name for variant in read_bundle(assets.bundle_path()).manifest.variants]
    assert [(one.threads, one.variant.name) for one in measurements] == [
        (threads, name) for threads in (1, 2) for name in names
    ]


def test_python_reads_every_key_and_value(
    lines: list[dict[str, Any]], measurements: tuple[Measurement, ...]
) -> None:
    assert [json.loads(json.dumps(to_json(one))) for one in measurements] == lines


def test_facts_about_files_are_those_that_python_measures(measurements: tuple[Measurement, ...]) -> None:
    targets = find_targets([assets.bundle_path()])
    known = {target.info.name: target.info for target in targets.files}
    for one in measurements:
        assert one.variant == known[one.variant.name]
        assert one.provenance == targets.provenance


def test_statistics_are_pythons(measurements: tuple[Measurement, ...]) -> None:
    chunks = {(one.variant.name, one.threads): one.latency.chunks_ms for one in measurements if one.latency}
    for one in measurements:
        latency = one.latency
        assert latency is not None
        own = latency.chunks_ms
        assert asdict(latency.median) == pytest.approx(asdict(median_latency(own)), rel=_ROUNDING)
        assert (latency.p90_ms, latency.p95_ms) == (percentile(own, 0.9), percentile(own, 0.95))
        assert latency.mean_ms == np.mean(np.concatenate([np.asarray(chunk) for chunk in own]))
        assert latency.min_ms == min(min(chunk) for chunk in own)
        if one.variant.name == "float32":
            assert (latency.ratio, latency.verdict) == (None, None)
            continue
        ratio = paired_ratio(own, chunks["float32", one.threads])
        assert latency.ratio is not None
        assert asdict(latency.ratio) == pytest.approx(asdict(ratio), rel=_ROUNDING)
        assert latency.verdict == verdict(ratio)


def test_parity_and_the_kernel_path_are_those_of_python_here(measurements: tuple[Measurement, ...]) -> None:
    bundle = read_bundle(assets.bundle_path())
    recorded = {variant.name: variant.check.kernel_path for variant in bundle.manifest.variants}
    for one in measurements:
        assert one.runtime.kernel_path == kernel_path(one.runtime.name, one.runtime.version, "XNNPACK")
        assert one.parity is not None
        assert one.parity.passed
        assert one.parity.same_kernels == (one.runtime.kernel_path == recorded[one.variant.name])


def test_a_report_shows_the_app_beside_edgeq_benchmark(kotlin: Path, tmp_path: Path) -> None:
    measured = measure(find_targets([assets.bundle_path()]), threads=(1,), plan=_TINY).measurements
    append_results(tmp_path / "here.jsonl", measured)
    paths = [str(kotlin / "measurements.jsonl"), str(tmp_path / "here.jsonl")]
    assert len(read_results(paths)) == 3 * len(measured)
    command = [sys.executable, "-m", "edgeq", "report", *paths, "--format", "md"]
    shown = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    titles = [line for line in shown.splitlines() if line.startswith("#")]
    for device in ("Example Phone 1, Example Chip", measured[0].environment.device):
        assert any(device in title for title in titles), titles


@pytest.mark.tensorflow
def test_outputs_of_a_mobilenet_are_pythons_bit_for_bit(jdk: Path, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert
    from edgeq.data.dataset import ArrayDataset

    keras.utils.set_random_seed(0)
    image = keras.Input((64, 64, 3), name="image")
    model = keras.applications.MobileNetV2(input_tensor=image, alpha=0.35, weights=None, classes=10)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 64, 64, 3), dtype=np.uint8)
    _spread_activations(model, pixels / np.float32(127.5) - 1)
    model.save(tmp_path / "mobilenet.keras")
    data = ArrayDataset({"image": pixels}, source="pixels")
    options = Options(schemes=("int8",), preprocess="-1..1", calibration_items=16)
    bundle = tmp_path / "bundle"
    convert(tmp_path / "mobilenet.keras", data=data, output=bundle, options=options)
    (tmp_path / "out").mkdir()
    _run_kotlin(tmp_path / "out", bundle)
    _assert_same_outputs(read_bundle(bundle), tmp_path / "out")


def _spread_activations(model: Any, images: Any) -> None:
    """Normalizes by what there is: else a network of random weights gives one answer to all images."""
    for layer in model.layers:
        if hasattr(layer, "moving_mean"):
            layer.momentum = 0.0
    model({"image": images}, training=True)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([4 * kernel, bias])


def _assert_same_outputs(bundle: Bundle, folder: Path) -> None:
    """Compares what Kotlin wrote with what Python's runtime computes here and now from the recorded inputs."""
    recorded = bundle.parity()
    assert recorded is not None
    for variant in bundle.manifest.variants:
        ran = run_file(bundle.path(variant), variant.name, recorded.inputs)
        for name, expected in ran.stored.items():
            assert np.unique(expected).size > 10, "outputs that are all alike prove nothing"
            found = np.frombuffer(
                (folder / "outputs" / variant.name / f"{name}.bin").read_bytes(), expected.dtype
            )
            assert same_outputs(expected, found.reshape(expected.shape)), f"{variant.name} {name}"
