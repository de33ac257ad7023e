"""The columns of the result table, the same on the console, in Markdown and in HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeq.benchmark.latency_statistics import FASTER, SLOWER
from edgeq.benchmark.measurement import Estimate, Metric
from edgeq.report import metric_wording, parity_wording, wording
from edgeq.report.plain_characters import display_width
from edgeq.report.tables import Row, Table

SortKey = float | str | None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: stable name.
        header: one or two words.
        unit: what the cells leave out; may be empty.
        hint: one sentence for a reader who does not know the word.
        priority: columns with a higher number are left out first where there is no room.
        text: a row's cell, empty where there is nothing to show.
        sort: what the rows are sorted by; None comes last.
        is_number: whether the cells are aligned to the right.
    """

    key: str
    header: str
    unit: str
    hint: str
    priority: int
    text: Callable[[Row], str]
    sort: Callable[[Row], SortKey]
    is_number: bool = True

    @property
    def heading(self) -> str:
        """Header and unit in one line."""
        return f"{self.header} ({self.unit})" if self.unit else self.header


NOT_SIGNIFICANT = "n.s."
"""Stands in a cell for "no significant difference"; the report explains it below the table."""

MOST_METRICS = 4
"""Metrics that get a column: COCO has twelve, and eleven of them do not decide anything."""


def columns(table: Table) -> tuple[Column, ...]:
    """The columns that have something to show, in the order in which they stand.

    How close the outputs are to the baseline's is shown where nothing better says how good they are.
    """
    filled = [column for column in _all(table) if any(column.text(row) for row in table.rows)]
    if table.metrics or any(column.key == "agreement" for column in filled):
        filled = [column for column in filled if column.key not in ("sqnr", "cosine")]
    if len(table.thread_counts) == 1:
        return tuple(column for column in filled if column.key != "threads")
    return tuple(filled)


GAP = 2
"""Columns of space between two columns of a table of text."""


def fitting(table: Table, width: int) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The columns that fit a width, and those that are left out, the least important ones first to go."""
    every = columns(table)
    kept = {column.key for column in every if column.priority == 0}
    used = sum(_width(column, table.rows) + GAP for column in every if column.key in kept) - GAP
    for column in sorted((column for column in every if column.priority), key=lambda column: column.priority):
        used += _width(column, table.rows) + GAP
        if used > width:
            # Narrower columns that matter less stay out as well: what is shown is what matters most.
            break
        kept.add(column.key)
    return (
        tuple(column for column in every if column.key in kept),
        tuple(column for column in every if column.key not in kept),
    )


def _width(column: Column, rows: Sequence[Row]) -> int:
    texts = (column.header, column.unit, *(column.text(row) for row in rows))
    return max(map(display_width, texts))


def footnotes(table: Table, shown: Sequence[Column]) -> tuple[str, ...]:
    """What a reader needs to read the cells of the columns that are shown."""
    notes = ["[…] and ± are 95 % intervals"]
    if any(speed_cell(row).endswith(NOT_SIGNIFICANT) for row in table.rows):
        notes.append(f"{NOT_SIGNIFICANT}: no significant difference")
    metrics = table.metrics
    if any(row.drop is not None for row in table.rows):
        notes.append(f"drop: {metric_wording.drop_meaning(metrics[0], baseline_name(table))}")
    lower = [metric.label for metric in metrics[:MOST_METRICS] if not metric.higher_is_better]
    if lower:
        notes.append(f"lower is better for {wording.enumeration(lower)}")
    if len(metrics) > MOST_METRICS:
        further = wording.enumeration([metric.label for metric in metrics[MOST_METRICS:]])
        notes.append(f"in the .json and .html file: {further}")
    if any(column.key == "parity" for column in shown):
        notes.append(parity_wording.FOOTNOTE)
    return tuple(notes)


def baseline_name(table: Table) -> str:
    """The name of what the others are compared with."""
    return next((row.baseline for row in table.rows if row.baseline is not None), "baseline")


def table_time_unit(table: Table) -> tuple[str, float]:
    """The unit of all latencies of a table, and how many of it are a millisecond."""
    shown = [row.latency or row.marked_latency for row in table.rows]
    return wording.time_unit(max((latency.value for latency in shown if latency is not None), default=1.0))


def _all(table: Table) -> Sequence[Column]:
    base = baseline_name(table)
    unit, factor = table_time_unit(table)
    return (
        Column("variant", "variant", "", "The file that was measured.", 0, _name, _name, is_number=False),
        Column("threads", "threads", "", "Threads of the interpreter.", 0, _threads, lambda row: row.threads),
        _bytes("size", 0, "Size of the file.", lambda row: row.size_bytes, table),
        Column("latency", "latency", unit, "Median of the steady state.", 0, _latency(factor), _median),
        Column("speed", f"vs {base}", "", f"Speed against {base}, paired by round.", 0, speed_cell, _ratio),
        *_metrics(table, base),
        Column(
            "parity",
            "parity",
            "",
            "Whether the device computes what the bundle recorded.",
            2,
            _parity,
            _parity_key,
            is_number=False,
        ),
        Column(
            "agreement",
            "agreement",
            "%",
            f"Same answer as {base}.",
            4,
            _agreement,
            lambda row: _value(row.agreement),
        ),
        Column(
            "sqnr",
            "SQNR",
            "dB",
            "Signal to quantization noise of the outputs.",
            1,
            _sqnr,
            lambda row: row.sqnr_db,
        ),
        Column(
            "cosine", "cosine", "", f"Between the outputs and {base}'s.", 2, _cosine, lambda row: row.cosine
        ),
        Column("n", "n", "", "Items of the validation set.", 3, _n, lambda row: row.n),
        Column(
            "p90",
            "p90",
            unit,
            "Nine of ten runs are at most this slow.",
            6,
            _p90(factor),
            lambda row: row.p90_ms,
        ),
        _bytes("memory", 7, "Peak resident memory of the process.", lambda row: row.peak_memory_bytes, table),
        Column("delegated", "delegated", "", "Operators that the delegate computes.", 5, _delegated, _share),
        _bytes("gzip", 9, "Size after gzip, about what a download costs.", lambda row: row.gzip_bytes, table),
    )


def _bytes(name: str, priority: int, hint: str, count: Callable[[Row], int | None], table: Table) -> Column:
    """A column of sizes in one unit, which its heading names."""
    unit = wording.size_unit(max((count(row) or 0 for row in table.rows), default=0))

    def text(row: Row) -> str:
        value = count(row)
        return "" if value is None else wording.size_in(value, unit)

    return Column(name, name, unit, hint, priority, text, count)


def _metrics(table: Table, base: str) -> Sequence[Column]:
    """The drop, the primary metric, and further ones that matter less."""
    shown = table.metrics[:MOST_METRICS]
    if not shown:
        return ()
    primary = shown[0]
    meaning = metric_wording.drop_meaning(primary, base)
    hint = f"{metric_wording.capitalised(meaning)}."
    drop = Column("drop", "drop", primary.drop_unit, hint, 1, _drop, lambda row: _value(row.drop))
    return (drop, *(_metric(metric, 2 if metric is primary else 8) for metric in shown))


def _metric(metric: Metric, priority: int) -> Column:
    key = metric.key

    def text(row: Row) -> str:
        found = row.metric(key)
        return "" if found is None else metric_wording.value_cell(found)

    def sort(row: Row) -> SortKey:
        found = row.metric(key)
        return None if found is None else found.value.value

    # A task's metric may be called like a column.
    unit, hint = metric_wording.unit(metric), metric_wording.hint(metric)
    return Column(f"metric {key}", metric.label, unit, hint, priority, text, sort)


def _value(estimate: Estimate | None) -> SortKey:
    return None if estimate is None else estimate.value


def _name(row: Row) -> str:
    return row.variant


def _threads(row: Row) -> str:
    return str(row.threads)


def _latency(factor: float) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        if row.marked_latency is not None:
            return f"{wording.plus_minus(row.marked_latency, factor)} {row.mark}"
        return "" if row.latency is None else wording.plus_minus(row.latency, factor)

    return text


def _median(row: Row) -> SortKey:
    return None if row.latency is None else row.latency.value


def speed_cell(row: Row) -> str:
    """``2.20× faster``, ``1.22× slower`` or ``1.00× n.s.``; empty where there is no ratio."""
    if row.ratio is None:
        return ""
    if row.verdict == FASTER:
        return f"{_times(1 / row.ratio.value)} faster"
    if row.verdict == SLOWER:
        return f"{_times(row.ratio.value)} slower"
    return f"{_times(row.ratio.value)} {NOT_SIGNIFICANT}"


def _times(factor: float) -> str:
    """``2.20×``; three digits where there are more."""
    return f"{wording.decimal(factor, 2 if factor < 10 else 1 if factor < 100 else 0)}×"


def _ratio(row: Row) -> SortKey:
    # The baseline has no ratio to itself, and sorts where it belongs: between faster and slower.
    return row.ratio.value if row.ratio is not None else 1.0 if row.is_baseline else None


def _p90(factor: float) -> Callable[[Row], str]:
    return lambda row: "" if row.p90_ms is None else wording.significant(row.p90_ms * factor)


def _delegated(row: Row) -> str:
    if row.nodes is None or row.nodes_delegated is None:
        return ""
    return f"{row.nodes_delegated}/{row.nodes}"


def _share(row: Row) -> SortKey:
    return row.nodes_delegated / row.nodes if row.nodes and row.nodes_delegated is not None else None


def _drop(row: Row) -> str:
    return "" if row.drop is None else metric_wording.drop_cell(row.drop)


def _parity(row: Row) -> str:
    return "" if row.parity is None else parity_wording.parity_cell(row.parity)


def _parity_key(row: Row) -> SortKey:
    return None if row.parity is None else row.parity.passed * 1000.0 - row.parity.differing


def _agreement(row: Row) -> str:
    return "" if row.agreement is None else wording.bracketed(row.agreement, 1, 100)


def _sqnr(row: Row) -> str:
    return "" if row.sqnr_db is None else wording.decimal(row.sqnr_db, 1)


def _cosine(row: Row) -> str:
    return "" if row.cosine is None else metric_wording.cosine(row.cosine)


def _n(row: Row) -> str:
    return "" if row.n is None else f"{row.n:,}"
