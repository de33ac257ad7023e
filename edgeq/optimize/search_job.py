"""One search from the data to the bundle: what is measured on what, and who does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from edgeq.benchmark.accuracy import bound_feed
from edgeq.benchmark.targets import Targets, find_targets
from edgeq.bundle import Bundle, is_bundle, read_bundle
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed
from edgeq.data.preprocessing import find_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.data.script import Script, is_script, read_script
from edgeq.devices.specs import LOCAL
from edgeq.errors import DataError, EdgeqError
from edgeq.optimize.advice import require_enough_items
from edgeq.optimize.budget import Budget
from edgeq.optimize.bundle_writing import (
    VariantChecker,
    float32_of,
    further_inputs,
    write_variants,
)
from edgeq.optimize.calibration_items import Chosen, choose_items, store_items
from edgeq.optimize.candidate import variant_candidate
from edgeq.optimize.candidate_cache import Store, kernels, makers, open_store
from edgeq.optimize.document import OPTIMIZE_JSON, Document, write_document
from edgeq.optimize.evaluation import Judge, ValidationPlan
from edgeq.optimize.executors import Farm, evaluation_pool, open_farm
from edgeq.optimize.keeping import resolve_kept
from edgeq.optimize.layer_facts import layer_facts
from edgeq.optimize.options import Optimization, OptimizeOptions, Progress
from edgeq.optimize.real_workshop import RealWorkshop
from edgeq.optimize.result import Goal
from edgeq.optimize.search import search
from edgeq.optimize.space import Space
from edgeq.optimize.timing import TimingPlan
from edgeq.quantize.rewrites.applying import applicable_rewrites
from edgeq.schemes import BASELINE
from edgeq.scratch import scratch_folder

_CLASSIFICATION = "classification"
"""The task whose first metric is a share of items."""

STOCK = ("float32", "float16", "dynamic", "int8")
"""Schemes of the base bundle."""


class SearchJob:
    """One search."""

    def __init__(
        self,
        source: Any,
        goal: Goal,
        data: Dataset | Path | str | None,
        calibration: Dataset | Path | str | None,
        options: OptimizeOptions,
        progress: Progress | None,
    ) -> None:
        from edgeq.convert.options import Options

        self._goal = goal
        self._options = options
        self._conversion = options.conversion or Options()
        self._progress = progress
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._source = source
        if isinstance(source, str | Path) and is_script(Path(source)):
            self._source, data, calibration = self._script(Path(source), data, calibration)
        if data is None:
            raise DataError(
                "optimize needs data to judge files on: add --data FOLDER or --data FILE.npz"
                + (" beside --calibration" if calibration is not None else "")
            )
        self._given = self._read(data)
        self._apart = None if calibration is None else self._read(calibration)
        # A conversion takes minutes: what their number tells of the items is told before. A bundle has its own task.
        if not self._is_bundle() and self._conversion.task in (None, _CLASSIFICATION):
            self._require_countable(self._given)

    @property
    def force(self) -> bool:
        """Whether an existing bundle is replaced."""
        return self._conversion.force

    @property
    def name(self) -> str:
        """Of the model."""
        from edgeq.sources.opening import name_of

        if self._conversion.name:
            return self._conversion.name
        if self._is_bundle():
            return read_bundle(self._source).manifest.name
        return name_of(self._source) or str(getattr(self._source, "name", "model"))

    def run(
        self, folder: Path, executor: str | Executor, budget: Budget, say: Callable[[str], None]
    ) -> Optimization:
        """Searches, and fills a folder with the bundle."""
        with (
            scratch_folder("optimize") as scratch,
            open_store(kept=self._options.cache) as store,
            open_farm(executor, store.root, verbose=self._conversion.verbose) as farm,
            evaluation_pool(verbose=self._conversion.verbose) as pool,
        ):
            store.prune()
            base = self._base(scratch)
            float32 = float32_of(base)
            content = base.path(float32).read_bytes()
            kept = resolve_kept(self._options.keep, layer_facts(content))
            space = Space.with_rewrites(applicable_rewrites(content))
            goal = dataclasses.replace(self._goal, kept={**self._goal.kept, **kept})
            targets = find_targets([base.folder]).only([float32.name])
            chosen, feed = self._calibration(base, targets)
            targets = dataclasses.replace(
                targets, calibrated_on=targets.calibrated_on | frozenset(chosen.digests)
            )
            judge = self._judge(targets, store, pool)
            workshop = self._workshop(base, store, farm, judge, chosen, feed, scratch)
            if self._options.on.kind != LOCAL:
                self._tell("trying the device", 0, 1)
                workshop.check_device()
            result = search(workshop, goal, budget, say, space)
            document = Document(
                result,
                base.manifest.name,
                calibration={
                    "digests": list(chosen.digests),
                    "held_back": chosen.held_back,
                    "seed": self._conversion.seed,
                },
                validation=judge.described(),
                provenance={"versions": dict(makers()), "kernels": kernels(), "float32": float32.sha256},
            )
            self._notes += [store.note] if store.note else []
            return self._write(folder, base, workshop, document, scratch)

    def _script(
        self, path: Path, data: Dataset | Path | str | None, calibration: Dataset | Path | str | None
    ) -> tuple[Script, Dataset | Path | str | None, Dataset | Path | str | None]:
        """A converter script, run once, and the data that it brings where none are given."""
        from edgeq.sources.graph import prepare_tensorflow

        prepare_tensorflow()
        script = read_script(path)
        script.require_model()
        self._conversion = dataclasses.replace(
            self._conversion,
            preprocess=self._conversion.preprocess or script.preprocess,
            task=self._conversion.task or script.task,
        )
        if data is None:
            data = script.read_data()
            calibration = script.read_calibration() if calibration is None else calibration
        return script, data, calibration

    def _read(self, given: Dataset | Path | str) -> Dataset:
        dataset = given if isinstance(given, Dataset) else read_dataset(Path(given))
        return dataset.inspected(
            self._conversion.on_bad_input, lambda done, total: self._tell("looking at the data", done, total)
        )

    def _is_bundle(self) -> bool:
        return isinstance(self._source, str | Path) and is_bundle(Path(self._source))

    def _base(self, scratch: Path) -> Bundle:
        """The bundle that the search begins with: the user's, or a new one of the converter's variants."""
        if self._is_bundle():
            return read_bundle(self._source)
        from edgeq.convert.pipeline import convert

        io = (self._goal.io,)
        conversion = convert(
            self._source,
            data=self._given if self._apart is None else None,
            calibration=self._apart,
            output=scratch / "base",
            options=dataclasses.replace(self._conversion, schemes=STOCK, io=io, force=False),
            progress=self._progress,
        )
        self._notes += conversion.notes
        self._warnings += conversion.warnings
        return conversion.bundle

    def _feed(self, targets: Targets, dataset: Dataset) -> Feed:
        preprocess = self._conversion.preprocess if self._is_bundle() else None
        preprocessing = find_preprocessing(preprocess) if isinstance(preprocess, str) else preprocess
        return bound_feed(
            targets, dataset, preprocessing or targets.preprocessing, self._conversion.on_bad_input
        )

    def _calibration(self, base: Bundle, targets: Targets) -> tuple[Chosen, Feed]:
        """The items to calibrate on, and the data that they are of."""
        feed = self._feed(targets, self._given if self._apart is None else self._apart)
        count = self._conversion.calibration_items if self._apart is None else len(self._apart)
        chosen = choose_items(
            feed.dataset,
            base.manifest.calibration,
            count=count,
            seed=self._conversion.seed,
            apart=self._apart is not None,
        )
        self._notes += [chosen.note] if chosen.note else []
        return chosen, feed

    def _judge(self, targets: Targets, store: Store, executor: Executor) -> Judge:
        conversion = self._conversion
        judge = Judge(
            targets,
            self._feed(targets, self._given),
            ValidationPlan(
                task=conversion.task,
                holdout=self._goal.holdout,
                limit=self._options.limit,
                on_bad_input=conversion.on_bad_input,
                seed=conversion.seed,
                runtime=self._options.runtime,
                verbose=conversion.verbose,
            ),
            store,
            executor=executor,
            progress=lambda done, total: self._tell("accuracy", done, total),
        )
        if not judge.has_labels or judge.described()["task"] == _CLASSIFICATION:
            self._require_enough(judge.count(), judge.has_labels)
        judge.check()
        return judge

    def _require_countable(self, data: Dataset) -> None:
        """Refuses too few items where files are judged by a share of them: right answers, or those like float32's."""
        if data.truth is None or data.labels is not None:
            most = min(len(data), self._options.limit or len(data))
            self._require_enough(most, data.truth is not None)

    def _require_enough(self, count: int, has_labels: bool) -> None:
        require_enough_items(count, self._goal, has_labels=has_labels)

    def _workshop(
        self, base: Bundle, store: Store, farm: Farm, judge: Judge, chosen: Chosen, feed: Feed, scratch: Path
    ) -> RealWorkshop:
        folder = scratch / "candidates"
        folder.mkdir()
        self._notes += judge.notes
        return RealWorkshop(
            base,
            store_items(feed, chosen, store),
            store=store,
            farm=farm,
            judge=judge,
            checker=VariantChecker(base, further_inputs(base, feed, chosen.indices, self._conversion.seed)),
            timing=TimingPlan(self._options.on, self._options.job, self._options.access),
            folder=folder,
            io=self._goal.io,
            progress=self._progress,
        )

    def _write(
        self, folder: Path, base: Bundle, workshop: RealWorkshop, document: Document, scratch: Path
    ) -> Optimization:
        """Writes the bundle: the chosen one, the rest of the front, float32."""
        result = document.result
        keys = dict.fromkeys([*([result.chosen] if result.chosen else []), *result.front])
        candidates = [result.outcome(key).candidate for key in keys]
        float32 = float32_of(base)
        if all((stock := workshop.stock(one)) is None or stock.name != float32.name for one in candidates):
            candidates.append(variant_candidate(BASELINE))
        names = workshop.names(candidates)
        ready = []
        for done, candidate in enumerate(candidates):
            self._tell("checking", done, len(candidates))
            try:
                ready.append(workshop.ready(candidate, names[candidate.key]))
            except EdgeqError as error:
                if candidate.key == result.chosen:
                    raise
                self._warnings.append(f"{names.pop(candidate.key)} is left out: {error}")
        self._warnings += [one.warning for one in ready if one.warning]
        write_document(scratch / OPTIMIZE_JSON, dataclasses.replace(document, names=names))
        # The folder is locked and empty; a bundle is written whole beside it, and its files go in.
        inner = folder / "bundle"
        bundle = write_variants(
            inner,
            base,
            ready,
            calibration=document.calibration["digests"],
            provenance={"optimize": dict(makers())},
            others={OPTIMIZE_JSON: (scratch / OPTIMIZE_JSON).read_bytes()},
        )
        for path in sorted(inner.iterdir()):
            path.rename(folder / path.name)
        inner.rmdir()
        notes = (*self._notes, *workshop.notes)
        return Optimization(
            bundle,
            result,
            names,
            workshop.layers,
            tuple(dict.fromkeys(notes)),
            tuple(self._warnings),
            workshop.made,
        )

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)
