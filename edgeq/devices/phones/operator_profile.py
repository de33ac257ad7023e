"""What ``benchmark_model`` prints when it profiles operators, in a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeq.errors import ResultsError
from edgeq.printing import printable

_TITLE = re.compile(r"=+ Summary by node type =+")
_MOST_KINDS = 10_000
_SHOWN = 5


@dataclass(frozen=True)
class OperatorKind:
    """Operators of one kind.

    Attributes:
        name: such as ``CONV_2D``, or XNNPACK's own, ``Convolution (NHWC, QC8) IGEMM``.
        count: operators of it.
        mean_ms: of all of them in one inference.
    """

    name: str
    count: int
    mean_ms: float


def profile_note(text: str) -> str:
    """The kinds of operators that take longest, as a sentence for the notes.

    Args:
        text: output of a run that profiled.

    Raises:
        ResultsError: there is no profile in it.
    """
    kinds = sorted(parse_profile(text), key=lambda kind: -kind.mean_ms)
    total = sum(kind.mean_ms for kind in kinds)
    if total <= 0:
        raise ResultsError("its profile tells operators that take no time")
    shown = [
        f"{kind.name} {100 * kind.mean_ms / total:.0f} % ({kind.count} in {kind.mean_ms:.3g} ms)"
        for kind in kinds[:_SHOWN]
    ]
    rest = sum(kind.mean_ms for kind in kinds[_SHOWN:])
    others = [f"others {100 * rest / total:.0f} %"] if len(kinds) > _SHOWN else []
    return "operators by time: " + ", ".join(shown + others)


def parse_profile(text: str) -> tuple[OperatorKind, ...]:
    """The kinds of operators of the last summary in it: where a delegate profiles its own operators, theirs.

    Args:
        text: output of a run that profiled.

    Raises:
        ResultsError: there is no profile in it.
    """
    parts = _TITLE.split(text)
    tables = [kinds for part in parts[1:] if (kinds := _rows(part))]
    if not tables:
        raise ResultsError("its output has no profile of operators")
    return tables[-1]


def _rows(part: str) -> tuple[OperatorKind, ...]:
    """Rows of a table until the first empty line: kind, count, milliseconds, shares, memory, calls."""
    kinds: list[OperatorKind] = []
    for line in part.splitlines()[1:]:
        if not line.strip():
            break
        cells = [cell.strip() for cell in line[:1000].split("\t") if cell.strip()]
        if len(cells) < 3 or cells[0].startswith("["):
            continue
        if not re.fullmatch(r"\d{1,7}", cells[1]) or not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", cells[2]):
            continue
        kinds.append(OperatorKind(printable(cells[0])[:80], int(cells[1]), float(cells[2])))
    return tuple(kinds[:_MOST_KINDS])
