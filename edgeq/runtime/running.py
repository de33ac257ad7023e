"""Runs a finished file on a few inputs, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.runtime.interpreter import Array, TensorInfo
from edgeq.runtime.process import Worker
from edgeq.scratch import scratch_folder


@dataclass(frozen=True)
class Ran:
    """What came of running a file.

    Attributes:
        inputs: of the file.
        outputs: of the file.
        stored: outputs as stored, by name, [n, *shape].
        kernel_path: what computed them.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    stored: Mapping[str, Array]
    kernel_path: str


def run_file(path: Path, name: str, inputs: Mapping[str, Array], *, runtime: str | None = None) -> Ran:
    """Loads, allocates and runs a file.

    Args:
        path: the file.
        name: what messages call it.
        inputs: real values by name, [n, *shape].
        runtime: which runtime; None for the best installed.

    Raises:
        WorkerError: the runtime refuses the file, fails, or dies of it.
    """
    with Worker(name) as worker:
        return run_in(worker, path, inputs, runtime=runtime)


def run_in(worker: Worker, path: Path, inputs: Mapping[str, Array], *, runtime: str | None = None) -> Ran:
    """Likewise in a worker that is there already; it holds this file afterwards."""
    with scratch_folder("check") as folder:
        loaded = worker.load(path, threads=1, runtime=runtime)
        asked, answered = folder / "inputs.npz", folder / "outputs.npz"
        np.savez(asked, **inputs)  # type: ignore[arg-type]
        worker.predict(asked, answered)
        with np.load(answered, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
    return Ran(loaded.inputs, loaded.outputs, stored, loaded.kernel_path)
