"""Rules on weights: outlier channels, and values that float16 cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.doctor.case import Case
from edgeq.doctor.checks.model_graph import Graph, activations_of, graph_of
from edgeq.doctor.rule import WARNING, Finding
from edgeq.errors import EdgeqError

_OUTPUT_RATIO = 32.0
"""Largest output channel over the median one. In six trained networks (see M207's page) the worst layer of each is 3 to
18; above 32 a per-tensor scale leaves 127 / 32 = 4 steps to the median channel."""

_INPUT_RATIO = 20.0
"""Likewise of input channels, which share a scale also in per-channel formats: 4.5 at most in those networks; above 20
the weights of the others have 127 / 20 = 6 steps."""

_FEWEST_CHANNELS = 8
"""A median of fewer says little: outputs of a box regression differ by nature."""

_DEAD = 1e-6
"""Channels so far below the largest are switched off, as weight decay leaves them: EfficientNet-Lite0 has 1 to 6 of
them in most layers. No format needs to resolve them."""

FLOAT16_MAX = 65504.0
"""The largest float16 (IEEE 754-2019, binary16)."""

_FLOAT16_ERROR = 0.01
"""Share of a layer's weights (as root mean square) that float16 loses, 40 dB: rounding alone costs 0.00021 in the
median of the 177 constants of six trained networks, and 0.00027 at most (see M208's page)."""

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Outlier:
    """A layer of which one channel is far larger than the others.

    Attributes:
        layer: its name.
        axis: ``output`` or ``input``.
        channel: which.
        ratio: of its largest weight to that of the median channel.
    """

    layer: str
    axis: str
    channel: int
    ratio: float

    def to_json(self) -> dict[str, Any]:
        """As a finding's details."""
        return {
            "layer": self.layer,
            "axis": self.axis,
            "channel": self.channel,
            "ratio": round(self.ratio, 1),
        }


def outlier_channels(case: Case) -> Iterator[Finding]:
    """M207: layers of which one output or input channel has far larger weights than the others."""
    if case.float32_file is None or case.float32_model is None:
        return
    graph = graph_of(case.float32_file, case.float32_model)
    for axis, harm in (
        ("output", "a per-tensor scale, which the layer's activations have in every integer format"),
        ("input", "the one scale that each filter has, also in per-channel formats"),
    ):
        found = sorted((one for one in _outliers(graph) if one.axis == axis), key=lambda one: -one.ratio)
        if not found:
            continue
        worst = found[0]
        more = "" if len(found) == 1 else f", and so have {len(found) - 1} other layers"
        yield Finding(
            worst.layer,
            f"{axis} channel {worst.channel} has weights {worst.ratio:,.0f} times as large as the median channel"
            f"{more}: {harm}, leaves the others {127 / worst.ratio:.1f} of 127 steps; clip or regularise the "
            "weights and fine-tune, or keep the layer in float; edgeq layers shows what it costs",
            details={"layers": [one.to_json() for one in found]},
        )


def _outliers(graph: Graph) -> Iterator[Outlier]:
    for operator in graph.main.operators:
        weights = graph.weights(operator)
        if weights is None or not np.isfinite(weights).all():
            continue
        layer = graph.name(operator)
        yield from _outlier(layer, "output", weights, _OUTPUT_RATIO)
        if operator.name != "DEPTHWISE_CONV_2D" and weights.ndim > 1:
            yield from _outlier(layer, "input", np.moveaxis(weights, -1, 0), _INPUT_RATIO)


def _outlier(layer: str, axis: str, weights: Weights, most: float) -> Iterator[Outlier]:
    largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1).astype(np.float64)
    alive = largest[largest > _DEAD * largest.max()]
    if len(alive) < _FEWEST_CHANNELS:
        return
    ratio = float(alive.max() / np.median(alive))
    if ratio > most:
        yield Outlier(layer, axis, int(largest.argmax()), ratio)


def float16_overflow(case: Case) -> Iterator[Finding]:
    """M208: weights that float16 cannot hold, and, with data, activations that it cannot."""
    if case.float32_file is None or case.float32_model is None:
        return
    graph = graph_of(case.float32_file, case.float32_model)
    yield from _unfit_constants(graph)
    yield from _unfit_activations(case, graph)


def _unfit_constants(graph: Graph) -> Iterator[Finding]:
    for operator in graph.main.operators:
        for index in dict.fromkeys(index for index in operator.inputs if index >= 0):
            values = graph.constant(graph.tensor(index))
            if values is None or not values.size or not np.isfinite(values).all():
                continue
            largest = float(np.abs(values).max())
            layer = graph.name(operator)
            if largest > FLOAT16_MAX:
                yield Finding(
                    layer,
                    f"has weights up to {largest:.3g}, and float16 ends at 65504: they become infinite in a float16 "
                    "file; rescale the layer, or leave float16 out (--scheme int8, for example)",
                    details={"largest": largest},
                )
                continue
            lost = _lost(values)
            if lost > _FLOAT16_ERROR and values.size >= _FEWEST_CHANNELS:
                zero = float(np.mean((values != 0) & (values.astype(np.float16) == 0)))
                yield Finding(
                    layer,
                    f"has weights of at most {largest:.3g}, and float16 resolves 6e-8: {zero:.0%} of them become 0 in "
                    f"a float16 file, which changes the layer by {lost:.0%}; rescale the layer, or leave float16 out",
                    details={"largest": largest, "zero": zero, "changed": lost},
                )


def _lost(values: Weights) -> float:
    """Root mean square of what float16 changes, as a share of that of the values; 0 for zeros."""
    # In units of the largest, or squares of small numbers would underflow.
    exact = values.astype(np.float64)
    scale = np.abs(exact).max()
    if scale == 0:
        return 0.0
    change = (exact - values.astype(np.float16).astype(np.float64)) / scale
    return float(np.sqrt(np.mean(change**2) / np.mean((exact / scale) ** 2)))


def _unfit_activations(case: Case, graph: Graph) -> Iterator[Finding]:
    try:
        activations = activations_of(case)
    except EdgeqError:
        # M205 needs them, too, and tells why they cannot be measured; what weights say is not lost by that.
        return
    beyond = {
        index: max(abs(one.minimum), abs(one.maximum))
        for index, one in activations.items()
        if one.dtype == "float32" and max(abs(one.minimum), abs(one.maximum)) > FLOAT16_MAX
    }
    made = [
        (graph.name(graph.makers[index]), value) for index, value in beyond.items() if index in graph.makers
    ]
    if not made:
        return
    layer, largest = max(made, key=lambda one: one[1])
    count = f" and {len(made) - 1} more give" if len(made) > 1 else " gives"
    yield Finding(
        layer,
        f"{layer}{count} activations up to {largest:.3g} on the data, and float16 ends at 65504: a GPU or an NPU that "
        "computes in float16 gets infinity (a CPU computes a float16 file in float32); scale the input or normalise "
        "before this layer",
        details={"layers": dict(made)},
        severity=WARNING,
    )
