"""Networks of four architectures, and a way to damage one layer that no float can see.

One output channel of a layer is made 100 times as large, and what reads it takes a hundredth: between rectifiers that
changes nothing in float (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
ICCV 2019, section 4.1, backwards). In integers the other channels of the layer share a range that is 100 times as wide.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

FACTOR = 100.0

DAMAGES = {
    "plain": [("conv_1", "conv_2"), ("conv_2", "conv_3"), ("hidden", "scores")],
    "residual": [("expand_1", "depthwise_1"), ("depthwise_1", "project_1"), ("depthwise_2", "project_2")],
    "dense": [("hidden_1", "hidden_2"), ("hidden_2", "hidden_3"), ("hidden_3", "scores")],
    "sequence": [("conv_1", "conv_2"), ("conv_2", "conv_3"), ("hidden", "scores")],
}
"""By architecture: a layer to damage, and the one that reads it."""


def items(name: str, count: int = 96) -> Any:
    """Smooth random images, curves or features: float32[count, *shape]."""
    random = np.random.default_rng(0)
    shape = {"plain": (12, 12, 3), "residual": (12, 12, 3), "dense": (24,), "sequence": (32, 4)}[name]
    values = random.normal(size=(count, *shape))
    for axis in range(1, len(shape)):
        values = (values + np.roll(values, 1, axis) + np.roll(values, 2, axis)) / np.sqrt(3)
    return values.astype(np.float32)


def build(name: str) -> Any:
    """A network with random weights, and biases that keep most rectifiers alive."""
    keras.utils.set_random_seed(1)
    model = {"plain": _plain, "residual": _residual, "dense": _dense, "sequence": _sequence}[name]()
    random = np.random.default_rng(2)
    for layer in model.layers:
        if len(layer.get_weights()) == 2:
            weights, bias = layer.get_weights()
            layer.set_weights([weights, random.normal(0.1, 0.1, bias.shape).astype(np.float32)])
    return model


def damage(model: Any, name: str, reader: str) -> None:
    """Makes the strongest-but-median channel of a layer larger, and its reader's weights smaller."""
    layer, following = model.get_layer(name), model.get_layer(reader)
    channel = _typical_channel(model, layer)
    weights, bias = layer.get_weights()
    # A depthwise layer has its channels on the last axis but one.
    if isinstance(layer, layers.DepthwiseConv2D):
        weights[..., channel, :] *= FACTOR
    else:
        weights[..., channel] *= FACTOR
    bias[channel] *= FACTOR
    layer.set_weights([weights, bias])
    weights, bias = following.get_weights()
    weights[..., channel, :] /= FACTOR
    following.set_weights([weights, bias])


def _typical_channel(model: Any, layer: Any) -> int:
    """The channel whose largest value is the median of those that are not dead."""
    probe = keras.Model(model.inputs, layer.output)
    values = np.asarray(probe(items(model.name)))
    largest = values.reshape(-1, values.shape[-1]).max(axis=0)
    alive = np.flatnonzero(largest > 0)
    return int(alive[np.argsort(largest[alive])[len(alive) // 2]])


def _plain() -> Any:
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(12, 3, activation="relu", name="conv_1")(image)
    x = layers.Conv2D(16, 3, strides=2, activation="relu", name="conv_2")(x)
    x = layers.Conv2D(24, 3, activation="relu", name="conv_3")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    return keras.Model(image, layers.Dense(5, name="scores")(x), name="plain")


def _residual() -> Any:
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu", name="stem")(image)
    for block in (1, 2):
        y = layers.Conv2D(24, 1, activation="relu", name=f"expand_{block}")(x)
        y = layers.DepthwiseConv2D(3, padding="same", activation="relu", name=f"depthwise_{block}")(y)
        y = layers.Conv2D(12, 1, name=f"project_{block}")(y)
        x = layers.Add(name=f"add_{block}")([x, y])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(5, name="scores")(x), name="residual")


def _dense() -> Any:
    features = keras.Input((24,), name="features")
    x = features
    for width, number in ((48, 1), (40, 2), (32, 3)):
        x = layers.Dense(width, activation="relu", name=f"hidden_{number}")(x)
    return keras.Model(features, layers.Dense(4, name="scores")(x), name="dense")


def _sequence() -> Any:
    curve = keras.Input((32, 4), name="curve")
    x = layers.Conv1D(16, 3, activation="relu", name="conv_1")(curve)
    x = layers.Conv1D(16, 3, strides=2, activation="relu", name="conv_2")(x)
    x = layers.Conv1D(24, 3, activation="relu", name="conv_3")(x)
    x = layers.GlobalMaxPooling1D(name="pool")(x)
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    return keras.Model(curve, layers.Dense(3, name="scores")(x), name="sequence")
