"""What one process does for the statistics of activations: a chunk of items, whose counts it leaves in a folder."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeq.inspection.value_histogram import load_histograms, save_histograms
from edgeq.quantize.activation_counts import ActivationCounter, TensorCounts
from edgeq.quantize.items import CalibrationItems


def write_job(path: Path, float32: Path, items: CalibrationItems, names: Sequence[str] | None) -> None:
    """Writes what every process needs to know.

    Args:
        path: of the job's file; results are left beside it.
        float32: the file.
        items: that run through it.
        names: of the activations; None for all that are float32.
    """
    job = {
        "file": str(float32.resolve()),
        "folder": str(items.folder.resolve()),
        "count": items.count,
        "start": items.start,
        "names": None if names is None else list(names),
    }
    path.write_text(json.dumps(job), encoding="utf-8")


def count_chunk(job: str, start: int, stop: int) -> list[str]:
    """Measures some items and leaves what came of it beside the job; a task of `edgeq.pool.ProcessPool`.

    Args:
        job: path of the job's file.
        start: first item.
        stop: item behind the last.

    Returns:
        Names of the activations.
    """
    items, counter = _opened(job)
    counts = counter.count(items.inputs(), items.count, start, stop)
    np.savez(
        _part(Path(job).parent, start),
        minima=np.array([count.minima for count in counts]),
        maxima=np.array([count.maxima for count in counts]),
        numbers=np.array([(count.zeros, count.not_finite) for count in counts], np.int64),
    )
    save_histograms(_histograms(Path(job).parent, start), [count.histogram for count in counts])
    return list(counter.names)


def read_part(folder: Path, start: int, stop: int) -> list[TensorCounts]:
    """What a process left of a chunk.

    Args:
        folder: of the job's file.
        start: first item.
        stop: item behind the last.

    Returns:
        In the order of the names that `count_chunk` gave.
    """
    histograms = load_histograms(_histograms(folder, start))
    with np.load(_part(folder, start), allow_pickle=False) as archive:
        minima, maxima, numbers = archive["minima"], archive["maxima"], archive["numbers"]
    found = []
    for place, histogram in enumerate(histograms):
        counts = TensorCounts(stop - start)
        counts.minima, counts.maxima = minima[place], maxima[place]
        counts.histogram.merge(histogram)
        counts.zeros, counts.not_finite = map(int, numbers[place])
        found.append(counts)
    return found


def _part(folder: Path, start: int) -> Path:
    return folder / f"extremes-{start}.npz"


def _histograms(folder: Path, start: int) -> Path:
    return folder / f"histograms-{start}.npz"


@functools.lru_cache(maxsize=1)
def _opened(job: str) -> tuple[CalibrationItems, ActivationCounter]:
    """The items and the loaded file, which stay from one chunk to the next."""
    given = json.loads(Path(job).read_text(encoding="utf-8"))
    items = CalibrationItems(Path(given["folder"]), given["count"], given["start"])
    return items, ActivationCounter(Path(given["file"]).read_bytes(), given["names"])
