"""Whether the search of `edgeq optimize` finds what the full grid of its own space finds, on CIFAR-10.

``python benchmarks/search_against_grid.py`` has every combination of methods built and judged, then lets the search
look for the same goal in the same space with an empty cache. Both make their files from the same 200 calibration images
and choose by the 5,000 test images of even number. Their winners are compared image by image on the 5,000 of odd
number, which neither saw, for the best of hundreds is flattered by the images that it was chosen by; and on all of
them. An evaluation is a candidate that was built, the converter's four variants among them on both sides.

A combination is a set of rewrites, a range method, and scales, rounding, bias correction and compensation of weights.
Both sides get the same part of the space: all sets of rewrites that find something to do, the range methods of
`RANGES`, the `ROUNDINGS`, and all else; AdaRound and the other ranges would take hours. Precisions of single layers are
no part of it: where all layers of one precision meet the goal, nobody moves any. Latencies are parts of float32's in
the same run, in which each side times all of its files that can win.

The grid's files stay in the cache of the studies, so that a run that was cut short goes on.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from common import cache_folder, print_table, run, side, write_result

from edgeq.benchmark.accuracy import bound_feed
from edgeq.benchmark.targets import Targets, find_targets
from edgeq.bundle import read_bundle
from edgeq.convert.options import Options
from edgeq.convert.pipeline import convert
from edgeq.data.feeding import Feed
from edgeq.data.script import read_script, read_script_data
from edgeq.devices.job_options import JobOptions
from edgeq.optimize.budget import Budget
from edgeq.optimize.bundle_writing import VariantChecker, further_inputs
from edgeq.optimize.calibration_items import choose_items, store_items
from edgeq.optimize.candidate_cache import Store
from edgeq.optimize.evaluation import Judge, ValidationPlan
from edgeq.optimize.executors import evaluation_pool, open_farm
from edgeq.optimize.grid import grid
from edgeq.optimize.real_workshop import RealWorkshop
from edgeq.optimize.result import Goal, Outcome
from edgeq.optimize.search import search
from edgeq.optimize.space import VARIANTS, Space
from edgeq.optimize.timing import TimingPlan
from edgeq.quantize.rewrites.applying import applicable_rewrites

CONVERTERS = Path(__file__).resolve().parents[1] / "converters"

GOALS = (("cifar10_resnet", "latency", 0.15), ("cifar10_resnet", "size", 1.5))
"""Converter script, objective and largest drop in percentage points, as in `quantization.py`."""

SIDES = ("grid", "search")
RANGES = {"latency": ("minmax", "percentile:99.99", "mse", "chosen"), "size": ("minmax", "chosen")}
ROUNDINGS = ("nearest", "error-feedback")
SMOKE_IMAGES = 200


def study(smoke: bool) -> None:
    """Has grid and search look for each goal, compares their winners, prints and writes."""
    results = []
    for network, objective, drop in GOALS[:1] if smoke else GOALS:
        with tempfile.TemporaryDirectory(prefix="edgeq-against-grid-") as folder:
            results.append(_both(network, objective, drop, Path(folder), smoke))
    head = ["goal", "by", "built", "judged", "drop pp", "agreement %", "kB", "latency", "winner"]
    print_table(head, [_row(result, how) for result in results for how in SIDES])
    for one in results:
        same = "the same" if one["same"] else "another"
        print(f"\n{one['name']}: {same} winner with {100 * one['share']:.1f} % of the grid's evaluations")
        for images, worse in one["worse"].items():
            interval = f"{worse['low_pp']:.2f} to {worse['high_pp']:.2f}"
            print(f"  {images} images: the search's loses {worse['drop_pp']:.2f} pp more ({interval})")
    path = write_result("search_against_grid", {"smoke": smoke, "goals": results}, smoke=smoke)
    print(f"\n{path}")


def _both(network: str, objective: str, drop: float, folder: Path, smoke: bool) -> dict[str, Any]:
    """What both found for a goal, and how their winners differ."""
    bundle = side(__file__, "converted", smoke=True, network=network, folder=str(folder)).answer
    given = {"network": network, "bundle": bundle, "tiny": smoke, "folder": str(folder)}
    goal = {**given, "objective": objective, "drop": drop}
    # Only latencies depend on what else runs.
    shared = smoke or objective == "size"
    found = {how: side(__file__, "explored", smoke=shared, how=how, **goal).answer for how in SIDES}
    return {
        "name": f"{network}, {objective}",
        "largest_drop_pp": drop,
        **found,
        "share": found["search"]["evaluations"] / found["grid"]["evaluations"],
        "same": len({found[how]["winner"]["key"] for how in SIDES}) == 1,
        "worse": side(__file__, "compared", smoke=True, **given).answer,
    }


def _row(result: dict[str, Any], how: str) -> list[str]:
    found, winner = result[how], result[how]["winner"]
    figures = (winner["drop_pp"], 100 * winner["agreement"], winner["bytes"] / 1000, winner["latency"])
    counts = (str(found["evaluations"]), str(found["judged"]))
    return [result["name"], how, *counts, *(f"{value:.4g}" for value in figures), winner["title"]]


def converted(network: str, folder: str) -> str:
    """Side: the bundle of the converter's own variants."""
    target, options = Path(folder, "base"), Options(schemes=VARIANTS, io=("int8",))
    return str(convert(CONVERTERS / f"{network}.py", output=target, options=options).bundle.folder)


def explored(
    how: str, network: str, bundle: str, tiny: bool, folder: str, objective: str, drop: float
) -> Any:
    """Side: what the grid or the search finds; its winner is copied into the folder."""
    kept = how == "grid" and not tiny
    store = cache_folder() / "search_against_grid" if kept else Path(folder, f"{how}-store")
    with _workshop(network, Path(bundle), store, tiny) as workshop:
        goal, space, begun = Goal(drop, objective), _space(Path(bundle), objective, tiny), time.perf_counter()
        find: Any = grid if how == "grid" else partial(search, budget=Budget(), progress=print)
        result = find(workshop, goal, space=space)
        winner: Any = result.winner
        shutil.copy(winner.built.path, Path(folder, f"{how}.tflite"))
        return {
            "evaluations": result.evaluations,
            "judged": sum(one.quality is not None for one in result.outcomes),
            "seconds": time.perf_counter() - begun,
            "winner": _described(winner),
            "candidates": [_described(one) for one in result.outcomes],
            "sentences": result.sentences,
        }


def compared(network: str, bundle: str, tiny: bool, folder: str) -> dict[str, dict[str, Any]]:
    """Side: what the search's winner loses against the grid's, by which images."""
    targets = _targets(Path(bundle))
    reference = dataclasses.replace(targets.files[0], path=Path(folder, "grid.tflite"))
    targets = dataclasses.replace(targets, files=(reference,))
    found = {}
    for images, start, step in (("unseen", 1, 2), ("all", 0, 1)):
        feed = _test_images(network, targets, tiny, start, step)
        judge = Judge(targets, feed, ValidationPlan(), Store(Path(folder, "compared")))
        quality: Any = judge.judge({"search": Path(folder, "search.tflite")})["search"]
        found[images] = dataclasses.asdict(quality)
    return found


def _described(one: Outcome) -> dict[str, Any]:
    built, quality, speed = one.built, one.quality, one.speed
    found: dict[str, Any] = {"key": one.key, "title": one.candidate.title, "status": one.status}
    found |= {} if built is None else {"bytes": built.size_bytes, "error": built.error}
    found |= {} if quality is None else {"drop_pp": quality.drop_pp, "agreement": quality.agreement}
    return found | ({} if speed is None else {"latency": speed.ratio, "between": [speed.low, speed.high]})


def _targets(bundle: Path) -> Targets:
    return find_targets([bundle]).only(["float32"])


def _space(bundle: Path, objective: str, tiny: bool) -> Space:
    if tiny:
        return Space(((), ("pool-to-mean",)), ("minmax", "mse"), rounding=("nearest",), compensate=(False,))
    names = applicable_rewrites(_targets(bundle).files[0].path.read_bytes())
    whole = Space.with_rewrites(names)
    return dataclasses.replace(whole, range_method=RANGES[objective], rounding=ROUNDINGS)


def _test_images(network: str, targets: Targets, tiny: bool, start: int, step: int) -> Feed:
    data = read_script_data(CONVERTERS / f"{network}.py")
    indices = range(start, SMOKE_IMAGES if tiny else len(data), step)
    return bound_feed(targets, data.take(indices), targets.preprocessing)


@contextmanager
def _workshop(network: str, bundle: Path, store_folder: Path, tiny: bool) -> Iterator[RealWorkshop]:
    """As `edgeq optimize` sets it up for a converter script, judging by the images of even number."""
    base, store, targets = read_bundle(bundle), Store(store_folder), _targets(bundle)
    calibration: Any = read_script(CONVERTERS / f"{network}.py").read_calibration()
    feed = bound_feed(targets, calibration, targets.preprocessing)
    chosen = choose_items(feed.dataset, base.manifest.calibration, count=len(calibration), seed=0)
    even = _test_images(network, targets, tiny, 0, 2)
    with (
        tempfile.TemporaryDirectory(prefix="edgeq-against-grid-") as folder,
        open_farm("local", store.root) as farm,
        evaluation_pool() as pool,
    ):
        yield RealWorkshop(
            base,
            store_items(feed, chosen, store),
            store=store,
            farm=farm,
            judge=Judge(targets, even, ValidationPlan(), store, executor=pool),
            checker=VariantChecker(base, further_inputs(base, feed, chosen.indices, 0)),
            timing=TimingPlan(job=JobOptions(speed="quick")),
            folder=Path(folder),
        )


if __name__ == "__main__":
    run(__file__, study, [converted, explored, compared])
