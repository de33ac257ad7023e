"""One session: variants measured together, against each other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from edgeq.benchmark.accuracy import Accuracies, bound_feed, measure_accuracy
from edgeq.benchmark.environment import read_environment
from edgeq.benchmark.host_watch import HostWatch
from edgeq.benchmark.latency import DEFAULT, Plan
from edgeq.benchmark.measurement import Measurement, Parity
from edgeq.benchmark.sustained import SustainedPlan, cool_down
from edgeq.benchmark.targets import Targets
from edgeq.benchmark.timing import Timing
from edgeq.data.dataset import FAIL, Dataset, check_policy
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import UsageError, WorkerError, joined_reasons
from edgeq.runtime.available import find_runtime
from edgeq.runtime.cpu_affinity import as_ranges, check_cpus
from edgeq.runtime.host import cpu_count

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Session:
    """What came of a session.

    Attributes:
        measurements: one a variant and thread count.
        failures: reason by variant.
        notes: what was chosen or left out, one sentence each.
    """

    measurements: tuple[Measurement, ...]
    failures: Mapping[str, str]
    notes: tuple[str, ...]


def default_threads(cpus: Sequence[int] = ()) -> tuple[int, ...]:
    """One thread, and as many as phones have fast cores if this machine, or the cores to be tied to, has them."""
    return tuple(sorted({1, min(4, len(cpus) or cpu_count())}))


def measure(
    targets: Targets,
    *,
    data: Dataset | None = None,
    preprocessing: Preprocessing | None = None,
    threads: Sequence[int] = (),
    runtime: str | None = None,
    plan: Plan | None = DEFAULT,
    cpus: Sequence[int] = (),
    sustained_s: float = 0.0,
    cool_down_s: float = 0.0,
    minute_s: float = 60.0,
    baseline: str | None = None,
    limit: int | None = None,
    task: str | Mapping[str, Any] | None = None,
    on_bad_input: str = FAIL,
    executor: Executor | None = None,
    seed: int = 0,
    verbose: bool = False,
    progress: Progress | None = None,
) -> Session:
    """Measures latency, memory and size, and with data accuracy.

    Args:
        targets: what to measure.
        data: the validation set; items that the bundle was calibrated on are left out.
        preprocessing: instead of the bundle's.
        threads: of the interpreter, each measured on its own; `default_threads` by default, and 1 where
            no latency is measured.
        runtime: which; None for the best installed.
        plan: how long to time; None measures no latency.
        cpus: cores that the timed inferences are tied to; none for all.
        sustained_s: how long each variant then runs alone without a pause; 0 for not at all.
        cool_down_s: pause before each thread count, also after accuracy, and before each such run.
        minute_s: over which a sustained run takes its medians.
        baseline: variant that the others are compared with; float32, else the first, by default.
        limit: largest number of validation items; all by default.
        task: what the model does; found from labels and outputs by default.
        on_bad_input: ``fail``, or ``skip`` to leave out items that cannot be read.
        executor: what accuracy is measured with; processes on this machine by default.
        seed: of the order of measuring and of the bootstrap.
        verbose: whether the runtime's own output is let through.
        progress: called as it goes on.

    Returns:
        The measurements. Variants that failed are named in it.

    Raises:
        EdgeqError: nothing can be measured.
    """
    find_runtime(runtime)
    cpus = check_cpus(cpus)
    sustained = SustainedPlan(sustained_s, cool_down_s, minute_s)
    if plan is None and (cpus or sustained_s):
        raise UsageError("cores and a sustained run are for latency: let it be measured, or leave them out")
    base = targets.baseline(baseline)
    watch = HostWatch()
    environment = read_environment(cpus=cpus, state=watch.first)
    accuracies = Accuracies()
    if data is not None:
        check_policy(on_bad_input)
        feed = bound_feed(
            targets,
            data,
            preprocessing or targets.preprocessing_of(data),
            on_bad_input,
            _told("looking at the data", progress),
        )
        accuracies = measure_accuracy(
            targets,
            feed,
            baseline=base,
            task=task,
            runtime=runtime,
            limit=limit,
            on_bad_input=on_bad_input,
            executor=executor,
            seed=seed,
            verbose=verbose,
            progress=_told("accuracy", progress),
        )
    session = uuid.uuid4().hex[:12]
    measurements: list[Measurement] = []
    failures = dict(accuracies.failures)
    notes = [*targets.notes(data, preprocessing_is_given=preprocessing is not None), *accuracies.notes]
    parities: Mapping[str, Parity] = {}
    alive = [target for target in targets.files if target.info.name not in failures]
    counts = threads or (default_threads(cpus) if plan is not None else (1,))
    notes += _crowding_notes(counts, cpus)
    for position, count in enumerate(counts):
        if plan is not None:
            cool_down(sustained.cool_down_s, progress)
        with ExitStack() as stack:
            timing = Timing(
                stack,
                targets,
                alive,
                threads=count,
                runtime=runtime,
                cpus=cpus,
                watch=watch,
                verbose=verbose,
            )
            if not position:
                parities = timing.parities()
            if plan is not None:
                timing.run(plan, sustained, seed, progress)
            failures |= timing.failures
            notes += timing.notes
            alive = [target for target in alive if target.info.name not in failures]
            for target in alive:
                name = target.info.name
                measurements.append(
                    Measurement(
                        session=session,
                        variant=target.info,
                        baseline=base,
                        threads=count,
                        inputs=timing.inputs(name),
                        runtime=timing.runtime(name),
                        environment=timing.environment(environment),
                        latency=timing.latency(name, base),
                        accuracy=accuracies.by_variant.get(name),
                        peak_memory_bytes=timing.peak_memory_bytes(name),
                        provenance=targets.provenance,
                        parity=parities.get(name),
                        invalid=timing.invalid,
                    )
                )
    if not measurements:
        raise WorkerError("nothing could be measured: " + joined_reasons(failures))
    return Session(tuple(measurements), failures, tuple(notes))


def _crowding_notes(threads: Sequence[int], cpus: Sequence[int]) -> list[str]:
    """Threads that wait for each other, because they are tied to fewer cores."""
    return [
        f"{count} threads share core{'s' * (len(cpus) > 1)} {as_ranges(cpus)}, which slows them"
        for count in threads
        if cpus and count > len(cpus)
    ]


def _told(what: str, progress: Progress | None) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(what, done, total)
