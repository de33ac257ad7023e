"""Findings as one JSON object.

Format history (``version``):

* 1: first version.
"""

from __future__ import annotations

import json
from typing import Any

from edgeq.doctor.examination import Diagnosis, Examination, Unchecked

VERSION = 1


def examination_as_json(examination: Examination) -> str:
    """The findings, the rules that looked, and those that could not, indented, with a newline at its end."""
    value = {
        "format": "edgeq-doctor",
        "version": VERSION,
        "target": examination.target,
        "errors": examination.errors,
        "warnings": examination.warnings,
        "findings": [diagnosis_as_json(diagnosis) for diagnosis in examination.diagnoses],
        "checked": [rule.code for rule in examination.checked],
        "lacking": [_unchecked(unchecked) for unchecked in examination.lacking],
        "failed": [_unchecked(unchecked) for unchecked in examination.failed],
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def diagnosis_as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """One finding with its rule."""
    finding = diagnosis.finding
    return {
        "code": diagnosis.rule.code,
        "name": diagnosis.rule.name,
        "severity": diagnosis.severity,
        "subject": finding.subject,
        "message": finding.message,
        "path": None if finding.path is None else str(finding.path),
        "details": dict(finding.details),
    }


def _unchecked(unchecked: Unchecked) -> dict[str, str]:
    return {"code": unchecked.rule.code, "reason": unchecked.reason}
