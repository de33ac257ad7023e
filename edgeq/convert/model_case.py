"""Opens a model that is not converted yet as a case for the doctor: its float32 file, and trial files on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edgeq.convert.calibrating import model_inputs
from edgeq.convert.job import Progress
from edgeq.convert.preprocessing_search import by_scoring, without_scoring
from edgeq.convert.process import ConverterProcess
from edgeq.convert.quiet import Quiet
from edgeq.convert.trial_files import TrialFiles
from edgeq.data.columns import ArrayColumn
from edgeq.data.dataset import SKIP, Dataset
from edgeq.data.preprocessing import RAW, Preprocessing, find_preprocessing
from edgeq.data.script import Script, is_script, read_script
from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.opening import claimed_by, read_given
from edgeq.errors import DataError, EdgeqError
from edgeq.runtime.available import find_runtime
from edgeq.scratch import scratch_folder
from edgeq.sources.graph import FLATBUFFER, Dimensions, prepare_tensorflow
from edgeq.sources.opening import open_source

_GUESSED_SIZE = 224
"""Of a free dimension where neither a user nor the data say one: the usual height and width of images."""


@contextmanager
def open_model_case(
    source: Path,
    *,
    data: Path | Dataset | None = None,
    calibration: Path | Dataset | None = None,
    preprocess: Preprocessing | str | None = None,
    batch: int | None = None,
    size: tuple[int, ...] = (),
    signature: str | None = None,
    allow_lambda: bool = False,
    runtime: str | None = None,
    seed: int = 0,
    verbose: bool = False,
    progress: Progress | None = None,
) -> Iterator[Case]:
    """Opens a model as a case, which is good until the block ends.

    Args:
        source: a .keras or .h5 file, a SavedModel, a float .tflite, or a converter script, which brings its own data
            and preprocessing where they are not given here.
        data: a data set, or where it lies.
        calibration: likewise, for calibration alone.
        preprocess: how stored values become the model's input; None finds it where that is clear, else takes them raw.
        batch: size of a free batch axis.
        size: sizes of other free dimensions; a guess (from the data, else 224) where none are given.
        signature: of a SavedModel.
        allow_lambda: whether Lambda layers may be loaded.
        runtime: which runtime runs trial files; None for the best installed.
        seed: of the draws.
        verbose: whether TensorFlow's output is let through.
        progress: called as it goes on.

    Yields:
        The case. Data that cannot be read, and a model that cannot be converted, are its problems and no errors.

    Raises:
        EdgeqError: the model cannot be opened, or options do not fit it.
    """
    quiet = Quiet(enabled=not verbose)
    find_runtime(runtime)
    wanted = find_preprocessing(preprocess) if isinstance(preprocess, str) else preprocess

    def report(what: str, done: int, total: int) -> None:
        if progress is not None:
            with quiet.aloud():
                progress(what, done, total)

    prepare_tensorflow()
    script = None
    if is_script(source):
        with quiet.silence():
            script = read_script(source)
            script.require_model()
    with (
        scratch_folder("doctor") as scratch,
        closing(ConverterProcess(scratch, verbose=verbose)) as converter,
    ):
        with quiet.silence():
            report("loading", 0, 1)
            given = _Given(script, data, calibration)
            graph = open_source(
                source if script is None else script,
                Dimensions(batch, size, given.guess),
                allow_lambda=allow_lambda,
                signature=signature,
            )
            given.number_classes(graph.labels)
            report("loading", 1, 1)
            making = TrialFiles(graph, scratch, converter, quiet, report, runtime, seed)
            report("converting to float32", 0, 1)
            making.make_float32()
            report("converting to float32", 1, 1)
            if wanted is None and script is not None:
                wanted = script.preprocess
            if wanted is None:
                report("finding the preprocessing", 0, 1)
                wanted = _found_preprocessing(making, given, seed)
        case = _case(source, making, given, wanted, is_size_given=bool(size))
        making.case = case
        yield case


class _Given:
    """The data that were given, or that a script brings.

    Attributes:
        dataset: None where there are none, or they cannot be read.
        calibration: likewise.
        problem: why they cannot be read; None where they can.
    """

    def __init__(
        self, script: Script | None, data: Path | Dataset | None, calibration: Path | Dataset | None
    ) -> None:
        self.dataset, self.problem = read_given(data)
        self.calibration, problem = read_given(calibration)
        self.problem = self.problem or problem
        if script is not None and data is None and calibration is None:
            try:
                self.dataset = script.read_data()
                self.calibration = script.read_calibration()
            except DataError as error:
                self.problem = error

    @property
    def any(self) -> Dataset | None:
        """What there is of both."""
        return self.dataset if self.dataset is not None else self.calibration

    def number_classes(self, labels: tuple[str, ...]) -> None:
        """Numbers the classes as the model does, where both know their names."""
        self.dataset, problem = read_given(self.dataset, labels)
        self.calibration, calibration_problem = read_given(self.calibration, labels)
        self.problem = self.problem or problem or calibration_problem

    def guess(self, name: str, shape: tuple[int | None, ...]) -> tuple[int, ...]:
        """Sizes of an input's free dimensions: those of the data's arrays, else usual ones."""
        columns = {} if self.any is None else self.any.columns
        column = columns.get(name) or (columns.get("") if len(columns) == 1 else None)
        if isinstance(column, ArrayColumn) and len(column.item_shape) == len(shape):
            return tuple(
                max(1, found) for found, size in zip(column.item_shape, shape, strict=True) if size is None
            )
        return tuple(_GUESSED_SIZE for size in shape if size is None)


def _found_preprocessing(making: TrialFiles, given: _Given, seed: int) -> Preprocessing:
    """What the labels tell where that is clear; raw else: rules on data say what is wrong then."""
    inputs = model_inputs(making.graph)
    try:
        dataset = None if given.any is None else given.any.inspected(SKIP)
        found = without_scoring(dataset, inputs, scales_input=making.graph.scales_input)
        if (
            found is None
            and dataset is not None
            and making.float32_file is not None
            and not making.needs_flex
        ):
            found = by_scoring(making.float32_file, dataset, inputs, seed=seed)
    except EdgeqError:
        return RAW
    return RAW if found is None else found.preprocessing


def _case(
    source: Path, making: TrialFiles, given: _Given, preprocessing: Preprocessing, *, is_size_given: bool
) -> Case:
    graph = making.graph
    return Case(
        target=source,
        name=graph.name,
        inputs=model_inputs(graph),
        batched={spec.name: spec.batched for spec in graph.inputs},
        preprocessing=preprocessing,
        files=_files(source, making) if graph.frozen.form == FLATBUFFER else (),
        float32_file=making.float32_file,
        dataset=given.dataset,
        data_problem=given.problem,
        calibration=given.calibration,
        trials=making.trial if making.float32_file is not None else None,
        dynamic_inputs=() if is_size_given else tuple(spec.name for spec in graph.inputs if spec.was_free),
        conversion_problem=making.problem,
        runtime=making.runtime,
        seed=making.seed,
    )


def _files(source: Path, making: TrialFiles) -> tuple[FileCase, ...]:
    scheme, io = claimed_by(source.name)
    name = source.name.removesuffix(".tflite")
    return (FileCase(source, name, claimed_scheme=scheme, claimed_io=io, runtime=making.runtime),)
