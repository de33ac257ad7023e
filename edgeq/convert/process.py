"""The parent's end of the converter's process; it outlives crashes of the converter."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeq.convert.converter import Recipe
from edgeq.errors import ConversionError, WorkerError
from edgeq.processes import CommandProcess
from edgeq.schemes import VariantSpec
from edgeq.sources.graph import GRAPHDEF, Frozen
from edgeq.tflite.model import read_model


class ConverterProcess:
    """Makes files of one graph in a process of its own, until `close`.

    After a crash the next file is made by a new process.
    """

    def __init__(
        self, folder: Path, *, verbose: bool = False, on_calibration: Callable[[int, int], None] | None = None
    ) -> None:
        """Starts the process, which imports TensorFlow while the model is still being loaded here.

        Args:
            folder: for files that are handed over; the caller removes it.
            verbose: whether TensorFlow's output is let through.
            on_calibration: called with the items that the converter has seen and their total.
        """
        self._folder = folder
        self._verbose = verbose
        self._on_calibration = on_calibration
        self._graphs: dict[bool, dict[str, Any]] = {}
        self._calibration: list[str] | None = None
        self._process = self._start()

    def close(self) -> None:
        """Ends the process."""
        self._process.close()

    def open(self, graph: Frozen, *, allow_flex: bool, for_integers: bool = False) -> None:
        """Hands over the graph.

        Args:
            graph: to convert.
            allow_flex: whether TensorFlow's own operators may be used.
            for_integers: whether it replaces the one handed over before for schemes with calibration, as an
                unrolled graph does.
        """
        path = self._folder / f"graph-{int(for_integers)}"
        path.write_bytes(graph.content)
        self._graphs[for_integers] = {
            "form": graph.form,
            "path": str(path),
            "inputs": graph.inputs,
            "outputs": graph.outputs,
            "allow_flex": allow_flex,
            "for_integers": for_integers,
        }
        self._process.ask("open", **self._graphs[for_integers])

    def calibrate_on(self, paths: Sequence[Path]) -> None:
        """Hands over calibration items, an .npy an input in the order of the graph's inputs."""
        self._calibration = [str(path) for path in paths]
        self._process.ask("calibrate_on", paths=self._calibration)

    def make(self, spec: VariantSpec, *, for_integers: bool | None = None) -> bytes:
        """Makes one file; it has no signature yet.

        Args:
            spec: of the file.
            for_integers: whether it is made of the graph for schemes with calibration; None where the scheme says.

        Raises:
            ConversionError: the converter refuses, or crashes.
        """
        recipe = Recipe.of(spec)
        path = self._folder / "made.tflite"
        try:
            self._process.ask(
                "make",
                self._on_calibration,
                **dataclasses.asdict(recipe.options),
                needs_calibration=recipe.needs_calibration,
                io=recipe.io,
                path=str(path),
                for_integers=recipe.needs_calibration if for_integers is None else for_integers,
            )
        except WorkerError as error:
            if not self._process.is_dead:
                raise ConversionError(str(error)) from error
            self._restart()
            raise ConversionError(self._crash(error, recipe)) from error
        return path.read_bytes()

    def _crash(self, error: WorkerError, recipe: Recipe) -> str:
        """What to say of a crash, with the remedy for its usual cause: a loop, as recurrent layers make."""
        message = str(error).replace("the converter", "TensorFlow's converter", 1)
        graph = self._graphs.get(recipe.needs_calibration) or self._graphs.get(False)
        if recipe.needs_calibration and graph is not None and _has_loop(graph["form"], Path(graph["path"])):
            message += (
                ": its calibrator fails on loops, as recurrent layers make them; build them with unroll=True, "
                "or ship dynamic"
            )
        return message

    def _start(self) -> CommandProcess:
        return CommandProcess("edgeq.convert.worker", "the converter", verbose=self._verbose)

    def _restart(self) -> None:
        self._process.close()
        self._process = self._start()
        for graph in self._graphs.values():
            self._process.ask("open", **graph)
        if self._calibration is not None:
            self._process.ask("calibrate_on", paths=self._calibration)


def _has_loop(form: str, path: Path) -> bool:
    if form == GRAPHDEF:
        return b"While" in path.read_bytes()
    return any(operator.name == "WHILE" for operator in read_model(path).subgraphs[0].operators)
