"""From a model and an accuracy budget to a bundle with the best variant first."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from edgeq.bundle import is_bundle
from edgeq.data.dataset import Dataset
from edgeq.errors import MissingExtraError, UsageError
from edgeq.files import atomic_directory, check_target
from edgeq.optimize.budget import Budget
from edgeq.optimize.executors import LOCAL, check_executor
from edgeq.optimize.options import Optimization, OptimizeOptions, Progress
from edgeq.optimize.result import Goal
from edgeq.optimize.search_job import SearchJob
from edgeq.runtime.available import find_runtime

__all__ = ["Optimization", "OptimizeOptions", "Progress", "optimize"]


def optimize(
    source: Any,
    *,
    goal: Goal,
    data: Dataset | Path | str | None = None,
    calibration: Dataset | Path | str | None = None,
    output: Path | str | None = None,
    options: OptimizeOptions | None = None,
    budget: Budget | None = None,
    executor: str | Executor = LOCAL,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Optimization:
    """Searches for the best variant of a model within an accuracy budget, and writes a bundle of the best ones.

    Args:
        source: a path, a ``keras.Model``, or a bundle, whose float32 file is quantized then.
        goal: what is wanted.
        data: the data set that files are judged on; calibration items are drawn from it, and left out where files are
            judged. A converter script brings its own.
        calibration: a data set of which all items are for calibration; `data` is for judging alone then.
        output: folder of the bundle; ``NAME-optimized`` beside the working directory's other files by default.
        options: how.
        budget: how long; no end by default, which is a few hundred candidates at most.
        executor: see `edgeq.optimize.executors.open_farm`.
        progress: called as it goes on.
        say: called with a line for the best so far.

    Returns:
        The bundle and what was found. Where nothing meets the goal, ``result.meets`` is False and the bundle has what
        comes nearest.

    Raises:
        EdgeqError: there is nothing to search or to judge by, or nothing could be written; what was made stays in the
            user's cache for the next search.
    """
    chosen = options or OptimizeOptions()
    find_runtime(chosen.runtime)
    # What fails before TensorFlow is loaded fails in a moment instead of in seconds.
    if importlib.util.find_spec("litert_quantizer") is None:
        raise MissingExtraError("litert-quantizer, which applies recipes,", "optimize")
    if isinstance(executor, str):
        check_executor(executor)
    job = SearchJob(source, goal, data, calibration, chosen, progress)
    folder = Path(output) if output is not None else Path(f"{job.name}-optimized")
    if isinstance(source, str | Path) and folder.exists() and folder.resolve() == Path(source).resolve():
        raise UsageError(
            f"{folder} is the model that is searched, which the result would replace: name another -o"
        )
    check_target(folder, force=job.force, replaceable=is_bundle)
    # Held from here on: a second search on the same output ends now and not after an hour.
    with atomic_directory(folder, force=job.force, replaceable=is_bundle) as temporary:
        made = job.run(temporary, executor, budget or Budget(), say or _silence)
    return dataclasses.replace(made, bundle=dataclasses.replace(made.bundle, folder=folder))


def _silence(line: str) -> None:
    """Nobody asked for lines."""
