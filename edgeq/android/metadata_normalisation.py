"""A bundle's preprocessing as TensorFlow Lite model metadata say it: (pixel − mean) / std."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import UsageError
from edgeq.tflite.io import TensorInfo

_LEAST_STD, _LARGEST = 1e-30, 1e30
"""Numbers that float32 holds, as their inverses are; `edgeq.tflite.metadata` reads no smaller std."""


@dataclass(frozen=True)
class Normalisation:
    """What is done to pixels from 0 to 255.

    Attributes:
        mean: subtracted; one number for all channels, or one a channel.
        std: by which they are divided then; as many.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def least(self) -> tuple[float, ...]:
        """What black becomes."""
        return tuple(-mean / std for mean, std in zip(self.mean, self.std, strict=True))

    @property
    def largest(self) -> tuple[float, ...]:
        """What white becomes."""
        return tuple((255 - mean) / std for mean, std in zip(self.mean, self.std, strict=True))


def normalisation_of(preprocessing: Preprocessing) -> Normalisation:
    """Mean and std of a preprocessing, which has value · scale + offset.

    Raises:
        UsageError: it cannot be said so.
    """
    count = max(len(preprocessing.scale), len(preprocessing.offset))
    scales, offsets = (
        values * count if len(values) == 1 else values
        for values in (preprocessing.scale, preprocessing.offset)
    )
    if len(scales) != len(offsets) or any(not 1 / _LARGEST < scale < 1 / _LEAST_STD for scale in scales):
        raise UsageError(
            f"the preprocessing {preprocessing.name} multiplies pixels by {_listed(scales)}; metadata can only say "
            "(pixel - mean) / std with a std above 0"
        )
    # Adding 0 makes the 0 of an offset 0 positive.
    means = tuple(0.0 - offset / scale for scale, offset in zip(scales, offsets, strict=True))
    if not all(math.isfinite(mean) and abs(mean) < _LARGEST for mean in means):
        raise UsageError(
            f"the preprocessing {preprocessing.name} adds {_listed(offsets)} to pixels, which is no mean that "
            "metadata can say"
        )
    stds = tuple(1 / scale for scale in scales)
    if len(set(zip(means, stds, strict=True))) == 1:
        return Normalisation(means[:1], stds[:1])
    return Normalisation(means, stds)


def furthest_pixel(preprocessing: Preprocessing, tensor: TensorInfo, channels: int) -> tuple[int, int]:
    """The pixel value that a uint8 input stores least like itself, and as what.

    Args:
        preprocessing: of the input.
        tensor: the input, uint8.
        channels: of it.

    Returns:
        A pixel value, and what calibration made of it; equal ones where the input stores pixels as they are.

    Raises:
        DataError: the preprocessing is for another number of channels.
    """
    scale, zero_point = tensor.scale or 1.0, tensor.zero_point or 0
    real = np.atleast_2d(preprocessing.table(channels)).astype(np.float64)
    stored = np.clip(np.rint(real / scale) + zero_point, 0, 255)
    distance = np.abs(stored - np.arange(256))
    channel, pixel = np.unravel_index(int(distance.argmax()), distance.shape)
    return int(pixel), int(stored[channel, pixel])


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
