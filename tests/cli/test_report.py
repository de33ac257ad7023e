"""``edgeq report``: merging, comparing, gating and rendering results that were measured before."""

from __future__ import annotations

import json
import shutil

import pytest


@pytest.fixture
def measured(work, results) -> str:
    shutil.copy(results, work / "results.jsonl")
    return "results.jsonl"


def test_the_table_is_that_of_the_benchmark(edgeq, measured):
    run = edgeq("report", measured)
    assert run.code == 0
    assert run.err == ""
    for text in ("fashion_mnist", "float32", "int8", "drop", "top-1"):
        assert text in run.out


def test_the_same_file_twice_counts_once(edgeq, measured):
    assert edgeq("report", measured, measured, "-o", "-").out == edgeq("report", measured, "-o", "-").out


def test_files_are_merged(edgeq, work, measured):
    one, two = (work / measured).read_text().splitlines()
    (work / "a.jsonl").write_text(one + "\n")
    (work / "b.jsonl").write_text(two + "\n")
    run = edgeq("report", "a.jsonl", "b.jsonl", "--json")
    assert [row["variant"] for row in json.loads(run.out)["rows"]] == ["float32", "int8"]


@pytest.mark.parametrize(
    ("output", "beginning"),
    [("r.md", "**"), ("r.csv", "session,"), ("r.json", "{"), ("r.html", "<!"), ("r.jsonl", '{"session"')],
)
def test_the_suffix_decides_the_format(edgeq, work, measured, output, beginning):
    run = edgeq("report", measured, "-o", output)
    assert run.code == 0
    assert run.err == f"written: {output}\n"
    assert (work / output).read_text().startswith(beginning)


def test_an_output_is_replaced_and_not_appended_to(edgeq, work, measured):
    for _ in range(2):
        assert edgeq("report", measured, "-o", "copy.jsonl").code == 0
    assert (work / "copy.jsonl").read_text() == (work / measured).read_text()


def test_a_format_alone_goes_to_stdout(edgeq, measured):
    assert edgeq("report", measured, "--format", "md").out.startswith("**")
    assert edgeq("report", measured, "--format", "csv", "-o", "-").out.startswith("session,")


def test_a_format_overrides_the_suffix(edgeq, work, measured):
    assert edgeq("report", measured, "--format", "md", "-o", "summary.txt").code == 0
    assert (work / "summary.txt").read_text().startswith("**")


def test_a_comparison_with_itself_changes_nothing(edgeq, measured):
    run = edgeq("report", measured, "--baseline", measured, "--fail-if", "size>+0%")
    assert run.code == 0
    assert run.err.count("gate passed") == 2


def test_a_larger_file_than_yesterdays_fails_the_gate(edgeq, work, measured):
    grown = [json.loads(line) for line in (work / measured).read_text().splitlines()]
    for measurement in grown:
        measurement["session"] = "today"
        measurement["variant"]["size_bytes"] = round(measurement["variant"]["size_bytes"] * 1.1)
        measurement["variant"]["sha256"] = measurement["variant"]["sha256"][::-1]
    (work / "today.jsonl").write_text("".join(json.dumps(measurement) + "\n" for measurement in grown))
    run = edgeq(
        "report", "today.jsonl", "--baseline", measured, "--fail-if", "size>+5%", "--format", "github"
    )
    assert run.code == 1
    assert run.out.count("::error title=") == 2
    assert edgeq("report", "today.jsonl", "--baseline", measured, "--fail-if", "size>+15%").code == 0


def test_a_variant_limits_what_is_gated(edgeq, measured):
    run = edgeq("report", measured, "--fail-if", "size>200kB", "--variant", "int8")
    assert run.code == 0
    assert edgeq("report", measured, "--fail-if", "size>200kB").code == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "bad.jsonl: no such file"),
        ("", "there are no measurements to report: run 'edgeq benchmark' first"),
        ("hello\n", "bad.jsonl line 1: not JSON Lines"),
        ('{"schema": 99}\n', "bad.jsonl line 1"),
        ("[]\n", "bad.jsonl line 1"),
    ],
    ids=["missing", "empty", "text", "newer", "list"],
)
def test_bad_results_are_refused_by_file_and_line(edgeq, work, content, complaint):
    if content is not None:
        (work / "bad.jsonl").write_text(content)
    run = edgeq("report", "bad.jsonl")
    assert run.code == 2
    assert complaint in run.complaint


def test_a_cut_off_line_says_what_to_delete(edgeq, work, measured):
    content = (work / measured).read_text()
    (work / measured).write_text(content[: len(content) - 100])
    run = edgeq("report", measured)
    assert run.code == 2
    assert "results.jsonl line 2: cut off" in run.complaint


def test_a_missing_baseline_is_named(edgeq, measured):
    run = edgeq("report", measured, "--baseline", "yesterday.jsonl")
    assert run.code == 2
    assert "yesterday.jsonl: no such file" in run.complaint


def test_html_without_its_packages_names_the_extra(edgeq, work, measured, blocked):
    run = edgeq("report", measured, "-o", "r.html", PYTHONPATH=blocked("plotly"))
    assert run.code == 2
    assert run.complaint.endswith('pip install "edgeq[report]"')
    assert not (work / "r.html").exists()
