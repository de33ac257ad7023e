"""The report as one HTML file that needs no network: table, plots, environment and provenance.

Everything foreign is escaped by Jinja or, in the data for the script, by `embedded_json`.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

from edgeq.benchmark.latency_statistics import FASTER, SLOWER
from edgeq.errors import MissingExtraError
from edgeq.report import html_page, metric_wording, wording
from edgeq.report.columns import Column, columns, footnotes
from edgeq.report.compare import Comparison
from edgeq.report.compare_columns import change_cells, change_headings, comparison_title, explanation
from edgeq.report.html_details import environment_details, provenance_details, variant_details
from edgeq.report.html_devices import device_table, speed_bars
from edgeq.report.html_machine import machine_plots, states_grid, sustained_grid
from edgeq.report.html_plots import plot_data, quality_axis
from edgeq.report.html_tables import class_grids, confusion_grid, confusion_matrix, fidelity_grid
from edgeq.report.recommend import Recommendation
from edgeq.report.summary import Section, Summary, environment_line, started, title
from edgeq.report.sustained import sustained_title
from edgeq.report.tables import Row, Table

_SYMBOLS = "●◆■✚★"
"""How a point shows its thread count, in the order of the markers in ``report.js``."""

_UNSAFE_IN_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def require_packages() -> None:
    """Makes sure that a page can be rendered, before an hour is spent on measuring what it shows.

    Raises:
        MissingExtraError: Jinja or Plotly is not installed.
    """
    if find_spec("plotly") is None:
        raise MissingExtraError("The HTML report's plotting library", "report")
    html_page.require_packages()


def to_html(summary: Summary, *, compare: Comparison | None = None) -> str:
    """The whole page, 5 MB of which are the plotting library.

    Args:
        summary: what to say.
        compare: what changed since an earlier night.

    Raises:
        MissingExtraError: Jinja or Plotly is not installed.
    """
    require_packages()
    from plotly.offline import get_plotlyjs

    templates = html_page.Templates()
    plots = [{**plot_data(section.table), **machine_plots(section.table)} for section in summary.sections]
    data = embedded_json([*plots, *({"bars": speed_bars(side)} for side in summary.devices)])
    drawing = templates.source("page.js", "report.js")
    return templates.page(
        "report.html",
        subject=data,
        scripts=[templates.source("styles.js"), get_plotlyjs(), drawing],
        values={
            "data": data,
            "headline": headline(summary),
            "leads": _leads(summary),
            "kicker": _kicker(summary),
            "devices": [
                device_table(side, number)
                for number, side in enumerate(summary.devices, len(summary.sections))
            ],
            "sections": [_section(section, len(summary.sections) > 1) for section in summary.sections],
            "comparison": _comparison(compare) if compare is not None else None,
        },
    )


def embedded_json(value: object) -> str:
    """JSON that may stand inside a ``script`` element: nothing in it can end the element."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(
        _UNSAFE_IN_SCRIPT
    )


def headline(summary: Summary) -> str:
    """What to ship in a few words; where the answers differ, the lines below say them one by one."""
    answers = {entry.headline for entry in summary.recommendations}
    return answers.pop() if len(answers) == 1 else "What to ship"


def _leads(summary: Summary) -> tuple[str, ...]:
    """The reasons below the headline; whole sentences where the headline does not say it all."""
    if len({entry.headline for entry in summary.recommendations}) > 1 or len(summary.sections) > 1:
        return (*summary.device_lines, *summary.own_lines)
    return tuple(f"{entry.reason[0].upper()}{entry.reason[1:]}." for entry in summary.recommendations)


def _kicker(summary: Summary) -> str:
    """What the page is about, above the headline."""
    tables = [section.table for section in summary.sections]
    titles = dict.fromkeys(title(table) for table in tables)
    moments = sorted(table.environment.started_at for table in tables)
    return f"{'; '.join(titles)} · {started(moments[-1])}"


def _section(section: Section, is_one_of_many: bool) -> dict[str, Any]:
    table = section.table
    shown = columns(table)
    shipped = {entry.variant for entry in section.recommendations}
    axis = quality_axis(table)
    return {
        "title": title(table) if is_one_of_many else "Measurements",
        "environment_line": environment_line(table),
        "is_one_of_many": is_one_of_many,
        "tiles": [tile for entry in section.recommendations[:1] for tile in _tiles(entry, table)],
        "columns": shown,
        "rows": [
            _row(row, previous, table, shown, row.variant in shipped)
            for previous, row in zip((None, *table.rows), table.rows, strict=False)
        ],
        "footnotes": footnotes(table, shown),
        "notes": table.notes,
        "warnings": table.warnings,
        "verdicts": [
            (
                verdict,
                table.variants.index(verdict.variant),
                variant_details(table, verdict.variant),
                _variant_tables(table, verdict.variant),
            )
            for verdict in section.verdicts
        ],
        "sustained": sustained_grid(table),
        "sustained_title": sustained_title(table),
        "sustained_lines": section.sustained,
        "rankings": section.rankings,
        "states": states_grid(table),
        "plots": machine_plots(table),
        "classes": class_grids(table),
        "has_latency": any(row.latency is not None for row in table.rows),
        "thread_symbols": list(zip(table.thread_counts, _SYMBOLS, strict=False))
        if len(table.thread_counts) > 1
        else [],
        "variants": table.variants,
        "metric": axis.name if axis else None,
        "is_turned": axis is not None and not axis.higher_is_better,
        "environment": environment_details(table),
        "provenance": provenance_details(table),
    }


def _variant_tables(table: Table, variant: str) -> dict[str, Any]:
    """What the details of one variant hold beside its lists."""
    rows = [row for row in table.rows if row.variant == variant]
    row = next((row for row in rows if row.accuracy is not None), rows[0])
    grids = [fidelity_grid(row), confusion_grid(row, table.baseline)]
    return {"grids": [grid for grid in grids if grid is not None], "matrix": confusion_matrix(row)}


def _row(
    row: Row, previous: Row | None, table: Table, shown: tuple[Column, ...], is_shipped: bool
) -> dict[str, Any]:
    return {
        "color": table.variants.index(row.variant),
        "starts_group": row.threads != previous.threads if previous is not None else False,
        "is_shipped": is_shipped,
        "is_baseline": row.is_baseline,
        "tone": {FASTER: "good", SLOWER: "bad"}.get(row.verdict or "", ""),
        "parity_tone": "bad" if row.fails_parity else "",
        "cells": [(column, column.text(row), _sort_key(column, row)) for column in shown],
    }


def _sort_key(column: Column, row: Row) -> str:
    key = column.sort(row)
    return "" if key is None else str(key)


def _tiles(entry: Recommendation, table: Table) -> list[tuple[str, str, str]]:
    """The recommended variant's three figures: value, what it is, and the numbers behind it."""
    row = next(
        (row for row in table.rows if row.variant == entry.variant and row.threads in entry.threads), None
    )
    if row is None or row.is_baseline:
        return []
    tiles = []
    if row.ratio is not None and row.latency is not None and row.verdict in (FASTER, SLOWER):
        factor = 1 / row.ratio.value if row.verdict == FASTER else row.ratio.value
        numbers = f"{wording.duration(row.latency.value)} on {wording.threads(row.threads)}"
        tiles.append((wording.times(factor), f"{row.verdict} than {row.baseline}", numbers))
    if row.size_ratio is not None and row.size_ratio > 1:
        numbers = f"{wording.size(row.size_bytes)}, {wording.size(row.gzip_bytes)} after gzip"
        tiles.append((wording.times(row.size_ratio), f"smaller than {row.baseline}", numbers))
    if row.primary is not None and row.drop is not None:
        value, what = metric_wording.drop_title(row.primary, row.drop)
        tiles.append((value, what, f"95 % interval {metric_wording.drop_span(row.primary, row.drop)}"))
    elif row.agreement is not None:
        numbers = f"at least {wording.decimal(100 * row.agreement.low, 1)} % (95 % interval)"
        share = f"{wording.decimal(100 * row.agreement.value, 1)} %"
        tiles.append((share, f"agreement with {row.baseline}", numbers))
    return tiles


def _comparison(compare: Comparison) -> dict[str, Any]:
    return {
        "title": comparison_title(compare),
        "headings": change_headings(compare),
        "rows": [change_cells(compare, change) for change in compare.changes],
        "explanation": explanation(compare),
        "notes": compare.notes,
    }
