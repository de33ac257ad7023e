"""The report on a terminal without rich: the same rows, columns, warnings and last line as the console's.

For the packed program, which runs where there is nothing but Python, NumPy and a runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeq.benchmark.measurement import Measurement
from edgeq.report import wording
from edgeq.report.columns import Column, fitting, footnotes
from edgeq.report.plain_characters import display_width, encodable
from edgeq.report.side_by_side import SideBySide
from edgeq.report.side_by_side_lines import side_lines
from edgeq.report.side_by_side_text import side_footnotes, side_title
from edgeq.report.summary import Section, environment_line, summarise, title
from edgeq.report.sustained import sustained_title
from edgeq.report.tables import Table
from edgeq.report.text_table import TextColumn, paragraph, table_lines

WIDTH = 80
"""Of a terminal that does not say how wide it is."""


def plain_report(measurements: Sequence[Measurement], *, width: int = WIDTH, encoding: str = "utf-8") -> str:
    """The report as text; the recommendation is its last line.

    Args:
        measurements: of any number of sessions, devices and models.
        width: of the terminal, which decides which columns there is room for.
        encoding: of the stream that it is printed on; what it lacks is replaced.

    Returns:
        The text, with a newline at its end.

    Raises:
        ResultsError: there is no measurement.
    """
    summary = summarise(measurements)
    lines = [line for section in summary.sections for line in _section(section, width, encoding)]
    lines += [line for side in summary.devices for line in _side(side, width, encoding)]
    for text in summary.lines:
        lines += paragraph(encodable(text, encoding), width)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _section(section: Section, width: int, encoding: str) -> Iterator[str]:
    table = section.table
    shown, hidden = fitting(table, width)
    notes = list(footnotes(table, shown))
    if hidden:
        notes.append(f"not shown at this width: {wording.enumeration([column.header for column in hidden])}")
    texts = [title(table), environment_line(table)]
    for text in texts:
        yield from paragraph(encodable(text, encoding), width)
    yield from _table(table, shown, width, encoding)
    warnings = [f"warning: {warning}" for warning in table.warnings]
    for text in ("; ".join(notes), *table.notes, *warnings):
        yield from paragraph(encodable(text, encoding), width)
    yield ""
    yield from _hanging([(verdict.variant, verdict.text) for verdict in section.verdicts], width, encoding)
    if section.sustained:
        yield from (f"{sustained_title(section.table)}:", *_hanging(section.sustained, width, encoding))
    for text in section.rankings:
        yield from paragraph(encodable(text, encoding), width)
    yield ""


def _table(table: Table, shown: Sequence[Column], width: int, encoding: str) -> list[str]:
    headings = [
        TextColumn(
            tuple(encodable(text, encoding) for text in (column.header, column.unit) if text),
            column.is_number,
        )
        for column in shown
    ]
    rows = [[(encodable(column.text(row), encoding),) for column in shown] for row in table.rows]
    ends = [
        place
        for place, (row, after) in enumerate(zip(table.rows, table.rows[1:], strict=False))
        if row.threads != after.threads
    ]
    return table_lines(headings, rows, width=width, rule=encodable("─", encoding), ends=ends)


def _hanging(pairs: Sequence[tuple[str, str]], width: int, encoding: str) -> Iterator[str]:
    """Labels, and texts whose further lines begin below their first."""
    shown = [(encodable(label, encoding), encodable(text, encoding)) for label, text in pairs]
    # A hostile name must not push the text off the screen.
    widest = min(max(display_width(label) for label, _ in shown), width // 3)
    for label, text in shown:
        space = " " * max(0, widest - display_width(label))
        if display_width(label) > widest:
            yield from paragraph(label, width)
            yield from (f"{' ' * (widest + 2)}{line}" for line in paragraph(text, width - widest - 2))
        else:
            first, *further = paragraph(text, width - widest - 2)
            yield f"{label}{space}  {first}"
            yield from (f"{' ' * (widest + 2)}{line}" for line in further)


def _side(side: SideBySide, width: int, encoding: str) -> Iterator[str]:
    yield from paragraph(encodable(side_title(side), encoding), width)
    yield from side_lines(side, width, encoding)
    yield from paragraph(encodable("; ".join(side_footnotes(side)), encoding), width)
    yield ""
