"""From a source to a bundle: every variant made, run, compared and written."""

from __future__ import annotations

import dataclasses
import re
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgeq.bundle import is_bundle
from edgeq.convert.calibrating import check_before_opening, for_calibration
from edgeq.convert.job import Conversion, Job, Progress
from edgeq.convert.options import DRAWS, Options
from edgeq.convert.process import ConverterProcess
from edgeq.convert.quiet import Quiet
from edgeq.convert.tuning import with_tuned
from edgeq.data.dataset import Dataset, check_policy
from edgeq.data.preprocessing import find_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.data.script import is_script, read_script
from edgeq.errors import MissingExtraError, UsageError
from edgeq.files import check_target
from edgeq.quantize.ranges.by_method import method_named
from edgeq.quantize.recipe import CHOSEN
from edgeq.runtime.available import find_runtime
from edgeq.schemes import select
from edgeq.scratch import scratch_folder
from edgeq.sources.graph import Dimensions, prepare_tensorflow
from edgeq.sources.opening import name_of, open_source


def convert(
    source: Any,
    *,
    data: Dataset | Path | str | None = None,
    calibration: Dataset | Path | str | None = None,
    output: Path | str | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Converts a model to a bundle.

    Args:
        source: a path, or a ``keras.Model``. A converter script brings its own data, preprocessing and labels
            where they are not given here.
        data: a data set; calibration items are drawn from it.
        calibration: a data set of which all items are for calibration; overrides `data`.
        output: folder of the bundle; ``NAME-edgeq`` beside the working directory's other files by default.
        options: how.
        progress: called as it goes on.

    Returns:
        The bundle and what is to be said of it. Variants that failed are named in it.

    Raises:
        EdgeqError: nothing could be made; no bundle is written then.
    """
    chosen = options or Options()
    quiet = Quiet(enabled=not chosen.verbose)
    if isinstance(source, str | Path) and is_script(Path(source)):
        prepare_tensorflow()
        with quiet.silence():
            source = read_script(Path(source))
            source.require_model()
            if data is None and calibration is None:
                calibration = source.read_calibration()
                data = source.read_data() if calibration is None else None
        chosen = dataclasses.replace(
            chosen, preprocess=chosen.preprocess or source.preprocess, task=chosen.task or source.task
        )
    has_data = data is not None or calibration is not None
    selection = with_tuned(
        select(
            chosen.schemes,
            chosen.io,
            has_data=has_data,
            has_quantizer=find_spec("litert_quantizer") is not None,
            schemes=chosen.scheme_table,
        ),
        chosen,
    )
    if any(spec.label for spec in selection.specs):
        _check_tuning(chosen, has_data)
    if isinstance(chosen.preprocess, str):
        chosen = dataclasses.replace(chosen, preprocess=find_preprocessing(chosen.preprocess))
    check_policy(chosen.on_bad_input)
    if chosen.calibration_draw not in DRAWS:
        raise UsageError(
            f"unknown --calibration-draw {chosen.calibration_draw!r}: expected {' or '.join(DRAWS)}"
        )
    find_runtime()

    def report(what: str, done: int, total: int) -> None:
        if progress is not None:
            with quiet.aloud():
                progress(what, done, total)

    # What fails before TensorFlow is loaded fails in a moment instead of in seconds.
    _check_name(chosen.name)
    name = chosen.name or name_of(source)
    if output is not None or name is not None:
        early = Path(output) if output is not None else Path(f"{name}-edgeq")
        check_target(early, force=chosen.force, replaceable=is_bundle)
    dataset = _dataset(calibration if calibration is not None else data)
    if dataset is not None:
        dataset = dataset.inspected(
            chosen.on_bad_input, lambda done, total: report("looking at the data", done, total)
        )
        pool = dataset if calibration is not None else for_calibration(dataset)
        count = len(pool) if calibration is not None else chosen.calibration_items
        check_before_opening(pool, count, chosen.seed)
    with (
        scratch_folder("convert") as scratch,
        closing(
            ConverterProcess(
                Path(scratch),
                verbose=chosen.verbose,
                on_calibration=lambda done, total: report("calibrating", done, total),
            )
        ) as converter,
        quiet.silence(),
    ):
        report("loading", 0, 1)
        graph = open_source(
            source,
            Dimensions(chosen.batch, chosen.size),
            allow_lambda=chosen.allow_lambda,
            signature=chosen.signature,
        )
        if chosen.name is not None:
            graph = dataclasses.replace(graph, name=chosen.name)
        report("loading", 1, 1)
        folder = Path(output) if output is not None else Path(f"{graph.name}-edgeq")
        check_target(folder, force=chosen.force, replaceable=is_bundle)
        converter.open(graph.frozen, allow_flex=chosen.allow_flex)
        job = Job(graph, chosen, selection, dataset, calibration is not None, report)
        return job.run(folder, Path(scratch), converter)


def _check_tuning(options: Options, has_data: bool) -> None:
    if find_spec("litert_quantizer") is None:
        raise MissingExtraError("litert-quantizer, which tuned files need,", "optimize")
    if not has_data:
        raise UsageError("a recipe needs representative data: add --data FOLDER or --data FILE.npz")
    recipe = options.methods or (options.recipe.recipe if options.recipe is not None else None)
    if recipe is not None and recipe.range_method != CHOSEN:
        method_named(recipe.range_method)


def _check_name(name: str | None) -> None:
    if name is not None and (
        not name.strip() or name.startswith(".") or re.search(r'[/\\:*?"<>|\0-\x1f]', name)
    ):
        raise UsageError(
            f'the name {name!r} cannot be that of files: expected one without / \\ : * ? " < > | and not '
            "beginning with a dot"
        )


def _dataset(given: Dataset | Path | str | None) -> Dataset | None:
    if given is None or isinstance(given, Dataset):
        return given
    return read_dataset(Path(given))
