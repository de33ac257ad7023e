"""Files that are made only to see whether they can be: a model's float32 form, and others on demand."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.convert.calibrating import CHECKED_ITEMS, check_inputs, without_unreadable
from edgeq.convert.check import sign
from edgeq.convert.flex import flex_operators
from edgeq.convert.job import Progress
from edgeq.convert.process import ConverterProcess
from edgeq.convert.quiet import Quiet
from edgeq.doctor.case import Case, Trial
from edgeq.errors import ConversionError, EdgeqError
from edgeq.runtime.running import run_file
from edgeq.schemes import BASELINE, VariantSpec, find
from edgeq.sources.graph import Array, SourceGraph
from edgeq.tflite.model import read_model


class TrialFiles:
    """Makes the files of a case.

    Attributes:
        graph: the model.
        float32_file: None where it cannot be made.
        problem: why it cannot be made; None where it was.
        case: that the trials belong to.
        runtime: that trials are run by; None for the best installed.
        seed: of the draws.
    """

    def __init__(
        self,
        graph: SourceGraph,
        scratch: Path,
        converter: ConverterProcess,
        quiet: Quiet,
        report: Progress,
        runtime: str | None,
        seed: int,
    ) -> None:
        """Prepares; nothing is made yet.

        Args:
            graph: the model.
            scratch: folder for the files; the caller removes it.
            converter: which makes them.
            quiet: what silences TensorFlow in this process.
            report: called as it goes on.
            runtime: that trials are run by; None for the best installed.
            seed: of the draws.
        """
        self.graph = graph
        self.float32_file: Path | None = None
        self.problem: str | None = None
        self.case: Case | None = None
        self._scratch = scratch
        self._converter = converter
        self._quiet = quiet
        self._report = report
        self.runtime = runtime
        self.seed = seed
        self._allow_flex = False
        self._calibrated = False
        self._reference: dict[str, Array] | None = None
        self._trials: dict[str, Trial] = {}

    def make_float32(self) -> None:
        """Makes the float32 file, with TensorFlow's own operators where it cannot be made without."""
        spec = _spec(BASELINE)
        path = self._scratch / f"{self.graph.name}.{BASELINE}.tflite"
        for self._allow_flex in (False, True):
            try:
                self._converter.open(self.graph.frozen, allow_flex=self._allow_flex)
                path.write_bytes(sign(self._converter.make(spec), self.graph))
            except ConversionError as error:
                # What the converter says without Flex names the operators.
                self.problem = self.problem or str(error)
            else:
                self.float32_file, self.problem = path, None
                return

    @property
    def needs_flex(self) -> bool:
        """Whether the float32 file has TensorFlow's own operators."""
        return self.float32_file is not None and bool(flex_operators(read_model(self.float32_file)))

    def trial(self, scheme: str) -> Trial:
        """Makes and runs a file of a scheme, once.

        Raises:
            UsageError: there is no such scheme.
        """
        if scheme not in self._trials:
            spec = _spec(scheme)
            with self._quiet.silence():
                self._report(f"trying {scheme}", 0, 1)
                self._trials[scheme] = self._tried(spec)
                self._report(f"trying {scheme}", 1, 1)
        return self._trials[scheme]

    def _tried(self, spec: VariantSpec) -> Trial:
        path = self._scratch / f"{self.graph.name}.{spec.name}.tflite"
        try:
            items = self._items()
            if spec.scheme.needs_calibration:
                self._calibrate(items)
            path.write_bytes(sign(self._converter.make(spec), self.graph))
        except EdgeqError as error:
            return Trial(spec.scheme.name, None, str(error))
        if self.needs_flex:
            # No runtime here runs it.
            return Trial(spec.scheme.name, path, None)
        try:
            outputs = self._outputs(path, spec.name, items)
        except EdgeqError as error:
            return Trial(spec.scheme.name, path, str(error).removeprefix(f"{spec.name}: "))
        return Trial(spec.scheme.name, path, None, self._sqnr_db(outputs, items))

    def _outputs(self, path: Path, name: str, items: Mapping[str, Array]) -> dict[str, Array]:
        """Real-valued outputs of a file by name."""
        ran = run_file(path, name, items, runtime=self.runtime)
        return {info.name: info.decode(ran.stored[info.name]) for info in ran.outputs}

    def _sqnr_db(self, outputs: Mapping[str, Array], items: Mapping[str, Array]) -> float | None:
        """Of outputs against the float32 file's; None where that does not run, or gives no finite number."""
        if self._reference is None and self.float32_file is not None:
            with suppress(EdgeqError):
                self._reference = self._outputs(self.float32_file, BASELINE, items)
        if self._reference is None or set(self._reference) != set(outputs):
            return None
        names = sorted(outputs)
        exact, found = (
            np.concatenate([np.asarray(one[name], np.float64).ravel() for name in names])
            for one in (self._reference, outputs)
        )
        if exact.shape != found.shape or not np.isfinite(exact).any():
            return None
        return sqnr_db(exact, found)

    def _items(self) -> dict[str, Array]:
        """Up to 16 items of the data, or random ones of a likely range: [n, *shape with batch axis] by name."""
        probe = None if self.case is None else self.case.probe
        if probe is None:
            return check_inputs(self.graph, None, (), self.seed)
        return check_inputs(self.graph, without_unreadable(probe, CHECKED_ITEMS, self.seed), (), self.seed)

    def _calibrate(self, items: Mapping[str, Array]) -> None:
        if self._calibrated:
            return
        if self.graph.unroll is not None:
            self._converter.open(self.graph.unroll(), allow_flex=self._allow_flex, for_integers=True)
        paths = []
        for position, spec in enumerate(self.graph.inputs):
            path = self._scratch / f"calibration-{position}.npy"
            np.save(path, items[spec.name].astype(spec.dtype))
            paths.append(path)
        self._converter.calibrate_on(paths)
        self._calibrated = True


def _spec(scheme: str) -> VariantSpec:
    found = find(scheme)
    return VariantSpec(found, found.io_types[0])
