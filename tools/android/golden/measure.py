#!/usr/bin/env python3
"""Golden vectors for the measurements of the app: statistics and CPUs as edgeq has them, for the Kotlin tests.

.venv/bin/python tools/android/golden/measure.py android_demo/core/src/test/resources/golden/measure
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.benchmark.latency_statistics import median_latency, paired_ratio, percentile, verdict
from edgeq.runtime.host import cpu_family, cpu_features, cpu_name

_SEED = 20241121

Chunks = Sequence[Sequence[float]]

_SHAPES: dict[str, Sequence[int]] = {
    "a lone sample": (1,),
    "a lone chunk of few": (4,),
    "a lone chunk": (30,),
    "two chunks": (3, 3),
    "five chunks, where resampling cannot reach 95 %": (7,) * 5,
    "six chunks": (4,) * 6,
    "the default plan": (3,) * 20,
    "chunks of different lengths": (1, 9, 2, 14, 3, 3, 8, 5),
    "single samples": (1,) * 12,
    "more chunks than are resampled": (2,) * 300,
    "more samples than positions": (110,) * 20,
}
"""Lengths of the chunks, by name."""

_PHONE = """\
Processor\t: AArch64 Processor rev 1 (aarch64)
{cores}
Hardware\t: GS201
"""
_CORE = """\
processor\t: {number}
BogoMIPS\t: 49.15
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm asimddp{more}
CPU implementer\t: {implementer}
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: {part}
CPU revision\t: 0
"""


def write(folder: Path) -> None:
    """Writes the vectors.

    Args:
        folder: where; it is made where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, cases in (("statistics", statistics()), ("cpus", cpus())):
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
        (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def statistics() -> Iterator[dict[str, Any]]:
    """Chunks with all that edgeq says of them."""
    generator = np.random.default_rng(_SEED)
    for factor in (1.0, 0.8, 1.25):
        for name, lengths in _SHAPES.items():
            if factor != 1.0 and sum(lengths) > 100:
                continue
            baseline = _chunks(generator, lengths, 1.0)
            yield _statistics(f"{name}, {factor}", _chunks(generator, lengths, factor), baseline)
    equal = [[0.25] * 3] * 8
    yield _statistics("equal samples", equal, equal)
    yield _statistics("the baseline itself", [[0.5, 0.75], [0.625, 0.5]] * 4, None)
    yield _statistics("times far apart", [[1e-6], [1e6]], [[1e6], [1e-6]])


def cpus() -> Iterator[dict[str, Any]]:
    """What /proc/cpuinfo may hold, with what edgeq reads in it."""
    tensor = [("0x41", "0xd05")] * 4 + [("0x41", "0xd41")] * 2 + [("0x41", "0xd44")] * 2
    yield _cpu("a phone with three kinds of cores", _phone(tensor, " i8mm bf16"))
    yield _cpu("a phone with one kind", _phone([("0x41", "0xd03")] * 8, ""))
    yield _cpu("cores of another maker", _phone([("0x51", "0x804")] * 4 + [("0x51", "0x805")] * 4, ""))
    yield _cpu("a core that is not known", _phone([("0x41", "0xd05")] * 4 + [("0x61", "0xfff")] * 2, ""))
    yield _cpu("cores that are not known", _phone([("0x61", "0xfff"), ("zz", "0x1234567")], ""))
    yield _cpu(
        "an emulator", "processor: 0\nmodel name: Android virtual processor\nflags: fpu sse4_1 avx avx2 fma\n"
    )
    yield _cpu("nothing", "")
    yield _cpu("no text", "\x00\ufffd:\n:::\n\tFeatures\n")


def _chunks(generator: np.random.Generator, lengths: Sequence[int], factor: float) -> Chunks:
    """Times in milliseconds as phones give them: rounds that drift, and now and then a run that is disturbed."""
    drift = generator.normal(0, 0.01, len(lengths))
    return [
        [round(float(factor * value), 6) for value in np.exp(shift + generator.exponential(0.01, length))]
        for shift, length in zip(drift, lengths, strict=True)
    ]


def _statistics(name: str, chunks: Chunks, baseline: Chunks | None) -> dict[str, Any]:
    samples = np.concatenate([np.asarray(chunk) for chunk in chunks])
    ratio = None if baseline is None else paired_ratio(chunks, baseline)
    return {
        "name": name,
        "chunks": chunks,
        "baseline": baseline,
        "median": dataclasses.asdict(median_latency(chunks)),
        "p90": percentile(chunks, 0.90),
        "p95": percentile(chunks, 0.95),
        "min": float(samples.min()),
        "mean": float(samples.mean()),
        "ratio": None if ratio is None else dataclasses.asdict(ratio),
        "verdict": None if ratio is None else verdict(ratio),
    }


def _phone(cores: Sequence[tuple[str, str]], more: str) -> str:
    described = (
        _CORE.format(number=number, implementer=implementer, part=part, more=more)
        for number, (implementer, part) in enumerate(cores)
    )
    return _PHONE.format(cores="\n".join(described))


def _cpu(name: str, cpuinfo: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "proc").mkdir()
        (root / "proc" / "cpuinfo").write_text(cpuinfo, encoding="utf-8")
        # Without anything that it knows, edgeq names the CPU of the machine that it runs on.
        is_known = any(f"{key}\t: " in cpuinfo or f"{key}: " in cpuinfo for key in ("CPU part", "model name"))
        named = cpu_name(root) if is_known else None
        return {
            "name": name,
            "cpuinfo": cpuinfo,
            "cpu": None if named == "GS201" else named,
            "features": cpu_features(root),
            "widest": cpu_family(root).partition("+")[2],
        }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
