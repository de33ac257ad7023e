"""The program that runs inside a worker process: one model, commands in, answers out.

It imports NumPy and the runtime and nothing else, so that its memory is the model's and not the
harness's. Commands and answers are one JSON object a line; arrays travel as .npy files, which are
mapped into memory, never pickled. Start it through `edgeq.runtime.process.Worker`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.errors import EdgeqError
from edgeq.processes import answers_on_stdout, serve
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_family, kernel_path, peak_memory_bytes
from edgeq.runtime.interpreter import Array, LoadedModel, TensorInfo
from edgeq.runtime.quantization import apply_table, quantize_into


@dataclass(frozen=True)
class _Feed:
    """One input of an evaluation: its items, and how an item becomes what the tensor stores."""

    items: Array
    table: Array | None


class _Session:
    """The state of a worker: the loaded model and the arrays of an evaluation."""

    def __init__(self) -> None:
        self._model: LoadedModel | None = None
        self._feeds: dict[str, _Feed] = {}
        self._results: dict[str, Array] = {}

    @property
    def model(self) -> LoadedModel:
        if self._model is None:
            raise EdgeqError("the worker has no model yet: send 'load' first")
        return self._model

    def load(self, path: str, threads: int, runtime: str | None) -> dict[str, Any]:
        """Loads a file and runs it once on zeros; says what it is."""
        installed = find_runtime(runtime)
        model = LoadedModel(Path(path), installed, threads)
        model.set_inputs({info.name: np.zeros(info.shape, info.dtype) for info in model.inputs})
        start = time.perf_counter()
        model.invoke()
        first_ms = (time.perf_counter() - start) * 1e3
        self._model = model
        delegation = model.delegation
        name = installed.package.name
        return {
            "load_ms": model.load_ms,
            "first_ms": first_ms,
            "inputs": [_describe(info) for info in model.inputs],
            "outputs": [_describe(info) for info in model.outputs],
            "runtime": name,
            "version": installed.version,
            "delegate": delegation.delegate,
            "delegated": delegation.delegated,
            "nodes": delegation.total,
            "cpu_family": cpu_family(),
            "kernel_path": kernel_path(name, installed.version, delegation.delegate),
        }

    def set_inputs(self, path: str) -> dict[str, Any]:
        """Sets real-valued inputs from an .npz with one item each, for timing."""
        with np.load(path, allow_pickle=False) as arrays:
            self.model.set_inputs({info.name: info.encode(arrays[info.name]) for info in self.model.inputs})
        return {}

    def time(self, discard: int, runs: int) -> dict[str, Any]:
        """Times inference alone."""
        return {"samples_ns": self.model.time_invocations(discard, runs)}

    def predict(self, inputs: str, outputs: str) -> dict[str, Any]:
        """Runs items of an .npz of real-valued inputs one by one; writes the stored outputs as .npz.

        The inputs have a leading item axis before the model's own batch axis of 1.
        """
        model = self.model
        with np.load(inputs, allow_pickle=False) as arrays:
            items = {info.name: arrays[info.name] for info in model.inputs}
        count = len(next(iter(items.values())))
        rows: dict[str, list[Array]] = {info.name: [] for info in model.outputs}
        for position in range(count):
            model.set_inputs({info.name: info.encode(items[info.name][position]) for info in model.inputs})
            model.invoke()
            for name, value in model.outputs_stored().items():
                rows[name].append(value)
        np.savez(outputs, **{name: np.stack(values) for name, values in rows.items()})  # type: ignore[arg-type]
        return {"count": count}

    def attach(
        self, inputs: Mapping[str, str], tables: Mapping[str, str], outputs: Mapping[str, str]
    ) -> dict[str, Any]:
        """Maps the arrays of an evaluation: items by input name and results by output name."""
        self._feeds = {
            name: _Feed(np.load(path, mmap_mode="r"), np.load(tables[name]) if name in tables else None)
            for name, path in inputs.items()
        }
        self._results = {name: np.load(path, mmap_mode="r+") for name, path in outputs.items()}
        return {}

    def evaluate(self, start: int, stop: int) -> dict[str, Any]:
        """Runs feeds start to stop, of one batch of items each, and stores the outputs in the mapped results."""
        model = self.model
        writers = [_writer(self._feeds[info.name], info, model.memory_of(info)) for info in model.inputs]
        readers = [(model.memory_of(info), self._results[info.name]) for info in model.outputs]
        for position in range(start, stop):
            for write in writers:
                write(position)
            model.invoke()
            for memory, result in readers:
                result[position] = memory()
        return {"count": stop - start}

    def memory(self) -> dict[str, Any]:
        """Peak resident memory so far."""
        return {"peak_bytes": peak_memory_bytes()}


def _writer(feed: _Feed, info: TensorInfo, memory: Callable[[], Array]) -> Callable[[int], None]:
    """A function that puts one feed into the input's memory by the cheapest way."""
    group = _grouping(feed.items, info)
    table, quantization = feed.table, info.quantization
    if table is not None and table.dtype.kind == "f":
        return lambda position: _drop(np.take(table, group(position), out=memory(), mode="clip"))
    if table is not None:
        return lambda position: _drop(apply_table(table, group(position), out=memory()))
    if quantization is not None and feed.items.dtype.kind == "f":
        return lambda position: _drop(quantize_into(group(position), quantization, memory()))

    def copy(position: int) -> None:
        memory()[...] = group(position)

    return copy


def _grouping(items: Array, info: TensorInfo) -> Callable[[int], Array]:
    """A function that returns the items of one feed in the input's shape; the last item fills up a batch."""
    if items.ndim == len(info.shape) + 1:
        return lambda position: items[position]
    batch = info.shape[0] if info.shape else 1
    if batch == 1:
        return lambda position: items[position : position + 1]
    last = len(items) - 1
    return lambda position: items[np.minimum(np.arange(position * batch, (position + 1) * batch), last)]


def _drop(_: object) -> None:
    """Lets go of a view of the runtime's memory."""


def _describe(info: TensorInfo) -> dict[str, Any]:
    quantization = info.quantization
    return {
        "name": info.name,
        "index": info.index,
        "shape": list(info.shape),
        "dtype": info.dtype,
        "scale": None if quantization is None else quantization.scale,
        "zero_point": None if quantization is None else quantization.zero_point,
    }


def main() -> None:
    """Serves commands until the parent closes the pipe."""
    session = _Session()
    serve(
        {
            "load": session.load,
            "set_inputs": session.set_inputs,
            "time": session.time,
            "predict": session.predict,
            "attach": session.attach,
            "evaluate": session.evaluate,
            "memory": session.memory,
        },
        answers_on_stdout(),
    )


if __name__ == "__main__":
    main()
