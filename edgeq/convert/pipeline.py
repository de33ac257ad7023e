"""From a source to a bundle: every variant made, run, compared and written."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import edgeq
from edgeq.bundle import (
    Bundle,
    Failure,
    Manifest,
    Parity,
    Tensor,
    Variant,
    is_bundle,
    write_bundle,
)
from edgeq.convert.calibrating import (
    Calibration,
    check_inputs,
    choose,
    converter_items,
    model_inputs,
    parity_count,
    reference_outputs,
)
from edgeq.convert.check import Checked, check_scheme, run_and_compare, sign
from edgeq.convert.converter import Converter
from edgeq.convert.quiet import Quiet
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed
from edgeq.data.preprocessing import RAW, Preprocessing, find_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.data.splitting import CALIBRATION_ITEMS
from edgeq.errors import ConversionError, EdgeqError, UsageError
from edgeq.files import check_target, sha256_bytes
from edgeq.runtime.available import find_runtime
from edgeq.schemes import BASELINE, Selection, VariantSpec, select
from edgeq.sources.graph import Array, Dimensions, SourceGraph
from edgeq.sources.opening import open_source

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


@dataclass(frozen=True)
class Options:
    """How to convert; every field has the command line's default.

    Attributes:
        schemes: names, ``all``, or none for the default ones.
        io: I/O types of full-integer files; none for each scheme's default.
        preprocess: name of the preprocessing; None finds it.
        labels: class names; None takes what the source or the data know.
        batch: size of a free batch axis.
        size: sizes of other free dimensions.
        calibration_items: how many items are drawn for calibration.
        seed: of the draws.
        allow_flex: whether TensorFlow's own operators may be used.
        allow_lambda: whether Lambda layers may be loaded.
        signature: of a SavedModel.
        force: whether an existing bundle is replaced.
        verbose: whether TensorFlow's output is let through.
    """

    schemes: Sequence[str] = ()
    io: Sequence[str] = ()
    preprocess: str | None = None
    labels: Sequence[str] | None = None
    batch: int | None = None
    size: tuple[int, ...] = ()
    calibration_items: int = CALIBRATION_ITEMS
    seed: int = 0
    allow_flex: bool = False
    allow_lambda: bool = False
    signature: str | None = None
    force: bool = False
    verbose: bool = False


@dataclass
class _Made:
    """Variants as they come, in the order of the specs."""

    models: dict[str, bytes] = field(default_factory=dict)
    checks: list[tuple[VariantSpec, Future[Checked]]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


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
        source: a path, or a ``keras.Model``.
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
    selection = select(chosen.schemes, chosen.io, has_data=data is not None or calibration is not None)
    if chosen.preprocess is not None:
        find_preprocessing(chosen.preprocess)
    find_runtime()
    quiet = Quiet(enabled=not chosen.verbose)

    def report(what: str, done: int, total: int) -> None:
        if progress is not None:
            with quiet.aloud():
                progress(what, done, total)

    if output is not None:
        check_target(Path(output), force=chosen.force, replaceable=is_bundle)
    # What is read before TensorFlow is loaded fails in a moment instead of in seconds.
    dataset = _dataset(calibration if calibration is not None else data)
    with quiet.silence():
        report("loading", 0, 1)
        graph = open_source(
            source,
            Dimensions(chosen.batch, chosen.size),
            allow_lambda=chosen.allow_lambda,
            signature=chosen.signature,
        )
        report("loading", 1, 1)
        folder = Path(output) if output is not None else Path(f"{graph.name}-edgeq")
        check_target(folder, force=chosen.force, replaceable=is_bundle)
        job = _Job(graph, chosen, selection, dataset, calibration is not None, report)
        return job.run(folder)


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
        self._dataset = dataset
        self._all_for_calibration = all_for_calibration
        self._report = report
        self._notes = list(selection.notes)
        self._warnings: list[str] = []

    def run(self, folder: Path) -> Conversion:
        preprocessing = self._preprocessing()
        feed = None
        calibration = None
        if self._dataset is not None:
            feed = Feed(self._dataset, model_inputs(self._graph), preprocessing)
            count = len(self._dataset) if self._all_for_calibration else self._options.calibration_items
            calibration = choose(feed, count, self._options.seed)
            self._warnings += calibration.warnings
        inputs = check_inputs(
            self._graph, feed, () if calibration is None else calibration.indices, self._options.seed + 1
        )
        reference = reference_outputs(self._graph, inputs)
        with tempfile.TemporaryDirectory(prefix="edgeq-convert-") as scratch, ThreadPoolExecutor(1) as pool:
            made = self._make_all(Path(scratch), pool, calibration, inputs, reference)
            checked = self._collect(made)
        if BASELINE not in checked:
            reasons = {failure.name: failure.reason for failure in made.failures}
            raise ConversionError(
                f"{self._graph.name} cannot be converted: {reasons.get(BASELINE, 'unknown')}"
            )
        return self._write(folder, made, checked, preprocessing, calibration, inputs, reference)

    def _preprocessing(self) -> Preprocessing:
        if self._options.preprocess is not None:
            return find_preprocessing(self._options.preprocess)
        return RAW

    def _make_all(
        self,
        scratch: Path,
        pool: ThreadPoolExecutor,
        calibration: Calibration | None,
        inputs: dict[str, Array],
        reference: dict[str, Array],
    ) -> _Made:
        """Makes one variant after the other; each is checked in a process while the next is made."""
        specs = self._selection.specs
        made = _Made()
        items = None
        if calibration is not None:
            items = converter_items(
                self._graph, calibration, lambda done, total: self._report("calibrating", done, total)
            )
        converter = Converter(self._graph, items, allow_flex=self._options.allow_flex)
        for position, spec in enumerate(specs):
            self._report(spec.name, position, len(specs))
            try:
                content = sign(converter.make(spec), self._graph)
                check_scheme(content, spec)
            except ConversionError as error:
                if spec.scheme.name == BASELINE:
                    raise
                made.failures.append(Failure(spec.name, str(error)))
                continue
            path = scratch / f"{spec.name}.tflite"
            path.write_bytes(content)
            made.models[spec.name] = content
            made.checks.append(
                (spec, pool.submit(run_and_compare, path, spec, inputs, reference, runtime=None))
            )
        self._report("checking", len(specs), len(specs))
        return made

    def _collect(self, made: _Made) -> dict[str, tuple[VariantSpec, Checked]]:
        checked = {}
        for spec, future in made.checks:
            try:
                checked[spec.name] = (spec, future.result())
            except EdgeqError as error:
                made.failures.append(Failure(spec.name, str(error).removeprefix(f"{spec.name}: ")))
        self._warnings += [result.warning for _, result in checked.values() if result.warning]
        return checked

    def _write(
        self,
        folder: Path,
        made: _Made,
        checked: dict[str, tuple[VariantSpec, Checked]],
        preprocessing: Preprocessing,
        calibration: Calibration | None,
        inputs: dict[str, Array],
        reference: dict[str, Array],
    ) -> Conversion:
        graph = self._graph
        names = {name: f"{graph.name}.{name}.tflite" for name in checked}
        manifest = Manifest(
            name=graph.name,
            inputs=tuple(Tensor(spec.name, spec.shape, spec.dtype) for spec in graph.inputs),
            outputs=graph.outputs,
            batched={spec.name: spec.batched for spec in graph.inputs},
            preprocessing=preprocessing,
            labels=self._labels(reference),
            calibration=() if calibration is None else calibration.digests,
            variants=tuple(
                _variant(spec, names[name], made.models[name], result)
                for name, (spec, result) in checked.items()
            ),
            failures=tuple(made.failures),
            provenance=self._provenance(),
        )
        kept = parity_count(inputs)
        parity = Parity(
            inputs={name: array[:kept] for name, array in inputs.items()},
            reference={name: array[:kept] for name, array in reference.items()},
            stored={
                name: {output: array[:kept] for output, array in result.stored.items()}
                for name, (_, result) in checked.items()
            },
        )
        models = {names[name]: made.models[name] for name in checked}
        bundle = write_bundle(folder, manifest, models, parity, force=self._options.force)
        return Conversion(bundle, tuple(self._notes), tuple(self._warnings))

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
            raise UsageError(f"{origin} has {len(labels)} classes, the model's output has {classes}")
        return labels

    def _provenance(self) -> dict[str, Any]:
        import keras
        import tensorflow as tf

        runtime = find_runtime()
        options = self._options
        return {
            "source": {"kind": self._graph.kind, "sha256": self._graph.digest},
            "options": {
                "variants": [spec.name for spec in self._selection.specs],
                "preprocess": options.preprocess,
                "batch": options.batch,
                "size": list(options.size),
                "seed": options.seed,
                "allow_flex": options.allow_flex,
            },
            "versions": {
                "edgeq": edgeq.__version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                runtime.package.distribution: runtime.version,
                "python": platform.python_version(),
            },
        }


def _variant(spec: VariantSpec, file: str, content: bytes, result: Checked) -> Variant:
    return Variant(
        name=spec.name,
        file=file,
        scheme=spec.scheme.name,
        io=spec.io,
        sha256=sha256_bytes(content),
        size_bytes=len(content),
        inputs=result.inputs,
        outputs=result.outputs,
        check=result.check,
    )
