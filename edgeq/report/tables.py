"""The table model: measurements that may be compared stand in one table, one row each, all numbers unformatted.

Latencies in a table come from one device, runtime and input shape, and are compared only at one thread count;
quality is one metric on one set of items. What differs in any of these stands in another table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeq.benchmark.comparison import worst_cosine
from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import (
    Accuracy,
    Estimate,
    Measurement,
    Metric,
    RuntimeInfo,
)
from edgeq.report.grouping import comparable, newest
from edgeq.report.results import require_some
from edgeq.report.wording import count, visible


@dataclass(frozen=True)
class Row:
    """One variant at one thread count.

    Names are printable (`edgeq.report.wording.visible`); shares are between 0 and 1.

    Attributes:
        model: the model's name.
        variant: the variant's name.
        file: the file's name.
        scheme: as in `VariantInfo`.
        io: dtype of the inputs.
        threads: of the interpreter.
        is_baseline: whether the others are compared with this one.
        baseline: the baseline's name; None for a lone file.
        size_bytes: size of the file.
        gzip_bytes: size after gzip.
        size_ratio: the baseline's size divided by this one's; None where the baseline is not in the table.
        latency: median in milliseconds.
        p90_ms: 90th percentile.
        ratio: latency divided by the baseline's.
        verdict: ``faster``, ``slower`` or ``no significant difference``.
        peak_memory_bytes: peak resident memory.
        delegate: ``XNNPACK`` or ``none``.
        nodes_delegated: operators that the delegate took.
        nodes: operators in the file.
        task: what the model does; None where accuracy was not measured.
        n: items of the validation set; None likewise.
        metrics: the first is the primary one; empty without labels.
        agreement: share on which the answer is the baseline's.
        sqnr_db: signal to quantization noise ratio.
        cosine: between the outputs and the baseline's, of the worst output.
        accuracy: where task to cosine come from: of the same file at another thread count where this
            measurement has none.
        source: the measurement itself.
    """

    model: str
    variant: str
    file: str
    scheme: str
    io: str
    threads: int
    is_baseline: bool
    baseline: str | None
    size_bytes: int
    gzip_bytes: int
    size_ratio: float | None
    latency: Estimate | None
    p90_ms: float | None
    ratio: Estimate | None
    verdict: str | None
    peak_memory_bytes: int | None
    delegate: str
    nodes_delegated: int | None
    nodes: int | None
    task: str | None
    n: int | None
    metrics: tuple[Metric, ...]
    agreement: Estimate | None
    sqnr_db: float | None
    cosine: float | None
    accuracy: Accuracy | None = field(repr=False)
    source: Measurement = field(repr=False)

    @property
    def primary(self) -> Metric | None:
        """What drop and recommendation refer to; None without labels."""
        return self.metrics[0] if self.metrics else None

    @property
    def drop(self) -> Estimate | None:
        """How much worse the primary metric is than the baseline's, in `drop_unit`; None for the baseline."""
        return self.primary.drop if self.primary is not None else None

    @property
    def drop_unit(self) -> str | None:
        """``pp`` where the primary metric is a rate, ``%`` where it is an amount."""
        return self.primary.drop_unit if self.primary is not None else None

    def metric(self, key: str) -> Metric | None:
        """The metric of that key; None where it was not measured."""
        return next((metric for metric in self.metrics if metric.key == key), None)


@dataclass(frozen=True)
class Table:
    """Rows that may be compared.

    Attributes:
        model: the model's name; None for lone files, which have no baseline.
        environment: of the newest measurement.
        runtime: name and version are those of every row.
        inputs: of the first row.
        data_digest: of the validation set; None where accuracy was not measured.
        rows: by thread count, the baseline first.
        warnings: what makes the numbers less trustworthy, one sentence each.
        notes: what was left out, one sentence each.
    """

    model: str | None
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
    return tuple(map(_table, comparable(measurements)))


def _table(group: Sequence[Measurement]) -> Table:
    kept = newest(group)
    latest = max(kept, key=lambda measurement: measurement.environment.started_at)
    rows = _rows(kept)
    warnings = dict.fromkeys(visible(text) for one in kept for text in one.environment.warnings)
    older = len(group) - len(kept)
    notes = []
    if older:
        notes.append(
            f"{count(older, 'older measurement')} of the same variants left out: "
            "compare two nights with edgeq report --baseline"
        )
    return Table(
        model=None if latest.baseline is None else visible(latest.variant.model),
        environment=_printable(latest.environment),
        runtime=dataclasses.replace(
            latest.runtime, name=visible(latest.runtime.name), version=visible(latest.runtime.version)
        ),
        inputs={visible(name): visible(shape) for name, shape in rows[0].source.inputs.items()},
        data_digest=next((row.accuracy.data_digest for row in rows if row.accuracy is not None), None),
        rows=rows,
        warnings=tuple(warnings),
        notes=tuple(notes),
    )


def _rows(kept: Sequence[Measurement]) -> tuple[Row, ...]:
    # Accuracy does not depend on the number of threads, so a file measured at one has it at all.
    accuracies = {one.variant.sha256: one.accuracy for one in kept if one.accuracy}
    sizes = {(one.variant.model, one.variant.name): one.variant.size_bytes for one in kept}
    rows = []
    for one in kept:
        base_size = sizes.get((one.variant.model, one.baseline)) if one.baseline is not None else None
        rows.append(_row(one, one.accuracy or accuracies.get(one.variant.sha256), base_size))
    return tuple(sorted(rows, key=lambda row: (row.threads, not row.is_baseline)))


def _row(measurement: Measurement, accuracy: Accuracy | None, base_size: int | None) -> Row:
    variant, latency, runtime = measurement.variant, measurement.latency, measurement.runtime
    return Row(
        model=visible(variant.model),
        variant=visible(variant.name),
        file=visible(variant.file),
        scheme=visible(variant.scheme),
        io=visible(variant.io),
        threads=measurement.threads,
        is_baseline=measurement.is_baseline,
        baseline=None if measurement.baseline is None else visible(measurement.baseline),
        size_bytes=variant.size_bytes,
        gzip_bytes=variant.gzip_bytes,
        size_ratio=base_size / variant.size_bytes if base_size and variant.size_bytes else None,
        latency=latency.median if latency else None,
        p90_ms=latency.p90_ms if latency else None,
        ratio=latency.ratio if latency else None,
        verdict=latency.verdict if latency else None,
        peak_memory_bytes=measurement.peak_memory_bytes,
        delegate=visible(runtime.delegate),
        nodes_delegated=runtime.nodes_delegated,
        nodes=runtime.nodes,
        task=visible(accuracy.task) if accuracy else None,
        n=accuracy.n if accuracy else None,
        metrics=tuple(map(_printable_metric, accuracy.metrics)) if accuracy else (),
        agreement=accuracy.agreement if accuracy else None,
        sqnr_db=accuracy.sqnr_db if accuracy else None,
        cosine=worst_cosine(accuracy) if accuracy else None,
        accuracy=accuracy,
        source=measurement,
    )


def _printable_metric(metric: Metric) -> Metric:
    return dataclasses.replace(metric, key=visible(metric.key), label=visible(metric.label))


def _printable(environment: Environment) -> Environment:
    texts: dict[str, Any] = {
        item.name: visible(value)
        for item in dataclasses.fields(environment)
        if isinstance(value := getattr(environment, item.name), str)
    }
    return dataclasses.replace(environment, **texts)
