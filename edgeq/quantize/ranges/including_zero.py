"""What makes a range of two numbers usable as the range of a quantized tensor."""

from __future__ import annotations

from edgeq.quantize.recipe import Range

_LEAST_WIDTH = 2.0**-100
"""Its step is still a normal float32, and so is its product with the smallest useful scale of weights."""

_WIDTH_OF_ZERO = 1.0


def including_zero(low: float, high: float) -> Range:
    """The narrowest usable range around two numbers.

    It holds zero, because padding and ReLU need an integer that stands for it exactly (Jacob et al., "Quantization and
    Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 2.1). A tensor
    that was always zero has 0 to 1: any range holds zero, and of a step near zero the next layer's biases, which are
    stored in steps of it and of the weights, would leave int32.

    Args:
        low: the smallest number to hold.
        high: the largest.
    """
    # Added zeros turn -0.0, which a recipe would show, into 0.0.
    low, high = min(float(low), 0.0) + 0.0, max(float(high), 0.0) + 0.0
    return (low, high) if high - low >= _LEAST_WIDTH else (0.0, _WIDTH_OF_ZERO)
