"""A form of a file, and what it answers compared with the file itself, as values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import SQNR_LIMIT_DB
from edgeq.benchmark.resampling import bootstrap_sums, interval
from edgeq.layers.edits import OperatorEdit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """A form of the float32 file.

    Attributes:
        edits: of its operators; one at most has a probe.
        inputs: names of the inputs that are quantized.
    """

    edits: tuple[OperatorEdit, ...] = ()
    inputs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What a form of the file answers, compared with the float32 file.

    Attributes:
        noise: noise over signal of the model's outputs, the mean of all outputs that have a signal.
        changed: items whose top-1 differs; None where the model does not classify.
        own_noise: noise over signal at the probe; None without a probe.
        saturation: share of the values at the probe that are beyond the grid; None without.
        apart: noise over signal against the variant's real file; None where that was not asked for.
        problem: why it could not be run; empty where it could.
        sums: float64[n, outputs, 2], signal and noise of each item; None where it could not be run.
    """

    noise: float = math.inf
    changed: int | None = None
    own_noise: float | None = None
    saturation: float | None = None
    apart: float | None = None
    problem: str = ""
    sums: Floats | None = field(default=None, compare=False, repr=False)


def decibels(noise: float) -> float:
    """Signal to noise ratio of a noise to signal ratio, between ±`SQNR_LIMIT_DB`."""
    if noise <= 0:
        return SQNR_LIMIT_DB
    if not math.isfinite(noise):
        return -SQNR_LIMIT_DB
    return max(-SQNR_LIMIT_DB, min(SQNR_LIMIT_DB, -10 * math.log10(noise)))


def relative_noise(sums: Floats) -> float:
    """Mean of noise over signal of the outputs; those without any signal say nothing.

    Args:
        sums: float64[n, outputs, 2], signal and noise of each item.

    Returns:
        NaN where no output has a signal.
    """
    return float(_relative_noises(sums.sum(axis=0)[None])[0])


def sqnr_interval(sums: Floats) -> tuple[float, float] | None:
    """The 95 % interval of the signal to noise ratio over the items, by the bootstrap.

    Args:
        sums: float64[n, outputs, 2], signal and noise of each item.

    Returns:
        Decibels; None for a lone item, and where there is no noise or it is infinite.
    """
    n = len(sums)
    noise = sums[..., 1].sum()
    if n < 2 or not 0 < noise < math.inf:
        return None

    def ratios(drawn: Floats) -> Floats:
        # A draw of items without noise is as far as the scale goes.
        noises = _relative_noises(drawn.reshape(len(drawn), -1, 2))
        return np.array([[decibels(value)] for value in noises])

    (replicated,) = bootstrap_sums([sums.reshape(n, -1)], ratios)
    estimate = interval(replicated[:, 0], n)
    return max(-SQNR_LIMIT_DB, estimate.low), min(SQNR_LIMIT_DB, estimate.high)


def as_sums(answer: Sequence[Sequence[Sequence[float | None]]]) -> Floats:
    """Sums as a worker answers them: infinite noise is None in JSON."""
    sums = np.array(answer, np.float64)
    sums[..., 1][np.isnan(sums[..., 1])] = math.inf
    return sums


def _relative_noises(sums: Floats) -> Floats:
    """Of float64[replicates, outputs, 2]: float64[replicates]."""
    signal, noise = sums[..., 0], sums[..., 1]
    known = signal > 0
    ratios = np.divide(noise, signal, out=np.zeros_like(noise), where=known)
    count = known.sum(axis=1)
    means: Floats = np.divide(ratios.sum(axis=1), count, out=np.full(len(sums), math.nan), where=count > 0)
    return means


def noise_ratio(signal: float, noise: float | None) -> float:
    """Noise over signal; infinite noise is None in JSON."""
    if noise is None:
        return math.inf
    if signal == 0:
        return 0.0 if noise == 0 else math.inf
    return noise / signal
