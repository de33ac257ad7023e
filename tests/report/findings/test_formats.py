"""Findings as text, JSON and annotations."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from edgeq.doctor.examination import Diagnosis, Examination, Unchecked
from edgeq.doctor.rule import ERROR, WARNING, Finding, Rule
from edgeq.doctor.rules import RULES
from edgeq.report.findings.console import print_examination
from edgeq.report.findings.github import examination_as_github
from edgeq.report.findings.json_format import examination_as_json
from edgeq.report.findings.lines import one_line_a_rule, summary_line


def rule(code: str, name: str, severity: str) -> Rule:
    return Rule(code, name, severity, "summary", (), lambda case: [])


RANGE = rule("D104", "wrong-range", ERROR)
FEW = rule("D106", "too-few-items", WARNING)
OVERLAP = rule("D110", "calibration-overlap", ERROR)
SLOW = rule("F310", "dynamic-slower", WARNING)

FOUND = Examination(
    "net-edgeq",
    (
        Diagnosis(
            RANGE,
            Finding("photos", "expected 0..1, found 0..255: add --preprocess", details={"scale": 1 / 255}),
        ),
        Diagnosis(FEW, Finding("photos", "4 items\n: at least 10", severity=ERROR)),
        Diagnosis(
            SLOW, Finding("net.dynamic.tflite", "50% slower, see", Path("net edgeq/net,1:dynamic.tflite"))
        ),
    ),
    (RANGE, FEW, SLOW),
    (Unchecked(OVERLAP, "needs data (--data)"),),
    (Unchecked(SLOW, "the runtime crashed"),),
)
CLEAN = Examination("net-edgeq", (), (RANGE, FEW), (), ())


def text_of(examination: Examination, width: int = 120) -> str:
    stream = io.StringIO()
    print_examination(examination, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def test_text_has_a_block_for_each_finding_and_a_summary():
    assert text_of(FOUND) == (
        "photos: D104 wrong-range (error)\n"
        "  expected 0..1, found 0..255: add --preprocess\n"
        "photos: D106 too-few-items (error)\n"
        "  4 items\\n: at least 10\n"
        "net.dynamic.tflite: F310 dynamic-slower (warning)\n"
        "  50% slower, see\n"
        "F310 could not be checked: the runtime crashed\n"
        "2 errors, 1 warning; 3 rules checked; not checked: needs data (--data): D110\n"
    )


def test_text_of_a_clean_examination_is_one_line():
    assert text_of(CLEAN) == "nothing found; 2 rules checked\n"


@pytest.mark.parametrize("name", ["[bold]x[/bold]", "\x1b[31mred", "a\nb"])
def test_names_from_files_cannot_steer_the_terminal(name):
    examination = Examination(
        "x", (Diagnosis(FEW, Finding(name, name)),), (FEW,), (), (Unchecked(FEW, name),)
    )
    text = text_of(examination)
    assert "\x1b" not in text
    assert text.count("\n") == 4
    assert name.encode("unicode_escape").decode() in text


def test_long_messages_are_not_broken_in_a_pipe():
    message = "word " * 60
    examination = Examination("x", (Diagnosis(FEW, Finding("x", message)),), (FEW,), (), ())
    assert message.strip() in text_of(examination, width=80)


def test_json_has_findings_with_their_figures_and_what_was_not_checked():
    value = json.loads(examination_as_json(FOUND))
    assert (value["format"], value["version"], value["target"]) == ("edgeq-doctor", 1, "net-edgeq")
    assert (value["errors"], value["warnings"]) == (2, 1)
    assert value["findings"][0] == {
        "code": "D104",
        "name": "wrong-range",
        "severity": "error",
        "subject": "photos",
        "message": "expected 0..1, found 0..255: add --preprocess",
        "path": None,
        "details": {"scale": 1 / 255},
    }
    assert value["checked"] == ["D104", "D106", "F310"]
    assert value["lacking"] == [{"code": "D110", "reason": "needs data (--data)"}]
    assert value["failed"] == [{"code": "F310", "reason": "the runtime crashed"}]


def test_annotations_are_workflow_commands_that_nothing_breaks_out_of():
    lines = examination_as_github(FOUND).splitlines()
    assert lines == [
        "::error title=edgeq%3A D104 wrong-range::photos: expected 0..1, found 0..255: add --preprocess",
        "::error title=edgeq%3A D106 too-few-items::photos: 4 items\\n: at least 10",
        "::warning file=net edgeq/net%2C1%3Adynamic.tflite,title=edgeq%3A F310 dynamic-slower"
        "::net.dynamic.tflite: 50%25 slower, see",
    ]
    assert examination_as_github(CLEAN) == ""


def test_beside_other_things_each_rule_has_one_line():
    twice = Examination(
        "net-edgeq",
        (*FOUND.diagnoses, Diagnosis(SLOW, Finding("net.other.tflite", "80% slower"))),
        FOUND.checked,
        (),
        (),
    )
    assert one_line_a_rule(twice) == [
        "D104 wrong-range: photos: expected 0..1, found 0..255: add --preprocess",
        "D106 too-few-items: photos: 4 items\\n: at least 10",
        "F310 dynamic-slower: net.dynamic.tflite: 50% slower, see (and 1 more)",
    ]
    assert summary_line(twice) == (
        f"3 of edgeq doctor's {len(RULES)} rules looked at it, 3 found something (edgeq doctor --explain D104)"
    )


def test_a_subject_that_the_message_begins_with_is_not_said_twice():
    found = Examination("n", (Diagnosis(FEW, Finding("photos", "photos: 4 items")),), (FEW,), (), ())
    assert one_line_a_rule(found) == ["D106 too-few-items: photos: 4 items"]


def test_where_nothing_was_found_the_number_of_rules_is_said():
    assert one_line_a_rule(CLEAN) == []
    assert summary_line(CLEAN) == (f"2 of edgeq doctor's {len(RULES)} rules looked at it and found nothing")


def test_where_the_subject_stands_before_it_a_message_does_not_repeat_it():
    found = Examination("n", (Diagnosis(FEW, Finding("photos", "photos: 4 items")),), (FEW,), (), ())
    assert text_of(found).startswith("photos: D106 too-few-items (warning)\n  4 items\n")
    assert "photos: 4 items" in examination_as_github(found)
    assert "photos: photos" not in examination_as_github(found)


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        (["D100", "D101", "D102", "D103"], "D100–D103"),
        (["D100", "D101", "D104"], "D100, D101, D104"),
        (["D111", "M201", "M202", "M203", "F301"], "D111, M201–M203, F301"),
    ],
)
def test_many_rules_that_were_not_checked_are_shown_shortly(codes, shown):
    lacking = tuple(Unchecked(rule(code, "any", ERROR), "needs data") for code in codes)
    assert text_of(Examination("n", (), (), lacking, ())).endswith(f"not checked: needs data: {shown}\n")


def test_a_terminal_without_unicode_gets_readable_characters_instead():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    found = Examination("n", (Diagnosis(SLOW, Finding("net", "1.4× slower")),), (SLOW,), (), ())
    print_examination(found, Console(file=stream, width=120, highlight=False))
    stream.flush()
    assert stream.buffer.getvalue().decode().splitlines()[1] == "  1.4x slower"
