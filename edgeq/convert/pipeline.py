"""From a source to a bundle: every variant made, run, compared and written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.benchmark.accuracy import check_labels
from edgeq.bundle import Bundle, Failure, is_bundle
from edgeq.convert.assembly import assemble
from edgeq.convert.calibrating import (
    Calibration,
    check_before_opening,
    check_inputs,
    choose,
    model_inputs,
    reference_outputs,
    write_items,
)
from edgeq.convert.flex import flex_operators
from edgeq.convert.making import Making
from edgeq.convert.options import Options
from edgeq.convert.preprocessing_search import by_scoring, without_scoring
from edgeq.convert.process import ConverterProcess
from edgeq.convert.quiet import Quiet
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed
from edgeq.data.labels import in_order_of
from edgeq.data.preprocessing import RAW, Preprocessing, find_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.data.script import is_script, read_script
from edgeq.errors import ConversionError, UsageError
from edgeq.files import check_target
from edgeq.runtime.available import find_runtime
from edgeq.schemes import Selection, select
from edgeq.scratch import scratch_folder
from edgeq.sources.graph import Array, Dimensions, SourceGraph, prepare_tensorflow
from edgeq.sources.opening import name_of, open_source
from edgeq.tflite.model import read_model

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and how many there are."""


@dataclass(frozen=True)
class Conversion:
    """What came of a conversion.

    Attributes:
        bundle: as written.
        notes: what was chosen or left out, one sentence each.
        warnings: what a user should look at, one sentence each.
    """

    bundle: Bundle
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Variants that could not be made."""
        return self.bundle.manifest.failures


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
        chosen = dataclasses.replace(chosen, preprocess=chosen.preprocess or source.preprocess)
    selection = select(
        chosen.schemes,
        chosen.io,
        has_data=data is not None or calibration is not None,
        schemes=chosen.scheme_table,
    )
    if chosen.preprocess is not None:
        find_preprocessing(chosen.preprocess)
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
        count = len(dataset) if calibration is not None else chosen.calibration_items
        check_before_opening(dataset, count, chosen.seed)
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
        job = _Job(graph, chosen, selection, dataset, calibration is not None, report)
        return job.run(folder, Path(scratch), converter)


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


class _Job:
    """One conversion: the graph, the data and the variants that are being made."""

    def __init__(
        self,
        graph: SourceGraph,
        options: Options,
        selection: Selection,
        dataset: Dataset | None,
        all_for_calibration: bool,
        report: Progress,
    ) -> None:
        self._graph = graph
        self._options = options
        self._selection = selection
        known = options.labels if options.labels is not None else graph.labels
        self._dataset = None if dataset is None else in_order_of(dataset, known)
        self._all_for_calibration = all_for_calibration
        self._report = report
        self._notes = list(selection.notes)
        self._warnings: list[str] = []

    def run(self, folder: Path, scratch: Path, converter: ConverterProcess) -> Conversion:
        """Makes everything and writes it."""
        graph, options = self._graph, self._options
        if self._dataset is not None:
            # Names and shapes that do not fit are told before anything is made.
            Feed(self._dataset, model_inputs(graph), RAW)
        with ThreadPoolExecutor(1) as pool:
            making = Making(graph, scratch, pool, converter)
            baseline, *others = self._selection.specs
            self._report(baseline.name, 0, len(others) + 1)
            making.make(baseline)
            preprocessing = self._preprocessing(making.path(baseline))
            feed = None
            if self._dataset is not None:
                feed = Feed(self._dataset, model_inputs(graph), preprocessing)
            calibration = self._calibration(feed)
            exclude = () if calibration is None else calibration.indices
            inputs = check_inputs(graph, feed, exclude, options.seed + 1)
            reference = reference_outputs(graph, inputs)
            labels = self._labels(reference)
            if self._dataset is not None and any(spec.batched for spec in graph.inputs):
                check_labels(self._dataset, {name: array[:, 0] for name, array in reference.items()})
            making.check(baseline, inputs, reference)
            if calibration is not None:
                if graph.unroll is not None:
                    converter.open(graph.unroll(), allow_flex=options.allow_flex, for_integers=True)
                converter.calibrate_on(
                    write_items(
                        graph,
                        calibration,
                        scratch,
                        lambda done, total: self._report("reading calibration data", done, total),
                    )
                )
            for position, spec in enumerate(others, start=1):
                self._report(spec.name, position, len(others) + 1)
                try:
                    making.make(spec)
                except ConversionError as error:
                    making.failures.append(Failure(spec.name, str(error)))
                    continue
                # The check runs in a process of its own while the next variant is made.
                making.check(spec, inputs, reference)
            self._report("checking", len(others) + 1, len(others) + 1)
            checked = making.collect()
        if baseline.name not in checked:
            reasons = {failure.name: failure.reason for failure in making.failures}
            raise ConversionError(f"{graph.name} cannot be converted: {reasons[baseline.name]}")
        self._warnings += making.warnings(checked)
        bundle = assemble(
            folder,
            graph,
            making,
            checked,
            options=options,
            selection=self._selection,
            preprocessing=preprocessing,
            labels=labels,
            calibration=calibration,
            inputs=inputs,
            reference=reference,
        )
        return Conversion(bundle, tuple(self._notes), tuple(self._warnings))

    def _preprocessing(self, float32_file: Path) -> Preprocessing:
        if self._options.preprocess is not None:
            return find_preprocessing(self._options.preprocess)
        wanted = model_inputs(self._graph)
        found = without_scoring(self._dataset, wanted, scales_input=self._graph.scales_input)
        if found is None and self._dataset is not None:
            if flex_operators(read_model(float32_file)):
                raise UsageError(
                    "the preprocessing cannot be found, because no runtime here runs TensorFlow's own operators: say "
                    "it with --preprocess"
                )
            self._report("finding the preprocessing", 0, 1)
            found = by_scoring(float32_file, self._dataset, wanted, seed=self._options.seed)
        if found is None:
            return RAW
        if found.note is not None:
            self._notes.append(found.note)
        return found.preprocessing

    def _calibration(self, feed: Feed | None) -> Calibration | None:
        """The items to calibrate on; None where no file needs them, so that all are left to measure on."""
        if feed is None or not any(spec.scheme.needs_calibration for spec in self._selection.specs):
            return None
        count = len(feed.dataset) if self._all_for_calibration else self._options.calibration_items
        calibration = choose(feed, count, self._options.seed)
        self._warnings += calibration.warnings
        return calibration

    def _labels(self, reference: dict[str, Array]) -> tuple[str, ...]:
        """Class names from the options, the source or the data, if they are as many as the model's outputs."""
        if self._options.labels is not None:
            labels, origin = tuple(self._options.labels), "--labels"
        elif self._graph.labels:
            labels, origin = self._graph.labels, "the converter script"
        elif self._dataset is not None and self._dataset.class_names:
            labels, origin = self._dataset.class_names, self._dataset.source
        else:
            return ()
        classes = next(iter(reference.values())).shape[-1]
        if len(reference) == 1 and classes > 1 and len(labels) != classes:
            raise UsageError(
                f"{origin} has {len(labels)} class{'es' * (len(labels) > 1)}, the model's output has {classes}: "
                "expected one name an output, in its order"
            )
        return labels
