"""The report as one JSON object: the measurements, the rows of the tables, and what to ship."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from edgeq.benchmark.measurement import SCHEMA, Estimate, Measurement, Metric, Parity, to_json
from edgeq.report.compare import Comparison
from edgeq.report.side_by_side import Entry, SideBySide
from edgeq.report.summary import Section, Summary
from edgeq.report.tables import Row


def to_json_text(
    measurements: Sequence[Measurement], summary: Summary, *, compare: Comparison | None = None
) -> str:
    """JSON with keys ``schema``, ``measurements``, ``rows``, ``recommendation``, ``devices`` and ``comparison``.

    A row has the fields of `edgeq.report.tables.Row`, the key, drop and p-value of its primary metric, its verdict in
    words and where it was measured. ``devices`` has one entry for each model that was measured on several, and there is
    a ``comparison`` only if asked for.

    Args:
        measurements: as read.
        summary: what they say.
        compare: what changed since an earlier night.

    Returns:
        The object, indented, with a newline at its end.
    """
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "recommendation": [
            {**dataclasses.asdict(entry), "text": entry.text} for entry in summary.recommendations
        ],
        "rows": [row for section in summary.sections for row in _rows(section)],
        "devices": [_side(side) for side in summary.devices],
        "measurements": [to_json(measurement) for measurement in measurements],
    }
    if compare is not None:
        report["comparison"] = dataclasses.asdict(compare)
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(section: Section) -> list[dict[str, Any]]:
    texts = {verdict.variant: verdict.text for verdict in section.verdicts}
    table = section.table
    where = {
        "device": table.device,
        "device_id": table.environment.device_id,
        "runtime": table.runtime.name,
        "runtime_version": table.runtime.version,
        "data_digest": table.data_digest,
    }
    return [{**_row(row), "summary": texts[row.variant], **where} for row in table.rows]


def _row(row: Row) -> dict[str, Any]:
    values = {
        field.name: getattr(row, field.name)
        for field in dataclasses.fields(Row)
        if field.name not in ("accuracy", "source")
    }
    primary = row.primary
    return {
        **{name: _plain(value) for name, value in values.items()},
        "metric": primary.key if primary is not None else None,
        "drop": _plain(row.drop),
        "drop_unit": row.drop_unit,
        "p_value": primary.p_value if primary is not None else None,
    }


def _side(side: SideBySide) -> dict[str, Any]:
    return {
        "model": side.model,
        "devices": list(side.devices),
        "sentence": side.sentence,
        "notes": list(side.notes),
        "variants": [
            {
                "variant": line.variant,
                "threads": line.threads,
                "on": [None if entry is None else _entry(entry) for entry in line.entries],
            }
            for line in side.lines
        ],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    names = (
        "threads",
        "latency",
        "mark",
        "marked_latency",
        "ratio",
        "verdict",
        "drop",
        "drop_unit",
        "agreement",
        "n",
        "parity",
    )
    row = {name: _plain(getattr(entry.row, name)) for name in names}
    return {"is_fastest": entry.is_fastest, **row}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dataclasses.asdict(value) if isinstance(value, Estimate | Metric | Parity) else value
