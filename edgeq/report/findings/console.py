"""Findings for a person: one block a finding, and what was not checked at the end."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from edgeq.doctor.examination import Diagnosis, Examination
from edgeq.doctor.rule import ERROR
from edgeq.printing import printable
from edgeq.report.findings.lines import message_alone
from edgeq.report.literal_text import in_encoding, literal

_COLOURS = {ERROR: "red"}


def print_examination(examination: Examination, console: Console) -> None:
    """Prints the findings by subject, with one line of summary."""
    for diagnosis in examination.diagnoses:
        console.print(_finding(diagnosis, console), soft_wrap=True)
    for unchecked in examination.failed:
        console.print(
            literal(console, f"{unchecked.rule.code} could not be checked: {printable(unchecked.reason)}")
        )
    console.print(literal(console, _summary(examination)), soft_wrap=True)


def _finding(diagnosis: Diagnosis, console: Console) -> Text:
    rule, finding = diagnosis.rule, diagnosis.finding
    colour = _COLOURS.get(diagnosis.severity, "yellow")
    return Text.assemble(
        (printable(finding.subject), "bold"),
        ": ",
        (f"{rule.code} {rule.name}", colour),
        f" ({diagnosis.severity})\n  {in_encoding(console, printable(message_alone(finding)))}",
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
    return [f"{reason}: {_ranges(codes)}" for reason, codes in by_reason.items()]


def _ranges(codes: list[str]) -> str:
    """Codes in their order, three or more that follow each other as ``D100–D111``."""
    runs: list[list[str]] = []
    for code in codes:
        if runs and code[0] == runs[-1][-1][0] and int(code[1:]) == int(runs[-1][-1][1:]) + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"
