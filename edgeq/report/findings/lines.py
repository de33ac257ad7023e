"""Findings where they are not the main thing: one line a rule, as `edgeq convert` prints them."""

from __future__ import annotations

from itertools import groupby

from edgeq.doctor.examination import Diagnosis, Examination
from edgeq.printing import printable


def one_line_a_rule(examination: Examination) -> list[str]:
    """The first finding of every rule that found something, with the number of its others."""
    groups = groupby(examination.diagnoses, key=lambda diagnosis: diagnosis.rule.code)
    return [_line(*group) for _, group in groups]


def _line(first: Diagnosis, *others: Diagnosis) -> str:
    finding = first.finding
    subject = "" if finding.message.startswith(finding.subject) else f"{finding.subject}: "
    more = f" (and {len(others)} more)" if others else ""
    return printable(f"{first.rule.code} {first.rule.name}: {subject}{finding.message}{more}")


def summary_line(examination: Examination) -> str:
    """How many rules looked, and how many of them found something."""
    codes = list(dict.fromkeys(diagnosis.rule.code for diagnosis in examination.diagnoses))
    rules = len(examination.checked)
    if not codes:
        return f"{rules} rules of edgeq doctor found nothing"
    return (
        f"{len(codes)} of {rules} rules of edgeq doctor found something (edgeq doctor --explain {codes[0]})"
    )
