"""The variants of one graph: made one after the other, each checked in a process while the next is made."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from edgeq.bundle import Failure
from edgeq.convert.check import Checked, check_scheme, run_and_compare, sign
from edgeq.convert.flex import flex_operators
from edgeq.convert.process import ConverterProcess
from edgeq.errors import EdgeqError
from edgeq.runtime.interpreter import Array
from edgeq.schemes import VariantSpec
from edgeq.sources.graph import SourceGraph
from edgeq.tflite.model import read_model


class Making:
    """Variants as they come, in the order in which they are made.

    Attributes:
        models: content of each file by variant.
        float_operators: operators that compute in float in a full-integer file, by variant.
        failures: what could not be made.
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
