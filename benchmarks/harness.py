"""Timing: edgeq's harness against LiteRT's own benchmark tool, on the same files.

The tool is ``litert-benchmark`` of the ai-edge-litert wheel: one file, one process, all runs in a row. edgeq keeps
a worker alive for each of five variants and interleaves them in chunks. Both use one thread, and both take
the median of single runs. They alternate: tool, edgeq, tool, edgeq and so on.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import subject
from common import Run, Spread, print_table, process, run, side, write_result

from edgeq.bundle import Bundle, read_bundle

ALTERNATIONS = 7
MOST_DEVIATION = 0.02
TIMED_TOGETHER = ("float32", "float16", "dynamic", "int8", "int8-io-float32")
COMPARED = ("float32", "int8")
TOOL_SECONDS = 2.0
"""Of timed runs; the tool's own default of 50 runs is 0.1 s for the int8 file."""


def study(smoke: bool) -> None:
    """Alternates the two, prints and writes."""
    bundle = subject.bundle(smoke)
    tool: dict[str, list[dict[str, Any]]] = {name: [] for name in COMPARED}
    ours: list[dict[str, Any]] = []
    sides: list[Run] = []
    runs = dict.fromkeys(COMPARED, 50)
    for position in range(2 if smoke else ALTERNATIONS):
        for name in COMPARED:
            latency = _litert_benchmark(bundle, name, runs[name], smoke)
            tool[name].append(latency)
            if not smoke:
                runs[name] = max(50, round(TOOL_SECONDS * 1e3 / latency["median_ms"]))
        done = side(__file__, "interleaved", smoke=smoke, bundle=str(bundle.folder), quick=smoke)
        sides.append(done)
        ours.append(done.answer)
        shown = ", ".join(
            f"{name} {tool[name][-1]['median_ms']:.3f} and {done.answer[name]['median_ms']:.3f} ms"
            for name in COMPARED
        )
        print(f"{position + 1}: tool and edgeq: {shown}", flush=True)

    summary = {
        name: _compared([t["median_ms"] for t in tool[name]], [o[name]["median_ms"] for o in ours])
        for name in COMPARED
    }
    print()
    print_table(
        ["variant", f"tool ms, median of {len(ours)}", "edgeq ms", "ratio of medians", "ratios, run by run"],
        [
            [
                name,
                row["tool_ms"].text(),
                row["edgeq_ms"].text(),
                f"{row['ratio']:.4f}",
                row["ratios"].text(4),
            ]
            for name, row in summary.items()
        ],
    )
    met = all(abs(row["ratio"] - 1) <= MOST_DEVIATION for row in summary.values())
    print(f"\ntarget: within {MOST_DEVIATION:.0%}; {'met' if met else 'missed'}")
    path = write_result(
        "harness",
        {
            "smoke": smoke,
            "settings": {
                "model": bundle.manifest.name,
                "threads": 1,
                "timed_together": TIMED_TOGETHER,
                "tool": "litert-benchmark --num_threads 1 --warmup_runs 50",
                "tool_runs": runs,
                "plan": "edgeq.benchmark.latency.DEFAULT",
            },
            "summary": {**summary, "met": met},
            "raw": {"tool": tool, "edgeq": ours, "edgeq_processes": sides},
        },
        smoke=smoke,
    )
    print(f"\n{path}")


def _compared(tool_ms: list[float], edgeq_ms: list[float]) -> dict[str, Any]:
    return {
        "tool_ms": Spread.of(tool_ms),
        "edgeq_ms": Spread.of(edgeq_ms),
        "ratio": round(statistics.median(edgeq_ms) / statistics.median(tool_ms), 4),
        "ratios": Spread.of([our / their for our, their in zip(edgeq_ms, tool_ms, strict=True)]),
    }


def _litert_benchmark(bundle: Bundle, name: str, runs: int, smoke: bool) -> dict[str, Any]:
    """One run of the tool; the latencies of its JSON, whose resolution is 0.01 ms."""
    (variant,) = (variant for variant in bundle.manifest.variants if variant.name == name)
    with tempfile.TemporaryDirectory(prefix="edgeq-tool-") as folder:
        result = Path(folder, "result.json")
        command = [
            str(Path(sys.executable).parent / "litert-benchmark"),
            f"--model={bundle.path(variant)}",
            "--num_threads=1",
            "--warmup_runs=50",
            f"--num_runs={runs}",
            f"--result_json={result}",
        ]
        process(command, smoke=smoke)
        latency: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))["latency"]
        return latency


def interleaved(bundle: str, quick: bool) -> dict[str, dict[str, Any]]:
    """Side: edgeq's harness with the workers of all variants alive; the median of all runs of each."""
    from edgeq.benchmark.latency import DEFAULT, QUICK, time_interleaved
    from edgeq.benchmark.latency_statistics import median_latency
    from edgeq.runtime.process import Worker

    read = read_bundle(Path(bundle))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeq-in-")))
        inputs = folder / "inputs.npz"
        np.savez(inputs, **{name: array[0] for name, array in read.parity().inputs.items()})
        workers = {}
        for variant in read.manifest.variants:
            if variant.name not in TIMED_TOGETHER:
                continue
            worker = stack.enter_context(Worker(variant.name))
            worker.load(read.path(variant), 1, None)
            worker.set_inputs(inputs)
            workers[variant.name] = worker
        timed = time_interleaved(workers, QUICK if quick else DEFAULT)
    if timed.failures:
        raise SystemExit(str(timed.failures))
    result = {}
    for name, chunks in timed.chunks_ms.items():
        median = median_latency(chunks)
        result[name] = {
            "median_ms": median.value,
            "low_ms": median.low,
            "high_ms": median.high,
            "n": median.n,
            "chunk_medians_ms": [round(statistics.median(chunk), 4) for chunk in chunks],
        }
    return result


if __name__ == "__main__":
    run(__file__, study, [interleaved])
