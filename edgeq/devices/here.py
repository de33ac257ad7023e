"""Measures on the machine that runs this, by the options of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.benchmark.session import Progress, Session, measure
from edgeq.benchmark.targets import Targets
from edgeq.data.dataset import FAIL, Dataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.devices.job_options import JobOptions


def measure_here(
    targets: Targets,
    options: JobOptions,
    *,
    data: Dataset | None = None,
    preprocessing: Preprocessing | None = None,
    task: str | Mapping[str, Any] | None = None,
    limit: int | None = None,
    on_bad_input: str = FAIL,
    progress: Progress | None = None,
) -> Session:
    """Measures as `edgeq.benchmark.session.measure` does.

    Args:
        targets: what to measure, all of it.
        options: of the job.
        data: the validation set.
        preprocessing: instead of the bundle's.
        task: what the model does; found by default.
        limit: largest number of validation items.
        on_bad_input: ``fail`` or ``skip``.
        progress: called as it goes on.

    Raises:
        EdgeqError: nothing can be measured.
    """
    return measure(
        targets,
        data=data,
        preprocessing=preprocessing,
        threads=options.threads,
        runtime=options.runtime,
        plan=options.plan(),
        baseline=options.baseline,
        limit=limit,
        task=task,
        on_bad_input=on_bad_input,
        cpus=options.cpus,
        sustained_s=options.sustained_s,
        cool_down_s=options.cool_down_s,
        seed=options.seed,
        verbose=options.verbose,
        progress=progress,
    )
