"""Corrects the weights of a quantized file, layer by layer, each on what the corrected layers before it put out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import DataError
from edgeq.quantize.editable import EditableModel, WeightedLayer
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.recipe import WeightMethod
from edgeq.quantize.weights.layout import Layout, layout_of
from edgeq.quantize.weights.matching import matched_layers
from edgeq.quantize.weights.moments import Moments, moments_of, total
from edgeq.quantize.weights.solving import FloatWeights, solve
from edgeq.quantize.weights.stepwise import Batch, StepwiseRun, most_items_at_once
from edgeq.quantize.weights.storing import StoredLayer, store_weights

Array = npt.NDArray[Any]

_ROWS_PER_WEIGHT, _FEWEST_ROWS, _MOST_ROWS = 10, 4096, 16384
"""Rows that a layer's moments are taken of: ten for each weight of an output, within limits that keep small layers'
moments exact to 2 % and large layers' affordable."""

_LEARNED_PART = 0.75
"""Of the items; the others are held back to choose how much is compensated."""


def correct_weights(
    float32: bytes, quantized: bytes, method: WeightMethod, items: CalibrationItems, seed: int = 0
) -> bytes:
    """Gives a quantized file better integers for the weights, steps and biases of the float file that it was made from.

    Layers that compute in float there stay as they are, and so does everything that is no weight or bias.

    Args:
        float32: the float file.
        quantized: made from it, with integer activations of 8 or 16 bits and weights of 8 or 4.
        method: how weights become integers.
        items: that the layers' errors are measured on.
        seed: of the positions that are looked at.

    Returns:
        The file; the same bytes for a plain method.

    Raises:
        DataError: there are no items.
        ModelError: a file cannot be read or run, or the two do not fit each other.
    """
    if method.is_plain:
        return quantized
    inputs = items.inputs()
    if items.count < 1 or not inputs:
        raise DataError("weights cannot be corrected without calibration items: expected at least one")
    pairs = matched_layers(float32, quantized)
    model = EditableModel(quantized)
    runs = _Runs(EditableModel(float32), model, inputs, most_items_at_once(float32, quantized))
    for number, (layer, stored) in enumerate(pairs):
        reading = runs.reading(layer, stored)
        layout = layout_of(layer, reading.shape)
        sample = _Sample(items.count, layout.positions(reading.shape), layout.row_length, (seed, number))
        learned, judged = _gathered(reading, layout, layer, sample)
        _correct(model, layer, stored, layout, learned, judged, method)
    return model.content()


@dataclass(frozen=True, eq=False)
class _Reading:
    """What a layer reads in both files.

    Attributes:
        floats: of the float file.
        stored: integers of the quantized file, for the same items.
        scale: of these integers.
        zero_point: likewise.
    """

    floats: list[Batch]
    stored: list[Batch]
    scale: float
    zero_point: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a batch, items in front."""
        return self.floats[0].values.shape


class _Runs:
    """Both files, stopped before one layer after the other."""

    def __init__(
        self, float32: EditableModel, quantized: EditableModel, inputs: Mapping[str, Array], batch: int
    ) -> None:
        self._float32, self._quantized = float32, quantized
        self._float_run = StepwiseRun(float32, inputs, batch)
        self._quantized_run = StepwiseRun(quantized, inputs, batch)

    def reading(self, layer: WeightedLayer, stored: StoredLayer) -> _Reading:
        """What a layer reads."""
        mine = int(self._float32.graph.operators[layer.index].inputs[0])
        its = int(self._quantized.graph.operators[stored.index].inputs[0])
        quantization = self._quantized.graph.tensors[its].quantization
        return _Reading(
            self._float_run.before(layer.index, mine),
            self._quantized_run.before(stored.index, its),
            stored.input_scale,
            0 if quantization.zeroPoint is None else int(quantization.zeroPoint[0]),
        )


class _Sample:
    """Which rows of which items are looked at: as many positions of each item, drawn without order."""

    def __init__(self, items: int, positions: int, row_length: int, seed: tuple[int, int]) -> None:
        rows = min(max(_ROWS_PER_WEIGHT * row_length, _FEWEST_ROWS), _MOST_ROWS)
        each = min(positions, math.ceil(rows / items))
        generator = np.random.default_rng(seed)
        self._places = np.stack([generator.permutation(positions)[:each] for _ in range(items)])
        self.learned_items = math.ceil(_LEARNED_PART * items)

    def rows(self, start: int, stop: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Numbers of items, from 0 at `start`, and positions in them, a row each."""
        places = self._places[start:stop]
        return np.repeat(np.arange(len(places)), places.shape[1]), places.reshape(-1)


def _gathered(
    reading: _Reading, layout: Layout, layer: WeightedLayer, sample: _Sample
) -> tuple[Moments, Moments | None]:
    """Moments of the items that are learned from and of those held back."""
    weights = layout.matrices(layer.weights)
    bias = layer.bias.astype(np.float64).reshape(layout.groups, 1, layout.outputs)
    parts: tuple[list[Moments], list[Moments]] = ([], [])
    for floats, stored in zip(reading.floats, reading.stored, strict=True):
        for held_back, start, stop in _split(floats, sample.learned_items):
            items, positions = sample.rows(floats.start + start, floats.start + stop)
            wanted = np.matmul(
                layout.rows(floats.values[start:stop], items, positions).astype(np.float64), weights
            )
            integers = layout.rows(stored.values[start:stop], items, positions, reading.zero_point)
            read = (integers.astype(np.float64) - reading.zero_point) * reading.scale
            parts[held_back].append(moments_of(read, wanted + bias))
    learned = total(parts[0])
    if learned is None:
        raise DataError(
            f"layer {layer.output!r} reads nothing: its input has the shape {list(reading.shape)}"
        )
    return learned, total(parts[1])


def _split(batch: Batch, learned_items: int) -> Iterator[tuple[bool, int, int]]:
    """Whether they are held back, and which items of a batch."""
    border = min(max(learned_items - batch.start, 0), batch.count)
    if border > 0:
        yield False, 0, border
    if border < batch.count:
        yield True, border, batch.count


def _correct(
    model: EditableModel,
    layer: WeightedLayer,
    stored: StoredLayer,
    layout: Layout,
    learned: Moments,
    judged: Moments | None,
    method: WeightMethod,
) -> None:
    each = (layout.groups, layout.outputs)
    solution = solve(
        FloatWeights(
            weights=layout.matrices(layer.weights),
            bias=layer.bias.astype(np.float64).reshape(each),
            limit=stored.limit,
            shared_scale=stored.shared_scale,
            file_scales=stored.scales.astype(np.float64).reshape(each),
            input_scale=stored.input_scale,
            bias_dtype=stored.bias_dtype,
        ),
        learned,
        judged,
        method,
    )
    store_weights(
        model,
        stored.output,
        layout.stored(solution.integers),
        solution.scales.reshape(-1),
        solution.bias.reshape(-1),
    )
