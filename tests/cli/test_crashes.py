"""A model that crashes the runtime costs its own variant and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.files import sha256_bytes
from edgeq.tflite.model import read_model


def replace(bundle: Path, variant: str, content: bytes) -> None:
    """Puts another file into a bundle, whose digests then match."""
    path = bundle / "bundle.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["variants"]:
        if entry["name"] == variant:
            (bundle / entry["file"]).write_bytes(content)
            entry |= {"sha256": sha256_bytes(content), "size_bytes": len(content)}
    path.write_text(json.dumps(manifest))


@pytest.fixture
def bundle(work, demo) -> Path:
    return Path(shutil.copytree(demo.bundle, work / "net"))


def test_the_model_is_one_that_nothing_but_running_it_refuses(crashing_model):
    assert [operator.name for operator in read_model(crashing_model).subgraphs[1].operators] == ["IF"]


def test_a_benchmark_names_the_variant_and_measures_the_others(edgeq, bundle, demo, crashing_model):
    replace(bundle, "dynamic", crashing_model)
    run = edgeq(
        "benchmark", "net", "--variant", "int8", "--variant", "dynamic", "--variant", "float32",
        "--data", demo.test, "--limit", "100", "--quick", "--threads", "1", "-o", "-",
    )  # fmt: skip
    assert run.code == 3
    assert run.err == "not measured: dynamic: the runtime crashed at 'evaluate' (SIGSEGV)\n"
    measured = {line["variant"]["name"]: line for line in map(json.loads, run.out.splitlines())}
    assert set(measured) == {"float32", "int8"}
    assert measured["int8"]["accuracy"]["metrics"][0]["drop"] is not None
    assert measured["int8"]["latency"] is not None


def test_a_failed_gate_is_more_than_a_crash(edgeq, bundle, crashing_model):
    replace(bundle, "dynamic", crashing_model)
    options = ("--no-latency", "--variant", "int8", "--variant", "dynamic", "--fail-if", "size>1kB")
    run = edgeq("benchmark", "net", *options)
    assert run.code == 1
    assert run.err.splitlines() == [
        "not measured: dynamic: the runtime crashed at 'load' (SIGSEGV)",
        "gate failed: int8, 1 thread: size 100.4 KB is above 1KB",
    ]


def test_a_gate_on_nothing_but_a_crash_has_nothing_to_judge(edgeq, bundle, crashing_model):
    replace(bundle, "dynamic", crashing_model)
    run = edgeq("benchmark", "net", "--no-latency", "--variant", "dynamic", "--fail-if", "size>+1%")
    assert run.code == 3
    assert run.err == "not measured: dynamic: the runtime crashed at 'load' (SIGSEGV)\n"


def test_run_names_the_variant_and_shows_the_others(edgeq, work, bundle, demo, crashing_model):
    replace(bundle, "float32", crashing_model)
    np.save(work / "item.npy", demo.images[0])
    run = edgeq("run", "net", "item.npy", "--variant", "float32", "--variant", "int8", "--json")
    assert run.code == 3
    assert run.err == "not run: float32: the runtime crashed at 'load' (SIGSEGV)\n"
    (prediction,) = json.loads(run.out)
    assert list(prediction["variants"]) == ["int8"]


def test_where_nothing_runs_that_is_the_error(edgeq, work, crashing_model):
    (work / "a.tflite").write_bytes(crashing_model)
    run = edgeq("benchmark", "a.tflite", "--quick")
    assert run.code == 2
    assert run.complaint == "nothing could be measured: a: the runtime crashed at 'load' (SIGSEGV)"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker in /proc")
def test_a_worker_that_is_killed_in_the_middle_costs_nothing(edgeq, work, demo, wait_until):
    images = np.random.default_rng(0).integers(0, 256, (1000, 28, 28, 1)).astype(np.uint8)
    np.savez(work / "images.npz", image=images)
    process = edgeq.start(
        "benchmark", demo.bundle, "--variant", "int8", "--variant", "int16x8",
        "--data", "images.npz", "--no-latency", "-o", "-",
    )  # fmt: skip

    def evaluating() -> list[int]:
        return [number for number in edgeq.processes() if "int16x8.tflite" in maps(number)]

    os.kill(wait_until(evaluating, "the evaluation of int16x8")[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    measured = [json.loads(line) for line in out.splitlines()]
    assert [one["variant"]["name"] for one in measured] == ["int8", "int16x8"]
    assert [one["accuracy"]["n"] for one in measured] == [1000, 1000]


def maps(number: int) -> str:
    """The files that a process maps into its memory; a loaded model is one of them."""
    try:
        return Path(f"/proc/{number}/maps").read_text()
    except OSError:
        return ""
