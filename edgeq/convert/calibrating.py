"""Choosing the calibration items and the items for the check, and feeding the converter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.data.dataset import SKIP, BadItem, Dataset
from edgeq.data.feeding import Feed, ModelInput, check_count
from edgeq.data.splitting import CALIBRATION_SPLITS, draw
from edgeq.runtime.interpreter import Array
from edgeq.scratch import make_array
from edgeq.sources.graph import SourceGraph

CHECKED_ITEMS = 16
"""Inputs that every file is compared on."""

_PARITY_BYTES = 1 << 20
"""Inputs that parity.npz may hold before compression: a bundle is copied to devices."""


@dataclass(frozen=True)
class Calibration:
    """Items that fix the activation ranges.

    Attributes:
        feed: where they come from.
        indices: of the items.
        digests: of the items, for the bundle.
    """

    feed: Feed
    indices: tuple[int, ...]
    digests: tuple[str, ...]


def model_inputs(graph: SourceGraph) -> tuple[ModelInput, ...]:
    """What the graph wants of a data set."""
    return tuple(ModelInput(spec.name, spec.item_shape, spec.dtype) for spec in graph.inputs)


def for_calibration(dataset: Dataset) -> Dataset:
    """The items that a data set sets apart for training or calibration; all where it does not."""
    chosen = [index for index, split in enumerate(dataset.splits) if split in CALIBRATION_SPLITS]
    return dataset.take(chosen) if chosen else dataset


def check_before_opening(dataset: Dataset, count: int, seed: int) -> None:
    """Refuses data that no model could be calibrated on, before seconds are spent on opening one.

    Args:
        dataset: the data.
        count: of items that will be drawn.
        seed: of the draw.

    Raises:
        DataError: too few different items.
    """
    check_count(dataset, len(draw(dataset.digests(), dataset.labels, count, seed)))


def without_unreadable(feed: Feed, count: int, seed: int) -> Feed:
    """The data without those of the items to be drawn that turn out to be bad when they are read."""
    while True:
        dataset = feed.dataset
        drawn = draw(dataset.digests(), dataset.labels, count, seed)
        bad = feed.bad_among(drawn)
        if not bad:
            return feed
        column = next(iter(dataset.columns.values()))
        items = [BadItem(column.describe(index), reason) for index, reason in bad.items()]
        good = [index for index in range(len(dataset)) if index not in bad]
        feed = feed.over(dataset.without_bad(items, good, SKIP))


def choose(feed: Feed, count: int, seed: int) -> Calibration:
    """Draws calibration items, stratified where there are labels.

    Raises:
        DataError: too few.
    """
    return enough(feed, draw(feed.dataset.digests(), feed.dataset.labels, count, seed))


def enough(feed: Feed, indices: Sequence[int]) -> Calibration:
    """The items that were drawn, if they are enough.

    Raises:
        DataError: too few.
    """
    digests = feed.dataset.digests()
    # What it warns of, the doctor's rule D106 says.
    check_count(feed.dataset, len(indices))
    return Calibration(feed, tuple(indices), tuple(digests[index] for index in indices))


def write_items(
    graph: SourceGraph, calibration: Calibration, folder: Path, on_item: Callable[[int, int], None]
) -> list[Path]:
    """Writes the representative dataset as the converter wants it, fed by name.

    Args:
        graph: whose inputs are fed.
        calibration: the items.
        folder: where to; the caller removes it.
        on_item: called with the number of items written and their total.

    Returns:
        An .npy an input in the order of the graph's inputs, [feeds, *shape with batch axis].
    """
    batch = next((spec.shape[0] for spec in graph.inputs if spec.batched), 1)
    total = len(calibration.indices)
    feeds = -(-total // batch)
    paths = [folder / f"calibration-{position}.npy" for position in range(len(graph.inputs))]
    targets = [
        make_array(path, spec.dtype, (feeds, *spec.shape))
        for path, spec in zip(paths, graph.inputs, strict=True)
    ]
    for feed, start in enumerate(range(0, total, batch)):
        chosen = _filled(calibration.indices[start : start + batch], batch)
        for target, values in zip(targets, shaped(graph, calibration.feed.items(chosen)), strict=True):
            target[feed] = values
        on_item(min(start + batch, total), total)
    for target in targets:
        target.flush()
    return paths


def shaped(graph: SourceGraph, items: dict[str, Array]) -> list[Array]:
    """One batch of items as the graph's inputs, in their order."""
    return [items[spec.name] if spec.batched else items[spec.name][0] for spec in graph.inputs]


def check_inputs(
    graph: SourceGraph, feed: Feed | None, exclude: Sequence[int], seed: int
) -> dict[str, Array]:
    """Up to 16 inputs to compare every file on: items not calibrated on where there are any, else random ones.

    Args:
        graph: whose inputs they are.
        feed: the data; None where there are none.
        exclude: calibration items.
        seed: of the draw.

    Returns:
        Real values by input name, [n, *shape] with the model's own batch axis after the items.
    """
    if feed is None:
        return {spec.name: _random(spec.shape, spec.dtype, graph.scales_input, seed) for spec in graph.inputs}
    excluded = set(exclude)
    digests = feed.dataset.digests()
    rest = [index for index in range(len(digests)) if index not in excluded] or list(range(len(digests)))
    labels = feed.dataset.labels
    drawn = draw(
        [digests[index] for index in rest], None if labels is None else labels[rest], CHECKED_ITEMS, seed
    )
    batch = next((spec.shape[0] for spec in graph.inputs if spec.batched), 1)
    rows = [shaped(graph, feed.items(_filled([rest[index]], batch))) for index in drawn]
    return {
        spec.name: np.stack([row[position] for row in rows]) for position, spec in enumerate(graph.inputs)
    }


def parity_count(inputs: Mapping[str, Array]) -> int:
    """How many of the checked inputs go into parity.npz."""
    count = len(next(iter(inputs.values())))
    item_bytes: int = sum(array[0].nbytes for array in inputs.values())
    return max(1, min(count, _PARITY_BYTES // max(1, item_bytes)))


def _filled(indices: Sequence[int], batch: int) -> list[int]:
    """Items repeated until a batch is full."""
    return [indices[position % len(indices)] for position in range(batch)]


def _random(shape: tuple[int, ...], dtype: str, scales_input: bool, seed: int) -> Array:
    generator = np.random.default_rng(seed)
    size = (CHECKED_ITEMS, *shape)
    if not dtype.startswith("float"):
        # 0 and 1 are valid token ids, counts and flags alike.
        return generator.integers(0, 2, size).astype(dtype)
    low, high = (0.0, 255.0) if scales_input else (-1.0, 1.0)
    return generator.uniform(low, high, size).astype(dtype)


def reference_outputs(graph: SourceGraph, inputs: dict[str, Array]) -> dict[str, Array]:
    """The source model's own outputs, float32[n, *shape] by name."""
    count = len(next(iter(inputs.values())))
    rows = [graph.predict({name: array[i] for name, array in inputs.items()}) for i in range(count)]
    return {name: np.stack([row[name] for row in rows]).astype(np.float32) for name in graph.outputs}
