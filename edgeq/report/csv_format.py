"""The measurements as CSV: one line each, every number in a column of its own, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from edgeq.benchmark.comparison import worst_cosine
from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import Accuracy, Estimate, Latency, Measurement, Metric, Parity
from edgeq.report.doubts import mark_of

_Cell = str | int | float | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(measurements: Sequence[Measurement]) -> str:
    """RFC 4180 with a header; lines end with CR LF; what was not measured is empty.

    ``metric`` is the key of the primary metric; its further ones stand in ``metrics`` as ``key=value; …``, so that the
    columns are the same whatever was measured. Rates are between 0 and 1, drops in ``drop_unit``, times in
    milliseconds, sizes in bytes. A name that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    records = [_record(measurement) for measurement in measurements]
    output = io.StringIO()
    writer = csv.DictWriter(output, fieldnames=list(records[0]) if records else [])
    writer.writeheader()
    for record in records:
        writer.writerow({name: _harmless(cell) for name, cell in record.items()})
    return output.getvalue()


def _harmless(cell: _Cell) -> _Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _record(measurement: Measurement) -> dict[str, _Cell]:
    variant, runtime, environment = measurement.variant, measurement.runtime, measurement.environment
    return {
        "session": measurement.session,
        "started_at": environment.started_at,
        "model": variant.model,
        "variant": variant.name,
        "file": variant.file,
        "scheme": variant.scheme,
        "io": variant.io,
        "sha256": variant.sha256,
        "size_bytes": variant.size_bytes,
        "gzip_bytes": variant.gzip_bytes,
        "baseline": measurement.baseline,
        "threads": measurement.threads,
        "inputs": "; ".join(f"{name}: {shape}" for name, shape in measurement.inputs.items()),
        "device": environment.device,
        "device_id": environment.device_id,
        "cpu": environment.cpu,
        "cores": environment.cores,
        "architecture": environment.architecture,
        "governor": environment.governor,
        "frequency_mhz": environment.frequency_mhz,
        "load_1m": environment.load_1m,
        "os": environment.os,
        "python": environment.python,
        "numpy": environment.numpy,
        "edgeq": environment.edgeq,
        "runtime": runtime.name,
        "runtime_version": runtime.version,
        "kernel_path": runtime.kernel_path,
        "delegate": runtime.delegate,
        "nodes_delegated": runtime.nodes_delegated,
        "nodes": runtime.nodes,
        **_latency(measurement.latency),
        "peak_memory_bytes": measurement.peak_memory_bytes,
        **_accuracy(measurement.accuracy),
        **_machine(environment),
        "times": mark_of(measurement),
        "invalid": measurement.invalid,
        **_sustained(measurement.latency),
        **_parity(measurement.parity),
        "warnings": "; ".join(environment.warnings),
    }


def _machine(environment: Environment) -> dict[str, _Cell]:
    temperatures = [state.temperature_c for state in environment.states if state.temperature_c is not None]
    throttled = [state.throttled for state in environment.states if state.throttled is not None]
    return {
        "reached_by": environment.reached_by,
        "emulator": environment.emulator,
        "features": " ".join(environment.features),
        "memory_bytes": environment.memory_bytes,
        "cpus": " ".join(map(str, environment.cpus)),
        "power": environment.power,
        "temperature_first_c": temperatures[0] if temperatures else None,
        "temperature_highest_c": max(temperatures, default=None),
        "throttled": throttled[-1] if throttled else None,
    }


def _sustained(latency: Latency | None) -> dict[str, _Cell]:
    minutes = latency.sustained if latency else ()
    last = minutes[-1] if minutes else None
    return {
        "statistic": latency.statistic if latency else None,
        "sustained_minutes": len(minutes) or None,
        "sustained_first_ms": minutes[0].median_ms if minutes else None,
        "sustained_last_ms": last.median_ms if last else None,
        "sustained_last_temperature_c": last.temperature_c if last else None,
    }


def _parity(parity: Parity | None) -> dict[str, _Cell]:
    return {
        "parity": None if parity is None else "passed" if parity.passed else "failed",
        "parity_same_kernels": None if parity is None else str(parity.same_kernels).lower(),
        "parity_differing": parity.differing if parity else None,
        "parity_largest_difference": parity.largest_difference if parity else None,
        "parity_sqnr_db": parity.sqnr_db if parity else None,
        "parity_agreement": parity.agreement if parity else None,
    }


def _latency(latency: Latency | None) -> dict[str, _Cell]:
    return {
        "load_ms": latency.load_ms if latency else None,
        "first_ms": latency.first_ms if latency else None,
        **_estimate("latency_ms", latency.median if latency else None),
        "p90_ms": latency.p90_ms if latency else None,
        "p95_ms": latency.p95_ms if latency else None,
        "min_ms": latency.min_ms if latency else None,
        "mean_ms": latency.mean_ms if latency else None,
        **_estimate("latency_ratio", latency.ratio if latency else None),
        "latency_verdict": latency.verdict if latency else None,
    }


def _accuracy(accuracy: Accuracy | None) -> dict[str, _Cell]:
    return {
        "items": accuracy.n if accuracy else None,
        "items_excluded": accuracy.excluded if accuracy else None,
        "items_skipped": accuracy.skipped if accuracy else None,
        "data_digest": accuracy.data_digest if accuracy else None,
        "task": accuracy.task if accuracy else None,
        **_metric(accuracy.primary if accuracy else None),
        "metrics": "; ".join(f"{one.key}={one.value.value!r}" for one in accuracy.metrics[1:])
        if accuracy
        else None,
        **_estimate("agreement", accuracy.agreement if accuracy else None),
        "sqnr_db": accuracy.sqnr_db if accuracy else None,
        "cosine": worst_cosine(accuracy) if accuracy else None,
    }


def _metric(metric: Metric | None) -> dict[str, _Cell]:
    return {
        "metric": metric.key if metric else None,
        **_estimate("metric_value", metric.value if metric else None, prefix="metric"),
        **_estimate("drop", metric.drop if metric else None),
        "drop_unit": metric.drop_unit if metric else None,
        "p_value": metric.p_value if metric else None,
    }


def _estimate(name: str, estimate: Estimate | None, prefix: str | None = None) -> dict[str, _Cell]:
    prefix = prefix or name
    return {
        name: estimate.value if estimate else None,
        f"{prefix}_low": estimate.low if estimate else None,
        f"{prefix}_high": estimate.high if estimate else None,
        f"{prefix}_n": estimate.n if estimate else None,
    }
