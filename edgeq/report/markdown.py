"""The report as Markdown, for a pull request or a README."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgeq.report import metric_wording
from edgeq.report.columns import columns, footnotes
from edgeq.report.compare import Comparison
from edgeq.report.compare_columns import change_cells, change_headings, comparison_title, explanation
from edgeq.report.side_by_side import SideBySide
from edgeq.report.side_by_side_text import entry_text, line_label, side_footnotes, side_title
from edgeq.report.summary import Section, Summary, environment_line, title
from edgeq.report.sustained import sustained_title

# A bracket matters only before what makes it a link, an underscore only at the end of a word: escaping every one
# would spoil intervals and names for whoever reads the source.
_SPECIAL = re.compile(r"([\\`*<>#|~&$]|\](?=[(\[:])|(?<!\w)_|_(?!\w))")


def to_markdown(summary: Summary, *, compare: Comparison | None = None) -> str:
    """GitHub-flavoured Markdown: recommendation first, then a table and verdicts for each device.

    Args:
        summary: what to say.
        compare: what changed since an earlier night.

    Returns:
        The document, with a newline at its end.
    """
    blocks = [f"**{escape(line)}**" for line in summary.lines]
    for section in summary.sections:
        blocks += _section(section)
    for side in summary.devices:
        blocks += _side(side)
    if compare is not None:
        blocks += _comparison(compare)
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Foreign text that Markdown and HTML take literally."""
    return _SPECIAL.sub(r"\\\1", text)


def _section(section: Section) -> list[str]:
    table = section.table
    shown = columns(table)
    shipped = {entry.variant for entry in section.recommendations}
    header = [escape(column.heading) for column in shown]
    rules = ["---:" if column.is_number else "---" for column in shown]
    lines = [_line(header), _line(rules)]
    for row in table.rows:
        cells = [escape(column.text(row)) for column in shown]
        if row.variant in shipped:
            cells[0] = f"**{cells[0]}**"
        lines.append(_line(cells))
    blocks = [f"## {escape(title(table))}", escape(environment_line(table)), "\n".join(lines)]
    blocks.append(f"{escape('; '.join(footnotes(table, shown)))}.")
    blocks += [escape(note) for note in table.notes]
    if table.warnings:
        blocks.append(_items(f"Warning: {escape(text)}" for text in table.warnings))
    blocks.append(_items(f"**{escape(one.variant)}**: {escape(one.text)}" for one in section.verdicts))
    if section.sustained:
        blocks.append(f"{sustained_title(section.table)}:")
        blocks.append(_items(f"**{escape(label)}**: {escape(text)}" for label, text in section.sustained))
    blocks += [escape(f"{metric_wording.capitalised(text)}.") for text in section.rankings]
    return blocks


def _side(side: SideBySide) -> list[str]:
    lines = [_line(["variant", *map(escape, side.devices)]), _line(["---"] * (len(side.devices) + 1))]
    for line in side.lines:
        texts = [entry_text(entry) for entry in line.entries]
        cells = ["<br>".join(map(escape, text.lines)) if text is not None else "–" for text in texts]
        lines.append(_line([escape(line_label(side, line)), *cells]))
    return [f"## {escape(side_title(side))}", "\n".join(lines), f"{escape('; '.join(side_footnotes(side)))}."]


def _comparison(comparison: Comparison) -> list[str]:
    headings = change_headings(comparison)
    lines = [_line(map(escape, headings)), _line(["---", *["---:"] * (len(headings) - 1)])]
    lines += [_line(map(escape, change_cells(comparison, change))) for change in comparison.changes]
    blocks = [
        f"## {escape(comparison_title(comparison))}",
        "\n".join(lines),
        f"{escape(explanation(comparison))}.",
    ]
    if comparison.notes:
        blocks.append(_items(map(escape, comparison.notes)))
    return blocks


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
