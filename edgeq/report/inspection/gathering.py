"""Gathers what is to be shown of a file: its inspection, and histograms where they are asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeq.benchmark.targets import find_targets
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed
from edgeq.data.preprocessing import Preprocessing
from edgeq.inspection.activations import ActivationStatistics, activation_statistics
from edgeq.inspection.constant_digests import constant_digests
from edgeq.inspection.difference import Difference, compare_files
from edgeq.inspection.histograms import WeightHistogram, weight_histograms
from edgeq.inspection.inspecting import inspect_file
from edgeq.inspection.structure import Inspection
from edgeq.inspection.value_statistics import ValueStatistics
from edgeq.report.inspection.document import ACTIVATION, WEIGHTS, FileView, Histogram
from edgeq.tflite.model import read_model

ITEMS = 64
"""Items that activations are measured on: their ranges have settled by then."""

Progress = Callable[[int, int], None]


def view_file(
    path: Path, title: str, *, run: bool = True, runtime: str | None = None, verbose: bool = False
) -> FileView:
    """Inspects a file; `verbose` lets the runtime's own output through.

    Raises:
        ModelError: it is missing, damaged, or no TensorFlow Lite model.
    """
    return FileView(title, inspect_file(path, run=run, runtime=runtime, verbose=verbose))


def with_weights(view: FileView, path: Path) -> FileView:
    """The same with histograms of the weights.

    Raises:
        ModelError: the file cannot be read any more.
    """
    found = weight_histograms(path, read_model(path))
    users = _users(view.inspection)
    return FileView(
        view.title,
        view.inspection,
        (*view.histograms, *(_of_weights(one, users) for one in found.histograms)),
        view.items,
        (*view.notes, *found.unreadable),
    )


def with_activations(
    view: FileView,
    path: Path,
    feed: Feed,
    *,
    runtime: str | None = None,
    verbose: bool = False,
    progress: Progress | None = None,
) -> FileView:
    """The same with histograms of the inputs and of every operator's result.

    Args:
        view: of the file.
        path: of the file.
        feed: of `chosen_items`.
        runtime: which runtime; None for the best installed.
        verbose: whether the runtime's own output is let through.
        progress: called with the number of items measured and their total.

    Raises:
        DataError: items cannot be read.
        ModelError: the runtime refuses the file, fails or crashes.
    """
    indices = range(len(feed.dataset))
    measured = activation_statistics(path, feed, indices, runtime=runtime, verbose=verbose, progress=progress)
    names = _producers(view.inspection)
    inputs = {info.index: f"input {info.name}" for info in view.inspection.inputs}
    found = tuple(
        _of_activation(one, inputs.get(index) or names.get(one.tensor, one.tensor))
        for index, one in measured.items()
    )
    return FileView(view.title, view.inspection, (*view.histograms, *found), len(indices), view.notes)


def feed_for(path: Path, dataset: Dataset, preprocessing: Preprocessing | None = None) -> Feed:
    """Items for a file or for a bundle.

    Args:
        path: of the file or the bundle's folder.
        dataset: `ITEMS` of it are used, evenly spread over all.
        preprocessing: instead of the bundle's or of what the file's metadata say.

    Raises:
        EdgeqError: the file or the data cannot be read, or do not go together.
    """
    targets = find_targets([path])
    chosen = preprocessing if preprocessing is not None else targets.preprocessing_of(dataset)
    return Feed(chosen_items(dataset), targets.inputs, chosen)


def chosen_items(dataset: Dataset) -> Dataset:
    """At most `ITEMS` items, evenly spread: data sets are sorted by class more often than not."""
    if len(dataset) <= ITEMS:
        return dataset
    return dataset.take([int(index) for index in np.linspace(0, len(dataset) - 1, ITEMS).round()])


def compare(old: FileView, old_path: Path, new: FileView, new_path: Path) -> Difference:
    """Compares two files with the contents of their constants.

    Raises:
        ModelError: one of them cannot be read any more.
    """
    if old.inspection.sha256 == new.inspection.sha256:
        return compare_files(old.inspection, new.inspection)
    return compare_files(
        old.inspection,
        new.inspection,
        old_contents=constant_digests(old_path),
        new_contents=constant_digests(new_path),
    )


def _users(inspection: Inspection) -> dict[tuple[int, str], str]:
    """Name of the first layer that uses a constant, by subgraph and name of the tensor."""
    names: dict[tuple[int, str], str] = {}
    for layer in inspection.layers:
        for constant in layer.constants:
            names.setdefault((layer.subgraph, constant.tensor), layer.name)
    return names


def _producers(inspection: Inspection) -> dict[str, str]:
    """Name of the layer that computes a tensor of the first subgraph."""
    return {layer.output: layer.name for layer in inspection.layers if layer.subgraph == 0}


def _of_weights(one: WeightHistogram, users: dict[tuple[int, str], str]) -> Histogram:
    return dataclasses.replace(
        _histogram(WEIGHTS, users.get((one.subgraph, one.tensor), one.tensor), one),
        zeros=one.zeros,
        channel_spread=one.ranges_ratio if one.channels > 1 else None,
    )


def _of_activation(one: ActivationStatistics, layer: str) -> Histogram:
    shown = _histogram(ACTIVATION, layer, one)
    if not one.dtype.startswith(("int", "uint")):
        return shown
    return dataclasses.replace(shown, clipped_low=one.clipped_low, clipped_high=one.clipped_high)


def _histogram(kind: str, layer: str, one: ValueStatistics) -> Histogram:
    return Histogram(
        kind=kind,
        layer=layer,
        tensor=one.tensor,
        dtype=one.dtype,
        count=one.count,
        not_finite=one.not_finite,
        minimum=one.minimum,
        maximum=one.maximum,
        mean=one.mean,
        deviation=one.deviation,
        counts=tuple(map(int, one.counts)),
        edges=tuple(map(float, one.edges)),
    )
