"""Evaluating: edgeq on all cores against bare processes that do nothing but set, invoke and get.

The bare processes hold their part of the arrays in memory, already as the file's input stores them. They start
together at a barrier; the time is from there to the end of the later one. edgeq gets the arrays as a user has
them, writes them for its workers, starts a process a core, preprocesses and quantizes every item, and returns
real-valued outputs in order. Its time is taken in three ways: while items run (the rate that is
compared), the whole call of `evaluate`, and that together with writing the arrays, which a session does once
for all variants.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import subject
from common import Run, Spread, print_table, run, side, write_result

from edgeq.bundle import Bundle, read_bundle
from edgeq.runtime.quantization import Quantization, quantize

ALTERNATIONS = 7
LEAST_RATIO = 0.9
CORES = 2
ITEMS = {"float32": 1000, "int8": 2000}
"""About two seconds on two cores."""

DTYPES = ("uint8", "float32")
"""Of the arrays that edgeq gets: pixels with the preprocessing -1..1, or values from -1 to 1."""


def study(smoke: bool) -> None:
    """Alternates the sides, prints and writes."""
    bundle = subject.bundle(smoke)
    given = subject.subject(smoke)
    summary: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    rows = []
    for variant, count in ITEMS.items():
        with tempfile.TemporaryDirectory(prefix="edgeq-evaluation-") as folder:
            items = 100 if smoke else count
            _write_items(bundle, variant, Path(folder), items, given.images)
            runs = _alternate(bundle, variant, Path(folder), 1 if smoke else ALTERNATIONS, smoke)
            same = {
                dtype: bool(
                    np.array_equal(
                        np.load(Path(folder, "bare.npy")), np.load(Path(folder, f"{dtype}-out.npy"))
                    )
                )
                for dtype in DTYPES
            }
        summary[variant] = _summary(runs, items) | {"same_outputs": same}
        raw[variant] = {
            name: [{**done.to_json(), **done.answer} for done in made] for name, made in runs.items()
        }
        rows += _rows(variant, summary[variant])
    ratios = [summary[variant][dtype]["steady_ratio"].median for variant in ITEMS for dtype in DTYPES]
    met = min(ratios) >= LEAST_RATIO
    print()
    head = ["variant, arrays", "items", "edgeq items/s", f"of {CORES} bare", "whole call", "with writing"]
    print_table(head, rows)
    print()
    for variant in ITEMS:
        print(f"{variant}: same outputs as the bare processes: {summary[variant]['same_outputs']}")
    print(f"target: at least {LEAST_RATIO} of {CORES} bare processes; {'met' if met else 'missed'}")
    path = write_result(
        "evaluation",
        {
            "smoke": smoke,
            "settings": {"model": bundle.manifest.name, "processes": CORES, "alternations": ALTERNATIONS},
            "summary": {**summary, "met": met},
            "raw": raw,
        },
        smoke=smoke,
    )
    print(f"\n{path}")


def _alternate(bundle: Bundle, variant: str, folder: Path, repeats: int, smoke: bool) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in ("bare", "single", *DTYPES)}
    common: dict[str, Any] = {"bundle": str(bundle.folder), "variant": variant, "folder": str(folder)}
    common["smoke"] = smoke
    for position in range(repeats):
        runs["bare"].append(side(__file__, "bare", processes=CORES, **common))
        for dtype in DTYPES:
            runs[dtype].append(side(__file__, "evaluated", dtype=dtype, **common))
        runs["single"].append(side(__file__, "bare", processes=1, **common))
        rates = ", ".join(f"{name} {done[-1].answer['rate']:.0f}" for name, done in runs.items())
        print(f"{variant} {position + 1}: items/s: {rates}", flush=True)
    return runs


def _summary(runs: dict[str, list[Run]], items: int) -> dict[str, Any]:
    bare = [done.answer["rate"] for done in runs["bare"]]
    single = [done.answer["rate"] for done in runs["single"]]
    result: dict[str, Any] = {
        "items": items,
        "bare_rate": Spread.of(bare),
        "single_rate": Spread.of(single),
        "bare_of_twice_single": round(statistics.median(bare) / (CORES * statistics.median(single)), 4),
    }
    for dtype in DTYPES:
        answers = [done.answer for done in runs[dtype]]
        pairs = list(zip(answers, bare, strict=True))
        result[dtype] = {
            "rate": Spread.of([answer["rate"] for answer in answers]),
            "steady_ratio": Spread.of([answer["rate"] / rate for answer, rate in pairs]),
            "whole_call_ratio": Spread.of([items / answer["call_s"] / rate for answer, rate in pairs]),
            "with_writing_ratio": Spread.of(
                [items / (answer["call_s"] + answer["write_s"]) / rate for answer, rate in pairs]
            ),
        }
    return result


def _rows(variant: str, summary: dict[str, Any]) -> list[list[str]]:
    items = str(summary["items"])
    bare, single = summary["bare_rate"].text(0), summary["single_rate"].text(0)
    rows = [
        [f"{variant}, one bare process", items, single, "", "", ""],
        [f"{variant}, {CORES} bare processes", items, bare, "1", "", ""],
    ]
    for dtype in DTYPES:
        row = summary[dtype]
        ratios = [row[key].text() for key in ("steady_ratio", "whole_call_ratio", "with_writing_ratio")]
        rows.append([f"{variant}, edgeq, {dtype} arrays", items, row["rate"].text(0), *ratios])
    return rows


def _write_items(bundle: Bundle, variant: str, folder: Path, count: int, images: Path) -> None:
    """``uint8.npy`` and ``float32.npy`` for edgeq, ``encoded.npy`` for the bare processes."""
    distinct = np.load(images)["image"]
    copies = [np.roll(distinct, 7 * copy, axis=2) for copy in range(-(-count // len(distinct)))]
    pixels = np.concatenate(copies)[:count]
    values = subject.real_values(pixels)
    np.save(folder / "uint8.npy", pixels)
    np.save(folder / "float32.npy", values)
    tensor = _variant(bundle, variant).inputs[0]
    if tensor.scale is not None and tensor.zero_point is not None:
        np.save(
            folder / "encoded.npy",
            quantize(values, Quantization(tensor.scale, tensor.zero_point), tensor.dtype),
        )
    else:
        np.save(folder / "encoded.npy", values)


def _variant(bundle: Bundle, name: str) -> Any:
    (found,) = (variant for variant in bundle.manifest.variants if variant.name == name)
    return found


def bare(bundle: str, variant: str, folder: str, processes: int) -> dict[str, float]:
    """Side: plain loops over the encoded arrays, one process a part; one process runs the first part alone."""
    read = read_bundle(Path(bundle))
    path = str(read.path(_variant(read, variant)))
    count = len(np.load(Path(folder, "encoded.npy"), mmap_mode="r"))
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(processes), context.SimpleQueue()
    parts = [
        (count * part // CORES, count * (part + 1) // CORES, str(Path(folder, f"part-{part}.npy")))
        for part in range(processes)
    ]
    started = [
        context.Process(target=_loop, args=(path, str(Path(folder, "encoded.npy")), *part, barrier, times))
        for part in parts
    ]
    for process in started:
        process.start()
    ends = [times.get() for _ in started]
    for process in started:
        process.join()
    seconds = max(end for _, end in ends) - min(start for start, _ in ends)
    items = sum(stop - start for start, stop, _ in parts)
    if processes == CORES:
        tensor = _variant(read, variant).outputs[0]
        stored = np.concatenate([np.load(part) for _, _, part in parts])
        np.save(Path(folder, "bare.npy"), _decoded(stored, tensor.scale, tensor.zero_point))
    return {"rate": items / seconds, "seconds": seconds, "items": items}


def _decoded(stored: npt.NDArray[Any], scale: float | None, zero_point: int | None) -> npt.NDArray[Any]:
    from edgeq.runtime.quantization import dequantize

    if scale is None or zero_point is None:
        return stored
    return dequantize(stored, Quantization(scale, zero_point))


def _loop(path: str, items: str, start: int, stop: int, output: str, barrier: Any, times: Any) -> None:
    from ai_edge_litert.interpreter import Interpreter

    part = np.ascontiguousarray(np.load(items, mmap_mode="r")[start:stop])
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    given, returned = (
        interpreter.get_input_details()[0]["index"],
        interpreter.get_output_details()[0]["index"],
    )
    results = np.zeros(
        (len(part), *interpreter.get_output_details()[0]["shape"][1:]),
        interpreter.get_output_details()[0]["dtype"],
    )
    for _ in range(10):
        interpreter.set_tensor(given, part[:1])
        interpreter.invoke()
    barrier.wait()
    begin = time.perf_counter()
    for position in range(len(part)):
        interpreter.set_tensor(given, part[position : position + 1])
        interpreter.invoke()
        results[position] = interpreter.get_tensor(returned)[0]
    times.put((begin, time.perf_counter()))
    np.save(output, results)


def evaluated(bundle: str, variant: str, folder: str, dtype: str) -> dict[str, float]:
    """Side: edgeq's evaluation of arrays in memory.

    The rate is counted between the first and the last answer of a worker. The items of the first answer are left
    out, and as many for each other worker, which must have run about as many by then: this errs against edgeq.
    """
    from edgeq.benchmark.evaluation import StoredItems, evaluate
    from edgeq.benchmark.targets import find_targets
    from edgeq.data.dataset import ArrayDataset
    from edgeq.data.feeding import Feed
    from edgeq.data.preprocessing import find_preprocessing

    targets = find_targets([Path(bundle)], [variant])
    array = np.load(Path(folder, f"{dtype}.npy"))
    preprocessing = find_preprocessing("-1..1" if dtype == "uint8" else "raw")
    feed = Feed(ArrayDataset({targets.inputs[0].name: array}), targets.inputs, preprocessing)
    answers: list[tuple[int, float]] = []

    def note(done: int, total: int) -> None:
        answers.append((done, time.perf_counter()))

    with tempfile.TemporaryDirectory(prefix="edgeq-items-") as scratch:
        start = time.perf_counter()
        items = StoredItems(feed, range(len(array)), Path(scratch))
        written = time.perf_counter()
        outputs = evaluate(
            variant,
            targets.files[0].path,
            items,
            Path(scratch),
            runtime=None,
            processes=CORES,
            progress=note,
        )
        end = time.perf_counter()
    (output,) = outputs.values()
    np.save(Path(folder, f"{dtype}-out.npy"), output)
    (first, began), (last, ended) = answers[0], answers[-1]
    return {
        "rate": (last - CORES * first) / (ended - began),
        "items": last,
        "write_s": written - start,
        "call_s": end - written,
        "to_first_answer_s": began - written,
        "after_last_answer_s": end - ended,
    }


if __name__ == "__main__":
    run(__file__, study, [bare, evaluated])
