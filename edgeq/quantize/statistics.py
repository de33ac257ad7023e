"""What float activations hold on calibration items: gathered once, and every range method chooses from it.

The items run on all cores. Extremes are exact, histograms are counted as `edgeq.quantize.activation_counts` says; both
are the same to the bit whatever the number of processes.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError, WorkerError
from edgeq.files import atomic_file
from edgeq.memory import memory_share
from edgeq.pool import ProcessPool
from edgeq.quantize.activation_counts import ActivationCounter, TensorCounts, chunks, total_counts
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.local_run import Floats
from edgeq.quantize.statistics_task import count_chunk, read_part, write_job
from edgeq.runtime.host import cpu_count
from edgeq.runtime.process import environment
from edgeq.scratch import scratch_folder

_CHUNK_TIMEOUT_S = 1800.0
"""A model that hangs is ended and named, as in an inspection."""

_VERSION = 1


@dataclass(frozen=True, eq=False)
class TensorStatistics:
    """What one activation held.

    Attributes:
        name: of the tensor in the float32 file.
        minima: float32[n], the smallest finite value of each item; infinity where it has none.
        maxima: float32[n], likewise the largest; minus infinity.
        counts: int64[bins], finite values at evenly spread places of each item.
        edges: float64[bins + 1] of the bins, equally wide; the upper one belongs to the next bin.
        zeros: how many of the values counted are exactly 0, which every range holds without an error.
        not_finite: how many of all values were NaN or infinite; they are in nothing else here.
    """

    name: str
    minima: Floats
    maxima: Floats
    counts: npt.NDArray[np.int64]
    edges: npt.NDArray[np.float64]
    zeros: int = 0
    not_finite: int = 0

    @property
    def minimum(self) -> float:
        """The smallest finite value of all items.

        Raises:
            ModelError: there is none.
        """
        return self._extreme(float(self.minima.min(initial=np.inf)))

    @property
    def maximum(self) -> float:
        """The largest finite value of all items.

        Raises:
            ModelError: there is none.
        """
        return self._extreme(float(self.maxima.max(initial=-np.inf)))

    @property
    def counted(self) -> int:
        """How many values the histogram holds."""
        return int(self.counts.sum())

    def _extreme(self, value: float) -> float:
        if not math.isfinite(value):
            found = "only NaN or infinite values" if self.not_finite else "no value"
            raise ModelError(
                f"tensor {self.name!r} has {found} on the calibration items, so that it has no range: "
                "check the items with edgeq doctor, or keep its layer in float32"
            )
        return value


def gather_statistics(
    float32: bytes, items: CalibrationItems, names: Sequence[str] | None = None
) -> dict[str, TensorStatistics]:
    """Gathers in this process, which a broken file may end.

    Args:
        float32: the file.
        items: that run through it, at least one.
        names: of the activations; None for all that are float32.

    Returns:
        By name, in the order of the tensors' indices.

    Raises:
        DataError: there are no items.
        ModelError: the runtime refuses the file, or it has no such activation.
    """
    counter, inputs = ActivationCounter(float32, names), items.inputs()
    parts = [counter.count(inputs, items.count, start, stop) for start, stop in chunks(items)]
    return _statistics(counter.names, parts, asked=names is not None)


def gather_in_parallel(
    float32: Path,
    items: CalibrationItems,
    names: Sequence[str] | None = None,
    *,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, TensorStatistics]:
    """Gathers in processes of their own, on all cores.

    Args:
        float32: the file.
        items: that run through it, at least one.
        names: of the activations; None for all that are float32.
        processes: how many at most; None for one a core.
        progress: called with the number of items that are done and their total.

    Returns:
        As `gather_statistics` does.

    Raises:
        DataError: there are no items.
        ModelError: the runtime refuses the file, fails or crashes, or it has no such activation.
    """
    parts_of = chunks(items)
    workers = max(1, min(processes or cpu_count(), len(parts_of)))
    with scratch_folder("statistics") as scratch:
        job = scratch / "job.json"
        write_job(job, float32, items, names)
        pool = ProcessPool(
            workers,
            "the runtime",
            environment=environment(verbose=False),
            timeout_s=_CHUNK_TIMEOUT_S,
            most_bytes=memory_share(workers),
        )
        try:
            with pool:
                futures = [pool.submit(count_chunk, str(job), start, stop) for start, stop in parts_of]
                parts: list[list[TensorCounts]] = []
                for (start, stop), future in zip(parts_of, futures, strict=True):
                    found = future.result()
                    parts.append(read_part(scratch, start, stop))
                    if progress is not None:
                        progress(stop, items.count)
        except WorkerError as error:
            raise ModelError(f"the activations of {float32.name} cannot be measured ({error})") from error
    return _statistics(found, parts, asked=names is not None)


def save_statistics(path: Path, statistics: Mapping[str, TensorStatistics]) -> None:
    """Writes statistics, whole or not at all, for `load_statistics`.

    Raises:
        OutputError: the file cannot be written.
    """
    found = list(statistics.values())
    head = {"version": _VERSION, "names": [entry.name for entry in found]}
    numbers = [(entry.zeros, entry.not_finite, len(entry.counts)) for entry in found]
    with atomic_file(path) as stream:
        np.savez(
            stream,
            head=np.frombuffer(json.dumps(head).encode(), np.uint8),
            numbers=np.array(numbers, np.int64).reshape(-1, 3),
            minima=np.array([entry.minima for entry in found], np.float32),
            maxima=np.array([entry.maxima for entry in found], np.float32),
            counts=np.concatenate([np.zeros(0, np.int64), *(entry.counts for entry in found)]),
            edges=np.concatenate([np.zeros(0), *(entry.edges for entry in found)]),
        )


def load_statistics(path: Path) -> dict[str, TensorStatistics]:
    """Reads what `save_statistics` wrote.

    Raises:
        ModelError: the file is missing, damaged or of another version; remove it, and it is made again.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return _loaded(archive)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path} has no statistics of activations ({type(error).__name__}: {error}): remove it"
        ) from error


def _loaded(archive: Mapping[str, npt.NDArray[Any]]) -> dict[str, TensorStatistics]:
    head, numbers = json.loads(archive["head"].tobytes()), archive["numbers"]
    minima, maxima, counts, edges = (archive[name] for name in ("minima", "maxima", "counts", "edges"))
    if head["version"] != _VERSION:
        raise ValueError(f"expected version {_VERSION}, found {head['version']}")
    ends = np.cumsum(numbers[:, 2])
    wanted = (int(ends[-1]), int(ends[-1]) + len(ends)) if len(ends) else (0, 0)
    if (numbers < 0).any() or (len(counts), len(edges)) != wanted:
        raise ValueError("the counts do not go together")
    found = {}
    for place, name in enumerate(head["names"]):
        zeros, not_finite, bins = map(int, numbers[place])
        first = int(ends[place]) - bins
        found[str(name)] = TensorStatistics(
            str(name),
            minima[place],
            maxima[place],
            counts[first : first + bins],
            edges[first + place : first + place + bins + 1],
            zeros,
            not_finite,
        )
    return found


def _statistics(
    names: Sequence[str], parts: Sequence[Sequence[TensorCounts]], *, asked: bool
) -> dict[str, TensorStatistics]:
    """By name; what the runtime does not compute, because nothing reads it, only where it was asked for."""
    found = {}
    for place, name in enumerate(names):
        total = total_counts([part[place] for part in parts])
        if not asked and not total.not_finite and not np.isfinite(total.minima).any():
            continue
        found[name] = TensorStatistics(
            name,
            total.minima,
            total.maxima,
            total.histogram.counts,
            total.histogram.edges,
            total.zeros,
            total.not_finite,
        )
    return found
