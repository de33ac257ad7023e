"""Runs calibration items through a float32 file and counts what its activations hold, item by item.

Extremes are exact: they cost 0.2 ns a value. A histogram costs 5 ns, more than inference itself, so that large tensors
are counted at evenly spread places: of each tensor about `COUNTED` values over all items, which is all of them where
there are no more. The places follow from the item's number and the tensor's size, so that the counts are the same
however the items are divided among processes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from edgeq.errors import DataError, ModelError
from edgeq.inspection.activation_tensors import activations
from edgeq.inspection.value_histogram import ValueHistogram
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.local_run import Array, Floats, LocalModel
from edgeq.tflite.model import Tensor, read_model

COUNTED = 1 << 19
"""Values of a tensor in its histogram: 52 of them are beyond a 99.99 percentile, so that its tail is known to a seventh
(a binomial deviation), which moves the percentile of a normal distribution by 0.04 standard deviations."""

CHUNK = 8
"""Items that are measured together, in one process: 100 of them fill two cores evenly and four nearly."""

_BATCH_BYTES = 4 << 20
"""Of the activations of one inference; beyond it they have left the cache when they are looked at. Eight items of
MobileNetV2 224 at once, 28 MB each, took 1.8 times as long an item. Small networks gain from batches."""

_TOGETHER = 1 << 15
"""Values that are counted at once: 0.25 MB as float64, which a core's cache holds; a call costs as much as 10,000."""

_GOLDEN = 0.6180339887498949
"""Its multiples, whole parts aside, spread over 0 to 1 as evenly as any number's do (Knuth, The Art of Computer
Programming 3, 6.4)."""


class RangedHistogram(ValueHistogram):
    """A histogram of values whose extremes are known: no pass over them but the counting, no moments."""

    def __init__(self) -> None:
        """Begins without values."""
        super().__init__(np.float32)

    def add_between(self, values: Floats, low: float, high: float) -> None:
        """Counts finite values.

        Args:
            values: float32[values], at least one.
            low: not above any of them, and one that the tensor has: it gets a bin.
            high: likewise not below.
        """
        self._cover(low, high)
        # Exact: by a power of two, and a whole number below 2^23 less another.
        places = np.multiply(values, math.ldexp(1.0, -self._exponent), dtype=np.float64)
        np.floor(places, out=places)
        places -= self._first
        self._count_at(0, np.bincount(places.astype(np.intp), minlength=len(self.counts)))
        self.count += values.size


class TensorCounts:
    """What one activation held on some items in a row.

    Attributes:
        minima: float32[n], each item's smallest finite value; infinity where it has none.
        maxima: likewise the largest; minus infinity.
        histogram: of finite values at evenly spread places, those that wait for `flush` aside.
        zeros: how many of the values that are counted are 0.
        not_finite: of all values, how many are NaN or infinite.
    """

    def __init__(self, items: int) -> None:
        """Begins without values.

        Args:
            items: how many there will be.
        """
        self.minima: Floats = np.full(items, np.inf, np.float32)
        self.maxima: Floats = np.full(items, -np.inf, np.float32)
        self.histogram = RangedHistogram()
        self.zeros = self.not_finite = 0
        self._waiting: list[Floats] = []

    def add(self, row: int, values: Floats, number: int, counted: int) -> None:
        """Counts one item.

        Args:
            row: which of the items in a row.
            values: float32[values], not changed and not kept.
            number: of the item among all calibration items.
            counted: about how many values go into the histogram.
        """
        if not values.size:
            return
        low, high = values.min(), values.max()
        # A copy: the values are gone at the next inference.
        sample = values[spread_places(values.size, number, counted)].copy()
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = values[np.isfinite(values)]
            self.not_finite += values.size - finite.size
            low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
            sample = sample[np.isfinite(sample)]
            # Of every item with a number one is counted, for the bins to reach its extremes.
            sample = sample if sample.size else finite[:1]
        self.minima[row], self.maxima[row] = low, high
        if sample.size:
            self.zeros += sample.size - int(np.count_nonzero(sample))
            self._waiting.append(sample)
        if sum(part.size for part in self._waiting) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Brings the histogram up to date."""
        if self._waiting:
            low, high = float(self.minima.min()), float(self.maxima.max())
            self.histogram.add_between(np.concatenate(self._waiting), low, high)
            self._waiting = []


def spread_places(size: int, number: int, counted: int) -> slice:
    """Which values of an item are counted: all where there are few, else one in so many.

    The step shares no factor with the size, hence none with any dimension of the tensor: every channel, row and column
    has its turn equally often. Each item begins at another place.

    Args:
        size: values of the item.
        number: of the item.
        counted: about how many are wanted.
    """
    step = size // max(1, counted)
    if step <= 1:
        return slice(0, size)
    while math.gcd(step, size) > 1:
        step += 1
    return slice(int(number * _GOLDEN % 1.0 * step), size, step)


def float_activations(content: bytes) -> tuple[Tensor, ...]:
    """The float32 activations of a file in the order of their indices; of several with one name the first."""
    found: dict[str, Tensor] = {}
    for tensor in activations(read_model(content)):
        if tensor.dtype == "float32":
            found.setdefault(tensor.name, tensor)
    return tuple(found.values())


def chosen_activations(content: bytes, names: Sequence[str] | None) -> tuple[Tensor, ...]:
    """The activations with some names, in the order of their indices; all for None.

    Raises:
        ModelError: the file has no such float32 activation.
    """
    found = float_activations(content)
    if names is None:
        return found
    wanted = set(names)
    missing = sorted(wanted - {tensor.name for tensor in found})
    if missing:
        raise ModelError(
            f"tensor {missing[0]!r} is no float32 activation of the file: expected one of its {len(found)}"
        )
    return tuple(tensor for tensor in found if tensor.name in wanted)


class ActivationCounter:
    """A loaded file whose activations are counted; for processes that may crash."""

    def __init__(self, content: bytes, names: Sequence[str] | None = None) -> None:
        """Loads a file.

        Args:
            content: the float32 file.
            names: of the activations; None for all.

        Raises:
            ModelError: the runtime refuses the file, or it has no such activation.
        """
        tensors = chosen_activations(content, names)
        item_bytes = sum(4 * math.prod(tensor.shape) for tensor in float_activations(content))
        self.names = tuple(tensor.name for tensor in tensors)
        self._model = LocalModel(content, batch=max(1, min(CHUNK, _BATCH_BYTES // max(1, item_bytes))))

    def count(self, inputs: Mapping[str, Array], total: int, start: int, stop: int) -> list[TensorCounts]:
        """Runs a chunk of items; a counter of each activation, in the order of `names`.

        Args:
            inputs: of all items, by name.
            total: of items.
            start: the first item of the chunk.
            stop: the one behind its last.
        """
        counts = [TensorCounts(stop - start) for _ in self.names]
        chunk = {name: values[start:stop] for name, values in inputs.items()}
        for first, last in self._model.run(chunk):
            for counter, name in zip(counts, self.names, strict=True):
                self._add(counter, name, range(first, last), start, total)
        for counter in counts:
            counter.flush()
        return counts

    def _add(self, counter: TensorCounts, name: str, rows: range, start: int, total: int) -> None:
        stored = self._model.stored(name).reshape(-1)
        # What does not depend on the items is there once for all of the batch.
        shared = len(stored) % self._model.batch > 0
        each = len(stored) if shared else len(stored) // self._model.batch
        for place, row in enumerate(rows):
            first = 0 if shared else place * each
            counter.add(row, stored[first : first + each], start + row, -(-COUNTED // total))


def chunks(items: CalibrationItems) -> list[tuple[int, int]]:
    """First item, and the one behind the last, of each chunk; they do not depend on who measures them.

    Raises:
        DataError: there are no items.
    """
    if items.count < 1:
        raise DataError("there are no calibration items: expected at least one to measure activations on")
    return [(start, min(start + CHUNK, items.count)) for start in range(0, items.count, CHUNK)]


def total_counts(parts: Sequence[TensorCounts]) -> TensorCounts:
    """The counts of items in a row out of those of its parts, in their order."""
    total = TensorCounts(0)
    total.minima = np.concatenate([total.minima, *(part.minima for part in parts)])
    total.maxima = np.concatenate([total.maxima, *(part.maxima for part in parts)])
    for part in parts:
        total.histogram.merge(part.histogram)
        total.zeros += part.zeros
        total.not_finite += part.not_finite
    return total
