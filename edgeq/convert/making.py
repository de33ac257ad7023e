"""The variants of one graph: made one after the other, each checked in a process while the next is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from edgeq.bundle import Failure
from edgeq.convert.check import Checked, check_scheme, run_and_compare, sign
from edgeq.convert.flex import flex_operators
from edgeq.convert.process import ConverterProcess
from edgeq.errors import ConversionError, EdgeqError, WorkerError
from edgeq.quantize.building import quantize_file
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.recipe import Recipe
from edgeq.runtime.interpreter import Array
from edgeq.schemes import BASELINE, VariantSpec, find
from edgeq.sources.graph import SourceGraph
from edgeq.tflite.model import read_model

_BASELINE = VariantSpec(find(BASELINE), find(BASELINE).io_types[0])


class Making:
    """Variants as they come, in the order in which they are made.

    Attributes:
        models: content of each file by variant.
        float_operators: operators that compute in float in a full-integer file, by variant.
        failures: what could not be made.
        recipes: of variants that the converter does not make, with the ranges as they were used, by variant.
        notes: of what their rewrites and ranges did, one sentence each.
    """

    def __init__(
        self, graph: SourceGraph, scratch: Path, pool: ThreadPoolExecutor, converter: ConverterProcess
    ) -> None:
        """Prepares; nothing is made yet.

        Args:
            graph: the source.
            scratch: folder for the files until they go into the bundle.
            pool: where checks are waited for.
            converter: which has opened the graph.
        """
        self.models: dict[str, bytes] = {}
        self.float_operators: dict[str, tuple[str, ...]] = {}
        self.failures: list[Failure] = []
        self.recipes: dict[str, Recipe] = {}
        self.notes: list[str] = []
        self._graph = graph
        self._scratch = scratch
        self._pool = pool
        self._converter = converter
        self._checks: list[tuple[VariantSpec, Future[Checked]]] = []

    def path(self, spec: VariantSpec) -> Path:
        """Where the variant's file lies until it goes into the bundle."""
        return self._scratch / f"{spec.name}.tflite"

    def make(self, spec: VariantSpec) -> None:
        """Makes a file with the source's names and reads its scheme back.

        Raises:
            ConversionError: the converter refuses, or made something else.
        """
        content = sign(self._converter.make(spec), self._graph)
        self.float_operators[spec.name] = check_scheme(content, spec)
        self.path(spec).write_bytes(content)
        self.models[spec.name] = content

    def quantize(
        self, spec: VariantSpec, recipe: Recipe, items: CalibrationItems, held_back: CalibrationItems | None
    ) -> None:
        """Makes a file of the float32 one, which has the source's names already.

        Args:
            spec: of the file.
            recipe: that makes it.
            items: that it learns from.
            held_back: that chosen ranges are judged on; None for a part of `items`.

        Raises:
            ConversionError: the quantizer refuses.
            MissingExtraError: litert-quantizer is not installed.
            UsageError: the recipe does not go with the model.
        """
        try:
            built = quantize_file(
                self._float32(), recipe, items, held_back=held_back, cache=self._scratch / "statistics"
            )
        except WorkerError as error:
            raise ConversionError(str(error)) from error
        self.float_operators[spec.name] = check_scheme(built.content, spec)
        self.path(spec).write_bytes(built.content)
        self.models[spec.name] = built.content
        self.recipes[spec.name] = dataclasses.replace(recipe, ranges=built.ranges)
        self.notes += [f"{spec.name}: {note}" for note in built.notes]

    def _float32(self) -> Path:
        """The float32 file that is quantized: of the unrolled graph where the source has loops."""
        if self._graph.unroll is None:
            return self.path(_BASELINE)
        path = self._scratch / "unrolled.tflite"
        if not path.is_file():
            path.write_bytes(sign(self._converter.make(_BASELINE, for_integers=True), self._graph))
        return path

    def check(self, spec: VariantSpec, inputs: dict[str, Array], reference: dict[str, Array]) -> None:
        """Starts running a file that was made; `collect` waits for the result."""
        future = self._pool.submit(
            run_and_compare,
            self.path(spec),
            spec,
            inputs,
            reference,
            runtime=None,
            own_sqnr_db=self._graph.own_sqnr_db,
        )
        self._checks.append((spec, future))

    def collect(self) -> dict[str, tuple[VariantSpec, Checked]]:
        """Waits for the checks; variants that failed theirs are moved to the failures."""
        checked = {}
        for spec, future in self._checks:
            try:
                checked[spec.name] = (spec, future.result())
            except EdgeqError as error:
                self.failures.append(Failure(spec.name, str(error).removeprefix(f"{spec.name}: ")))
        return checked

    def warnings(self, checked: Mapping[str, tuple[VariantSpec, Checked]]) -> list[str]:
        """What a user should know of the files that were made, one sentence each."""
        found = [result.warning for _, result in checked.values() if result.warning]
        flex = sorted(
            {name for variant in checked for name in flex_operators(read_model(self.models[variant]))}
        )
        if flex:
            found.append(
                f"the files have TensorFlow's own operators ({', '.join(flex)}): the app must link the Flex "
                "delegate (on Android org.tensorflow:tensorflow-lite-select-tf-ops); no runtime here has it, so "
                "they were run in parts, these operators in TensorFlow"
            )
        return found
