"""``edgeq optimize``: the best variant within an accuracy budget."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import click
import numpy as np
import pytest

from edgeq.cli.device_options import DeviceOptions
from edgeq.cli.optimize import Drop


@pytest.fixture(scope="module")
def small(tmp_path_factory, demo):
    """300 of the demo's images with their labels."""
    path = tmp_path_factory.mktemp("data") / "small.npz"
    np.savez(path, image=demo.images[:300], labels=demo.labels[:300])
    return path


@pytest.fixture(scope="module")
def optimized(tmp_path_factory, demo, small):
    """One short search: where it ran, and what it said."""
    folder = tmp_path_factory.mktemp("optimized")
    arguments = ["optimize", demo.bundle, "--data", small, "--max-drop", "5 pp", "--max-candidates", "2"]
    options = ["--calibration-items", "32", "-o", "out", "--report", "front.html"]
    done = subprocess.run(
        [sys.executable, "-m", "edgeq", *map(str, arguments), *options],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done


def test_what_to_ship_and_the_next_command_are_the_last_lines(optimized, small):
    _, done = optimized
    lines = done.stdout.splitlines()
    assert lines[0] == "fashion_mnist: the smallest file that loses at most 5 pp"
    assert any(line.startswith("Ship ") for line in lines)
    assert lines[-1] == f"next: edgeq benchmark out --data {small}"


def test_the_best_so_far_is_said_when_it_changes(optimized):
    _, done = optimized
    best = [line for line in done.stderr.splitlines() if line.startswith("best so far: ")]
    assert best
    assert len({line.partition(";")[0] for line in best}) == len(best)


def test_the_bundle_has_the_chosen_variant_first_and_all_that_was_tried(optimized):
    folder, _ = optimized
    document = json.loads((folder / "out" / "optimize.json").read_text())
    manifest = json.loads((folder / "out" / "bundle.json").read_text())
    assert (document["format"], document["version"]) == ("edgeq-optimize", 1)
    assert manifest["variants"][0]["name"] == document["chosen"]["variant"]
    assert "float32" in [variant["name"] for variant in manifest["variants"]]
    assert len(document["candidates"]) >= document["evaluations"] >= 4


def test_the_page_is_written_and_named(optimized):
    folder, done = optimized
    page = (folder / "front.html").read_text()
    assert "<svg" in page
    assert "<h1>Ship " in page
    assert done.stderr.splitlines()[-1] == "written: front.html"


def test_a_budget_in_percent_is_refused_with_what_pp_is(edgeq, demo, small):
    run = edgeq("optimize", demo.bundle, "--data", small, "--max-drop", "1%")
    assert run.code == 2
    assert "such as 1pp or 0.5pp, found '1%'" in run.complaint
    assert "pp is lost accuracy in percentage points, % would be a ratio" in run.complaint


@pytest.mark.parametrize(
    "budget", ["1", "0.5 %", "-1pp", "200pp", "one pp", "nanpp", "infpp", "1e2pp", "", "1pp pp"]
)
def test_what_is_no_number_of_percentage_points_is_no_budget(budget):
    with pytest.raises(click.BadParameter, match="expected percentage points from 0 to 100"):
        Drop().convert(budget, None, None)


@pytest.mark.parametrize(
    ("budget", "points"),
    [("1pp", 1.0), ("0.5pp", 0.5), ("1 pp", 1.0), (" 2PP ", 2.0), ("0pp", 0.0), ("100pp", 100.0)],
)
def test_a_budget_is_read_in_percentage_points(budget, points):
    assert Drop().convert(budget, None, None) == points


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--keep", "stm=int8"], "--keep stm=int8: no layer is named 'stm': did you mean stem?"),
        (["--keep", "stem"], "--keep stem: expected LAYER=PRECISION"),
        (["--keep", "stem=int3"], "expected one of the precisions int8, int8x4, int16x8, float32"),
        (["--on", "local", "--on", "ssh:pi@host"], "--on: expected one device to choose for, found 2"),
        (["--budget", "10x"], "duration '10x': expected such as 90s, 10m or 1h30m"),
        (["--budget", "0"], "--budget 0: expected a number above 0"),
        (["--report", "page.txt"], "--report page.txt: expected a file that ends in .html"),
        (["--report", "missing/page.html"], "missing"),
        (
            ["--executor", "dusk:tcp://a:1"],
            "--executor dusk:tcp://a:1: expected local or dask:tcp://HOST:PORT",
        ),
        (["--report", "taken/note.txt/page.html"], "write elsewhere with --report"),
        (["-o", "taken"], "taken"),
    ],
)
def test_wrong_options_end_in_one_line_before_the_search(edgeq, work, demo, small, options, complaint):
    (work / "taken").mkdir()
    (work / "taken" / "note.txt").write_text("mine")
    run = edgeq("optimize", demo.bundle, "--data", small, *options)
    assert run.code == 2
    assert complaint in run.complaint
    assert (work / "taken" / "note.txt").read_text() == "mine"


def test_what_was_typed_of_a_device_can_be_typed_again():
    values = {"install": False, "python": "/p", "benchmark_model": None, "benchmark_model_sha256": None}
    devices = DeviceOptions(("ssh:pi@host",), **values, gpu=False, op_profiling=True)
    assert devices.typed() == ("--on=ssh:pi@host", "--python=/p", "--op-profiling")


def test_without_data_there_is_nothing_to_judge_by(edgeq, demo):
    run = edgeq("optimize", demo.bundle)
    assert run.code == 2
    assert run.complaint.startswith("optimize needs data to judge files on: add --data FOLDER")


def test_a_page_without_jinja_names_the_extra(edgeq, demo, small, blocked):
    run = edgeq("optimize", demo.bundle, "--data", small, "--report", "a.html", PYTHONPATH=blocked("jinja2"))
    assert run.code == 2
    assert 'pip install "edgeq[report]"' in run.complaint


def test_without_litert_quantizer_the_extra_is_named(edgeq, demo, small, blocked):
    run = edgeq("optimize", demo.bundle, "--data", small, PYTHONPATH=blocked("litert_quantizer"))
    assert run.code == 2
    assert 'pip install "edgeq[optimize]"' in run.complaint


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")
def test_ctrl_c_keeps_what_was_found(edgeq, work, demo, small, wait_until):
    process = edgeq.start(
        "optimize", demo.bundle, "--data", small, "--max-drop", "0pp", "--calibration-items", "32",
        "-o", "out", "--json",
    )  # fmt: skip
    said = iter(process.stderr.readline, "")
    assert any(line.startswith("best so far: ") for line in said)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    document = json.loads(out)
    assert document["cut_short"] == "it was interrupted"
    assert process.returncode == (0 if document["meets"] else 1)
    assert json.loads((work / "out" / "optimize.json").read_text()) == document
    assert (work / "out" / "bundle.json").exists()
