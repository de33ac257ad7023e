"""From runs of ``benchmark_model`` to measurements."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edgeq.benchmark.latency_statistics import median_latency, paired_ratio, verdict
from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import Latency, Measurement, RuntimeInfo
from edgeq.benchmark.targets import Target, Targets
from edgeq.devices.phones.benchmark_binary import BenchmarkBinary
from edgeq.devices.phones.benchmark_model_delegates import NO_DELEGATE
from edgeq.devices.phones.benchmark_model_output import ToolResult
from edgeq.tflite.io import model_io
from edgeq.tflite.model import read_model

_T = TypeVar("_T")

TOOL = "benchmark_model"

_FAMILY = ("i8mm", "asimddp", "asimdhp", "asimd", "neon", "avx512_vnni", "avx2", "avx", "sse4_1")
"""In `RuntimeInfo.kernel_path`: the widest that kernels choose by, as in `edgeq.runtime.host.cpu_family`."""

MEDIAN, MEAN = "median", "mean"


@dataclass(frozen=True)
class PhoneRuns:
    """What one session ran.

    Attributes:
        session: identifier.
        baseline: variant that the others are compared with; None for a lone file.
        binary: the program.
        runs: by thread count and variant, in the order of the rounds.
        invalid: why its times must not be compared; None where they may.
    """

    session: str
    baseline: str | None
    binary: BenchmarkBinary
    runs: Mapping[int, Mapping[str, Sequence[ToolResult]]]
    invalid: str | None = None


def measurements_of(
    targets: Targets, measured: PhoneRuns, environment: Environment
) -> tuple[Measurement, ...]:
    """One measurement for each variant and thread count that was run.

    Args:
        targets: what was measured.
        measured: the runs.
        environment: where.
    """
    return tuple(
        _measurement(targets, target, threads, by_variant, measured, environment)
        for threads, by_variant in measured.runs.items()
        for target in targets.files
        if by_variant.get(target.info.name)
    )


def _measurement(
    targets: Targets,
    target: Target,
    threads: int,
    by_variant: Mapping[str, Sequence[ToolResult]],
    measured: PhoneRuns,
    environment: Environment,
) -> Measurement:
    name, base = target.info.name, measured.baseline
    runs = by_variant[name]
    inputs, _ = model_io(read_model(target.path))
    return Measurement(
        session=measured.session,
        variant=target.info,
        baseline=base,
        threads=threads,
        inputs={tensor.name: f"{tensor.dtype}{list(tensor.shape)}" for tensor in inputs},
        runtime=_runtime(runs, measured.binary, environment),
        environment=environment,
        latency=latency_of(runs, by_variant.get(base) if base is not None and base != name else None),
        accuracy=None,
        peak_memory_bytes=max(_told(run.memory_bytes for run in runs), default=None),
        provenance=targets.provenance,
        invalid=measured.invalid,
    )


def latency_of(runs: Sequence[ToolResult], baseline: Sequence[ToolResult] | None) -> Latency:
    """Latency from what the tool told of its runs: one sample a run.

    Args:
        runs: of the variant, by round.
        baseline: runs of the baseline in the same rounds; None for the baseline and a lone file.

    Returns:
        The latency. `median.n` counts runs, not inferences; load, first inference and p95 are medians over the runs;
        the fastest and the mean are over all inferences, where the tool tells them.
    """
    told = [*runs, *(baseline or ())]
    statistic = MEDIAN if all(run.median_ms is not None for run in told) else MEAN
    chunks = _chunks(runs, statistic)
    ratio = None if baseline is None else paired_ratio(chunks, _chunks(baseline, statistic))
    weights = [run.count or 1 for run in runs]
    return Latency(
        load_ms=_median(run.load_ms for run in runs),
        first_ms=_median(run.first_ms for run in runs),
        median=median_latency(chunks),
        p90_ms=None,
        p95_ms=_median(run.p95_ms for run in runs),
        min_ms=min(_told(run.min_ms for run in runs), default=min(chunk[0] for chunk in chunks)),
        mean_ms=sum(run.mean_ms * weight for run, weight in zip(runs, weights, strict=True)) / sum(weights),
        chunks_ms=chunks,
        ratio=ratio,
        verdict=None if ratio is None else verdict(ratio),
        statistic=statistic,
    )


def _chunks(runs: Sequence[ToolResult], statistic: str) -> tuple[tuple[float, ...], ...]:
    return tuple(
        (run.median_ms if statistic == MEDIAN and run.median_ms is not None else run.mean_ms,) for run in runs
    )


def _runtime(runs: Sequence[ToolResult], binary: BenchmarkBinary, environment: Environment) -> RuntimeInfo:
    """What computed; the tool does not tell its version, so its digest stands for it."""
    version, last = binary.sha256[:12], runs[-1]
    feature = next((feature for feature in _FAMILY if feature in environment.features), None)
    family = f"{binary.abi}+{feature}" if feature else binary.abi
    return RuntimeInfo(
        name=TOOL,
        version=version,
        kernel_path=f"{TOOL} {version}, {last.delegate}, {family}",
        delegate=last.delegate,
        # Without a delegate nothing is told, and nothing is delegated.
        nodes_delegated=0 if last.delegate == NO_DELEGATE else last.nodes_delegated,
        nodes=last.nodes,
    )


def _median(values: Iterable[float | None]) -> float | None:
    told = _told(values)
    return statistics.median(told) if told else None


def _told(values: Iterable[_T | None]) -> list[_T]:
    return [value for value in values if value is not None]
