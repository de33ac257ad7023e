"""F307 and F314: scales that no runtime can compute with, and scales of a layer that are far apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.checks.file_reading import read, short
from edgeq.doctor.rule import Finding
from edgeq.inspection.structure import Inspection
from edgeq.tflite.model import Quantization, Subgraph, Tensor

LARGEST_SPREAD = 30.0
"""Of the largest scale of a layer's channels over their median.

Measured on the int8 files of 19 trained networks: at most 7 in those of this repository's demo and converters, 9 in
MobileNets and ResNets for small devices, 17 in EfficientNet-Lite0 with ImageNet weights, 26 in two of three temporal
convolution networks for keyword spotting, and 132 in the third. Multiplying a channel's weights by 100 takes it beyond
30 wherever they had a third of the median scale.
"""

_DEAD = 1e-4
"""Channels whose scale is below this share of the largest compute next to nothing and do not count for the median.

Good networks have many: 130 of EfficientNet-Lite0's, 875 of a MobileNet V1's, with scales down to 1e-11 of the largest.
"""

_FEWEST_CHANNELS = 4
"""The median of fewer says nothing."""

_SHOWN = 3
"""Tensors that a message names; `Finding.details` has them all."""

_RANGES = {
    "int2": (-2, 1),
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
}
_SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class ChannelSpread:
    """How far the scales of a layer's weights are apart.

    Attributes:
        largest_over_median: of the channels that are not dead.
        channel: the one with the largest scale.
        channels: of the layer.
        dead: channels with next to no weights.
    """

    largest_over_median: float
    channel: int
    channels: int
    dead: int


def channel_spread(scales: tuple[float, ...]) -> ChannelSpread | None:
    """Measures the spread of per-channel scales; None where there are too few or one is no scale."""
    values = np.asarray(scales, dtype=np.float64)
    if values.size < _FEWEST_CHANNELS or not np.isfinite(values).all() or values.min() <= 0:
        return None
    largest = float(values.max())
    living = values[values >= _DEAD * largest]
    if living.size < _FEWEST_CHANNELS:
        return None
    return ChannelSpread(
        largest_over_median=largest / float(np.median(living)),
        channel=int(values.argmax()),
        channels=values.size,
        dead=values.size - living.size,
    )


def channel_scale_spread(case: Case) -> Iterator[Finding]:
    """F307: one channel of a layer has far larger weights than the others.

    The layer's results share one scale, which the loud channel takes up: the others are left with a few steps.
    """
    for file, inspection in read(case):
        spreads = _spreads(file, inspection)
        wide = sorted(
            (item for item in spreads if item[1].largest_over_median > LARGEST_SPREAD),
            key=lambda item: -item[1].largest_over_median,
        )
        if not wide:
            continue
        name, worst = wide[0]
        more = f" (and {len(wide) - 1} layers more)" if len(wide) > 1 else ""
        yield Finding(
            file.path.name,
            f"expected weights of one layer within {LARGEST_SPREAD:.0f} times their median scale, found channel "
            f"{worst.channel} of layer {name} at {worst.largest_over_median:.0f} times{more}: see what it costs with "
            "edgeq layers, and keep the layer in float or 16 bit",
            file.path,
            {
                "limit": LARGEST_SPREAD,
                "layers": [
                    {
                        "layer": layer,
                        "largest_over_median": round(spread.largest_over_median, 2),
                        "channel": spread.channel,
                        "channels": spread.channels,
                        "dead_channels": spread.dead,
                    }
                    for layer, spread in wide
                ],
            },
        )


def _spreads(file: FileCase, inspection: Inspection) -> list[tuple[str, ChannelSpread]]:
    """Of each layer with per-channel weights."""
    found = []
    for layer in inspection.layers:
        names = {
            constant.tensor
            for constant in layer.constants
            if constant.role == "weights" and constant.scales > 1
        }
        graph = file.model.subgraphs[layer.subgraph]
        for place in graph.operators[layer.index].inputs:
            tensor = graph.tensors[place] if place >= 0 else None
            if tensor is None or tensor.name not in names or tensor.quantization is None:
                continue
            spread = channel_spread(tensor.quantization.scales)
            if spread is not None:
                found.append((layer.name, spread))
    return found


def bad_quantization(case: Case) -> Iterator[Finding]:
    """F314: a scale that is zero, negative, NaN or infinite, a zero point out of range, scales that fit no axis."""
    for file, _ in read(case):
        bad = [
            {"tensor": tensor.name, "subgraph": number, "index": tensor.index, "problem": problem}
            for number, graph in enumerate(file.model.subgraphs)
            for tensor, problem in _problems(graph)
        ]
        if not bad:
            continue
        named = [(str(item["tensor"]), item["problem"]) for item in bad]
        listed = "; ".join(f"tensor {short(tensor)!r} has {problem}" for tensor, problem in named[:_SHOWN])
        more = f" (and {len(bad) - _SHOWN} tensors more)" if len(bad) > _SHOWN else ""
        yield Finding(
            file.path.name,
            f"expected scales above 0 and zero points of the tensor's own type, found that {listed}{more}: the file is "
            "damaged or its calibration had no finite values; convert the model again",
            file.path,
            {"tensors": bad},
        )


def _problems(graph: Subgraph) -> Iterator[tuple[Tensor, str]]:
    for tensor in graph.tensors:
        if tensor.quantization is not None and tensor.dtype in _RANGES:
            problem = _problem(tensor, tensor.quantization)
            if problem is not None:
                yield tensor, problem


def _problem(tensor: Tensor, quantization: Quantization) -> str | None:
    scales = quantization.scales
    for scale in scales:
        if not math.isfinite(scale) or scale < 0:
            return f"a scale of {scale}"
        # Of indices and shapes, a scale of 0 is how some writers say that there is none.
        if scale == 0 and tensor.dtype != "int32":
            return "a scale of 0"
        if 0 < scale < _SMALLEST and not tensor.is_constant:
            return f"a scale of {scale}, less than float32 holds in full"
    low, high = _RANGES[tensor.dtype]
    for zero_point in quantization.zero_points:
        if not low <= zero_point <= high:
            return f"a zero point of {zero_point}, outside {tensor.dtype}"
    if len(scales) == 1:
        return None
    if not 0 <= quantization.dimension < len(tensor.shape):
        return f"scales along axis {quantization.dimension} of {len(tensor.shape)}"
    if tensor.shape[quantization.dimension] != len(scales):
        size = tensor.shape[quantization.dimension]
        return f"{len(scales)} scales along axis {quantization.dimension}, which has {size} entries"
    return None
