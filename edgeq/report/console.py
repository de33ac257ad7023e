"""The report on a terminal: tables as wide as it is, verdicts, and what to ship as the last line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable

from edgeq.benchmark.measurement import Measurement
from edgeq.report import wording
from edgeq.report.columns import Column, fitting, footnotes
from edgeq.report.compare import Comparison
from edgeq.report.compare_columns import change_cells, change_headings, comparison_title, explanation
from edgeq.report.literal_text import literal
from edgeq.report.side_by_side import SideBySide
from edgeq.report.side_by_side_lines import side_lines
from edgeq.report.side_by_side_text import side_footnotes, side_title
from edgeq.report.summary import Section, Summary, environment_line, summarise, title
from edgeq.report.sustained import sustained_title
from edgeq.report.tables import Table


def print_report(
    measurements: Sequence[Measurement], console: Console, *, compare: Comparison | None = None
) -> None:
    """Prints the report; the recommendation is the last line.

    Args:
        measurements: of any number of sessions, devices and models.
        console: where to; its width decides which columns there is room for.
        compare: what changed since an earlier night, shown before the recommendation.

    Raises:
        ResultsError: there is no measurement.
    """
    summary = summarise(measurements)
    for section in summary.sections:
        _print_section(section, console)
    for side in summary.devices:
        _print_side(side, console)
    if compare is not None:
        _print_comparison(compare, console)
    _print_lines(summary, console)


def _print_section(section: Section, console: Console) -> None:
    table = section.table
    shown, hidden = fitting(table, console.width)
    shipped = {entry.variant for entry in section.recommendations if entry.variant}
    console.print(literal(console, title(table), "bold"))
    console.print(literal(console, environment_line(table), "dim"))
    console.print(_rich_table(table, shown, shipped, console))
    notes = list(footnotes(table, shown))
    if hidden:
        notes.append(f"not shown at this width: {wording.enumeration([column.header for column in hidden])}")
    console.print(literal(console, "; ".join(notes), "dim"))
    for note in table.notes:
        console.print(literal(console, note, "dim"))
    for warning in table.warnings:
        console.print(literal(console, f"warning: {warning}", "yellow"))
    console.print()
    width = max(cell_len(verdict.variant) for verdict in section.verdicts)
    for verdict in section.verdicts:
        _print_hanging(console, verdict.variant, verdict.text, width)
    _print_sustained(section, console)
    console.print()


def _print_sustained(section: Section, console: Console) -> None:
    if section.sustained:
        console.print(literal(console, f"{sustained_title(section.table)}:", "dim"))
        width = max(cell_len(label) for label, _ in section.sustained)
        for label, text in section.sustained:
            _print_hanging(console, label, text, width)
    for text in section.rankings:
        console.print(literal(console, text, "yellow"))


def _print_side(side: SideBySide, console: Console) -> None:
    console.print(literal(console, side_title(side), "bold"))
    for line in side_lines(side, console.width, console.encoding):
        console.print(literal(console, line), no_wrap=True, overflow="ignore", crop=False)
    console.print(literal(console, "; ".join(side_footnotes(side)), "dim"))
    console.print()


def _rich_table(table: Table, shown: Sequence[Column], shipped: set[str], console: Console) -> RichTable:
    rich_table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for column in shown:
        rich_table.add_column(
            literal(console, f"{column.header}\n{column.unit}" if column.unit else column.header),
            justify="right" if column.is_number else "left",
            vertical="bottom",
            no_wrap=column.is_number,
            overflow="fold",
        )
    counts = table.thread_counts
    for row, following in zip(table.rows, (*table.rows[1:], None), strict=True):
        cells = [literal(console, column.text(row)) for column in shown]
        new_group = len(counts) > 1 and following is not None and following.threads != row.threads
        rich_table.add_row(*cells, style="bold" if row.variant in shipped else None, end_section=new_group)
    return rich_table


def _print_hanging(console: Console, label: str, text: str, width: int) -> None:
    """A label and a text whose further lines begin below its first."""
    grid = RichTable.grid(padding=(0, 2))
    # A hostile name must not push the text off the screen.
    grid.add_column(width=min(width, console.width // 3), overflow="fold")
    grid.add_column()
    grid.add_row(literal(console, label, "bold"), literal(console, text))
    console.print(grid)


def _print_comparison(comparison: Comparison, console: Console) -> None:
    console.print(literal(console, comparison_title(comparison), "bold"))
    rich_table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for index, heading in enumerate(change_headings(comparison)):
        rich_table.add_column(
            literal(console, heading),
            justify="right" if index else "left",
            vertical="bottom",
            overflow="fold",
        )
    for change in comparison.changes:
        rich_table.add_row(*(literal(console, cell) for cell in change_cells(comparison, change)))
    console.print(rich_table)
    console.print(literal(console, explanation(comparison), "dim"))
    for note in comparison.notes:
        console.print(literal(console, f"note: {note}", "yellow"))
    console.print()


def _print_lines(summary: Summary, console: Console) -> None:
    for line in summary.lines:
        console.print(literal(console, line, "bold green"))
