"""Other ranges for an activation, from samples of its values, and other scales for weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeq.layers.edits import Grid, NewConstant

FIXED = frozenset({"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"})
"""Operators whose integer kernels write one grid only, whatever their values are."""

MIN_MAX, Q9999, Q999, LEAST_ERROR = (
    "minimum and maximum",
    "99.99 % quantile",
    "99.9 % quantile",
    "least squared error",
)

_FACTORS = np.geomspace(1.0, 0.02, 40)
"""Ranges that least squared error tries: the smallest clips all but a fiftieth of the widest."""

CHANNEL_AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}


def other_grids(samples: npt.NDArray[np.float32], current: Grid) -> dict[str, Grid]:
    """Grids that other methods of calibration would give an activation.

    Args:
        samples: float32[n, k], some values of each item with its extremes, NaN where there are fewer.
        current: the variant's.

    Returns:
        Grid by the method's name; without those that are the current one but for 2 % of a step.
    """
    values = samples[np.isfinite(samples)].astype(np.float64)
    if not values.size:
        return {}
    # The extremes of each item, which are in the samples on purpose, would weigh too much in a quantile.
    spread = samples[:, :-2]
    inner = spread[np.isfinite(spread)].astype(np.float64)
    found = {
        MIN_MAX: range_grid(float(values.min()), float(values.max()), current.dtype),
        Q9999: range_grid(*_quantiles(inner, 0.9999), current.dtype),
        Q999: range_grid(*_quantiles(inner, 0.999), current.dtype),
        LEAST_ERROR: _least_error(values, current.dtype),
    }
    return {
        name: grid
        for name, grid in found.items()
        if grid is not None and abs(grid.scale / current.scale - 1) > 0.02
    }


def range_grid(low: float, high: float, dtype: str) -> Grid | None:
    """The grid that spans a range and holds 0, as TensorFlow Lite makes it; None for a range without extent."""
    low, high = min(low, 0.0), max(high, 0.0)
    limits = np.iinfo(dtype)
    if dtype == "int16":
        scale, zero_point = max(-low, high) / limits.max, 0
    else:
        scale = (high - low) / (limits.max - limits.min)
        if not np.isfinite(scale) or scale < np.finfo(np.float32).tiny:
            return None
        zero_point = int(np.clip(round(limits.min - low / scale), limits.min, limits.max))
    if not np.finfo(np.float32).tiny <= scale <= np.finfo(np.float32).max:
        return None
    return Grid(dtype, float(np.float32(scale)), zero_point)


def per_channel(values: npt.NDArray[np.float32], operator: str) -> NewConstant | None:
    """Weights as they would be with one int8 scale a channel, dequantized; None for operators that take none.

    Symmetric, with the integers from -127 to 127, as in LiteRT's quantization specification.
    """
    axis = CHANNEL_AXES.get(operator)
    if axis is None or axis >= values.ndim:
        return None
    others = tuple(other for other in range(values.ndim) if other != axis)
    largest = np.abs(values).max(axis=others, keepdims=True).astype(np.float64)
    scales = np.where(largest > 0, largest / 127, 1.0)
    real = (np.clip(np.rint(values / scales), -127, 127) * scales).astype("<f4")
    return NewConstant("float32", real.tobytes())


def _quantiles(values: npt.NDArray[np.float64], share: float) -> tuple[float, float]:
    """The share of the values that lies inside, half of the rest on each side."""
    if not values.size:
        return 0.0, 0.0
    beside = (1 - share) / 2
    low, high = np.quantile(values, [beside, 1 - beside])
    return float(low), float(high)


def _least_error(values: npt.NDArray[np.float64], dtype: str) -> Grid | None:
    """The grid with the least squared error among ranges that shrink to both sides of 0 alike.

    Of values that are few and evenly spread: half a million take a second.
    """
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    some = values[:: max(1, len(values) // 65536)]
    best: tuple[float, Grid] | None = None
    for factor in _FACTORS:
        grid = range_grid(low * factor, high * factor, dtype)
        if grid is None:
            continue
        error = float(np.square(_on_grid(some, grid) - some).mean())
        if best is None or error < best[0]:
            best = error, grid
    return None if best is None else best[1]


def _on_grid(values: npt.NDArray[np.float64], grid: Grid) -> npt.NDArray[np.float64]:
    limits = np.iinfo(grid.dtype)
    steps = np.clip(np.rint(values / grid.scale), limits.min - grid.zero_point, limits.max - grid.zero_point)
    real: npt.NDArray[np.float64] = steps * grid.scale
    return real


def describe_range(grid: Grid) -> str:
    """The range of a grid as a person reads it."""
    return f"{grid.low:.4g} to {grid.high:.4g}"
