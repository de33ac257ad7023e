"""One conversion: from an open source to the bundle, every variant made, run and compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgeq.benchmark.accuracy import task_of
from edgeq.benchmark.classification import classifies
from edgeq.benchmark.tasks.anomaly import Anomaly
from edgeq.benchmark.tasks.base import Task
from edgeq.benchmark.tasks.classification import Classification
from edgeq.benchmark.tasks.embedding import Embedding
from edgeq.benchmark.tasks.multi_label import MultiLabel
from edgeq.benchmark.tasks.regression import Regression
from edgeq.bundle import Bundle, Failure
from edgeq.convert.assembly import assemble
from edgeq.convert.calibrating import (
    CHECKED_ITEMS,
    Calibration,
    check_inputs,
    choose,
    enough,
    for_calibration,
    model_inputs,
    reference_outputs,
    without_unreadable,
    write_items,
)
from edgeq.convert.check import Checked
from edgeq.convert.coverage import CANDIDATES, coverage_draw
from edgeq.convert.flex import flex_operators
from edgeq.convert.making import Making
from edgeq.convert.options import COVERAGE, Options
from edgeq.convert.preprocessing_search import by_scoring, without_scoring
from edgeq.convert.process import ConverterProcess
from edgeq.convert.self_check import examine_bundle
from edgeq.convert.tuning import recipe_of
from edgeq.data.dataset import SKIP, Dataset
from edgeq.data.feeding import Feed
from edgeq.data.labels import in_order_of
from edgeq.data.preprocessing import RAW, Preprocessing
from edgeq.doctor.examination import Examination
from edgeq.errors import ConversionError, UsageError
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.items import write_items as quantization_items
from edgeq.schemes import TUNED, Selection, VariantSpec
from edgeq.sources.graph import Array, SourceGraph
from edgeq.tflite.model import read_model

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and how many there are."""


_CLASSLESS = (Anomaly, Embedding, Regression)
"""Tasks whose outputs are none of the data's classes."""


@dataclass(frozen=True)
class Conversion:
    """What came of a conversion.

    Attributes:
        bundle: as written.
        notes: what was chosen or left out, one sentence each.
        warnings: what a user should look at, one sentence each.
        examination: what the doctor's cheap rules found in it.
    """

    bundle: Bundle
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    examination: Examination

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Variants that could not be made."""
        return self.bundle.manifest.failures


class Job:
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
        self._given = None if dataset is None else in_order_of(dataset, known)
        self._dataset = (
            self._given if self._given is None or all_for_calibration else for_calibration(self._given)
        )
        self._all_for_calibration = all_for_calibration
        self._report = report
        self._notes = list(selection.notes)
        self._warnings: list[str] = []
        self._items: CalibrationItems | None = None

    def run(self, folder: Path, scratch: Path, converter: ConverterProcess) -> Conversion:
        """Makes everything and writes it."""
        graph, options = self._graph, self._options
        if self._dataset is not None:
            # Names and shapes that do not fit are told before anything is made.
            known = options.preprocess if isinstance(options.preprocess, Preprocessing) else RAW
            Feed(self._dataset, model_inputs(graph), known)
        with ThreadPoolExecutor(1) as pool:
            making = Making(graph, scratch, pool, converter)
            baseline, *others = self._selection.specs
            self._report(baseline.name, 0, len(others) + 1)
            making.make(baseline)
            preprocessing = self._preprocessing(making.path(baseline))
            feed = self._feed(preprocessing)
            calibration = self._calibration(feed, making.path(baseline))
            exclude = () if calibration is None else calibration.indices
            inputs = check_inputs(graph, feed, exclude, options.seed + 1)
            reference = reference_outputs(graph, inputs)
            task = self._task(feed, reference)
            labels = self._labels(reference, task)
            making.check(baseline, inputs, reference)
            if calibration is not None:
                if graph.unroll is not None:
                    converter.open(graph.unroll(), allow_flex=options.allow_flex, for_integers=True)
                if any(spec.scheme.needs_calibration and recipe_of(spec, options) is None for spec in others):
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
                    self._make(making, spec, calibration, scratch)
                except ConversionError as error:
                    making.failures.append(Failure(spec.name, str(error)))
                    continue
                # The check runs in a process of its own while the next variant is made.
                making.check(spec, inputs, reference)
            self._report("checking", len(others) + 1, len(others) + 1)
            checked = {
                name: (spec, _as_of(task, result)) for name, (spec, result) in making.collect().items()
            }
        if baseline.name not in checked:
            reasons = {failure.name: failure.reason for failure in making.failures}
            raise ConversionError(f"{graph.name} cannot be converted: {reasons[baseline.name]}")
        self._notes += making.notes
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
        examination = examine_bundle(bundle, None if calibration is None else self._given)
        return Conversion(bundle, tuple(self._notes), tuple(self._warnings), examination)

    def _make(
        self, making: Making, spec: VariantSpec, calibration: Calibration | None, scratch: Path
    ) -> None:
        """Makes a file, by the converter or by its recipe."""
        recipe = recipe_of(spec, self._options)
        if recipe is None or calibration is None:
            making.make(spec)
            return
        folder = scratch / "items"
        if self._items is None:
            self._items = quantization_items(calibration.feed, calibration.indices, folder)
        items, held_back = self._items, None
        saved = self._options.recipe
        if spec.label == TUNED and saved is not None and saved.held_back:
            items, held_back = items.split(saved.held_back)
        making.quantize(spec, recipe, items, held_back)
        if spec.label == TUNED and saved is not None:
            saved.require_complete(making.recipes[spec.name].ranges)

    def _feed(self, preprocessing: Preprocessing) -> Feed | None:
        """The data bound to the model; None where there are none."""
        if self._dataset is None:
            return None
        feed = Feed(self._dataset, model_inputs(self._graph), preprocessing)
        if self._options.on_bad_input == SKIP:
            by_coverage = self._options.calibration_draw == COVERAGE
            count = max(self._count(self._dataset), CANDIDATES if by_coverage else 0)
            feed = without_unreadable(feed, count + CHECKED_ITEMS, self._options.seed)
        skipped = feed.dataset.skipped
        if skipped:
            self._warnings.append(
                f"{len(skipped)} bad item{'s are' if len(skipped) > 1 else ' is'} left out, the first: "
                f"{skipped[0].reason}"
            )
        return feed

    def _preprocessing(self, float32_file: Path) -> Preprocessing:
        if isinstance(self._options.preprocess, Preprocessing):
            return self._options.preprocess
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

    def _calibration(self, feed: Feed | None, float32_file: Path) -> Calibration | None:
        """The items to calibrate on; None where no file needs them, so that all are left to measure on."""
        if feed is None or not any(spec.scheme.needs_calibration for spec in self._selection.specs):
            return None
        count, seed = self._count(feed.dataset), self._options.seed
        saved = self._options.recipe
        if saved is not None and saved.digests is not None:
            return enough(feed, saved.indices(feed.dataset.digests()))
        if self._options.calibration_draw == COVERAGE and not self._all_for_calibration:
            indices, note = coverage_draw(
                float32_file,
                feed,
                count,
                seed,
                lambda done, total: self._report("measuring activations", done, total),
            )
            self._notes.append(note)
            return enough(feed, indices)
        return choose(feed, count, seed)

    def _count(self, dataset: Dataset) -> int:
        """How many items to calibrate on."""
        return len(dataset) if self._all_for_calibration else self._options.calibration_items

    def _task(self, feed: Feed | None, reference: Mapping[str, Array]) -> Task | None:
        """What the model does, where there are data that tell; they were found to fit it then."""
        if feed is None or not any(spec.batched for spec in self._graph.inputs):
            return None
        shapes = {name: array.shape[2:] for name, array in reference.items()}
        task = task_of(feed, shapes, self._options.task)
        task.check(feed.dataset.truth, shapes, feed.dataset.source)
        return task

    def _labels(self, reference: Mapping[str, Array], task: Task | None) -> tuple[str, ...]:
        """Class names from the options, the source or the data, if they are as many as the model's outputs."""
        if self._options.labels is not None:
            labels, origin = tuple(self._options.labels), "--labels"
        elif self._graph.labels:
            labels, origin = self._graph.labels, "the converter script"
        elif self._dataset is not None and self._dataset.class_names and not isinstance(task, _CLASSLESS):
            labels, origin = self._dataset.class_names, self._dataset.source
        else:
            return ()
        classes = next(iter(reference.values())).shape[-1]
        scores = task is None or isinstance(task, Classification | MultiLabel)
        is_clear = scores and classifies([array.shape[1:] for array in reference.values()])
        if is_clear and len(labels) != classes:
            raise UsageError(
                f"{origin} has {len(labels)} class{'es' * (len(labels) > 1)}, the model's output has {classes}: "
                "expected one name an output, in its order"
            )
        return labels


def _as_of(task: Task | None, result: Checked) -> Checked:
    """Without the agreement of largest outputs where these are no answers."""
    if task is None or isinstance(task, Classification):
        return result
    return dataclasses.replace(result, check=dataclasses.replace(result.check, agreement=None))
