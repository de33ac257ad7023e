"""The table model: measurements that may be compared stand in one table, one row each, all numbers unformatted.

Latencies in a table come from one device, runtime and input shape, and are compared only at one thread count;
accuracies come from one set of items. What differs in any of these stands in another table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeq.benchmark.measurement import Accuracy, Environment, Estimate, Measurement, RuntimeInfo
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
        n: items of the validation set; None where accuracy was not measured.
        top1: share right.
        top5: share right among the five largest outputs.
        drop_pp: the baseline's top-1 minus this one's in percentage points.
        agreement: share on which the top-1 is the baseline's.
        sqnr_db: signal to quantization noise ratio.
        accuracy: where n to sqnr_db come from: of the same file at another thread count where this
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
    n: int | None
    top1: Estimate | None
    top5: Estimate | None
    drop_pp: Estimate | None
    agreement: Estimate | None
    sqnr_db: float | None
    accuracy: Accuracy | None = field(repr=False)
    source: Measurement = field(repr=False)


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


def build_tables(measurements: Sequence[Measurement]) -> tuple[Table, ...]:
    """Sorts measurements into tables, in the order in which they come.

    Where a variant was measured in several sessions that fall into one table, the newest counts.

    Raises:
        ResultsError: there is no measurement.
    """
    require_some(measurements)
    groups: dict[tuple[object, ...], list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault(_latency_key(measurement), []).append(measurement)
    return tuple(
        _table(same_data, digest)
        for group in groups.values()
        for digest, same_data in _by_data(group).items()
    )


def newest(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """The newest measurement of each variant and thread count, in the order of first appearance."""
    latest: dict[tuple[object, ...], Measurement] = {}
    for measurement in measurements:
        variant = measurement.variant
        # Two lone files may have one name in two folders.
        identity = (variant.model, variant.name) if measurement.baseline is not None else variant.sha256
        key = (identity, measurement.threads)
        rival = latest.get(key)
        if rival is None or measurement.environment.started_at >= rival.environment.started_at:
            latest[key] = measurement
    return tuple(latest.values())


def input_shapes(measurement: Measurement) -> tuple[str, ...]:
    """The shapes of the inputs without names and dtypes: a full-integer file has other dtypes than FP32."""
    return tuple(sorted(text.partition("[")[2] for text in measurement.inputs.values()))


def _latency_key(measurement: Measurement) -> tuple[object, ...]:
    # Lone files have no baseline and share a table, whatever their models are called.
    family = None if measurement.baseline is None else measurement.variant.model
    runtime = measurement.runtime
    device = measurement.environment.device_id
    return family, device, runtime.name, runtime.version, input_shapes(measurement)


def _by_data(group: Sequence[Measurement]) -> dict[str | None, list[Measurement]]:
    """Splits by validation set; what has no accuracy goes where the rest of its session is."""
    digest_of_session = {
        measurement.session: measurement.accuracy.data_digest for measurement in group if measurement.accuracy
    }
    split: dict[str | None, list[Measurement]] = {}
    for measurement in group:
        accuracy = measurement.accuracy
        digest = accuracy.data_digest if accuracy else digest_of_session.get(measurement.session)
        split.setdefault(digest, []).append(measurement)
    if None in split and len(split) > 1:
        without = split.pop(None)
        next(iter(split.values())).extend(without)
    return split


def _table(group: Sequence[Measurement], digest: str | None) -> Table:
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
        data_digest=digest,
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
        n=accuracy.n if accuracy else None,
        top1=accuracy.top1 if accuracy else None,
        top5=accuracy.top5 if accuracy else None,
        drop_pp=accuracy.drop_pp if accuracy else None,
        agreement=accuracy.agreement if accuracy else None,
        sqnr_db=accuracy.sqnr_db if accuracy else None,
        accuracy=accuracy,
        source=measurement,
    )


def _printable(environment: Environment) -> Environment:
    texts: dict[str, Any] = {
        item.name: visible(value)
        for item in dataclasses.fields(environment)
        if isinstance(value := getattr(environment, item.name), str)
    }
    return dataclasses.replace(environment, **texts)
