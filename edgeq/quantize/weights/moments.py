"""First and second moments of what a layer reads and of what it should compute: all that its weights are chosen by.

For rows x of the quantized layer's input and wanted outputs y = wᵀx̂ + b of the float layer, the mean squared error of
any other weights v and bias c is a quadratic form in them whose coefficients are these moments. So the data are gone
through once, and every method is arithmetic on matrices as large as a row is long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over rows; those of two sets of rows add up.

    Attributes:
        count: of the rows.
        x: sum of the quantized layer's inputs, [groups, row length].
        y: sum of the wanted outputs, [groups, outputs].
        xx: sum of their products, [groups, row length, row length].
        xy: likewise, [groups, row length, outputs].
        yy: sum of squares, [groups, outputs].
    """

    count: int
    x: Doubles
    y: Doubles
    xx: Doubles
    xy: Doubles
    yy: Doubles

    def __add__(self, other: Moments) -> Moments:
        """Of the rows of both."""
        return Moments(
            self.count + other.count,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.xy + other.xy,
            self.yy + other.yy,
        )

    @property
    def mean_x(self) -> Doubles:
        """Mean input, [groups, row length]."""
        return self.x / self.count

    @property
    def mean_y(self) -> Doubles:
        """Mean wanted output, [groups, outputs]."""
        return self.y / self.count

    def centred(self) -> Quadratic:
        """The error that is left when the bias is the best for the weights."""
        x, y = self.mean_x, self.mean_y
        return Quadratic(
            self.xx / self.count - x[:, :, None] * x[:, None, :],
            self.xy / self.count - x[:, :, None] * y[:, None, :],
            self.yy / self.count - y * y,
        )

    def about_bias(self, bias: Doubles) -> Quadratic:
        """The error with a bias that stays as it is.

        Args:
            bias: [groups, outputs].
        """
        y = self.mean_y
        return Quadratic(
            self.xx / self.count,
            self.xy / self.count - self.mean_x[:, :, None] * bias[:, None, :],
            self.yy / self.count - 2 * bias * y + bias * bias,
        )


@dataclass(frozen=True, eq=False)
class Quadratic:
    """Mean squared error of a layer's outputs as a function of its weights.

    Attributes:
        second: float64[groups, row length, row length], symmetric, no negative eigenvalue.
        cross: float64[groups, row length, outputs].
        power: float64[groups, outputs], the error of weights 0.
    """

    second: Doubles
    cross: Doubles
    power: Doubles

    def error(self, weights: Doubles) -> Doubles:
        """Mean squared error of each output.

        Args:
            weights: [groups, row length, outputs].

        Returns:
            float64[groups, outputs].
        """
        pulled = np.matmul(self.second, weights) - 2 * self.cross
        error: Doubles = self.power + np.sum(weights * pulled, axis=1)
        return np.maximum(error, 0.0)


def distance(weights: Doubles, target: Doubles, second: Doubles) -> Doubles:
    """Squared distance of weights from others in the outputs they make: (v − w)ᵀH(v − w).

    Args:
        weights: [groups, row length, outputs].
        target: likewise.
        second: H, [groups, row length, row length].

    Returns:
        float64[groups, outputs].
    """
    apart = weights - target
    found: Doubles = np.sum(apart * np.matmul(second, apart), axis=1)
    return found


def moments_of(read: Doubles, wanted: Doubles) -> Moments:
    """Sums over rows.

    Args:
        read: inputs of the quantized layer, [groups, rows, row length].
        wanted: outputs of the float layer before its activation, [groups, rows, outputs].
    """
    transposed = read.transpose(0, 2, 1)
    return Moments(
        read.shape[1],
        read.sum(axis=1),
        wanted.sum(axis=1),
        np.matmul(transposed, read),
        np.matmul(transposed, wanted),
        np.sum(wanted * wanted, axis=1),
    )


def total(parts: Iterable[Moments]) -> Moments | None:
    """Of the rows of all parts; None where there is no row."""
    found: Moments | None = None
    for part in parts:
        if part.count:
            found = part if found is None else found + part
    return found
