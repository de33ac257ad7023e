"""What files are worth on the validation set: each runs over it once, the float32 file before all others."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy import data_digest, output_names, output_shapes, task_of, validation_items
from edgeq.benchmark.evaluation import Evaluated, evaluate
from edgeq.benchmark.evaluation_job import Runner
from edgeq.benchmark.targets import Targets
from edgeq.benchmark.tasks.base import Observed, Task
from edgeq.data.dataset import FAIL, Dataset
from edgeq.data.feeding import Feed
from edgeq.data.splitting import draw
from edgeq.errors import DataError, EdgeqError
from edgeq.files import sha256_file
from edgeq.optimize.candidate_cache import Store, digest_of, kernels, makers
from edgeq.optimize.findings import Quality
from edgeq.optimize.observation_entries import keep_observed, kept_observed
from edgeq.optimize.qualities import by_agreement, by_metric
from edgeq.optimize.workshop import CHOICE, REPORT
from edgeq.schemes import BASELINE

_GOOD = "good items"

Counted = Callable[[int, int], None]
"""Called with the number of items done and their total."""


@dataclass(frozen=True)
class ValidationPlan:
    """How files are judged.

    Attributes:
        task: what the model does, as a user said it; None finds it.
        holdout: whether the items are parted into one half to choose by and one to report.
        limit: largest number of items; None for all.
        on_bad_input: ``fail`` or ``skip``.
        seed: of the halves and of the bootstrap.
        runtime: which; None for the best installed.
        verbose: whether the runtime's own output is let through.
    """

    task: str | Mapping[str, Any] | None = None
    holdout: bool = False
    limit: int | None = None
    on_bad_input: str = FAIL
    seed: int = 0
    runtime: str | None = None
    verbose: bool = False


class Judge:
    """Runs files over the validation set and compares them with the float32 file.

    Attributes:
        notes: on what is measured and what was left out, one sentence each.
        has_labels: whether files are compared by a metric, not by agreement.
    """

    def __init__(
        self,
        targets: Targets,
        feed: Feed,
        plan: ValidationPlan,
        store: Store,
        *,
        executor: Executor | None = None,
        progress: Counted | None = None,
    ) -> None:
        """Chooses the items and what is measured; nothing is run yet.

        Args:
            targets: the float32 file alone, with all that was calibrated on.
            feed: the data; its data set was inspected.
            plan: how.
            store: for what files were observed to do.
            executor: whose processes run the files, and see those of this machine; None starts some each time.
            progress: called as items are done.

        Raises:
            DataError: no item is left, or data and model do not go together.
        """
        self.notes: list[str] = []
        self._float32 = targets.files[0].path
        self._plan = plan
        self._store = store
        self._executor = executor
        self._progress = progress
        items, _ = validation_items(targets, feed.dataset, plan.limit, self.notes)
        self._feed = feed.over(items)
        self._shapes = output_shapes(targets, self._feed)
        self._task: Task = task_of(self._feed, self._shapes, plan.task or targets.task)
        self._task.check(items.truth, self._shapes, items.source)
        self.has_labels = items.truth is not None
        if not self.has_labels:
            self.notes.append(
                f"{items.source} has no labels: files are judged by their agreement with float32"
            )
        self._halves = self._parted(items)
        self._bases: dict[str, Observed] = {}

    def count(self, half: str = CHOICE) -> int:
        """Items of a half; of all items where they were not parted."""
        return len(self._halves[half])

    def described(self) -> dict[str, Any]:
        """What files are measured on, as JSON can hold it."""
        halves = {f"{half}_items": len(items) for half, items in self._halves.items()}
        return {
            **({"items": self.count()} if not self._plan.holdout else halves),
            "task": self._task.name,
            "has_labels": self.has_labels,
            "data_digest": {half: data_digest(items) for half, items in self._halves.items()},
        }

    def check(self) -> None:
        """Runs the float32 file, by which all others are judged.

        Raises:
            DataError: it is not above chance, items are bad, or nothing says how good a file is.
        """
        for half in (CHOICE, REPORT) if self._plan.holdout else (CHOICE,):
            self._base(half)

    def judge(self, files: Mapping[str, Path], half: str = CHOICE) -> dict[str, Quality | str]:
        """Judges files.

        Args:
            files: by key.
            half: of the validation set.

        Returns:
            By key, what it is worth, or why that cannot be said.

        Raises:
            DataError: of the float32 file, see `check`.
        """
        half = half if self._plan.holdout else CHOICE
        base = self._base(half)
        judged: dict[str, Quality | str] = {}
        observed: dict[str, Observed] = {}
        names: dict[str, str] = {}
        for key, path in files.items():
            names[key] = self._name(path, half)
            kept = kept_observed(self._store, names[key])
            if kept is not None:
                observed[key] = kept
        missing = {key: path for key, path in files.items() if key not in observed}
        if missing:
            done, judged = self._run(missing, names, half)
            if done is not None and done.bad:
                raise DataError(f"{self._feed.dataset.source} was changed during the search: start again")
            observed |= {} if done is None else done.observed
        for key, found in observed.items():
            try:
                judged[key] = self._quality(found, base, half)
            except DataError as error:
                # Such as NaN in its outputs: the others are fine.
                judged[key] = str(error)
        return judged

    def _base(self, half: str) -> Observed:
        """What the float32 file does; items that turn out to be bad leave the half."""
        if half in self._bases:
            return self._bases[half]
        name = self._name(self._float32, half)
        found = kept_observed(self._store, name)
        if found is None:
            done, failures = self._run({BASELINE: self._float32}, {BASELINE: name}, half)
            if done is None or BASELINE not in done.observed:
                raise DataError(f"float32 cannot be run on the validation items: {failures[BASELINE]}")
            found = {**done.observed[BASELINE], _GOOD: done.good}
            if done.bad:
                keep_observed(self._store, name, found)
        good: npt.NDArray[np.int64] = found[_GOOD]
        if len(good) < len(self._halves[half]):
            left_out = len(self._halves[half]) - len(good)
            self.notes.append(
                f"{left_out} validation item{'s' * (left_out > 1)} cannot be read and are left out"
            )
            self._halves[half] = self._halves[half].take([int(index) for index in good])
        base = {key: array for key, array in found.items() if key != _GOOD}
        truth = self._halves[half].truth
        if truth is not None:
            self._task.require_sound(base, truth, BASELINE)
        elif self._task.agreement(base, base) is None:
            raise DataError(
                f"{self._feed.dataset.source} has no labels, and the outputs are no answers that could agree with "
                "float32's: give labels, targets or masks, or a converter script with metrics"
            )
        self._bases[half] = base
        return base

    def _parted(self, items: Dataset) -> dict[str, Dataset]:
        """Both halves by content, so that two copies of an item are in one of them."""
        if not self._plan.holdout:
            return {CHOICE: items}
        digests = items.digests()
        seed = self._plan.seed + 2  # that of calibration items is 0 more, that of the checked ones 1
        drawn = {digests[index] for index in draw(digests, items.labels, len(set(digests)) // 2, seed)}
        chosen = [index for index, digest in enumerate(digests) if digest in drawn]
        others = [index for index, digest in enumerate(digests) if digest not in drawn]
        if not chosen or not others:
            raise DataError(f"{items.source}: --holdout halves {len(items)} validation items: add more")
        self.notes.append(
            f"{len(chosen):,} validation items choose and {len(others):,} others report what was chosen"
        )
        return {CHOICE: items.take(chosen), REPORT: items.take(others)}

    def _run(
        self, files: Mapping[str, Path], names: Mapping[str, str], half: str
    ) -> tuple[Evaluated | None, dict[str, Quality | str]]:
        """Runs files over a half and keeps what they do; and says why some do not run."""
        failures: dict[str, Quality | str] = {}
        runners = []
        for key, path in files.items():
            try:
                outputs = output_names(path, tuple(self._shapes))
                runners.append(Runner(key, path, self._feed.preprocessing, outputs))
            except EdgeqError as error:
                failures[key] = str(error)
        if not runners:
            return None, failures
        done = evaluate(
            self._feed.over(self._halves[half]),
            runners,
            self._task,
            runtime=self._plan.runtime,
            on_bad_input=self._plan.on_bad_input,
            key=digest_of({"optimize": [names[runner.name] for runner in runners]}),
            executor=self._executor,
            verbose=self._plan.verbose,
            progress=self._progress,
        )
        if not done.bad:
            for key, observed in done.observed.items():
                keep_observed(self._store, names[key], {**observed, _GOOD: done.good})
        return done, failures | dict(done.failures)

    def _quality(self, observed: Observed, base: Observed, half: str) -> Quality:
        agreeing = self._task.agreement(observed, base)
        agreement = None if agreeing is None else float(np.mean(agreeing))
        truth, n, seed = self._halves[half].truth, len(self._halves[half]), self._plan.seed
        if truth is None:
            assert agreeing is not None  # noqa: S101 - see _base
            return by_agreement(agreeing)
        metrics = self._task.score(observed, truth, base, seed=seed).metrics
        references = self._task.score(base, truth, None, seed=seed).metrics
        if not metrics or not references:
            raise DataError(
                f"the task {self._task.name} has no metric to choose by: name another with --task"
            )
        return by_metric(metrics[0], references[0], agreement, n)

    def _name(self, path: Path, half: str) -> str:
        """Digest of all that a file's observations depend on."""
        script = self._feed.dataset.script
        return digest_of(
            {
                "edgeq": makers()["edgeq"],
                "numpy": makers()["numpy"],
                "kernels": kernels(),
                "runtime": self._plan.runtime,
                "file": sha256_file(path),
                "preprocessing": self._feed.preprocessing.to_json(),
                "data": data_digest(self._halves[half]),
                "task": hashlib.sha256(pickle.dumps(self._task)).hexdigest(),
                "script": None if script is None else sha256_file(script),
            }
        )
