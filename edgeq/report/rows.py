"""One row of the result table: a variant at one thread count, all numbers unformatted.

Times that must not be compared at all, of an emulated CPU or a throttled one, are kept apart from `Row.latency`, so
that nothing that judges by latency can take them for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from edgeq.benchmark.comparison import worst_cosine
from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Accuracy, Estimate, Measurement, Metric, Parity
from edgeq.report.doubts import doubts, mark_of
from edgeq.report.wording import visible


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
        latency: median in milliseconds; None where it was not measured or must not be compared.
        mark: ``emulated`` or ``invalid`` where its times must not be compared, else None.
        marked_latency: median in milliseconds that must not be compared, else None.
        p90_ms: 90th percentile; None like latency, and where the device's tool does not tell.
        ratio: latency divided by the baseline's; None where one of the two must not be compared.
        verdict: ``faster``, ``slower`` or ``no significant difference``; None like ratio.
        peak_memory_bytes: peak resident memory; None under emulation, where it is the emulator's too.
        delegate: ``XNNPACK`` or ``none``.
        nodes_delegated: operators that the delegate took.
        nodes: operators in the file.
        task: what the model does; None where accuracy was not measured.
        n: items of the validation set; None likewise.
        metrics: the first is the primary one; empty without labels.
        agreement: share on which the answer is the baseline's.
        sqnr_db: signal to quantization noise ratio.
        cosine: between the outputs and the baseline's, of the worst output.
        parity: whether the device computes what the bundle recorded, at whatever thread count that was checked.
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
    mark: str | None
    marked_latency: Estimate | None
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
    parity: Parity | None
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

    @property
    def fails_parity(self) -> bool:
        """Whether the device computes something else than the bundle recorded."""
        return self.parity is not None and not self.parity.passed

    def metric(self, key: str) -> Metric | None:
        """The metric of that key; None where it was not measured."""
        return next((metric for metric in self.metrics if metric.key == key), None)


def build_rows(kept: Sequence[Measurement]) -> tuple[Row, ...]:
    """The rows of measurements that may be compared, by thread count, the baseline first."""
    # Accuracy does not depend on the number of threads, so a file measured at one has it at all.
    accuracies = {one.variant.sha256: one.accuracy for one in kept if one.accuracy}
    parities = _parities(kept)
    sizes = {(one.variant.model, one.variant.name): one.variant.size_bytes for one in kept}
    rows = []
    for one in kept:
        base_size = sizes.get((one.variant.model, one.baseline)) if one.baseline is not None else None
        row = _row(one, one.accuracy or accuracies.get(one.variant.sha256), base_size)
        row = dataclasses.replace(row, parity=parities.get(one.variant.sha256))
        rows.append(row if doubts(one, kept) is None else _without_times(row))
    return tuple(sorted(rows, key=lambda row: (row.threads, not row.is_baseline)))


def _parities(kept: Sequence[Measurement]) -> dict[str, Parity]:
    """By the file's digest; one that failed at any thread count failed."""
    found: dict[str, Parity] = {}
    for one in kept:
        if one.parity is not None and (one.variant.sha256 not in found or not one.parity.passed):
            found[one.variant.sha256] = one.parity
    return found


def _without_times(row: Row) -> Row:
    """The row with nothing that may be taken for a comparison of times."""
    row = dataclasses.replace(row, ratio=None, verdict=None)
    mark = mark_of(row.source)
    if mark is None:
        return row
    emulated = row.source.environment.emulator is not None
    return dataclasses.replace(
        row,
        latency=None,
        mark=mark,
        marked_latency=row.latency,
        p90_ms=None,
        peak_memory_bytes=None if emulated else row.peak_memory_bytes,
    )


def _row(measurement: Measurement, accuracy: Accuracy | None, base_size: int | None) -> Row:
    variant, latency, runtime = measurement.variant, measurement.latency, measurement.runtime
    # A ratio out of all proportion is none: nothing may be divided by it.
    has_ratio = latency is not None and latency.ratio is not None and _is_ratio(latency.ratio.value)
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
        mark=None,
        marked_latency=None,
        p90_ms=latency.p90_ms if latency else None,
        ratio=latency.ratio if latency and has_ratio else None,
        verdict=latency.verdict if latency and has_ratio else None,
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
        parity=measurement.parity,
        accuracy=accuracy,
        source=measurement,
    )


def _is_ratio(value: float) -> bool:
    return 1 / UNBOUNDED < value < UNBOUNDED


def _printable_metric(metric: Metric) -> Metric:
    return dataclasses.replace(metric, key=visible(metric.key), label=visible(metric.label))
