"""Biases that make each layer's mean output what it is in the float model.

Rounding moves a channel's mean, and every layer after reads the shift as a constant (Nagel et al. 2019,
arXiv:1906.04721, section 4.2). Here the mean is measured on what the quantized layer really reads, so that the errors
of all layers before are corrected, too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeq.quantize.weights.moments import Moments

Doubles = npt.NDArray[np.float64]

LARGEST = {"INT32": 2**30, "INT64": 2**46, "FLOAT32": np.inf}
"""Integers that a bias may have. A runtime adds it to a sum of 32 bits, of which half is left to the sum; of 64 bits it
multiplies no more than 48 (TensorFlow Lite, common.cc, MultiplyByQuantizedMultiplier)."""


def corrected_bias(moments: Moments, weights: Doubles) -> Doubles:
    """The bias of the least error for weights: [groups, outputs].

    Args:
        moments: of what the layer reads and of what it should compute.
        weights: as stored, [groups, row length, outputs].
    """
    mean: Doubles = moments.mean_y - np.matmul(moments.mean_x[:, None, :], weights)[:, 0]
    return mean


def least_scales(bias: Doubles, input_scale: float, dtype: str) -> Doubles:
    """Steps of weights below which the bias would not fit into its integers, in the shape of the bias.

    Args:
        bias: in real values.
        input_scale: of the layer; the step of a bias is its product with the weights' step.
        dtype: of the bias, as the schema names it.
    """
    # A float32's last digit may round the quotient up.
    least: Doubles = np.abs(bias) / (input_scale * LARGEST[dtype]) * (1 + 1e-6)
    return least
