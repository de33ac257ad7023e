"""A case: what the doctor looks at, with each costly fact found out once and only when a rule asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.bundle import Bundle, Parity
from edgeq.data.dataset import ArrayDataset, Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import RAW, Preprocessing
from edgeq.data.splitting import CALIBRATION_ITEMS, CALIBRATION_SPLITS, draw
from edgeq.doctor.rule import CALIBRATION, DATA, FILES, FLOAT32, TRIALS
from edgeq.errors import DataError, WorkerError
from edgeq.inspection.activations import ActivationStatistics, activation_statistics
from edgeq.inspection.inspecting import inspect_file
from edgeq.inspection.structure import Inspection
from edgeq.runtime.running import Ran, run_file
from edgeq.tflite.io import model_io
from edgeq.tflite.model import TfliteModel, read_model

Array = npt.NDArray[Any]

_PROBED_ITEMS = 64
"""Items that files are run on: shares of clipped values and spreads of outputs have settled by then."""


@dataclass(frozen=True)
class Trial:
    """A file that was made only to see whether it can be: a model's int8 or int16x8 form, of a few items.

    Attributes:
        scheme: that was tried.
        path: of the file; None where it could not be made.
        problem: why it could not be made or does not run; None where it was and does.
        sqnr_db: signal to quantization noise of its outputs on those items, against the float32 file's; None where
            either does not run.
    """

    scheme: str
    path: Path | None
    problem: str | None
    sqnr_db: float | None = None


class FileCase:
    """One .tflite under examination.

    Attributes:
        path: of the file.
        name: of the variant, or of a lone file.
        claimed_scheme: what the bundle or the file's name says it is; None where nothing does.
        claimed_io: I/O type likewise.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        claimed_scheme: str | None = None,
        claimed_io: str | None = None,
        runtime: str | None = None,
    ) -> None:
        self.path = path
        self.name = name
        self.claimed_scheme = claimed_scheme
        self.claimed_io = claimed_io
        self._runtime = runtime

    @cached_property
    def model(self) -> TfliteModel:
        """Its structure."""
        return read_model(self.path)

    @cached_property
    def structure(self) -> Inspection:
        """All that `edgeq inspect` knows without running it."""
        return inspect_file(self.path, run=False, runtime=self._runtime)

    @cached_property
    def inspection(self) -> Inspection:
        """All that `edgeq inspect` knows, with a run on zeros."""
        return inspect_file(self.path, run=True, runtime=self._runtime)

    def outputs(self, items: Mapping[str, Array]) -> Ran:
        """Runs it on items by input name, [n, *shape with batch axis].

        Raises:
            WorkerError: the runtime refuses it, fails or dies.
        """
        return run_file(self.path, self.name, items, runtime=self._runtime)


@dataclass(eq=False)
class Case:
    """What the doctor looks at.

    Attributes:
        target: what the user named.
        name: of the model.
        inputs: what the model wants of a data set.
        batched: whether the first axis of each input of the files is a batch axis, by input name.
        preprocessing: of the data.
        files: .tflite files under examination; empty for a model that is not converted yet.
        float32_file: the model in float32; None where there is none.
        dataset: all data, as read and not yet inspected; None where none were given.
        data_problem: why the data could not be read; None where they could or none were given.
        calibration: data given for calibration alone; None where items are drawn from `dataset`.
        calibrated_on: digests of the items that a bundle was calibrated on.
        bundle: where the files came from; None else.
        trials: makes a trial file of a scheme; None where only a Keras source could.
        dynamic_inputs: names of inputs with free dimensions beside the batch that nothing fixed but a guess.
        conversion_problem: why the model cannot be converted to float32 even with TensorFlow's own operators; None
            where it can or is converted already.
        runtime: which runtime; None for the best installed.
        target_runtime: that the files are to run on elsewhere, such as ``tflite-runtime 2.14``; None where none was
            named.
        seed: of the draws.
    """

    target: Path
    name: str
    inputs: tuple[ModelInput, ...]
    batched: Mapping[str, bool]
    preprocessing: Preprocessing = RAW
    files: tuple[FileCase, ...] = ()
    float32_file: Path | None = None
    dataset: Dataset | None = None
    data_problem: DataError | None = None
    calibration: Dataset | None = None
    calibrated_on: frozenset[str] = frozenset()
    bundle: Bundle | None = None
    trials: Callable[[str], Trial] | None = None
    dynamic_inputs: tuple[str, ...] = ()
    conversion_problem: str | None = None
    runtime: str | None = None
    target_runtime: str | None = None
    seed: int = 0
    _statistics: dict[Path, dict[int, ActivationStatistics]] = field(default_factory=dict, repr=False)
    _ran: dict[Path, Ran | WorkerError | None] = field(default_factory=dict, repr=False)

    def has(self, need: str) -> bool:
        """Whether the case has what a rule needs; see the constants in `edgeq.doctor.rule`."""
        if need == DATA:
            return any(one is not None for one in (self.dataset, self.calibration, self.data_problem))
        return {
            CALIBRATION: self.probe is not None,
            FLOAT32: self.float32_file is not None,
            FILES: bool(self.files),
            TRIALS: self.trials is not None,
        }[need]

    @property
    def is_flex_meant(self) -> bool:
        """Whether the files were converted with ``--allow-flex``, by someone who knows that apps must link it."""
        return self.bundle is not None and any(one.needs_flex for one in self.bundle.manifest.variants)

    @cached_property
    def items(self) -> Dataset | None:
        """The data without items that cannot be read (`Dataset.skipped` has these); None where nothing is left."""
        if self.dataset is None:
            return None
        try:
            return self.dataset.inspected("skip")
        except DataError:
            return None

    @cached_property
    def feed(self) -> Feed | None:
        """The data bound to the model's inputs; None where there are none or they do not fit (D-rules say why)."""
        if self.items is None:
            return None
        try:
            return Feed(self.items, self.inputs, self.preprocessing)
        except DataError:
            return None

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        """The data and what was given for calibration alone, bound to the model's inputs; those that fit them."""
        found = [] if self.feed is None else [self.feed]
        if self.calibration is not None:
            # Where they do not fit, D-rules say why.
            with contextlib.suppress(DataError):
                found.append(Feed(self.calibration.inspected("skip"), self.inputs, self.preprocessing))
        return tuple(found)

    @cached_property
    def calibration_indices(self) -> tuple[int, ...]:
        """Which items of `items` the model is, or would be, calibrated on; empty without data."""
        if self.items is None:
            return ()
        digests = self.items.digests()
        known = tuple(index for index, digest in enumerate(digests) if digest in self.calibrated_on)
        if known:
            return known
        splits = self.items.splits
        pool = [i for i, split in enumerate(splits) if split in CALIBRATION_SPLITS] or range(len(self.items))
        chosen = self.items.take(list(pool))
        drawn = draw(chosen.digests(), chosen.labels, CALIBRATION_ITEMS, self.seed)
        return tuple(pool[index] for index in drawn)

    @cached_property
    def probe(self) -> Feed | None:
        """Items to run files on: of the calibration set, else the bundle's parity inputs; None without either."""
        if self.calibration is not None:
            fitting = [feed for feed in self.feeds if feed is not self.feed]
            return self._drawn(fitting[0], range(len(fitting[0].dataset))) if fitting else None
        if self.feed is not None and self.calibration_indices:
            return self._drawn(self.feed, self.calibration_indices)
        if self.parity is None:
            return None
        arrays = {
            name: array[:, 0] if self.batched[name] else array for name, array in self.parity.inputs.items()
        }
        return Feed(ArrayDataset(arrays, source="the bundle's parity inputs"), self.inputs, RAW)

    def _drawn(self, feed: Feed, among: Sequence[int]) -> Feed:
        """A few of these items, of all classes: data are often sorted by them."""
        dataset = feed.dataset.take(list(among))
        return feed.over(dataset.take(draw(dataset.digests(), dataset.labels, _PROBED_ITEMS, self.seed)))

    @cached_property
    def parity(self) -> Parity | None:
        """The bundle's parity data; None without a bundle."""
        return None if self.bundle is None else self.bundle.parity()

    def probed_items(self, count: int = _PROBED_ITEMS) -> dict[str, Array]:
        """The probe's first items as the model's inputs, [n, *shape with batch axis] by name; empty without probe.

        Raises:
            DataError: an item cannot be read.
        """
        if self.probe is None:
            return {}
        indices: Sequence[int] = range(min(count, len(self.probe.dataset)))
        items = self.probe.items(indices)
        # One item a run, each with the batch axis that the file has.
        return {
            name: np.expand_dims(values, 1) if self.batched[name] else values
            for name, values in items.items()
        }

    def activations(self, path: Path) -> dict[int, ActivationStatistics]:
        """Statistics of every activation of a file on the probe, by tensor index; empty without probe.

        Raises:
            ModelError: the runtime refuses the file, fails or crashes.
        """
        if path not in self._statistics:
            self._statistics[path] = (
                {}
                if self.probe is None
                else activation_statistics(
                    path, self.probe, range(len(self.probe.dataset)), runtime=self.runtime
                )
            )
        return self._statistics[path]

    @cached_property
    def float32_model(self) -> TfliteModel | None:
        """Structure of the float32 file; None without one."""
        return None if self.float32_file is None else read_model(self.float32_file)

    @cached_property
    def reference(self) -> Ran | WorkerError | None:
        """Outputs of the float32 file on `probed_items`; the error where it does not run; None without either."""
        if self.float32_file is None or self.probe is None:
            return None
        try:
            return run_file(self.float32_file, "float32", self.probed_items(), runtime=self.runtime)
        except WorkerError as error:
            return error

    def ran(self, file: FileCase) -> Ran | WorkerError | None:
        """Outputs of a file on `probed_items`, in their order.

        Returns:
            The error where the runtime fails on them; None without probe, or where the items are not of the names
            and shapes of the file's inputs.
        """
        if file.path not in self._ran:
            items = {} if self.probe is None else self.probed_items()
            found, _ = model_io(file.model)
            if len(items) == len(found) == 1:
                # A file without signature has a name of its own for its one input.
                items = dict(zip((info.name for info in found), items.values(), strict=True))
            fits = {info.name: info.shape for info in found} == {
                name: values.shape[1:] for name, values in items.items()
            }
            self._ran[file.path] = _outputs(file, items) if items and fits else None
        return self._ran[file.path]


def _outputs(file: FileCase, items: Mapping[str, Array]) -> Ran | WorkerError:
    try:
        return file.outputs(items)
    except WorkerError as error:
        return error
