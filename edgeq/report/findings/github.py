"""Findings as annotations of a GitHub workflow."""

from __future__ import annotations

from edgeq.doctor.examination import Examination
from edgeq.printing import printable, workflow_command
from edgeq.report.findings.lines import message_alone


def examination_as_github(examination: Examination) -> str:
    """One workflow command a finding, each on its line; empty where nothing was found."""
    return "".join(
        workflow_command(
            diagnosis.severity,
            f"edgeq: {diagnosis.rule.code} {diagnosis.rule.name}",
            printable(f"{diagnosis.finding.subject}: {message_alone(diagnosis.finding)}"),
            diagnosis.finding.path,
        )
        + "\n"
        for diagnosis in examination.diagnoses
    )
