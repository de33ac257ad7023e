"""Evaluating arrays: edgeq on all cores against bare processes that do nothing but set, invoke and get.

edgeq gets the arrays in memory, as a script has them: it writes them to a file for its processes, starts a process a
core, loads the files, preprocesses and quantizes every item, and boils the outputs down to the five best classes and,
with several variants, their distance from float32. All of that counts. The bare processes (see `rates`) count from
the moment that everything is loaded and warm.

One variant alone, and all that edgeq makes by default: the bare processes run them one after the other.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rates
import subject
from common import Run, Spread, print_table, run, side, write_result

from edgeq.bundle import read_bundle

ALTERNATIONS = 5
LEAST_RATIO = 0.9

CASES: dict[str, tuple[str, ...]] = {
    "float32": ("float32",),
    "int8": ("int8",),
    "all": rates.DEFAULT_VARIANTS,
}
ITEMS = {"float32": 2000, "int8": 4000, "all": 400}
"""About seven seconds on two cores; a data set of a few thousand photos is a small one."""

DTYPES = ("uint8", "float32")
"""Of the arrays that edgeq gets: pixels with the preprocessing -1..1, or values from -1 to 1."""


def study(smoke: bool) -> None:
    """Alternates the sides, prints and writes."""
    bundle, given = subject.bundle(smoke), subject.subject(smoke)
    summary: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    rows: list[list[str]] = []
    for case in CASES:
        items = 60 if smoke else ITEMS[case]
        with tempfile.TemporaryDirectory(prefix="edgeq-evaluation-") as folder:
            pixels = _pixels(given.images, items)
            np.save(Path(folder, "uint8.npy"), pixels)
            np.save(Path(folder, "float32.npy"), subject.real_values(pixels))
            runs: dict[str, list[Run]] = {name: [] for name in ("bare", *DTYPES)}
            common: dict[str, Any] = {
                "bundle": str(bundle.folder),
                "case": case,
                "folder": folder,
                "smoke": smoke,
            }
            rates.write_stored(bundle, CASES[case], subject.real_values(pixels), Path(folder))
            for position in range(1 if smoke else ALTERNATIONS):
                runs["bare"].append(side(__file__, "bare", items=items, **common))
                for dtype in DTYPES:
                    runs[dtype].append(side(__file__, "evaluated", dtype=dtype, **common))
                shown = ", ".join(f"{name} {done[-1].answer['rate']:.1f}" for name, done in runs.items())
                print(f"{case} {position + 1}: items/s: {shown}", flush=True)
        summary[case] = _summary(runs, items)
        raw[case] = {
            name: [{**done.to_json(), **done.answer} for done in made] for name, made in runs.items()
        }
        rows += _rows(case, summary[case])
    met = all(summary[case][dtype]["ratio"].median >= LEAST_RATIO for case in CASES for dtype in DTYPES)
    print()
    head = ["variants, arrays", "items", "items/s", f"of {rates.CORES} bare", "while it runs", "same answers"]
    print_table(head, rows)
    print(f"\ntarget: at least {LEAST_RATIO} of {rates.CORES} bare processes; {'met' if met else 'missed'}")
    path = write_result(
        "evaluation",
        {
            "smoke": smoke,
            "settings": {
                "model": bundle.manifest.name,
                "processes": rates.CORES,
                "alternations": ALTERNATIONS,
                "variants": CASES,
                "items": ITEMS,
            },
            "summary": {**summary, "met": met},
            "raw": raw,
        },
        smoke=smoke,
    )
    print(f"\n{path}")


def _pixels(images: Path, count: int) -> Any:
    """uint8[count, H, W, 3]: the subject's images, shifted so that none comes twice."""
    distinct = np.load(images)["image"]
    copies = [np.roll(distinct, 7 * copy, axis=2) for copy in range(-(-count // len(distinct)))]
    return np.concatenate(copies)[:count]


def _summary(runs: dict[str, list[Run]], items: int) -> dict[str, Any]:
    bare = [done.answer["rate"] for done in runs["bare"]]
    result: dict[str, Any] = {"items": items, "bare_rate": Spread.of(bare)}
    for dtype in DTYPES:
        answers = [done.answer for done in runs[dtype]]
        pairs = list(zip(answers, bare, strict=True))
        result[dtype] = {
            "rate": Spread.of([answer["rate"] for answer in answers]),
            "ratio": Spread.of([answer["rate"] / rate for answer, rate in pairs]),
            "steady_ratio": Spread.of([answer["steady_rate"] / rate for answer, rate in pairs]),
            "same_answers": all(answer["same_answers"] for answer in answers),
        }
    return result


def _rows(case: str, summary: dict[str, Any]) -> list[list[str]]:
    items = str(summary["items"])
    rows = [[f"{case}, {rates.CORES} bare processes", items, summary["bare_rate"].text(1), "1", "", ""]]
    for dtype in DTYPES:
        row = summary[dtype]
        same = "yes" if row["same_answers"] else "no"
        shown = [row["rate"].text(1), row["ratio"].text(), row["steady_ratio"].text(), same]
        rows.append([f"{case}, edgeq, {dtype} arrays", items, *shown])
    return rows


def bare(bundle: str, case: str, folder: str, items: int) -> dict[str, float]:
    """Side: plain loops over the stored arrays."""
    rate, best = rates.bare_inference(read_bundle(Path(bundle)), CASES[case], Path(folder), items)
    np.savez(Path(folder, "best.npz"), **best)  # type: ignore[arg-type]
    return {"rate": rate}


def evaluated(bundle: str, case: str, folder: str, dtype: str) -> dict[str, float | bool]:
    """Side: edgeq's evaluation of arrays in memory."""
    from edgeq.benchmark.targets import find_targets
    from edgeq.data.dataset import ArrayDataset
    from edgeq.data.feeding import Feed
    from edgeq.data.preprocessing import find_preprocessing

    targets = find_targets([Path(bundle)], CASES[case])
    array = np.load(Path(folder, f"{dtype}.npy"))
    preprocessing = find_preprocessing("-1..1" if dtype == "uint8" else "raw")
    feed = Feed(ArrayDataset({targets.inputs[0].name: array}), targets.inputs, preprocessing)
    figures, result = rates.edgeq_evaluation(targets, feed)
    return {**figures, "same_answers": rates.same_answers(result, np.load(Path(folder, "best.npz")))}


if __name__ == "__main__":
    run(__file__, study, [bare, evaluated])
