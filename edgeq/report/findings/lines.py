"""Findings where they are not the main thing: one line a rule, as `edgeq convert` prints them."""

from __future__ import annotations

from itertools import groupby

from edgeq.doctor.examination import Diagnosis, Examination
from edgeq.doctor.rule import Finding
from edgeq.doctor.rules import RULES
from edgeq.printing import printable


def one_line_a_rule(examination: Examination) -> list[str]:
    """The first finding of every rule that found something, with the number of its others."""
    groups = groupby(examination.diagnoses, key=lambda diagnosis: diagnosis.rule.code)
    return [_line(*group) for _, group in groups]


def message_alone(finding: Finding) -> str:
    """What is wrong, for where the subject stands before it: many messages begin with it."""
    return finding.message.removeprefix(f"{finding.subject}: ")


def _line(first: Diagnosis, *others: Diagnosis) -> str:
    more = f" (and {len(others)} more)" if others else ""
    finding = first.finding
    return printable(
        f"{first.rule.code} {first.rule.name}: {finding.subject}: {message_alone(finding)}{more}"
    )


def summary_line(examination: Examination) -> str:
    """How many of all rules looked, and how many of them found something."""
    codes = list(dict.fromkeys(diagnosis.rule.code for diagnosis in examination.diagnoses))
    looked = f"{len(examination.checked)} of edgeq doctor's {len(RULES)} rules looked at it"
    if not codes:
        return f"{looked} and found nothing"
    return f"{looked}, {len(codes)} found something (edgeq doctor --explain {codes[0]})"
