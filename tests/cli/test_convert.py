"""``edgeq convert`` as a user sees it, with TensorFlow; each run takes seconds, so that there are few."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.bundle import read_bundle

pytestmark = pytest.mark.tensorflow

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_model_of_any_name_becomes_a_bundle_that_the_next_command_takes(edgeq, work, demo):
    shutil.copy(demo.model, work / "-größe 猫 1.keras")
    run = edgeq("convert", "--scheme", "float16", "--", "-größe 猫 1.keras")
    assert run.code == 0, run.err
    assert run.err == ""
    assert names(work) == ["-größe 猫 1-edgeq", "-größe 猫 1.keras"]
    bundle = read_bundle(work / "-größe 猫 1-edgeq")
    assert [variant.name for variant in bundle.manifest.variants] == ["float32", "float16"]
    for text in ("float16", "of FP32", "SQNR", "-größe 猫 1.float16.tflite"):
        assert text in run.out
    assert run.out.splitlines()[-1] == "next: edgeq benchmark './-größe 猫 1-edgeq' --data …"
    # What it says next is a command.
    following = edgeq.shell(
        run.out.splitlines()[-1].replace("next: edgeq", "$EDGEQ").replace(" --data …", " --no-latency")
    )
    assert following.code == 0, following.err


def test_all_options_at_once_as_json(edgeq, work, demo):
    np.savez(work / "few images.npz", image=demo.images[:50], labels=demo.labels[:50])
    (work / "labels.txt").write_text("".join(f"kind {index}\n" for index in range(10)))
    run = edgeq(
        "convert", demo.model, "--data", "few images.npz", "--scheme", "int8", "--io", "uint8", "--io", "int8",
        "--labels", "labels.txt", "--name", "net", "--seed", "3", "-o", "build/out put", "--json",
    )  # fmt: skip
    assert run.code == 0, run.err
    result = json.loads(run.out)
    assert [variant["name"] for variant in result["variants"]] == ["float32", "int8-io-uint8", "int8"]
    assert result["failures"] == []
    assert result["warnings"] == []
    (finding,) = result["findings"]
    assert (finding["code"], finding["severity"]) == ("D106", "warning")
    assert (
        finding["message"] == "few images.npz: 50 calibration items are few: 100 to 500 are usual; give more"
    )
    assert {"D106", "D108", "M207", "F312"} < set(result["rules_checked"])
    assert "preprocessing: raw, the model rescales pixels itself" in result["notes"]
    bundle = read_bundle(work / "build" / "out put")
    assert bundle.manifest.labels == tuple(f"kind {index}" for index in range(10))
    assert len(bundle.manifest.calibration) == 50
    assert names(work / "build") == ["out put"]
    assert {"net.float32.tflite", "net.int8.tflite", "net.int8-io-uint8.tflite"} < set(names(bundle.folder))


def test_of_two_runs_that_write_one_bundle_one_wins_whole_and_the_other_says_so(edgeq, work, demo):
    runs = [edgeq.start("convert", demo.model, "--scheme", "float16", "-o", "net") for _ in range(2)]
    ends = [(*process.communicate(timeout=120), process.returncode) for process in runs]
    (_, _, won), (out, err, lost) = sorted(ends, key=lambda end: end[2])
    assert (won, lost) == (0, 2)
    assert out == ""
    assert err in (
        "edgeq: net exists: add --force to replace it\n",
        "edgeq: net is being written by another process: wait for it or name another folder with -o\n",
    )
    assert [variant.name for variant in read_bundle(work / "net").manifest.variants] == ["float32", "float16"]
    assert names(work) == ["net"]


def converting(edgeq, wait_until, *arguments: str | Path):
    """Starts a conversion and waits until it is in the middle: a file is made and is being checked."""
    process = edgeq.start("convert", *arguments)
    wait_until(
        lambda: any("runtime.worker" in line for line in edgeq.processes().values()),
        "the check of the first file",
    )
    return process


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_what_is_interrupted_leaves_the_old_bundle_and_the_next_run_replaces_it(
    edgeq, work, demo, wait_until, number
):
    shutil.copytree(demo.bundle, work / "net")
    before = (work / "net" / "bundle.json").read_bytes()
    arguments = (demo.model, "--calibration", demo.calibration, "--scheme", "all", "-o", "net", "--force")
    process = converting(edgeq, wait_until, *arguments)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.kill()
    out, err = process.communicate(timeout=20)
    if number == signal.SIGINT:
        assert (process.returncode, out, err.strip()) == (130, "", "edgeq: interrupted")
        assert edgeq.leftovers() == []
    wait_until(lambda: not edgeq.processes(), "the end of the converter and the worker")
    assert (work / "net" / "bundle.json").read_bytes() == before
    read_bundle(work / "net")
    if number == signal.SIGKILL:
        assert edgeq("convert", demo.model, "--scheme", "float16", "-o", "net", "--force").code == 0
        assert [variant.name for variant in read_bundle(work / "net").manifest.variants] == [
            "float32",
            "float16",
        ]
    assert names(work) == ["net"]
