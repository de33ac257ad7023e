"""CIFAR-10: a small network with SiLU gates and squeeze-and-excite; `cifar10_gated` trains it.

``edgeq convert converters/cifar10_silu.py`` reads the well-known names (converters/README.md says what each
means).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cifar10_gated
import cifar10_resnet

if TYPE_CHECKING:
    import keras

preprocess = cifar10_gated.preprocess
labels = cifar10_gated.labels
calibration = cifar10_gated.calibration
data = cifar10_resnet.data


def model() -> keras.Model:
    """The trained network: float32[N, 32, 32, 3] to probabilities float32[N, 10]."""
    return cifar10_gated.model("silu")
