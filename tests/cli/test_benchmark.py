"""``edgeq benchmark`` as a user sees it; everything here runs where TensorFlow is not installed."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

QUICK = ("--quick", "--threads", "1")
ACCURACY = ("--no-latency", "--limit", "200")
TWO = ("--variant", "float32", "--variant", "int8")


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_table_goes_to_stdout_and_the_rest_to_stderr(edgeq, work, demo):
    run = edgeq(
        "benchmark", demo.bundle, "--variant", "int8", *QUICK, "-o", "results.jsonl", "-o", "report.md"
    )
    assert run.code == 0
    assert "int8" in run.out
    assert re.search(r"\b[µm]s\b", run.out)
    assert run.err.splitlines() == ["written: results.jsonl", "written: report.md"]
    (measurement,) = lines(work / "results.jsonl")
    assert measurement["variant"]["name"] == "int8"
    assert measurement["latency"]["median"]["value"] > 0
    assert (work / "report.md").read_text().startswith("**")


def test_a_second_run_appends_its_results(edgeq, work, demo):
    for _ in range(2):
        assert edgeq("benchmark", demo.bundle, "--variant", "int8", "--no-latency", "-o", "r.jsonl").code == 0
    one, two = lines(work / "r.jsonl")
    assert one["session"] != two["session"]


def test_json_on_stdout_is_json_and_files_keep_their_own_format(edgeq, work, demo):
    run = edgeq(
        "benchmark", demo.bundle, *TWO, "--no-latency", "--json", "-o", "r.csv", "-o", "r.md", "-o", "r.html"
    )
    assert json.loads(run.out)["rows"][0]["variant"] == "float32"
    rows = list(csv.DictReader(io.StringIO((work / "r.csv").read_text())))
    assert [row["variant"] for row in rows] == ["float32", "int8"]
    assert (work / "r.md").read_text().startswith("**")
    assert (work / "r.html").read_text().lower().startswith("<!doctype html>")


def test_json_lines_on_stdout(edgeq, demo):
    run = edgeq("benchmark", demo.bundle, "--variant", "int8", "--no-latency", "-o", "-")
    (line,) = run.out.splitlines()
    assert json.loads(line)["variant"]["name"] == "int8"


def test_without_latency_every_variant_is_listed_once(edgeq, demo):
    run = edgeq("benchmark", demo.bundle, "--no-latency", "-o", "-")
    assert len(run.out.splitlines()) == 6
    assert {json.loads(line)["threads"] for line in run.out.splitlines()} == {1}


def test_with_labels_accuracy_and_drop_are_measured(edgeq, demo):
    run = edgeq("benchmark", demo.bundle, *TWO, "--data", demo.test, *ACCURACY, "-o", "-")
    baseline, quantized = (json.loads(line) for line in run.out.splitlines())
    assert baseline["accuracy"]["metrics"][0]["key"] == "top1"
    assert baseline["accuracy"]["metrics"][0]["value"]["value"] > 0.85
    assert baseline["accuracy"]["n"] == 200
    assert baseline["accuracy"]["metrics"][0]["drop"] is None
    assert abs(quantized["accuracy"]["metrics"][0]["drop"]["value"]) < 5
    assert quantized["accuracy"]["agreement"]["value"] > 0.9


def test_a_folder_with_class_folders_is_measured_like_its_pixels(edgeq, work, demo):
    for index in range(200):
        folder = work / "photos" / f"{demo.labels[index]} class"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(demo.images[index, ..., 0]).save(folder / f"{index}.png")
    np.savez(work / "pixels.npz", image=demo.images[:200], labels=demo.labels[:200])
    top1 = []
    for data in ("photos", "pixels.npz"):
        run = edgeq("benchmark", demo.bundle, "--variant", "int8", "--no-latency", "--data", data, "-o", "-")
        assert run.code == 0, run.err
        top1.append(json.loads(run.out)["accuracy"]["metrics"][0]["value"]["value"])
    assert top1[0] == top1[1]


def test_items_that_were_calibrated_on_are_left_out_and_that_is_said(edgeq, work, demo):
    with np.load(demo.calibration) as archive:
        calibrated = archive["image"][:50]
    np.savez(work / "mixed.npz", image=np.concatenate([calibrated, demo.images[:100]]))
    run = edgeq(
        "benchmark", demo.bundle, "--variant", "int8", "--no-latency", "--data", "mixed.npz", "-o", "-"
    )
    assert "50 of 150 items are left out: the bundle was calibrated on them" in run.err
    assert json.loads(run.out)["accuracy"]["n"] == 100
    assert json.loads(run.out)["accuracy"]["excluded"] == 50


def test_lone_files_are_measured_against_the_first(edgeq, work, demo):
    for name in ("int8", "dynamic"):
        shutil.copy(demo.bundle / f"fashion_mnist.{name}.tflite", work / f"{name}.tflite")
    run = edgeq("benchmark", "dynamic.tflite", "int8.tflite", "--data", demo.test, *ACCURACY, "-o", "-")
    first, second = (json.loads(line) for line in run.out.splitlines())
    assert (first["variant"]["name"], second["variant"]["name"]) == ("dynamic", "int8")
    assert second["baseline"] == "dynamic"
    assert second["accuracy"]["agreement"]["value"] > 0.9


def test_paths_may_have_spaces_any_letters_and_a_leading_dash(edgeq, work, demo):
    shutil.copytree(demo.bundle, work / "-mein Bündel 猫")
    run = edgeq(
        "benchmark", "--variant", "int8", "--no-latency", "-o", "r é.jsonl", "--data", demo.test, "--limit", "50",
        "--", "-mein Bündel 猫",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert len(lines(work / "r é.jsonl")) == 1


# Gates


@pytest.mark.parametrize(
    ("gate", "code", "outcome"),
    [
        ("size>-50%", 0, "passed"),
        ("size>-90%", 1, "failed"),
        ("size>1MB", 0, "passed"),
        ("size>1kB", 1, "failed"),
    ],
)
def test_a_gate_decides_the_exit_code(edgeq, demo, gate, code, outcome):
    run = edgeq("benchmark", demo.bundle, "--no-latency", "--variant", "int8", "--fail-if", gate)
    assert run.code == code
    assert f"gate {outcome}: int8, 1 thread: size" in run.err


def test_one_failed_gate_of_two_fails(edgeq, demo):
    gates = ("--fail-if", "size>1kB", "--fail-if", "size>1MB")
    run = edgeq("benchmark", demo.bundle, "--no-latency", "--variant", "int8", *gates)
    assert run.code == 1
    assert "gate failed" in run.err
    assert "gate passed" in run.err


def test_gating_a_variant_measures_it_and_its_baseline_only(edgeq, demo):
    run = edgeq(
        "benchmark", demo.bundle, "--no-latency", "--variant", "int8", "--fail-if", "size>-50%", "-o", "-"
    )
    assert {json.loads(line)["variant"]["name"] for line in run.out.splitlines()} == {"float32", "int8"}


def test_accuracy_can_be_gated(edgeq, demo):
    run = edgeq(
        "benchmark", demo.bundle, "--variant", "int8", "--data", demo.test, *ACCURACY,
        "--fail-if", "drop>20pp", "--fail-if", "agreement<50%", "--fail-if", "top1<99.9%",
    )  # fmt: skip
    assert run.code == 1
    outcomes = [line.split(":")[0] for line in run.err.splitlines() if line.startswith("gate")]
    assert outcomes == ["gate passed", "gate passed", "gate failed"]


def test_github_annotations_name_what_failed_and_replace_the_table(edgeq, demo):
    run = edgeq(
        "benchmark",
        demo.bundle,
        "--no-latency",
        "--variant",
        "int8",
        "--fail-if",
        "size>1kB",
        "--format",
        "github",
    )
    assert run.code == 1
    (annotation,) = run.out.splitlines()
    assert annotation.startswith("::error title=")


def test_github_annotations_are_nothing_where_all_is_well(edgeq, demo):
    run = edgeq(
        "benchmark",
        demo.bundle,
        "--no-latency",
        "--variant",
        "int8",
        "--fail-if",
        "size>1MB",
        "--format",
        "github",
    )
    assert (run.code, run.out) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["--fail-if", "drop>1pp"],
            "the gate drop>1pp needs data to measure on: add --data FOLDER or --data FILE.npz",
        ),
        (
            ["--fail-if", "latency>1ms", "--no-latency"],
            "needs a measurement of latency: leave out --no-latency",
        ),
        (["--fail-if", "speed>1"], "the gate speed>1 needs data to measure on: add --data"),
        (["--fail-if", "size>5%"], "a change needs its sign; write size>+5%"),
    ],
)
def test_a_gate_that_cannot_be_judged_is_refused_before_anything_is_measured(
    edgeq, demo, arguments, complaint
):
    run = edgeq("benchmark", demo.bundle, *arguments)
    assert run.code == 2
    assert complaint in run.complaint


def test_a_gate_on_drop_needs_labels(edgeq, work, demo):
    np.savez(work / "pixels.npz", image=demo.images[:50])
    run = edgeq("benchmark", demo.bundle, "--data", "pixels.npz", "--fail-if", "drop>1pp")
    assert run.code == 2
    assert (
        "needs labels, and pixels.npz has none: expected what the task needs, such as one folder a class"
        in run.complaint
    )
