"""Pipes, terminals and their widths."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

COLOUR = re.compile(r"\x1b\[")


@pytest.fixture(autouse=True)
def measured(work, results) -> None:
    shutil.copy(results, work / "results.jsonl")


def test_a_reader_that_has_seen_enough_is_no_error(edgeq):
    for command in (
        "--help",
        "report results.jsonl",
        "report results.jsonl -o -",
        "report results.jsonl --json",
    ):
        run = edgeq.shell(f"$EDGEQ {command} | head -c 1; exit ${{PIPESTATUS[0]}}")
        assert (run.code, run.err) == (0, ""), command


def test_a_failed_gate_counts_although_nobody_reads_the_table(edgeq):
    run = edgeq.shell("$EDGEQ report results.jsonl --fail-if 'size>1kB' | head -c 1; exit ${PIPESTATUS[0]}")
    assert run.code == 1
    assert run.err.count("gate failed") == 2


def test_files_are_written_although_nobody_reads_the_table(edgeq, work):
    edgeq.shell("$EDGEQ report results.jsonl -o r.md | true")
    assert (work / "r.md").read_text().startswith("**")


def test_a_closed_stdout_is_no_error(edgeq):
    assert edgeq.shell("$EDGEQ report results.jsonl >&-") == edgeq.shell("true")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", ["", "-o -", "--json"])
def test_a_full_disk_under_stdout_is_one_line(edgeq, options):
    run = edgeq.shell(f"$EDGEQ report results.jsonl {options} > /dev/full")
    assert run.code == 2
    assert run.complaint.startswith("No space left on device; free some space")


def test_a_pipe_gets_no_colours_and_120_columns(edgeq):
    out = edgeq("report", "results.jsonl").out
    assert not COLOUR.search(out)
    assert 100 < max(map(cell_len, out.splitlines())) <= 120


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_columns_says(edgeq, width):
    out = edgeq("report", "results.jsonl", COLUMNS=str(width)).out
    assert max(map(cell_len, out.splitlines())) <= width
    assert "int8" in out


def test_the_help_fits_80_columns(edgeq):
    out = edgeq("benchmark", "--help", COLUMNS="80").out
    # Examples are never broken: they are to be copied.
    lines = [line for line in out.splitlines() if not line.startswith("    edgeq ")]
    assert max(map(cell_len, lines)) <= 80


def in_a_terminal(edgeq, *arguments: str, **environment: str) -> str:
    """What a command prints on a terminal of 100 columns."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeq", *arguments],
        cwd=edgeq.folder,
        env={**edgeq.environment, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
        stdin=child,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    printed = b""
    while select.select([parent], [], [], 60)[0]:
        try:
            chunk = os.read(parent, 65536)
        except OSError:
            # Linux says so when the last writer is gone; macOS gives an empty chunk.
            break
        if not chunk:
            break
        printed += chunk
    os.close(parent)
    assert process.wait(60) == 0
    return printed.decode()


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX's")
def test_a_terminal_gets_colours_unless_it_asks_for_none(edgeq):
    assert COLOUR.search(in_a_terminal(edgeq, "report", "results.jsonl"))
    plain = in_a_terminal(edgeq, "report", "results.jsonl", NO_COLOR="1")
    # Bold and dim are no colours.
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)
    assert "int8" in plain


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX's")
def test_a_terminal_shows_progress_and_a_pipe_does_not(edgeq, demo):
    arguments = ["benchmark", str(demo.bundle), "--variant", "int8", "--quick", "--threads", "1"]
    assert "latency, 1 thread" in in_a_terminal(edgeq, *arguments)
    assert edgeq(*arguments).err == ""


def test_a_terminal_without_unicode_is_no_error(edgeq, work):
    run = edgeq("report", "results.jsonl", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert run.code == 0
    assert run.out.isascii()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no such names")
def test_a_name_that_is_no_text_is_no_error(edgeq, work):
    (Path(os.fsencode(work).decode()) / os.fsdecode(b"r\xff.jsonl")).write_bytes(
        (work / "results.jsonl").read_bytes()
    )
    run = edgeq("report", os.fsdecode(b"r\xff.jsonl"), "-o", os.fsdecode(b"s\xff.md"))
    assert run.code == 0
    assert run.err.startswith("written: s")
