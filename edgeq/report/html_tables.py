"""The HTML report's smaller tables: what each class lost, which answers are confused, how close each output is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.benchmark.measurement import ClassScore
from edgeq.report import metric_wording, wording
from edgeq.report.columns import SortKey
from edgeq.report.tables import Row, Table

MOST_CLASSES = 200
"""Rows of a per-class table: nobody reads further, and ImageNet's thousand would double the page's elements."""

MOST_IN_A_MATRIX = 20
"""Classes of which the confusion matrix is shown whole; of more, the most frequent confusions."""

MOST_CONFUSIONS = 20

_LABELS = {"iou": "IoU", "ap": "AP", "ap50": "AP@0.5", "f1": "F1", "auc": "AUC"}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it shows; empty where there is nothing.
        key: what rows are sorted by; None comes last.
        tone: ``good``, ``bad`` or empty.
    """

    text: str
    key: SortKey
    tone: str = ""


@dataclass(frozen=True)
class Grid:
    """A sortable table.

    Attributes:
        title: what it is about.
        remark: the most important of it in a few words; may be empty.
        headings: name, unit and whether it is a number, of each column; the first names the row.
        rows: as many cells as headings.
        note: a sentence below it; may be empty.
    """

    title: str
    remark: str
    headings: tuple[tuple[str, str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: classes as rows, answers as columns.

    Attributes:
        rows: names of the classes.
        columns: names of the answers.
        cells: for each class and answer its number of items, the share of its class's, and whether it is right.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[tuple[int, float, bool], ...], ...]


def class_grids(table: Table) -> list[Grid]:
    """One table for each of the classes' metrics: the baseline's value and what the others changed.

    The classes that lost most come first; without a baseline those that do worst.
    """
    scored = _scored(table)
    if not scored:
        return []
    base = table.baseline.variant if table.baseline is not None else None
    reference = scored.get(base) if base is not None else None
    first = reference or next(iter(scored.values()))
    keys = dict.fromkeys(key for one in first.values() for key in one.metrics)
    return [_class_grid(key, scored, base if reference else None, list(first)) for key in keys]


def fidelity_grid(row: Row) -> Grid | None:
    """How close each output is to the baseline's; None for fewer than two, which the list beside it names."""
    outputs = row.accuracy.fidelity if row.accuracy is not None else ()
    if len(outputs) < 2:
        return None
    rows = tuple(
        (
            _name(one.output),
            Cell(wording.decimal(one.sqnr_db, 1), one.sqnr_db),
            Cell("", None) if one.cosine is None else Cell(metric_wording.cosine(one.cosine), one.cosine),
        )
        for one in outputs[:MOST_CLASSES]
    )
    headings = (("output", "", False), ("SQNR", "dB", True), ("cosine", "", True))
    return Grid(f"Outputs against {row.baseline}", "", headings, rows, "")


def confusion_matrix(row: Row) -> Matrix | None:
    """All answers by class; None where there are none or too many classes."""
    counts = row.accuracy.confusion if row.accuracy is not None else ()
    if not 0 < len(counts) <= MOST_IN_A_MATRIX or max(map(len, counts)) > 2 * MOST_IN_A_MATRIX:
        return None
    names = _class_names(row)
    width = max(map(len, counts))
    cells = []
    for position, line in enumerate(counts):
        padded = (*line, *[0] * (width - len(line)))
        cells.append(tuple((n, _part(n, line), answer == position) for answer, n in enumerate(padded)))
    return Matrix(
        tuple(_at(names, index) for index in range(len(counts))),
        tuple(_at(names, index) for index in range(width)),
        tuple(cells),
    )


def confusion_grid(row: Row, baseline: Row | None) -> Grid | None:
    """The most frequent wrong answers; None where there are none, or where the whole matrix is shown."""
    counts = row.accuracy.confusion if row.accuracy is not None else ()
    if confusion_matrix(row) is not None or not counts:
        return None
    names = _class_names(row)
    wrong = Counter(
        {
            (position, answer): n
            for position, line in enumerate(counts)
            for answer, n in enumerate(line)
            if answer != position and n > 0
        }
    )
    before = baseline.accuracy.confusion if baseline is not None and baseline.accuracy is not None else ()
    compares = bool(before) and not row.is_baseline
    rows = []
    for (position, answer), n in wrong.most_common(MOST_CONFUSIONS):
        share = 100 * _part(n, counts[position])
        cells = [
            _name(_at(names, position)),
            _name(_at(names, answer)),
            _count(n),
            Cell(wording.decimal(share, 1), share),
        ]
        if compares:
            cells.append(_count(_lookup(before, position, answer)))
        rows.append(tuple(cells))
    headings = [("class", "", False), ("answer", "", False), ("count", "", True), ("of the class", "%", True)]
    if compares and baseline is not None:
        headings.append((f"count of {baseline.variant}", "", True))
    note = f"The {len(rows)} most frequent of {len(wrong):,} confusions." if len(wrong) > len(rows) else ""
    return Grid("Most frequent confusions", "", tuple(headings), tuple(rows), note) if rows else None


_Classes = dict[tuple[str, int], ClassScore]


def _scored(table: Table) -> dict[str, _Classes]:
    """The classes of each variant that has a per-class table; they are the same at every thread count."""
    found: dict[str, _Classes] = {}
    for row in table.rows:
        if row.accuracy is not None and row.accuracy.classes:
            found.setdefault(row.variant, _by_name(row.accuracy.classes))
    return found


def _by_name(classes: Sequence[ClassScore]) -> _Classes:
    """Classes by name and how often it came before: ImageNet has two that are called crane."""
    seen: Counter[str] = Counter()
    found = {}
    for one in classes:
        found[one.name, seen[one.name]] = one
        seen[one.name] += 1
    return found


def _class_grid(
    key: str, scored: dict[str, _Classes], base: str | None, order: Sequence[tuple[str, int]]
) -> Grid:
    label = _LABELS.get(key, wording.visible(key))
    others = [variant for variant in scored if variant != base]
    reference = scored[base] if base is not None else None
    lines = []
    for place in order:
        values = {variant: _share(scored[variant], place, key) for variant in scored}
        before = values.get(base) if base is not None else None
        changes = {
            variant: 100 * (value - before)
            for variant in others
            if before is not None and (value := values[variant]) is not None
        }
        lines.append((place, values, changes))
    lines.sort(key=lambda line: (min(line[2].values(), default=0.0), _lowest(line[1])))
    rows = []
    for place, values, changes in lines[:MOST_CLASSES]:
        some = (reference or next(iter(scored.values())))[place]
        cells = [_name(wording.visible(some.name)), _count(some.n)]
        if base is None:
            cells += [_percent(values[variant]) for variant in others]
        else:
            cells += [_percent(values[base]), *(_change(changes.get(variant)) for variant in others)]
        rows.append(tuple(cells))
    headings = [("class", "", False), ("n", "", True)]
    headings += [(base, "%", True)] if base is not None else []
    headings += [(variant, "pp" if base is not None else "%", True) for variant in others]
    title = f"{metric_wording.capitalised(label)} by class"
    return Grid(title, _remark(lines[0][0][0], lines[0][2]), tuple(headings), tuple(rows), _note(lines, base))


def _remark(name: str, changes: dict[str, float]) -> str:
    """The class that lost most."""
    variant = min(changes, key=lambda one: changes[one], default=None)
    if variant is None or changes[variant] >= 0:
        return ""
    return f"most lost: {wording.visible(name)} with {variant}, {wording.decimal(changes[variant], 1)} pp"


def _note(lines: Sequence[object], base: str | None) -> str:
    parts = []
    if base is not None:
        parts.append(
            f"Changes against {base} in percentage points, not tested one by one: a single class has few items."
        )
    if len(lines) > MOST_CLASSES:
        which = "lost most" if base is not None else "do worst"
        parts.append(f"Shown are the {MOST_CLASSES} of {len(lines):,} classes that {which}.")
    return " ".join(parts)


def _share(classes: _Classes, place: tuple[str, int], key: str) -> float | None:
    found = classes.get(place)
    return found.metrics.get(key) if found is not None else None


def _lowest(values: dict[str, float | None]) -> float:
    return min((value for value in values.values() if value is not None), default=1.0)


def _percent(value: float | None) -> Cell:
    return Cell("", None) if value is None else Cell(wording.decimal(100 * value, 1), value)


def _change(change: float | None) -> Cell:
    if change is None:
        return Cell("", None)
    text = wording.decimal(change, 1)
    if float(text.replace("−", "-")) == 0:
        return Cell(text, change)
    return Cell(f"+{text}" if change > 0 else text, change, "good" if change > 0 else "bad")


def _count(number: int | None) -> Cell:
    return Cell("", None) if number is None else Cell(f"{number:,}", number)


def _name(text: str) -> Cell:
    shown = wording.visible(text)
    return Cell(shown, shown)


def _class_names(row: Row) -> list[str]:
    """Names of the classes in the confusion matrix; empty where they are not known one by one."""
    accuracy = row.accuracy
    if accuracy is None or len(accuracy.classes) != len(accuracy.confusion):
        return []
    return [wording.visible(one.name) for one in accuracy.classes]


def _at(names: Sequence[str], index: int) -> str:
    return names[index] if index < len(names) else str(index)


def _part(n: int, line: Sequence[int]) -> float:
    """The share of a class's items, between 0 and 1 whatever a file says."""
    return min(1.0, max(0.0, n / max(1, sum(line))))


def _lookup(counts: Sequence[Sequence[int]], position: int, answer: int) -> int | None:
    if position >= len(counts) or answer >= len(counts[position]):
        return None
    return counts[position][answer]
