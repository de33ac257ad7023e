"""What ``--fix`` mends: it writes copies beside the originals, which stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from edgeq.doctor.case import Case
from edgeq.doctor.data_fixes import DATA_FIXES, mend_data
from edgeq.doctor.examination import Diagnosis
from edgeq.doctor.file_fixes import FILE_FIXES, mend_file
from edgeq.errors import EdgeqError


def mend(case: Case, diagnoses: Sequence[Diagnosis]) -> tuple[str, ...]:
    """Mends what is mechanical.

    Args:
        case: that was examined.
        diagnoses: what was found.

    Returns:
        A sentence for each copy that was written, and for each that could not be.
    """
    said = [_said(partial(mend_file, case, path, fixes)) for path, fixes in _by_file(diagnoses).items()]
    on_data = [diagnosis for diagnosis in diagnoses if diagnosis.rule.fix in DATA_FIXES]
    if on_data:
        said.append(_said(partial(mend_data, case, on_data)))
    return tuple(said) or ("nothing of this is mechanical to mend",)


def _by_file(diagnoses: Sequence[Diagnosis]) -> dict[Path, list[str]]:
    """Names of fixes by the file that they mend."""
    found: dict[Path, list[str]] = {}
    for diagnosis in diagnoses:
        if diagnosis.rule.fix in FILE_FIXES and diagnosis.finding.path is not None:
            found.setdefault(diagnosis.finding.path, []).append(diagnosis.rule.fix)
    return found


def _said(action: Callable[[], str]) -> str:
    try:
        return f"mended: {action()}"
    except EdgeqError as error:
        return f"not mended: {error}"
