"""What a Raspberry Pi gets: the wheel in an environment of its own, without TensorFlow and without any extra."""

from __future__ import annotations

import json
import os
import re
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.measurement import Measurement
from edgeq.demo import assets
from edgeq.report.results import read_results

pytestmark = pytest.mark.slow

VARIANTS = ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"]


@dataclass(frozen=True)
class Device:
    """An environment and a working directory."""

    environment: Path
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment; nothing of this checkout is on its path."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        program = self.environment / ("Scripts" if os.name == "nt" else "bin") / command[0]
        return subprocess.run(
            [str(program), *command[1:]],
            cwd=self.folder,
            env={**clean, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def edgeq(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("edgeq", *arguments)

    def install(self, what: str) -> None:
        done = self.run("python", "-m", "pip", "install", "--quiet", what)
        assert done.returncode == 0, done.stderr


def device(built: Path, folder: Path, extra: str = "") -> Device:
    venv.create(folder / "environment", with_pip=True)
    (folder / "work").mkdir()
    made = Device(folder / "environment", folder / "work")
    (wheel,) = built.glob("*.whl")
    made.install(f"{wheel}{extra}")
    return made


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """With what ``pip install edgeq`` brings, some data and the results of a benchmark."""
    made = device(built, tmp_path_factory.mktemp("bare"))
    data = assets.test_data()
    assert data.labels is not None
    (name,) = data.input_names()
    some = list(range(0, len(data), 10))
    np.savez(made.folder / "data.npz", image=data.raw(name, some), labels=data.labels[some])
    np.save(made.folder / "photo.npy", data.raw(name, [0])[0])
    return made


@pytest.fixture(scope="module")
def benchmark(bare: Device) -> subprocess.CompletedProcess[str]:
    bundle = str(assets.bundle_path())
    return bare.edgeq(
        "benchmark", bundle, "--data", "data.npz", "--quick", "--threads", "1", "-o", "results.jsonl"
    )


def test_no_package_of_the_desktop_half_is_installed(bare: Device) -> None:
    code = (
        "from importlib.util import find_spec as find\n"
        "print(*[name for name in ('tensorflow', 'keras', 'jinja2', 'plotly', 'scipy') if find(name)])\n"
        "print(*[name for name in ('numpy', 'PIL', 'ai_edge_litert', 'edgeq') if find(name)])"
    )
    absent, present = bare.run("python", "-c", code).stdout.split("\n")[:2]
    assert absent == ""
    assert present == "numpy PIL ai_edge_litert edgeq"


def test_edgeq_comes_from_the_environment_and_not_from_this_checkout(bare: Device) -> None:
    done = bare.run("python", "-c", "import edgeq; print(edgeq.__file__)")
    assert done.stdout.startswith(str(bare.environment))


def test_help_and_version_are_there(bare: Device) -> None:
    assert "Keras models to TensorFlow Lite files" in bare.edgeq("--help").stdout
    assert bare.edgeq("--version").returncode == 0
    assert bare.run("python", "-m", "edgeq", "--help").stdout == bare.edgeq("--help").stdout


def test_a_bundle_is_benchmarked_with_accuracy(
    bare: Device, benchmark: subprocess.CompletedProcess[str]
) -> None:
    assert benchmark.returncode == 0, benchmark.stderr
    assert "Traceback" not in benchmark.stderr
    assert all(variant in benchmark.stdout for variant in VARIANTS)
    measurements = read_results([bare.folder / "results.jsonl"])
    assert [measurement.variant.name for measurement in measurements] == VARIANTS
    assert all(complete(measurement) for measurement in measurements)


def complete(measurement: Measurement) -> bool:
    return (
        measurement.latency is not None
        and measurement.accuracy is not None
        and measurement.accuracy.primary is not None
        and measurement.accuracy.primary.value.value > 0.8
        and measurement.runtime.name == "litert"
    )


def test_predictions_of_every_variant_are_shown_side_by_side(bare: Device) -> None:
    done = bare.edgeq("run", str(assets.bundle_path()), "photo.npy")
    assert done.returncode == 0, done.stderr
    assert all(variant in done.stdout for variant in VARIANTS)
    assert any(label in done.stdout for label in assets.LABELS)
    as_json = bare.edgeq("run", str(assets.bundle_path()), "photo.npy", "--json")
    assert json.loads(as_json.stdout)


def test_the_demo_app_comes_out_of_the_wheel_with_a_bundle_converted_for_an_older_runtime(
    bare: Device,
) -> None:
    command = ("android", str(assets.bundle_path()), "--new", "app", "--variant", "dynamic")
    done = bare.edgeq(*command, "--min-runtime", "2.16.1", "--metadata-to", "described")
    assert done.returncode == 0, done.stderr
    assert (bare.folder / "app/core/src/main/kotlin/edgeq/core/parity/ParityCheck.kt").is_file()
    put = bare.folder / "app/app/src/main/assets/edgeq"
    assert (put / "fashion_mnist.dynamic.tflite").read_bytes() != (
        assets.bundle_path() / "fashion_mnist.dynamic.tflite"
    ).read_bytes()
    measured = bare.edgeq("benchmark", str(put), "--quick", "--threads", "1", "-o", "app.jsonl")
    assert measured.returncode == 0, measured.stderr
    measurements = read_results([bare.folder / "app.jsonl"])
    assert {one.variant.name: one.parity is not None and one.parity.passed for one in measurements} == {
        "dynamic": True,
        "float32": True,
    }


@pytest.mark.parametrize(("suffix", "begins"), [("md", "**"), ("csv", ""), ("json", "{")])
def test_results_are_rendered_without_the_report_extra(
    bare: Device, benchmark: subprocess.CompletedProcess[str], suffix: str, begins: str
) -> None:
    assert benchmark.returncode == 0
    done = bare.edgeq("report", "results.jsonl", "-o", f"x.{suffix}")
    assert done.returncode == 0, done.stderr
    text = (bare.folder / f"x.{suffix}").read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert "int16x8" in text


def test_html_names_the_extra_that_it_needs(
    bare: Device, benchmark: subprocess.CompletedProcess[str]
) -> None:
    assert benchmark.returncode == 0
    done = bare.edgeq("report", "results.jsonl", "-o", "x.html")
    assert done.returncode == 2
    assert 'pip install "edgeq[report]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert not (bare.folder / "x.html").exists()


def test_conversion_names_the_extra_that_it_needs(bare: Device) -> None:
    done = bare.edgeq("convert", str(assets.model_path()))
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgeq: ")
    assert 'pip install "edgeq[convert]"' in line
    assert not (bare.folder / "model-edgeq").exists()


def test_the_demo_measures_its_ready_bundle_and_says_so(bare: Device) -> None:
    done = bare.edgeq("demo", "-o", "demo")
    assert done.returncode == 0, done.stderr
    assert 'pip install "edgeq[convert]"' in done.stderr
    assert "ships with edgeq" in done.stderr
    assert all(variant in done.stdout for variant in VARIANTS)
    measured = read_results([bare.folder / "demo" / "results.jsonl"])
    assert {measurement.variant.name for measurement in measured} == set(VARIANTS)


# No wheel of tflite-runtime exists for a newer Python: there is nothing to test there, and no skip to count.
@pytest.mark.python311
def test_the_predecessor_of_the_runtime_measures_what_it_can_and_says_what_it_refuses(
    built: Path, tmp_path: Path
) -> None:
    old = device(built, tmp_path, extra="[tflite-runtime]")
    bundle = str(assets.bundle_path())
    done = old.edgeq(
        "benchmark", bundle, "--runtime", "tflite-runtime", "--quick", "--threads", "1", "-o", "old.jsonl"
    )
    assert "Traceback" not in done.stderr
    refused = re.findall(
        r"^not measured: (\S+): \S+ is refused by tflite-runtime 2\.14\.\d+: \S.{20,}",
        done.stderr,
        re.MULTILINE,
    )
    measured = read_results([old.folder / "old.jsonl"])
    names = [measurement.variant.name for measurement in measured]
    assert {"float32", "int8"} <= set(names)
    assert sorted(names + refused) == sorted(VARIANTS)
    assert done.returncode == (3 if refused else 0)
    assert {measurement.runtime.name for measurement in measured} == {"tflite-runtime"}
    assert all(measurement.runtime.kernel_path.startswith("tflite-runtime 2.14") for measurement in measured)
    # Without being asked for it, the newer runtime is taken, which is installed beside it.
    newer = old.edgeq("benchmark", bundle, "--variant", "float32", "--quick", "--threads", "1", "--json")
    assert '"litert"' in newer.stdout
