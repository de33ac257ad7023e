"""The parts of a real workshop on the model and data that ship with edgeq."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path

from edgeq.benchmark.accuracy import bound_feed
from edgeq.benchmark.targets import find_targets
from edgeq.bundle import Bundle, read_bundle
from edgeq.data.dataset import Dataset
from edgeq.demo.assets import bundle_path, calibration, test_data
from edgeq.devices.job_options import JobOptions
from edgeq.optimize.bundle_writing import VariantChecker, further_inputs
from edgeq.optimize.calibration_items import choose_items, store_items
from edgeq.optimize.candidate import Candidate
from edgeq.optimize.candidate_cache import Store
from edgeq.optimize.evaluation import Judge, ValidationPlan
from edgeq.optimize.executors import evaluation_pool, open_farm
from edgeq.optimize.real_workshop import RealWorkshop
from edgeq.optimize.timing import TimingPlan
from edgeq.pool import ProcessPool
from edgeq.quantize.recipe import Recipe


def recipe(**how: object) -> Candidate:
    return Candidate(Recipe(**how), None, "to be tested")  # type: ignore[arg-type]


def few(dataset: Dataset, count: int) -> Dataset:
    """Evenly spread items of a data set."""
    return dataset.take(range(0, len(dataset), len(dataset) // count)[:count]).inspected()


@functools.cache
def _pool() -> ProcessPool:
    """Processes that judge in all tests: each takes half a second to start."""
    pool = evaluation_pool()
    atexit.register(pool.shutdown)
    return pool


def demo_judge(store: Store, data: Dataset | None = None, plan: ValidationPlan | None = None) -> Judge:
    bundle = read_bundle(bundle_path())
    targets = find_targets([bundle.folder]).only(["float32"])
    feed = bound_feed(targets, few(test_data(), 100) if data is None else data, targets.preprocessing)
    return Judge(targets, feed, plan or ValidationPlan(), store, executor=_pool())


@contextmanager
def demo_workshop(
    store: Store, folder: Path, *, executor: str | Executor = "local", base: Bundle | None = None
) -> Iterator[RealWorkshop]:
    bundle = base or read_bundle(bundle_path())
    targets = find_targets([bundle.folder]).only(["float32"])
    feed = bound_feed(targets, few(calibration(), 24), targets.preprocessing)
    chosen = choose_items(feed.dataset, feed.dataset.digests(), count=24, seed=0)
    folder.mkdir(exist_ok=True)
    with open_farm(executor, store.root) as farm:
        yield RealWorkshop(
            bundle,
            store_items(feed, chosen, store),
            store=store,
            farm=farm,
            judge=demo_judge(store),
            checker=VariantChecker(bundle, further_inputs(bundle, feed, (), 0)),
            timing=TimingPlan(job=JobOptions(speed="quick", max_seconds=0.2)),
            folder=folder,
        )
