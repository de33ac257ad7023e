"""The packed bundle in full, run by a Python that has NumPy and a runtime alone."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.targets import find_targets
from edgeq.data.reading import read_dataset
from edgeq.data.truth import ClassLabels
from edgeq.devices.packed.packing import pack_bundle, write_packed
from edgeq.report.render import render
from edgeq.report.results import read_results
from tests.devices.bare_python import make_bare_python

DEMO = Path(__file__).parents[3] / "edgeq" / "demo"
QUICK = ("--quick", "--threads", "1", "--variant", "float32", "--variant", "int8", "--max-time", "1")


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    return make_bare_python(tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "demo.pyz"
    write_packed(
        path, pack_bundle(find_targets([DEMO / "bundle"]), data=read_dataset(DEMO / "test.npz"), items=50)
    )
    return path


def environment(folder: Path) -> dict[str, str]:
    """A home and a temporary folder of its own, and nothing of this checkout."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    (folder / "tmp").mkdir(exist_ok=True)
    return kept | {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
    }


def run(python: Path, archive: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, archive, *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def measured(python, archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    return folder, run(python, archive, folder, *QUICK)


def test_it_measures_latency_accuracy_and_parity_and_prints_the_table(measured) -> None:
    folder, done = measured
    assert done.returncode == 0, done.stderr
    assert "fashion_mnist" in done.stdout
    results = read_results([folder / "demo.jsonl"])
    assert [one.variant.name for one in results] == ["float32", "int8"]
    for one in results:
        assert one.latency is not None
        assert one.accuracy is not None
        assert one.accuracy.n == 50
        assert one.accuracy.primary.value.value > 0.8
        assert one.parity is not None
        assert one.parity.passed


def test_it_leaves_nothing_in_the_temporary_folder(measured) -> None:
    folder, _ = measured
    assert list((folder / "tmp").iterdir()) == []


def test_its_results_are_those_that_the_report_merges(measured, tmp_path) -> None:
    folder, _ = measured
    assert "int8" in render(read_results([folder / "demo.jsonl", folder / "demo.jsonl"]), "md")


def test_json_goes_to_stdout_alone(python, archive, tmp_path) -> None:
    done = run(python, archive, tmp_path, *QUICK, "--no-latency", "--json", "-o", "elsewhere.jsonl")
    assert done.returncode == 0, done.stderr
    measurements = json.loads(done.stdout)
    assert [one["latency"] for one in measurements] == [None, None]
    assert measurements[1]["accuracy"]["n"] == 50
    assert (tmp_path / "elsewhere.jsonl").is_file()


def test_a_hyphen_is_stdout_which_then_has_json_lines_alone(python, archive, tmp_path) -> None:
    done = run(python, archive, tmp_path, *QUICK, "--no-latency", "--no-accuracy", "-o", "-")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["variant"]["name"] for line in done.stdout.splitlines()] == ["float32", "int8"]
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("tmp", "cache")] == []


def test_labels_of_another_model_cost_accuracy_alone(python, tmp_path) -> None:
    data = read_dataset(DEMO / "test.npz")
    shifted = data.with_truth(ClassLabels((data.truth.values + 1) % 10, data.truth.names))
    archive = tmp_path / "demo.pyz"
    write_packed(archive, pack_bundle(find_targets([DEMO / "bundle"]), data=shifted, items=50))
    done = run(python, archive, tmp_path, *QUICK, "--no-latency")
    assert done.returncode == 3
    assert "not measured: accuracy: " in done.stderr
    assert "pack the bundle again" in done.stderr
    assert [one.accuracy for one in read_results([tmp_path / "demo.jsonl"])] == [None, None]


def test_ctrl_c_while_it_is_still_importing_is_one_line(python, archive, tmp_path) -> None:
    process = subprocess.Popen(
        [python, "-X", "importtime", archive, "--help"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # Python says what it has imported: this is the first of edgeq, long before the program is there.
    for line in process.stderr:
        if line.endswith(" edgeq\n"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert [line for line in rest.splitlines() if not line.startswith("import time:")] == [
        "edgeq: interrupted"
    ]


def test_no_accuracy_leaves_the_inputs_alone(python, archive, tmp_path) -> None:
    done = run(python, archive, tmp_path, *QUICK, "--no-accuracy", "--json")
    assert [one["accuracy"] for one in json.loads(done.stdout)] == [None, None]


@pytest.mark.parametrize("where", [0.5, 0.97])
def test_one_altered_byte_is_noticed_before_anything_runs(python, archive, tmp_path, where: float) -> None:
    content = bytearray(archive.read_bytes())
    content[int(len(content) * where)] ^= 1
    altered = tmp_path / "demo.pyz"
    altered.write_bytes(content)
    done = run(python, altered, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "edgeq: demo.pyz was altered or cut off on its way: copy it again\n"
    assert [path.name for path in tmp_path.iterdir() if path.name != "tmp"] == ["demo.pyz"]


def test_without_a_runtime_it_says_in_one_line_what_fits(archive, tmp_path) -> None:
    bare = make_bare_python(tmp_path / "venv", ("numpy",))
    done = run(bare, archive, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edgeq: no TensorFlow Lite runtime is installed: ")
    assert "ai-edge-litert" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_numpy_it_says_so_in_one_line(archive, tmp_path) -> None:
    bare = make_bare_python(tmp_path / "venv", ())
    done = run(bare, archive, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edgeq: NumPy is not installed for ")
    assert done.stderr.count("\n") == 1


def test_the_first_file_is_read_by_any_python_3_and_refuses_old_ones(archive) -> None:
    source = zipfile.ZipFile(archive).read("__main__.py").decode()
    # It knows neither f-strings nor annotations of variables.
    ast.parse(source, feature_version=(3, 4))
    assert "if sys.version_info < (3, 10):" in source.splitlines()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--variant", "int4"), "no variant int4: there are "),
        (("--threads", "0"), "expected a whole number from 1, found '0'"),
        (("--cpus", "two"), "expected numbers of cores"),
        (("--sustained", "soon"), "expected such as 90s, 10m or 1h30m"),
        (("--runtime", "onnx"), "unknown runtime 'onnx'"),
        (("--frobnicate",), "unrecognized arguments: --frobnicate"),
        (("-o", "report.html"), "expected a name that ends in .jsonl"),
        (("--max-time", "0"), "expected 0.1 s or more"),
        (("-o", "missing/folder.jsonl"), "the folder missing does not exist"),
    ],
)
def test_wrong_usage_is_one_line_and_2(python, archive, tmp_path, words, message) -> None:
    done = run(python, archive, tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_nothing(python, archive, tmp_path) -> None:
    limited = tmp_path / "limited"
    # No file larger than 64 KiB can be written: what a full disk does, without one.
    limited.write_text(f'#!/bin/sh\nulimit -f 128\nexec "{python}" "$@"\n')
    limited.chmod(0o755)
    done = run(limited, archive, tmp_path, *QUICK)
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert "free some space, or set TMPDIR" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_terminated_run_leaves_nothing(python, archive, tmp_path) -> None:
    process = subprocess.Popen(
        [python, archive, "--threads", "1"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    temporary = tmp_path / "tmp"
    deadline = time.monotonic() + 60
    while not list(temporary.glob("*/bundle/*.tflite")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(temporary.glob("*/bundle/*.tflite"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "demo.jsonl").exists()


def test_a_variant_that_computes_otherwise_than_recorded_fails_with_1(python, tmp_path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(DEMO / "bundle", bundle)
    _exchange_recorded(bundle)
    archive = tmp_path / "demo.pyz"
    write_packed(archive, pack_bundle(find_targets([bundle])))
    done = run(python, archive, tmp_path, "--no-latency", "--variant", "int8")
    assert done.returncode == 1, done.stderr
    (one,) = read_results([tmp_path / "demo.jsonl"])
    assert one.parity is not None
    assert not one.parity.passed


def _exchange_recorded(bundle: Path) -> None:
    """Records the outputs of other inputs, with digests that fit."""
    path = bundle / "parity.npz"
    with np.load(path) as archive:
        arrays = {key: archive[key] for key in archive.files}
    key = next(key for key in arrays if key.startswith("variant/int8/"))
    arrays[key] = arrays[key][::-1].copy()
    np.savez_compressed(path, **arrays)
    manifest = bundle / "bundle.json"
    said = json.loads(manifest.read_text())
    said["files"]["parity.npz"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(said))
