"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeq.doctor.case import Case

ERROR, WARNING = "error", "warning"
"""Severities: an error is wrong beyond doubt; a warning is what a person should look at."""

DATA, CALIBRATION, FLOAT32, FILES, TRIALS = "data", "calibration", "float32", "files", "trials"
"""What a rule may need of a case; see `Case.has`."""

Check = Callable[["Case"], Iterable["Finding"]]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        subject: what it is in: a data set, ``NAME.int8.tflite``, a layer of it; as a person would name it.
        message: one sentence: what, expected, found, and the next step.
        path: of the file or folder, for annotations in continuous integration; None where there is none.
        details: the figures behind it, as JSON can hold them.
        severity: `ERROR` or `WARNING` where it is another than the rule's; else empty.
    """

    subject: str
    message: str
    path: Path | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    severity: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule: one code, one check, one page (``pages/CODE.md``).

    Attributes:
        code: a letter for what it looks at (D data, M model before conversion, F file after it) and a number.
        name: its name in words and hyphens.
        severity: `ERROR` or `WARNING`.
        summary: what is wrong when it finds something, in half a sentence.
        needs: what it cannot do without: `DATA`, `CALIBRATION`, `FLOAT32`, `FILES`, `TRIALS`.
        check: the function; yields one finding a subject, and nothing for what is fine.
        is_cheap: whether ``edgeq convert`` runs it by itself: it takes at most a second on 1,000 items, and neither
            another of these nor the conversion says the same.
        fix: how ``--fix`` mends it, as a function of `edgeq.doctor.fixes`; empty where only a person can.
    """

    code: str
    name: str
    severity: str
    summary: str
    needs: tuple[str, ...]
    check: Check
    is_cheap: bool = False
    fix: str = ""
