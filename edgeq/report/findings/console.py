"""Findings for a person: one block a finding, and what was not checked at the end."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from edgeq.doctor.examination import Diagnosis, Examination
from edgeq.doctor.rule import ERROR
from edgeq.printing import printable

_COLOURS = {ERROR: "red"}


def print_examination(examination: Examination, console: Console) -> None:
    """Prints the findings by subject, with one line of summary."""
    for diagnosis in examination.diagnoses:
        console.print(_finding(diagnosis), soft_wrap=True)
    for unchecked in examination.failed:
        console.print(
            f"{unchecked.rule.code} could not be checked: {printable(unchecked.reason)}", markup=False
        )
    console.print(_summary(examination), markup=False, soft_wrap=True)


def _finding(diagnosis: Diagnosis) -> Text:
    rule, finding = diagnosis.rule, diagnosis.finding
    colour = _COLOURS.get(diagnosis.severity, "yellow")
    return Text.assemble(
        (printable(finding.subject), "bold"),
        ": ",
        (f"{rule.code} {rule.name}", colour),
        f" ({diagnosis.severity})\n  {printable(finding.message)}",
    )


def _summary(examination: Examination) -> str:
    errors, warnings = examination.errors, examination.warnings
    found = "nothing found"
    if errors or warnings:
        found = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    lacking = "; ".join(_lacking(examination))
    return f"{found}; {_counted(len(examination.checked), 'rule')} checked" + (
        f"; not checked: {lacking}" if lacking else ""
    )


def _lacking(examination: Examination) -> list[str]:
    """Rules that had nothing to look at, by what they lack."""
    by_reason: dict[str, list[str]] = {}
    for unchecked in examination.lacking:
        by_reason.setdefault(unchecked.reason, []).append(unchecked.rule.code)
    return [f"{reason}: {', '.join(codes)}" for reason, codes in by_reason.items()]


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"
