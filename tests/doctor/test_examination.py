"""Which rules run, and what becomes of those that cannot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeq.doctor.case import Case
from edgeq.doctor.examination import examine, selected_rules
from edgeq.doctor.pages import page, rule_table
from edgeq.doctor.rule import DATA, ERROR, TRIALS, WARNING, Finding, Rule
from edgeq.doctor.rules import RULES
from edgeq.errors import ModelError, UsageError

ROOT = Path(__file__).parents[2]


def rule(code: str, check=lambda case: [], severity=WARNING, needs=()) -> Rule:
    return Rule(code, f"rule-{code.lower()}", severity, "summary", needs, check)


def failing(case: Case):
    raise ModelError("the runtime says no")


A1, A2, B1 = rule("A101"), rule("A201"), rule("B101")


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), ["A101", "A201", "B101"]),
        (("A",), (), ["A101", "A201"]),
        (("a1",), (), ["A101"]),
        (("B101", "A2"), (), ["A201", "B101"]),
        (("rule-b101",), (), ["B101"]),
        ((), ("A",), ["B101"]),
        (("A",), ("A101",), ["A201"]),
        (("A",), ("A",), []),
        (("A1,B",), (), ["A101", "B101"]),
        ((), ("A101, B101",), ["A201"]),
    ],
)
def test_rules_are_selected_and_ignored_by_code_beginning_and_name(select, ignore, expected):
    assert [one.code for one in selected_rules(select, ignore, rules=(A1, A2, B1))] == expected


@pytest.mark.parametrize("word", ["C", "A9", "A1011", "rule", ""])
def test_a_word_that_names_no_rule_is_refused(word):
    with pytest.raises(UsageError, match=rf"unknown rule '{word}': expected a code such as A101"):
        selected_rules([word], rules=(A1, B1))


def test_an_option_that_makes_no_sense_ends_the_examination(demo_case):
    demo_case.target_runtime = "onnxruntime 1.2"
    with pytest.raises(UsageError, match=r"unknown runtime 'onnxruntime 1\.2'"):
        examine(demo_case, selected_rules(["F308"]))


def test_findings_come_in_the_order_of_the_rules_with_their_severity(demo_case):
    rules = [
        rule("A101", lambda case: [Finding("x", "worse", severity=ERROR), Finding("y", "bad")]),
        rule("B101", lambda case: [Finding("z", "bad")], severity=ERROR),
        rule("B102"),
    ]
    examination = examine(demo_case, rules)
    found = [(one.rule.code, one.finding.subject, one.severity) for one in examination.diagnoses]
    assert found == [("A101", "x", ERROR), ("A101", "y", WARNING), ("B101", "z", ERROR)]
    assert (examination.errors, examination.warnings) == (2, 1)
    assert [one.code for one in examination.checked] == ["A101", "B101", "B102"]


def test_a_rule_that_lacks_something_is_named_with_what_it_lacks(demo_case):
    examination = examine(
        demo_case, [rule("A101", needs=(DATA,)), rule("A102", needs=(TRIALS,)), rule("A103")]
    )
    assert [(one.rule.code, one.reason) for one in examination.lacking] == [
        ("A101", "needs data (--data)"),
        ("A102", "needs the Keras model"),
    ]
    assert [one.code for one in examination.checked] == ["A103"]


def test_a_rule_that_fails_spoils_no_other(demo_case):
    examination = examine(
        demo_case, [rule("A101", failing), rule("A102", lambda case: [Finding("x", "bad")])]
    )
    assert [(one.rule.code, one.reason) for one in examination.failed] == [("A101", "the runtime says no")]
    assert [one.rule.code for one in examination.diagnoses] == ["A102"]


def test_progress_names_each_rule(demo_case):
    seen = []
    examine(demo_case, [A1, B1], lambda what, done, total: seen.append((what, done, total)))
    assert seen == [("A101 rule-a101", 0, 2), ("B101 rule-b101", 1, 2)]


def test_codes_and_names_are_unique_and_well_formed():
    assert len({one.code for one in RULES}) == len({one.name for one in RULES}) == len(RULES) > 30
    for one in RULES:
        assert re.fullmatch(r"[DMF]\d{3}", one.code)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.name)
        assert one.severity in (ERROR, WARNING)
    assert [one.code for one in RULES] == [
        one.code for letter in "DMF" for one in RULES if one.code[0] == letter
    ]


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.code)
def test_each_rule_has_a_page_with_symptom_cause_and_fix(one):
    text = page(one)
    assert text.startswith(f"# {one.code} {one.name}\n")
    for heading in ("Symptom", "Cause", "Fix"):
        assert f"\n## {heading}\n" in text
    assert "edgeq " in text


def test_no_page_is_left_of_a_rule_that_is_gone():
    pages = {path.stem for path in (ROOT / "edgeq" / "doctor" / "pages").glob("*.md")}
    assert pages == {one.code for one in RULES}


def test_the_documentation_has_the_table_of_all_rules():
    assert rule_table(RULES) in (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
