"""From a data set to the quality of every variant: which items, which task, and the scores."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import edgeq
from edgeq.benchmark.accuracy_statistics import proportion
from edgeq.benchmark.evaluation import Evaluated, evaluate
from edgeq.benchmark.evaluation_job import FIDELITY, Runner
from edgeq.benchmark.fidelity import fidelities, noise_ratio_db
from edgeq.benchmark.item_values import pack_bits, pack_values
from edgeq.benchmark.measurement import Accuracy
from edgeq.benchmark.targets import Targets
from edgeq.benchmark.tasks.base import Task
from edgeq.benchmark.tasks.choosing import DETECTION, choose_task
from edgeq.data.dataset import FAIL, BadItem, Dataset
from edgeq.data.feeding import Feed
from edgeq.data.labels import in_order_of, named_by
from edgeq.data.preprocessing import Preprocessing
from edgeq.data.splitting import CALIBRATION_SPLITS
from edgeq.errors import DataError, UsageError
from edgeq.files import sha256_file
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_family
from edgeq.tflite.io import model_io
from edgeq.tflite.model import read_model

_NAMED = 5
"""Skipped items that a note names."""


@dataclass
class Accuracies:
    """What came of measuring.

    Attributes:
        by_variant: of each variant that runs.
        failures: reason by variant that does not.
        notes: what was left out, one sentence each.
    """

    by_variant: dict[str, Accuracy] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def bound_feed(
    targets: Targets,
    data: Dataset,
    preprocessing: Preprocessing,
    on_bad_input: str = FAIL,
    progress: Callable[[int, int], None] | None = None,
) -> Feed:
    """A data set bound to the model, every item looked at.

    Args:
        targets: the variants.
        data: the data set.
        preprocessing: of it.
        on_bad_input: ``fail`` or ``skip``.
        progress: called with the number of items looked at and their total.

    Raises:
        DataError: the two do not go together, or items are bad.
    """
    # What does not fit is told before every item is looked at.
    targets.check_sizes()
    Feed(data, targets.inputs, preprocessing)
    inspected = data.inspected(on_bad_input, progress)
    ordered = named_by(in_order_of(inspected, targets.labels), targets.labels)
    return Feed(ordered, targets.inputs, preprocessing)


def measure_accuracy(
    targets: Targets,
    feed: Feed,
    *,
    baseline: str | None,
    task: str | Mapping[str, Any] | None = None,
    runtime: str | None = None,
    limit: int | None = None,
    on_bad_input: str = FAIL,
    executor: Executor | None = None,
    seed: int = 0,
    verbose: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Accuracies:
    """Accuracy of every variant on the items that none was calibrated on.

    Args:
        targets: the variants.
        feed: the data; its data set was inspected.
        baseline: name of the variant that the others are compared with; None for a lone file.
        task: what the model does, a name or what is said of a detector's outputs; None finds it.
        runtime: which; None for the best installed.
        limit: largest number of items.
        on_bad_input: ``fail`` or ``skip``.
        executor: what the work is handed to; processes on this machine by default.
        seed: of the bootstrap.
        verbose: whether the runtime's own output is let through.
        progress: called with the number of items done and their total.

    Raises:
        DataError: data and model do not go together, or the baseline is not above chance.
    """
    result = Accuracies()
    chosen, excluded = validation_items(targets, feed.dataset, limit, result.notes)
    feed = feed.over(chosen)
    shapes = output_shapes(targets, feed)
    decided = task_of(feed, shapes, task or targets.task)
    decided.check(chosen.truth, shapes, chosen.source)
    runners = [
        Runner(target.info.name, target.path, feed.preprocessing, output_names(target.path, tuple(shapes)))
        for target in targets.files
    ]
    digest = data_digest(chosen)
    evaluated = evaluate(
        feed,
        runners,
        decided,
        baseline=baseline,
        runtime=runtime,
        on_bad_input=on_bad_input,
        key=_key(targets, feed, decided, digest, runtime),
        executor=executor,
        verbose=verbose,
        progress=progress,
    )
    result.failures |= evaluated.failures
    if evaluated.resumed:
        result.notes.append(
            f"{evaluated.resumed:,} of {len(chosen):,} items were measured before an interruption: it went on "
            "from there"
        )
    if evaluated.bad:
        chosen = chosen.take([int(index) for index in evaluated.good])
        digest = data_digest(chosen)
    skipped = (*feed.dataset.skipped, *evaluated.bad)
    if skipped:
        result.notes.append(_skipped_note(skipped, len(chosen)))
    scorer = _Scorer(
        decided,
        chosen,
        evaluated,
        baseline,
        digest,
        excluded,
        len(skipped),
        tuple(shapes),
        seed,
    )
    for target in targets.files:
        name = target.info.name
        if name not in evaluated.observed:
            continue
        try:
            result.by_variant[name] = scorer.accuracy(name)
        except DataError as error:
            if name == baseline or baseline is None:
                raise
            # Such as NaN in its outputs: the others are fine.
            result.failures[name] = str(error)
    return result


def task_of(
    feed: Feed, shapes: Mapping[str, tuple[int, ...]], asked: str | Mapping[str, Any] | None = None
) -> Task:
    """What the model does, as far as labels and outputs tell.

    Args:
        feed: the data bound to the model.
        shapes: of the outputs by name, without batch axis.
        asked: a name, or what a user says of a detector's outputs; None finds it.

    Raises:
        DataError: labels and outputs do not go together.
        UsageError: the task that was asked for cannot be.
    """
    dataset = feed.dataset
    said = asked or dataset.task
    detector = said if isinstance(said, Mapping) else None
    return choose_task(
        said if isinstance(said, str) else None if said is None else str(said.get("task", DETECTION)),
        dataset.truth,
        shapes,
        {spec.name: spec.item_shape for spec in feed.inputs},
        preparation=feed.preprocessing.of(feed.inputs[0].name).image,
        custom=dataset.script,
        detector=detector,
    )


def output_shapes(targets: Targets, feed: Feed) -> dict[str, tuple[int, ...]]:
    """Shapes of the outputs by name, without batch axis."""
    inputs, outputs = model_io(read_model(targets.files[0].path))
    ranks = {spec.name: len(spec.item_shape) for spec in feed.inputs}
    batches = {
        tensor.shape[0]
        for tensor in inputs
        if tensor.shape and len(tensor.shape) == ranks.get(tensor.name, -1) + 1
    }
    return {
        tensor.name: tensor.shape[1:] if tensor.shape and tensor.shape[0] in batches else tensor.shape
        for tensor in outputs
    }


def output_names(path: Path, expected: tuple[str, ...]) -> tuple[str, ...]:
    """What a file's outputs are called, in its order.

    Args:
        path: of the file.
        expected: names of the outputs of the first file. One output goes by this name, whatever the file calls it: a
            file of another converter calls it ``output_0`` or ``StatefulPartitionedCall:0``.

    Raises:
        UsageError: the names do not say which output is which.
    """
    _, outputs = model_io(read_model(path))
    names = tuple(tensor.name for tensor in outputs)
    if len(names) == len(expected) == 1:
        return expected
    if set(names) != set(expected):
        raise UsageError(
            f"{path.name} has other outputs than the first file ({', '.join(names)} instead of {', '.join(expected)}): "
            "convert both alike, or measure them one by one"
        )
    return names


def data_digest(dataset: Dataset) -> str:
    """Digest over items and labels: results are compared only where it is equal."""
    digest = hashlib.sha256()
    truth = dataset.truth
    for position, item in enumerate(dataset.digests()):
        label = "" if truth is None else truth.key(position)
        digest.update(f"{item}:{label}\n".encode())
    return digest.hexdigest()


class _Scorer:
    """Scores the observations of each variant against the baseline's."""

    def __init__(
        self,
        task: Task,
        dataset: Dataset,
        evaluated: Evaluated,
        baseline: str | None,
        digest: str,
        excluded: int,
        skipped: int,
        outputs: Sequence[str],
        seed: int,
    ) -> None:
        self._task = task
        self._truth = dataset.truth
        self._n = len(dataset)
        self._observed = evaluated.observed
        self._outputs = tuple(outputs)
        self._baseline = baseline
        self._digest = digest
        self._excluded = excluded
        self._skipped = skipped
        self._seed = seed

    def accuracy(self, name: str) -> Accuracy:
        """Of one variant.

        Raises:
            DataError: it is the baseline, and no better than guessing.
        """
        observed = self._observed[name]
        is_reference = self._baseline is None or name == self._baseline
        if is_reference and self._truth is not None:
            self._task.require_sound(observed, self._truth, name)
        against = None if is_reference else self._observed.get(str(self._baseline))
        score = self._task.score(observed, self._truth, against, seed=self._seed)
        agreeing = None if against is None else self._task.agreement(observed, against)
        sums = observed.get(FIDELITY)
        return Accuracy(
            n=self._n,
            excluded=self._excluded,
            data_digest=self._digest,
            task=self._task.name,
            metrics=score.metrics,
            agreement=None if agreeing is None else proportion(int(agreeing.sum()), self._n),
            sqnr_db=None if sums is None else noise_ratio_db(sums),
            correct=None if score.correct is None else pack_bits(score.correct),
            skipped=self._skipped,
            fidelity=() if sums is None else fidelities(self._outputs, sums),
            item_values=None if score.item_values is None else pack_values(score.item_values),
            classes=score.classes,
            confusion=score.confusion,
        )


def validation_items(
    targets: Targets, dataset: Dataset, limit: int | None, notes: list[str]
) -> tuple[Dataset, int]:
    """The items to measure on, and how many are left out because they were calibrated on.

    Args:
        targets: the variants.
        dataset: to choose from.
        limit: largest number of items.
        notes: that sentences about what is left out are added to.

    Raises:
        DataError: nothing is left.
    """
    digests = dataset.digests()
    apart = set(CALIBRATION_SPLITS) & set(dataset.splits)
    candidates = [
        index for index in range(len(digests)) if not dataset.splits or dataset.splits[index] not in apart
    ] or list(range(len(digests)))
    if len(candidates) < len(digests):
        notes.append(
            f"{len(digests) - len(candidates):,} of {len(digests):,} items are left out: the data set sets them apart "
            f"for {' and '.join(sorted(apart))}"
        )
    indices = [index for index in candidates if digests[index] not in targets.calibrated_on]
    excluded = len(candidates) - len(indices)
    if not indices:
        raise DataError(
            f"{dataset.source}: all {len(candidates)} items were calibrated on, nothing is left to measure: "
            "give other data"
        )
    if excluded:
        notes.append(f"{excluded} of {len(candidates)} items are left out: the bundle was calibrated on them")
    if limit is not None and len(indices) > limit:
        # Evenly spread, because folders are sorted by class.
        indices = [indices[round(i)] for i in np.linspace(0, len(indices) - 1, limit)]
    return dataset.take(indices), excluded


def _skipped_note(skipped: Sequence[BadItem], left: int) -> str:
    shown = "; ".join(item.reason for item in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    count = f"{len(skipped)} bad item{'s are' if len(skipped) > 1 else ' is'} left out"
    return f"{count}, {left:,} are measured ({shown}{more})"


def _key(targets: Targets, feed: Feed, task: Task, digest: str, runtime: str | None) -> str:
    """Digest of all that the observations depend on."""
    installed = find_runtime(runtime)
    depends_on: Mapping[str, Any] = {
        "edgeq": edgeq.__version__,
        "numpy": np.__version__,
        "runtime": [installed.package.name, installed.version, cpu_family()],
        "files": [[target.info.name, target.info.sha256] for target in targets.files],
        "preprocessing": feed.preprocessing.to_json(),
        "data": digest,
        "task": hashlib.sha256(pickle.dumps(task)).hexdigest(),
        "script": None if feed.dataset.script is None else sha256_file(feed.dataset.script),
    }
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
