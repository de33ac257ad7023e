"""F309 and F310: files that run, and run slowly for a reason that can be named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeq.benchmark.latency_statistics import paired_ratio
from edgeq.benchmark.measurement import Estimate
from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.checks.file_reading import inspected, runs
from edgeq.doctor.rule import Finding
from edgeq.errors import WorkerError
from edgeq.inspection.layers import CONVERTS, MOVES
from edgeq.inspection.structure import Inspection, Layer, Run
from edgeq.runtime.process import Worker
from edgeq.tflite.model import Operator

_DELEGATED_SCHEMES = frozenset({"float32", "float16", "int8"})
"""XNNPACK takes next to all operators of these; of dynamic range it leaves depthwise layers, of int16x8 all."""

_LARGEST_REST = 0.1
"""Share of multiply-accumulates outside the delegate; 0 in all of 46 float32, float16 and int8 files of 25 networks."""

_LEAST_PIECE = 0.1
"""Share of the delegated work on either side of a cut: less is a tail, such as a classifier behind a pooling."""

_LEAST_DELEGATED = 0.5
"""Share of operators where the file has no multiply-accumulates."""

_LEAST_SLOWER = 1.1
"""Two measurements of one file differ by less than 1.03; below 1.1 nobody would choose another file for it."""

_ROUNDS = 8
_ROUND_S = 0.15
"""Both files together: eight rounds take 1.2 s, with loading and warming up at most 3 s for a small model."""

_MOST_RUNS = 200

_SHOWN = 3


def many_partitions(case: Case) -> Iterator[Finding]:
    """F309: XNNPACK took a file in pieces, or left out much of it."""
    for file, inspection in inspected(case):
        run = inspection.run
        if run is None or run.error is not None or run.runtime != "litert":
            continue
        if inspection.scheme not in _DELEGATED_SCHEMES:
            continue
        rest = _rest(inspection, run)
        cutting = _cutting(file, inspection) if (run.partitions or 0) > 1 else []
        if cutting or rest > (_LARGEST_REST if inspection.macs else 1 - _LEAST_DELEGATED):
            yield _partitioned(file, inspection, run, rest, cutting)


def _cutting(file: FileCase, inspection: Inspection) -> list[Layer]:
    """The operators outside the delegate that stand between two parts of the work inside of it.

    An average pooling before the last dense layer cuts the graph too; what is behind it takes no time.
    """
    layers = [layer for layer in inspection.layers if layer.subgraph == 0]
    operators = file.model.subgraphs[0].operators
    work = [_work(layer, inspection) if layer.delegated else 0.0 for layer in layers]
    least = _LEAST_PIECE * sum(work)
    before = _work_upstream(operators, work)
    # Downstream is upstream of the graph turned round.
    turned = [
        Operator(op.index, op.name, op.version, op.custom_code, op.outputs, op.inputs) for op in operators
    ]
    after = _work_upstream(turned[::-1], work[::-1])[::-1]
    return [
        layer
        for layer, one, other in zip(layers, before, after, strict=True)
        if layer.delegated is False and min(one, other) > 0 and min(one, other) >= least
    ]


def _work(layer: Layer, inspection: Inspection) -> float:
    """Multiply-accumulates, or 1 for an operator that computes in a file without any."""
    if inspection.macs:
        return float(layer.macs)
    return float(layer.precision not in (CONVERTS, MOVES))


def _work_upstream(operators: Sequence[Operator], work: Sequence[float]) -> list[float]:
    """Of each operator, the work of those before it in order, if it depends on any: cheap, and exact in a chain."""
    reached: set[int] = set()
    total = 0.0
    found = []
    for operator, own in zip(operators, work, strict=True):
        depends = bool(reached.intersection(operator.inputs))
        found.append(total if depends else 0.0)
        total += own
        if depends or own:
            reached.update(index for index in operator.outputs if index >= 0)
    return found


def _rest(inspection: Inspection, run: Run) -> float:
    """Share of the work that the delegate left out: of multiply-accumulates, or of operators where there are none."""
    known = [layer for layer in inspection.layers if layer.delegated is not None]
    if inspection.macs and known:
        return sum(layer.macs for layer in known if not layer.delegated) / inspection.macs
    if run.delegated is None or not run.operators:
        return 0.0
    return 1 - run.delegated / run.operators


def _partitioned(
    file: FileCase, inspection: Inspection, run: Run, rest: float, cutting: Sequence[Layer]
) -> Finding:
    left = cutting or [layer for layer in inspection.layers if layer.delegated is False]
    found = f"{run.partitions} pieces" if cutting else f"{100 * rest:.0f} % of the work outside"
    return Finding(
        file.path.name,
        f"expected XNNPACK to take the graph in one piece, found {found}: it left out {_listed(left)}; replace these "
        "operators in the model",
        file.path,
        {
            "partitions": run.partitions,
            "delegated": run.delegated,
            "operators": run.operators,
            "share_of_work_outside": round(rest, 4),
            "left_out": [{"layer": layer.name, "operator": layer.operator} for layer in left],
        },
    )


def _listed(layers: Sequence[Layer]) -> str:
    names = list(dict.fromkeys(layer.operator for layer in layers))
    more = len(names) - _SHOWN
    return (
        ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    ) or "operators that it does not name"


def dynamic_slower(case: Case) -> Iterator[Finding]:
    """F310: the dynamic-range file is slower than float32, timed here in alternation on one thread."""
    if case.float32_file is None:
        return
    for file, inspection in inspected(case):
        if inspection.scheme != "dynamic" or not runs(inspection) or file.path == case.float32_file:
            continue
        ratio = measured_ratio(file.path, case.float32_file, runtime=case.runtime)
        if ratio is not None and ratio.low > _LEAST_SLOWER:
            yield Finding(
                file.path.name,
                f"expected dynamic range to be at least as fast as float32, found {ratio.value:.2f}× slower "
                f"(95 % interval {ratio.low:.2f} to {ratio.high:.2f}, 1 thread): ship int8 or float32, or this one for "
                "its size alone",
                file.path,
                {
                    "slower": round(ratio.value, 3),
                    "low": round(ratio.low, 3),
                    "high": round(ratio.high, 3),
                    "rounds": ratio.n,
                    "threads": 1,
                },
            )


def measured_ratio(path: Path, baseline: Path, *, runtime: str | None) -> Estimate | None:
    """A file's latency divided by another's, measured in turns.

    Takes about 2 s, or ten inferences of each where these take longer than that.

    Args:
        path: of the file.
        baseline: what it is compared with.
        runtime: which runtime; None for the best installed.

    Returns:
        The ratio with its interval; None where one of the two does not run.
    """
    try:
        with Worker(path.name) as one, Worker(baseline.name) as other:
            workers = (one, other)
            one.load(path, threads=1, runtime=runtime)
            other.load(baseline, threads=1, runtime=runtime)
            lengths = [_runs_a_round(worker) for worker in workers]
            # Who comes first changes from round to round: it finds the machine as the other left it.
            chunks: list[list[list[int]]] = [[], []]
            for turn in range(_ROUNDS):
                for place in (0, 1) if turn % 2 else (1, 0):
                    chunks[place].append(
                        workers[place].time(discard=2 if lengths[place] > 2 else 0, runs=lengths[place])
                    )
    except WorkerError:
        # Neither a slow nor a fast file; F301 and F302 say what is wrong.
        return None
    return paired_ratio(chunks[0], chunks[1])


def _runs_a_round(worker: Worker) -> int:
    """As many as fill half a round."""
    (nanoseconds,) = worker.time(discard=1, runs=1)
    return max(1, min(_MOST_RUNS, round(_ROUND_S / 2 * 1e9 / max(nanoseconds, 1))))
