"""The program that runs inside the converter's process: TensorFlow, one graph, one file after another.

The converter crashes on some networks (int8 of an LSTM, for one) and leaks memory in some versions; here
neither harms anybody else. Start it through `edgeq.convert.process.ConverterProcess`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.convert.converter import CalibrationItems, Converter, Recipe
from edgeq.processes import Answers, answers_on_stdout, serve
from edgeq.schemes import ConverterOptions
from edgeq.sources.graph import Frozen, import_tensorflow


class _Session:
    """The state of the process: a graph, perhaps another form of it for integers, and calibration items."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._converters: dict[bool, Converter] = {}
        self._calibration: CalibrationItems | None = None

    def open(
        self,
        form: str,
        path: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        allow_flex: bool,
        for_integers: bool,
    ) -> dict[str, Any]:
        """Reads a frozen graph."""
        graph = Frozen(form, Path(path).read_bytes(), tuple(inputs), tuple(outputs))
        self._converters[for_integers] = Converter(graph, allow_flex=allow_flex)
        return {}

    def calibrate_on(self, paths: Sequence[str]) -> dict[str, Any]:
        """Takes calibration items, an .npy an input in the order of the graph's inputs."""
        arrays = [np.load(path, mmap_mode="r") for path in paths]

        def items() -> Iterator[list[Any]]:
            total = len(arrays[0])
            for position in range(total):
                yield [np.asarray(array[position]) for array in arrays]
                self._answers.progress(position + 1, total)

        self._calibration = items
        return {}

    def make(
        self,
        optimize: bool,
        supported_types: Sequence[str],
        op_sets: Sequence[str],
        needs_calibration: bool,
        io: str,
        path: str,
        for_integers: bool,
    ) -> dict[str, Any]:
        """Makes one file, of the form of the graph for integers where it is asked for and there is one."""
        converter = self._converters.get(for_integers) or self._converters.get(False)
        if converter is None:
            raise RuntimeError("send 'open' first")
        options = ConverterOptions(optimize, tuple(supported_types), tuple(op_sets))
        content = converter.make(Recipe(options, needs_calibration, io), self._calibration)
        Path(path).write_bytes(content)
        return {}


def main() -> None:
    """Imports TensorFlow at once, while the parent still loads the model, and serves."""
    answers = answers_on_stdout()
    import_tensorflow()
    session = _Session(answers)
    serve({"open": session.open, "calibrate_on": session.calibrate_on, "make": session.make}, answers)


if __name__ == "__main__":
    main()
