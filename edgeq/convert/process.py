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
from edgeq.sources.graph import Frozen


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
        self._graph: dict[str, Any] | None = None
        self._calibration: list[str] | None = None
        self._process = self._start()

    def close(self) -> None:
        """Ends the process."""
        self._process.close()

    def open(self, graph: Frozen, *, allow_flex: bool) -> None:
        """Hands over the graph.

        Args:
            graph: to convert.
            allow_flex: whether TensorFlow's own operators may be used.
        """
        path = self._folder / "graph"
        path.write_bytes(graph.content)
        self._graph = {
            "form": graph.form,
            "path": str(path),
            "inputs": graph.inputs,
            "outputs": graph.outputs,
            "allow_flex": allow_flex,
        }
        self._process.ask("open", **self._graph)

    def calibrate_on(self, paths: Sequence[Path]) -> None:
        """Hands over calibration items, an .npy an input in the order of the graph's inputs."""
        self._calibration = [str(path) for path in paths]
        self._process.ask("calibrate_on", paths=self._calibration)

    def make(self, spec: VariantSpec) -> bytes:
        """Makes one file; it has no signature yet.

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
            )
        except WorkerError as error:
            if not self._process.is_dead:
                raise ConversionError(str(error)) from error
            self._restart()
            raise ConversionError(self._crash(error)) from error
        return path.read_bytes()

    def _crash(self, error: WorkerError) -> str:
        """What to say of a crash, with the remedy for its usual cause: a loop, as recurrent layers make."""
        message = str(error).replace("the converter", "TensorFlow's converter", 1)
        if self._graph is not None and b"While" in Path(self._graph["path"]).read_bytes():
            message += (
                ": its quantizer fails on recurrent layers; build them with unroll=True, or ship dynamic"
            )
        return message

    def _start(self) -> CommandProcess:
        return CommandProcess("edgeq.convert.worker", "the converter", verbose=self._verbose)

    def _restart(self) -> None:
        self._process.close()
        self._process = self._start()
        if self._graph is not None:
            self._process.ask("open", **self._graph)
        if self._calibration is not None:
            self._process.ask("calibrate_on", paths=self._calibration)
