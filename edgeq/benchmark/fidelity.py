"""How close outputs are to the baseline's: sums an item that add up to noise ratios and cosines of all items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import SQNR_LIMIT_DB
from edgeq.benchmark.measurement import Fidelity
from edgeq.benchmark.tasks.base import Array

SIGNAL, NOISE, DOT, OWN = range(4)
"""Columns of the sums: Σ reference², Σ (reference − value)², Σ reference · value, Σ value²."""


def fidelity_sums(reference: Mapping[str, Array], values: Mapping[str, Array]) -> npt.NDArray[np.float64]:
    """The sums of a few items.

    Args:
        reference: the baseline's outputs, float32[n, …] by name.
        values: the variant's.

    Returns:
        float64[n, outputs, 4] in the order of the names. Places where the reference is not finite are left out;
        where only the variant is not, the noise is infinite.
    """
    return np.stack([_sums(reference[name], values[name]) for name in sorted(reference)], axis=1)


def _sums(reference: Array, values: Array) -> npt.NDArray[np.float64]:
    theirs = reference.reshape(len(reference), -1).astype(np.float64)
    ours = values.reshape(len(values), -1).astype(np.float64)
    finite = np.isfinite(theirs)
    if not finite.all():
        theirs, ours = np.where(finite, theirs, 0.0), np.where(finite, ours, 0.0)
    broken = ~np.isfinite(ours).all(axis=1)
    if broken.any():
        ours = np.where(np.isfinite(ours), ours, 0.0)
    result = np.empty((len(theirs), 4))
    result[:, SIGNAL] = np.einsum("ij,ij->i", theirs, theirs)
    result[:, NOISE] = np.einsum("ij,ij->i", theirs - ours, theirs - ours)
    result[:, DOT] = np.einsum("ij,ij->i", theirs, ours)
    result[:, OWN] = np.einsum("ij,ij->i", ours, ours)
    result[broken, NOISE] = np.inf
    return result


def noise_ratio_db(sums: npt.NDArray[np.float64]) -> float:
    """Signal to quantization noise ratio of all items and outputs together, see `accuracy_statistics.sqnr_db`.

    Args:
        sums: float64[…, 4].

    Returns:
        Decibels between ±`SQNR_LIMIT_DB`.
    """
    signal, noise = float(sums[..., SIGNAL].sum()), float(sums[..., NOISE].sum())
    if noise == 0:
        return SQNR_LIMIT_DB
    if signal == 0 or not math.isfinite(noise):
        return -SQNR_LIMIT_DB
    return max(-SQNR_LIMIT_DB, min(SQNR_LIMIT_DB, 10 * (math.log10(signal) - math.log10(noise))))


def fidelities(names: Sequence[str], sums: npt.NDArray[np.float64]) -> tuple[Fidelity, ...]:
    """Each output against the baseline's.

    Args:
        names: of the outputs.
        sums: float64[n, outputs, 4] in the order of the sorted names.
    """
    return tuple(
        Fidelity(name, noise_ratio_db(sums[:, position]), _mean_cosine(sums[:, position]))
        for position, name in enumerate(sorted(names))
    )


def _mean_cosine(sums: npt.NDArray[np.float64]) -> float | None:
    lengths = np.sqrt(sums[:, SIGNAL]) * np.sqrt(sums[:, OWN])
    known = lengths > 0
    if not known.any():
        return None
    return float(np.clip(sums[known, DOT] / lengths[known], -1.0, 1.0).mean())
