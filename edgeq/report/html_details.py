"""The HTML report's definition lists: what was measured of each variant, where, and how the files were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import Accuracy, Latency, Metric
from edgeq.report import metric_wording, wording
from edgeq.report.machine_wording import core_numbers
from edgeq.report.parity_wording import parity_details
from edgeq.report.summary import started
from edgeq.report.tables import Row, Table

Pairs = list[tuple[str, str]]

_MOST_FEATURES = 40

_MOST_ENTRIES = 200
"""Lines of provenance that are shown: a hostile bundle has no end."""


def variant_details(table: Table, variant: str) -> list[tuple[str, Pairs]]:
    """Titled lists about one variant: its file, its latency at each thread count, its quality."""
    rows = [row for row in table.rows if row.variant == variant]
    groups = [("File", _file(rows[0]))]
    for row in rows:
        if row.source.latency is not None:
            marked = "" if row.mark is None else f" ({row.mark})"
            title = f"Latency, {wording.threads(row.threads)}{marked}"
            groups.append((title, _latency(row, row.source.latency)))
    quality = _quality(rows[0])
    if quality:
        groups.append(("Quality", quality))
    if rows[0].parity is not None:
        groups.append(("Parity with the bundle", parity_details(rows[0].parity)))
    return groups


def environment_details(table: Table) -> Pairs:
    """Where it was measured."""
    environment, runtime = table.environment, table.runtime
    accuracies = [row.accuracy for row in table.rows if row.accuracy is not None]
    pairs = [
        ("Device", "" if environment.cpu in environment.device else environment.device),
        ("CPU", f"{environment.cpu}, {wording.count(environment.cores, 'core')}, {environment.architecture}"),
        ("CPU features", ", ".join(map(wording.visible, environment.features[:_MOST_FEATURES]))),
        ("Emulated by", environment.emulator or ""),
        ("Cores in use", core_numbers(environment.cpus).partition(" ")[2]),
        ("Clock", _clock(environment.governor, environment.frequency_mhz)),
        ("Memory", "" if environment.memory_bytes is None else wording.size(environment.memory_bytes)),
        ("Power", environment.power or ""),
        ("Load at the start", "" if environment.load_1m is None else wording.decimal(environment.load_1m, 2)),
        ("System", environment.os),
        ("Runtime", f"{runtime.name} {runtime.version}"),
        ("Software", _software(environment)),
        ("Reached by", "" if environment.reached_by == "local" else environment.reached_by),
        ("Inputs", "; ".join(f"{name}: {shape}" for name, shape in table.inputs.items())),
        ("Started", started(environment.started_at)),
        ("Task", next((row.task for row in table.rows if row.task and not row.is_baseline), "")),
        ("Data", "" if table.data_digest is None else f"digest {wording.visible(table.data_digest)}"),
        ("Left out", _left_out(accuracies)),
    ]
    return [(name, text) for name, text in pairs if text]


def provenance_details(table: Table) -> Pairs:
    """The bundle's provenance, nested names joined with dots."""
    provenance = next((row.source.provenance for row in table.rows if row.source.provenance), {})
    pairs: Pairs = []
    _flatten(provenance, "", pairs)
    return pairs[:_MOST_ENTRIES]


def _file(row: Row) -> Pairs:
    variant = row.source.variant
    pairs = [
        ("Name", row.file),
        ("Scheme", row.scheme),
        ("Inputs", "; ".join(wording.visible(shape) for shape in row.source.inputs.values())),
        ("Size", f"{variant.size_bytes:,} bytes"),
        ("After gzip", f"{variant.gzip_bytes:,} bytes"),
        ("Kernel path", wording.visible(row.source.runtime.kernel_path)),
        ("Delegated", _delegated(row)),
        ("Peak memory", "" if row.peak_memory_bytes is None else wording.size(row.peak_memory_bytes)),
        ("SHA-256", wording.visible(variant.sha256)),
    ]
    return [(name, text) for name, text in pairs if text]


def _delegated(row: Row) -> str:
    if row.nodes is None or row.nodes_delegated is None:
        return row.delegate
    return f"{row.nodes_delegated} of {wording.count(row.nodes, 'operator')} to {row.delegate}"


def _latency(row: Row, latency: Latency) -> Pairs:
    rounds = wording.count(len(latency.chunks_ms), "round")
    pairs = [
        ("Median", _median(latency)),
        ("Fastest, mean", _times(latency.min_ms, latency.mean_ms)),
        ("90th, 95th percentile", _times(latency.p90_ms, latency.p95_ms)),
        ("Load, first run", _times(latency.load_ms, latency.first_ms)),
        ("Runs", f"{wording.count(latency.median.n, 'run')} in {rounds}"),
        ("A sample is", _sample(latency.statistic)),
        ("Not compared", wording.visible(row.source.invalid or "")),
    ]
    pairs = [(name, text) for name, text in pairs if text]
    if row.ratio is not None:
        pairs.insert(1, (f"Divided by {row.baseline}", wording.bracketed(row.ratio, 3)))
    return pairs


def _sample(statistic: str) -> str:
    if statistic == "inference":
        return ""
    return f"the {wording.visible(statistic)} of one run of the device's own tool"


def _software(environment: Environment) -> str:
    """Versions of what ran; Python and NumPy did not on a phone."""
    parts = {"edgeq": environment.edgeq, "Python": environment.python, "NumPy": environment.numpy}
    return ", ".join(f"{name} {version}" for name, version in parts.items() if version)


def _median(latency: Latency) -> str:
    if latency.median.high >= UNBOUNDED:
        return f"{wording.duration(latency.median.value)}, one round says nothing about its spread"
    unit, factor = wording.time_unit(latency.median.value)
    return f"{wording.bracketed(latency.median, 3, factor)} {unit}"


def _quality(row: Row) -> Pairs:
    outputs = len(row.accuracy.fidelity) if row.accuracy is not None else 0
    agreement = "" if row.agreement is None else f"{wording.bracketed(row.agreement, 2, 100)} %"
    pairs = [
        *(pair for metric in row.metrics for pair in _metric(metric)),
        (f"Agreement with {row.baseline}", agreement),
        ("SQNR", f"{wording.decimal(row.sqnr_db, 1)} dB" if row.sqnr_db is not None else ""),
        (
            "Cosine of the worst output" if outputs > 1 else "Cosine",
            "" if row.cosine is None else metric_wording.cosine(row.cosine),
        ),
        ("Items", f"{row.n:,}" if row.n is not None else ""),
    ]
    return [(name, text) for name, text in pairs if text]


def _metric(metric: Metric) -> Pairs:
    pairs = [(metric_wording.sentence_label(metric), metric_wording.value_bracketed(metric))]
    if metric.drop is not None:
        text = f"{metric_wording.drop_cell(metric.drop)} {metric.drop_unit}"
        if metric.p_value is not None:
            text += f", {metric_wording.p_value(metric.p_value)}"
        pairs.append((metric_wording.drop_name(metric), text))
    return pairs


def _times(first: float | None, second: float | None) -> str:
    """Two times; nothing where the device's tool told neither."""
    if first is None and second is None:
        return ""
    return ", ".join("not told" if time is None else wording.duration(time) for time in (first, second))


def _clock(governor: str | None, frequency_mhz: float | None) -> str:
    parts = []
    if frequency_mhz is not None:
        parts.append(f"{frequency_mhz:,.0f} MHz")
    if governor is not None:
        parts.append(f"governor {governor}")
    return ", ".join(parts)


def _left_out(accuracies: Sequence[Accuracy]) -> str:
    excluded = max((one.excluded for one in accuracies), default=0)
    skipped = max((one.skipped for one in accuracies), default=0)
    parts = []
    if excluded:
        parts.append(f"{wording.count(excluded, 'item')} that calibration used")
    if skipped:
        parts.append(f"{wording.count(skipped, 'item')} that cannot be read")
    return ", ".join(parts)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return wording.visible(str(value))


def _flatten(value: Any, name: str, pairs: Pairs) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(inner, f"{name}.{key}" if name else str(key), pairs)
    elif value is None or value in ("", [], ()):
        return  # an option that was not used
    elif isinstance(value, list | tuple):
        pairs.append((wording.visible(name), wording.visible(", ".join(map(str, value)))))
    else:
        pairs.append((wording.visible(name), _plain(value)))
