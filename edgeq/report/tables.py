"""The table model: measurements that may be compared stand in one table, one row each, all numbers unformatted.

Latencies in a table come from one device, runtime and input shape, and are compared only at one thread count;
quality is one metric on one set of items. What differs in any of these stands in another table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import Measurement, Metric, RuntimeInfo
from edgeq.report.device_names import device_names
from edgeq.report.doubts import doubt_notes
from edgeq.report.grouping import comparable, newest
from edgeq.report.parity_wording import parity_warnings
from edgeq.report.results import require_some
from edgeq.report.rows import Row, build_rows
from edgeq.report.wording import count, visible

__all__ = ["Row", "Table", "build_tables"]


@dataclass(frozen=True)
class Table:
    """Rows that may be compared.

    Attributes:
        model: the model's name; None for lone files, which have no baseline.
        device: short name of the machine that no other machine of the report has.
        environment: of the newest measurement.
        runtime: name and version are those of every row.
        inputs: of the first row.
        data_digest: of the validation set; None where accuracy was not measured.
        rows: by thread count, the baseline first.
        warnings: what makes the numbers less trustworthy, one sentence each.
        notes: what was left out, one sentence each.
    """

    model: str | None
    device: str
    environment: Environment
    runtime: RuntimeInfo
    inputs: Mapping[str, str]
    data_digest: str | None
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def thread_counts(self) -> tuple[int, ...]:
        """Every thread count of the table, rising."""
        return tuple(sorted({row.threads for row in self.rows}))

    @property
    def variants(self) -> tuple[str, ...]:
        """Every variant's name, in the order of the rows."""
        return tuple(dict.fromkeys(row.variant for row in self.rows))

    @property
    def baseline(self) -> Row | None:
        """The first row of what the others are compared with; None for lone files."""
        return next((row for row in self.rows if row.is_baseline), None)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the first row that has any: what the columns are about."""
        return next((row.metrics for row in self.rows if row.metrics), ())


def build_tables(measurements: Sequence[Measurement]) -> tuple[Table, ...]:
    """Sorts measurements into tables, in the order in which they come.

    Where a variant was measured in several sessions that fall into one table, the newest counts.

    Raises:
        ResultsError: there is no measurement.
    """
    require_some(measurements)
    groups = comparable(measurements)
    latest = [max(newest(group), key=lambda one: one.environment.started_at) for group in groups]
    names = device_names([_printable(one.environment) for one in latest])
    return tuple(_table(group, one, name) for group, one, name in zip(groups, latest, names, strict=True))


def _table(group: Sequence[Measurement], latest: Measurement, device: str) -> Table:
    kept = newest(group)
    rows = build_rows(kept)
    warnings = [visible(text) for one in kept for text in one.environment.warnings]
    warnings += parity_warnings([(row.variant, row.parity) for row in rows])
    return Table(
        model=None if latest.baseline is None else visible(latest.variant.model),
        device=device,
        environment=_printable(latest.environment),
        runtime=dataclasses.replace(
            latest.runtime, name=visible(latest.runtime.name), version=visible(latest.runtime.version)
        ),
        inputs={visible(name): visible(shape) for name, shape in rows[0].source.inputs.items()},
        data_digest=next((row.accuracy.data_digest for row in rows if row.accuracy is not None), None),
        rows=rows,
        warnings=tuple(dict.fromkeys(warnings)),
        notes=_notes(kept, len(group) - len(kept)),
    )


def _notes(kept: Sequence[Measurement], older: int) -> tuple[str, ...]:
    notes = list(doubt_notes(kept))
    statistics = dict.fromkeys(visible(one.latency.statistic) for one in kept if one.latency is not None)
    notes += [
        f"a sample is the {statistic} of one run of the device's own tool, which tells no single inferences"
        for statistic in statistics
        if statistic != "inference"
    ]
    if all(one.environment.reached_by.startswith("adb:") and one.accuracy is None for one in kept):
        notes.append("accuracy is not measured over adb")
    if all(one.environment.reached_by.startswith("app:") and one.accuracy is None for one in kept):
        notes.append("accuracy is not measured by the app")
    if older:
        notes.append(
            f"{count(older, 'older measurement')} of the same variants left out: "
            "compare two nights with edgeq report --baseline"
        )
    return tuple(notes)


def _printable(environment: Environment) -> Environment:
    texts: dict[str, Any] = {
        item.name: visible(value)
        for item in dataclasses.fields(environment)
        if isinstance(value := getattr(environment, item.name), str)
    }
    return dataclasses.replace(environment, **texts)
