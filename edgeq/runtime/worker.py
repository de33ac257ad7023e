"""The program that runs inside a worker process: one model, commands in, answers out.

It imports NumPy and the runtime and nothing else, so that its memory is the model's and not the
harness's. Commands and answers are one JSON object a line; arrays travel as .npy files, which are
mapped into memory, never pickled. Start it through `edgeq.runtime.process.Worker`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.errors import EdgeqError
from edgeq.processes import Answers, answers_on_stdout, serve
from edgeq.runtime.arena import arena_bytes
from edgeq.runtime.available import find_runtime
from edgeq.runtime.cpu_affinity import tie_to
from edgeq.runtime.host import cpu_family, kernel_path, peak_memory_bytes
from edgeq.runtime.interpreter import Array, LoadedModel, TensorInfo
from edgeq.runtime.sustained_run import run_without_pause


class _Session:
    """The state of a worker: the loaded model."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._model: LoadedModel | None = None

    @property
    def model(self) -> LoadedModel:
        if self._model is None:
            raise EdgeqError("the worker has no model yet: send 'load' first")
        return self._model

    def tie_to(self, cpus: list[int]) -> dict[str, Any]:
        """Ties this process to cores; the runtime's threads, which are started later, inherit it."""
        tie_to(cpus)
        return {}

    def load(
        self, path: str, threads: int, runtime: str | None, free_size: int | None = None
    ) -> dict[str, Any]:
        """Loads a file and runs it once on zeros; says what it is."""
        installed = find_runtime(runtime)
        model = LoadedModel(Path(path), installed, threads, free_size)
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
            "partitions": delegation.partitions,
            "delegated_operators": list(delegation.indices),
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

    def sustain(self, seconds: float) -> dict[str, Any]:
        """Runs inferences without a pause; the median of all, with progress about once a second."""
        median, count = run_without_pause(
            lambda runs: self.model.time_invocations(0, runs),
            seconds,
            lambda elapsed: self._answers.progress(round(elapsed), round(seconds)),
        )
        return {"median_ns": median, "n": count}

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

    def arena(self, path: str, runtime: str | None, tensors: list[int], first_scratch: int) -> dict[str, Any]:
        """Memory that tensors of a file and the scratch tensors of kernels take without a delegate.

        The loaded model is let go before: both together would take up to twice the memory.
        """
        self._model = None
        return {"arena_bytes": arena_bytes(Path(path), find_runtime(runtime), tensors, first_scratch)}

    def memory(self) -> dict[str, Any]:
        """Peak resident memory so far."""
        return {"peak_bytes": peak_memory_bytes()}


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
    answers = answers_on_stdout()
    session = _Session(answers)
    serve(
        {
            "tie_to": session.tie_to,
            "load": session.load,
            "set_inputs": session.set_inputs,
            "time": session.time,
            "sustain": session.sustain,
            "predict": session.predict,
            "memory": session.memory,
            "arena": session.arena,
        },
        answers,
    )


if __name__ == "__main__":
    main()
