"""What a worker does in a simulation: run an edited file on items and boil its outputs down to sums."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.classification import top1
from edgeq.benchmark.fidelity import NOISE, SIGNAL, fidelity_sums
from edgeq.errors import ModelError
from edgeq.layers.edits import Grid
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import Array, LoadedModel

_SAMPLED = 4096
"""Values of an item that are kept of a watched tensor: 64 items give 262,144, enough for a 99.99 % quantile."""


def run_items(
    path: str, inputs: Mapping[str, str], runtime: str | None, outputs: Mapping[str, str], watched: str | None
) -> dict[str, Any]:
    """Runs items and writes what the model answers.

    Args:
        path: the file.
        inputs: an .npy file by input name, real values [n, *shape].
        runtime: which; None for the best installed.
        outputs: an .npy file to be written by name of the model's own outputs, real values float32[n, *shape].
        watched: an .npz file to be written with samples of each further output; None for none.

    Returns:
        ``shapes``: of the outputs.
    """
    model = LoadedModel(Path(path), find_runtime(runtime))
    places = _places(model, outputs)
    infos = [model.outputs[place] for place in places]
    rows: list[list[Array]] = [[] for _ in outputs]
    samples: list[list[Array]] = [[] for _ in model.outputs[len(outputs) :]]
    for stored in _runs(model, inputs):
        for row, place, info in zip(rows, places, infos, strict=True):
            row.append(np.asarray(info.decode(stored[place]), np.float32))
        for sample, values in zip(samples, stored[len(outputs) :], strict=True):
            sample.append(_sampled(values))
    for target, row in zip(outputs.values(), rows, strict=True):
        np.save(target, np.stack(row))
    if watched is not None:
        np.savez(watched, **{str(i): np.stack(sample) for i, sample in enumerate(samples)})  # type: ignore[arg-type]
    return {"shapes": [list(info.shape) for info in infos]}


def compare_items(
    path: str,
    inputs: Mapping[str, str],
    runtime: str | None,
    references: Sequence[Mapping[str, str]],
    n: int,
    *,
    probe: Sequence[Any] | None = None,
    classifies: bool,
) -> dict[str, Any]:
    """Runs items and compares what comes out.

    Args:
        path: the file.
        inputs: an .npy file by input name, real values [n, *shape].
        runtime: which; None for the best installed.
        references: what to compare with: of each, an .npy file by name of the model's own outputs.
        n: how many items, the first ones.
        probe: (dtype, scale, zero point) of the grid that the last output is quantized to afterwards, or empty
            for none; the last but one is what it should be. None where there are no such outputs.
        classifies: whether the output is one score a class.

    Returns:
        ``sums``: of each reference, of each item, (signal, noise) of each output; ``changed``: items whose top-1
        differs from the first reference's, None where it does not classify; ``own``: (signal, noise) at the probe, or
        None; ``beyond``: (values beyond the grid, all values), or None.
    """
    model = LoadedModel(Path(path), find_runtime(runtime))
    expected = [[np.load(file, mmap_mode="r") for file in files.values()] for files in references]
    places = _places(model, references[0])
    sums: list[list[list[list[float | None]]]] = [[] for _ in references]
    watcher = None if probe is None else _Probe(Grid(*probe) if probe else None)
    changed = 0
    for item, stored in enumerate(itertools.islice(_runs(model, inputs), n)):
        real = [np.asarray(model.outputs[place].decode(stored[place]), np.float32) for place in places]
        for sum_, files in zip(sums, expected, strict=True):
            pairs = zip(files, real, strict=True)
            sum_.append([_jsonable(*_signal_and_noise(file[item], values)) for file, values in pairs])
        if classifies:
            changed += int((top1(expected[0][0][item]) != top1(real[0])).any())
        if watcher is not None:
            watcher.add(stored[-2], stored[-1])
    return {
        "sums": sums,
        "changed": changed if classifies else None,
        "own": None if watcher is None else _jsonable(*watcher.sums),
        "beyond": None if watcher is None or watcher.grid is None else [watcher.beyond, watcher.count],
    }


_PROBED = 65536
"""Values of an item that are compared at a layer's own output, evenly spread: all of a large one take 30 ms."""


class _Probe:
    """Counts what happens at a layer's own output."""

    def __init__(self, grid: Grid | None) -> None:
        self.grid = grid
        self.sums = np.zeros(2)
        self.beyond = 0
        self.count = 0

    def add(self, floats: Array, changed: Array) -> None:
        """Adds one item.

        Args:
            floats: what the layer computes in float from the same inputs.
            changed: what it computes with the variant's constants, before it is quantized.
        """
        step = max(1, -(-changed.size // _PROBED))
        floats, changed = floats.ravel()[::step], changed.ravel()[::step]
        if self.grid is not None:
            real, beyond = on_grid(changed, self.grid)
            self.beyond += beyond
            self.count += changed.size
            changed = real
        self.sums += _signal_and_noise(floats, changed)


def on_grid(values: Array, grid: Grid) -> tuple[npt.NDArray[np.float32], int]:
    """Values quantized and dequantized, and how many were more than half a step beyond the grid.

    NaN stays NaN, which no integer stands for.
    """
    limits = np.iinfo(grid.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint(np.asarray(values, np.float32) / np.float32(grid.scale))
        low, high = limits.min - grid.zero_point, limits.max - grid.zero_point
        beyond = int(np.count_nonzero((steps < low) | (steps > high)))
        return (np.clip(steps, low, high) * np.float32(grid.scale)).astype(np.float32), beyond


def _places(model: LoadedModel, names: Iterable[str]) -> list[int]:
    """Places of the outputs of these names."""
    by_name = {info.name: place for place, info in reversed(list(enumerate(model.outputs)))}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise ModelError(f"expected an output {missing[0]!r}, found {', '.join(by_name)}")
    return [by_name[name] for name in names]


def _runs(model: LoadedModel, inputs: Mapping[str, str]) -> Iterator[list[Array]]:
    """All outputs of each item as stored, in the order of the file."""
    items = {name: np.load(file, mmap_mode="r") for name, file in inputs.items()}
    # By tensor: outputs that were added may share a name or a tensor with another.
    memories = [model.memory_of(info) for info in model.outputs]
    for position in range(len(next(iter(items.values())))):
        model.set_inputs({info.name: info.encode(items[info.name][position]) for info in model.inputs})
        model.invoke()
        yield [memory().copy() for memory in memories]


def _signal_and_noise(reference: Array, values: Array) -> npt.NDArray[np.float64]:
    sums = fidelity_sums({"": reference[None]}, {"": values[None]})
    return sums[0, 0, [SIGNAL, NOISE]]


def _jsonable(signal: float, noise: float) -> list[float | None]:
    """JSON has no infinity: None stands for it."""
    return [float(signal), float(noise) if math.isfinite(noise) else None]


def _sampled(values: Array) -> Array:
    """At most `_SAMPLED` values evenly spread, and the smallest and the largest."""
    flat = np.asarray(values, np.float32).ravel()
    step = max(1, -(-flat.size // _SAMPLED))
    chosen = np.full(_SAMPLED + 2, np.nan, np.float32)
    taken = flat[::step]
    chosen[: len(taken)] = taken
    if flat.size:
        chosen[-2:] = flat.min(), flat.max()
    return chosen
