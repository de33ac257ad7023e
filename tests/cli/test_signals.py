"""Ctrl-C, kill and SIGKILL while something is being measured: no process and no file stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")


@pytest.fixture
def busy(edgeq, work, demo, wait_until):
    """A benchmark that would take half a minute, in the middle of its evaluation."""
    images = np.random.default_rng(0).integers(0, 256, (20_000, 28, 28, 1)).astype(np.uint8)
    np.savez(work / "images.npz", image=images)
    (work / "r.jsonl").touch()
    process = edgeq.start(
        "benchmark",
        demo.bundle,
        "--variant",
        "int16x8",
        "--data",
        "images.npz",
        "--no-latency",
        "-o",
        "r.jsonl",
    )
    wait_until(lambda: any("evaluation" in name for name in edgeq.leftovers()), "the evaluation")
    wait_until(lambda: len(edgeq.processes()) > 1, "a worker")
    yield process
    process.kill()
    process.wait()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    # Far less than what is left of the evaluation.
    out, err = process.communicate(timeout=10)
    return process.returncode, out, err.strip()


@pytest.mark.parametrize("whom", ["the whole group, as a terminal does", "the parent alone, as kill does"])
def test_ctrl_c_ends_everything_at_once_with_one_word(edgeq, work, busy, whom, wait_until):
    (os.killpg if "group" in whom else os.kill)(busy.pid, signal.SIGINT)
    assert ended(busy) == (130, "", "edgeq: interrupted")
    wait_until(lambda: edgeq.processes() == {}, "the end of the workers")
    assert edgeq.leftovers() == []
    assert (work / "r.jsonl").read_text() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_being_told_to_end_is_ending_in_order(edgeq, busy, number, wait_until):
    busy.send_signal(number)
    assert ended(busy) == (128 + number, "", "")
    wait_until(lambda: edgeq.processes() == {}, "the end of the workers")
    assert edgeq.leftovers() == []


def test_sigkill_leaves_no_process_and_the_next_run_removes_its_files(edgeq, work, busy, demo, wait_until):
    busy.kill()
    busy.wait()
    wait_until(lambda: edgeq.processes() == {}, "the end of the workers")
    assert len(edgeq.leftovers()) > 0
    np.save(work / "item.npy", demo.images[0])
    assert edgeq("run", demo.bundle, "item.npy", "--variant", "int8").code == 0
    assert edgeq.leftovers() == []


def test_what_was_told_to_ignore_a_hangup_goes_on(edgeq, demo):
    script = (
        f"nohup $EDGEQ benchmark {demo.bundle} --variant int8 --no-latency & sleep 0.1; kill -HUP $!; wait $!"
    )
    run = edgeq.shell(script)
    assert run.code == 0
    assert "int8" in run.out
