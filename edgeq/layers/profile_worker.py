"""The process that LiteRT's profiler runs in: a wrong guess about its structs ends this process and no other."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.errors import ModelError, RuntimeUnavailableError
from edgeq.layers.profile_litert import VERSIONS, Event, Profiler
from edgeq.processes import answers_on_stdout, serve
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import path_argument

_DELEGATE = "DELEGATE"


def profile(path: str, threads: int, discard: int, runs: int, seconds: float) -> dict[str, Any]:
    """Events of a run and the mean time of each in microseconds.

    Args:
        path: the .tflite file.
        threads: of the CPU kernels.
        discard: runs before: they find cold caches. Fewer where they take longer than `seconds`.
        runs: most profiled runs.
        seconds: after which no further run begins.
    """
    installed = find_runtime("litert")
    if sys.platform == "win32":
        raise RuntimeUnavailableError("LiteRT's profiler was not tried on Windows")
    if installed.version not in VERSIONS:
        raise RuntimeUnavailableError(
            f"LiteRT {installed.version} is none of the versions whose profiler was tried ({', '.join(VERSIONS)})"
        )
    profiler = Profiler(Path(path), threads)
    begun = time.monotonic()
    for _ in range(discard):
        profiler.run()
        if time.monotonic() - begun > seconds:
            break
    begun = time.monotonic()
    expected: tuple[Event, ...] = ()
    rows: list[tuple[int, ...]] = []
    while len(rows) < runs and (not rows or time.monotonic() - begun < seconds):
        events, times = profiler.profiled_run()
        expected = expected or events
        if events != expected:
            raise ModelError("the operators that run differ from one inference to the next")
        rows.append(times)
    return {
        "events": [[event.name, event.index, event.is_delegated] for event in expected],
        "mean_us": trimmed_means(rows),
        "runs": len(rows),
        "version": installed.version,
    }


def trimmed_means(rows: Sequence[Sequence[int]]) -> list[float]:
    """Means by column without the largest tenth, in which another program had the processor."""
    ordered = np.sort(np.asarray(rows, np.float64), axis=0)
    kept = max(1, len(rows) - len(rows) // 10)
    means: list[float] = ordered[:kept].mean(axis=0).tolist()
    return means


def partitions(path: str, threads: int) -> dict[str, Any]:
    """Which operators of the first subgraph each partition of the delegate holds, in order of execution.

    The interpreter cuts a file as the compiled model does and, unlike it, says how.
    """
    interpreter = (
        find_runtime("litert").module().Interpreter(model_path=path_argument(Path(path)), num_threads=threads)
    )
    interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()
    return {"partitions": [members(node, nodes) for node in nodes if node["op_name"] == _DELEGATE]}


def members(partition: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> list[int]:
    """Operators that a partition stands for: those between its outputs and its inputs, ascending."""
    originals = [node for node in nodes if node["op_name"] != _DELEGATE]
    producer = {int(tensor): node for node in originals for tensor in node["outputs"]}
    borders = {int(tensor) for tensor in partition["inputs"]}
    waiting = [int(tensor) for tensor in partition["outputs"]]
    found: set[int] = set()
    while waiting:
        node = producer.get(waiting.pop())
        if node is not None and node["index"] not in found:
            found.add(int(node["index"]))
            waiting += [int(tensor) for tensor in node["inputs"] if int(tensor) not in borders]
    return sorted(found)


def main() -> None:
    """Serves commands until the parent closes the pipe."""
    serve({"profile": profile, "partitions": partitions}, answers_on_stdout())


if __name__ == "__main__":
    main()
