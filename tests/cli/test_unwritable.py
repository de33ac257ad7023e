"""Outputs that cannot be written are refused before the work, and what was there stays."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from edgeq.bundle import read_bundle, write_bundle
from edgeq.errors import OutputError

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture
def measured(work, results) -> str:
    shutil.copy(results, work / "results.jsonl")
    return "results.jsonl"


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("gone/r.md", "gone/r.md cannot be written: the folder gone does not exist; make it first"),
        ("gone/r.jsonl", "gone/r.jsonl: the folder gone does not exist"),
        ("file/r.md", "is a file and no folder; write elsewhere with -o"),
        ("folder.md", "folder.md is a folder: name a file"),
        ("notes.jsonl", "notes.jsonl line 1: not JSON Lines"),
        ("cut.jsonl", "cut.jsonl: the last line has no newline at its end"),
    ],
)
def test_a_benchmark_refuses_a_bad_output_before_it_measures(edgeq, work, demo, measured, output, complaint):
    (work / "file").touch()
    (work / "folder.md").mkdir()
    (work / "notes.jsonl").write_text("milk\n")
    (work / "cut.jsonl").write_text((work / measured).read_text().rstrip("\n"))
    before = {path.name for path in work.iterdir()}
    run = edgeq("benchmark", demo.bundle, "-o", output)
    assert run.code == 2
    assert complaint in run.complaint
    assert {path.name for path in work.iterdir()} == before
    assert (work / "notes.jsonl").read_text() == "milk\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc takes no files, not even from root")
def test_a_folder_that_takes_no_files_is_named(edgeq, demo, measured):
    assert edgeq("report", measured, "-o", "/proc/r.md").complaint.startswith(
        "/proc/r.md cannot be written: "
    )
    assert edgeq("convert", demo.model, "-o", "/proc/x").complaint.startswith("/proc/x cannot be written: ")


def test_html_without_its_packages_is_refused_before_it_measures(edgeq, work, demo, blocked):
    run = edgeq("benchmark", demo.bundle, "-o", "r.html", PYTHONPATH=blocked("jinja2"))
    assert run.code == 2
    assert run.complaint.endswith('pip install "edgeq[report]"')


@full
@pytest.mark.parametrize("name", ["md", "json", "csv"])
def test_a_full_disk_is_one_line(edgeq, measured, name):
    run = edgeq("report", measured, "-o", "/dev/full", "--format", name)
    assert run.code == 2
    assert "/dev/full cannot be written: the disk is full or a quota is reached; free some space" in run.err


@full
def test_a_full_disk_under_appended_results_is_one_line(edgeq, demo):
    run = edgeq(
        "benchmark", demo.bundle, "--variant", "int8", "--no-latency", "-o", "/dev/full", "--format", "jsonl"
    )
    assert run.code == 2
    assert (
        run.err
        == "edgeq: /dev/full: cannot be written: No space left on device; free some space or write to another file\n"
    )


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("bundle", "bundle exists: add --force to replace it"),
        ("file", "file is not a folder: name another one with -o"),
        ("file/net", "is a file and no folder; write elsewhere with -o"),
    ],
)
def test_a_conversion_refuses_a_bad_output_before_it_loads_anything(
    edgeq, work, demo, no_tensorflow, output, complaint
):
    (work / "file").write_text("mine")
    shutil.copytree(demo.bundle, work / "bundle")
    run = edgeq("convert", demo.model, "-o", output, **no_tensorflow)
    assert run.code == 2
    assert complaint in run.complaint
    assert (work / "file").read_text() == "mine"


def test_the_bundle_that_a_model_would_get_by_default_is_refused_too(edgeq, work, demo, no_tensorflow):
    shutil.copytree(demo.bundle, work / "model-edgeq")
    assert (
        edgeq("convert", demo.model, **no_tensorflow).complaint
        == "model-edgeq exists: add --force to replace it"
    )


def test_force_replaces_no_folder_of_the_user(edgeq, work, demo, no_tensorflow):
    (work / "photos").mkdir()
    (work / "photos" / "cat.jpg").write_text("cat")
    run = edgeq("convert", demo.model, "-o", "photos", "--force", **no_tensorflow)
    assert run.code == 2
    assert "photos exists and was not made by edgeq, so --force does not replace it" in run.complaint
    assert (work / "photos" / "cat.jpg").read_text() == "cat"


posix_only = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")


@posix_only
def test_results_that_do_not_fit_leave_the_earlier_ones_whole(edgeq, work, demo, measured):
    before = (work / measured).read_bytes()
    # Room for the beginning of a line only: it is the shorter the fewer runs a busy machine has time for.
    limit = len(before) // 1024 + 2
    options = f"--variant int8 --quick --threads 1 -o {measured}"
    run = edgeq.shell(f"ulimit -f {limit}; $EDGEQ benchmark {demo.bundle} {options}")
    assert run.code == 2
    assert (
        run.err
        == f"edgeq: {measured}: cannot be written: File too large; free some space or write to another file\n"
    )
    assert (work / measured).read_bytes() == before


@posix_only
def test_a_bundle_that_does_not_fit_leaves_the_old_one_whole(work, demo):
    import resource

    old = Path(shutil.copytree(demo.bundle, work / "net"))
    bundle = read_bundle(old)
    models = {variant.file: bundle.path(variant).read_bytes() for variant in bundle.manifest.variants}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The nearest thing to a full disk without one: there is room for some of the files.
    resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, before[1]))
    try:
        with pytest.raises(
            OutputError, match="net cannot be written: the disk is full or a quota is reached; free"
        ):
            write_bundle(old, bundle.manifest, models, bundle.parity(), force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_bundle(old) == bundle
    assert [path.name for path in work.iterdir()] == ["net"]


@posix_only
def test_a_full_temporary_folder_is_one_line(edgeq, demo):
    # The images take 1.5 MB there.
    run = edgeq.shell(f"ulimit -f 200; $EDGEQ benchmark {demo.bundle} --data {demo.test} --no-latency")
    assert run.code == 2
    assert run.complaint.endswith("cannot be written to: File too large: set TMPDIR to a folder with room")


def test_a_temporary_folder_that_is_none_is_one_line(edgeq, work, demo):
    (work / "file").touch()
    run = edgeq("run", demo.bundle, "x.npy", TMPDIR=str(work / "file"))
    assert run.code == 2
