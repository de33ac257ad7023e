"""Networks with what is seldom in one: two inputs, tokens, loops, shared and unlike layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

NAMES = ("two_inputs", "tokens", "looped", "normalized", "concatenated", "shared", "decoder")


def build(name: str) -> tuple[Any, dict[str, Any]]:
    """A model and 24 items by input name."""
    keras.utils.set_random_seed(0)
    model = {
        "two_inputs": _two_inputs,
        "tokens": _tokens,
        "looped": _looped,
        "normalized": _normalized,
        "concatenated": _concatenated,
        "shared": _shared,
        "decoder": _decoder,
    }[name]()
    random = np.random.default_rng(0)
    items = {}
    for tensor in model.inputs:
        shape = (24, *tensor.shape[1:])
        if tensor.dtype == "int32":
            items[tensor.name] = random.integers(0, 200, shape, dtype=np.int32)
        else:
            items[tensor.name] = random.normal(size=shape).astype(np.float32)
    return model, items


def _two_inputs() -> Any:
    left, right = keras.Input((32,), name="left"), keras.Input((16,), name="right")
    total = layers.Dense(64, activation="relu", name="of_left")(left) - layers.Dense(64, name="of_right")(
        right
    )
    outputs = {
        "total": layers.Dense(3, name="total")(total),
        "hidden": layers.Activation("tanh", name="hidden")(total),
    }
    return keras.Model([left, right], outputs, name="two_inputs")


def _tokens() -> Any:
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(200, 32, name="table")(tokens))
    return keras.Model(tokens, layers.Dense(3, name="scores")(x), name="tokens")


def _looped() -> Any:
    # With a fixed batch the layer becomes a WHILE with two subgraphs.
    sequence = keras.Input((6, 16), batch_size=1, name="sequence")
    x = layers.Dense(64, name="dense")(layers.LSTM(24, name="memory")(sequence))
    return keras.Model(sequence, layers.Dense(3, name="scores")(x), name="looped")


def _normalized() -> Any:
    features = keras.Input((32,), name="features")
    x = layers.LayerNormalization(name="norm")(layers.Dense(64, name="dense")(features))
    return keras.Model(features, layers.Dense(3, name="scores")(x), name="normalized")


def _concatenated() -> Any:
    image = keras.Input((8, 8, 3), name="image")
    small = layers.Conv2D(4, 3, padding="same", activation="relu", name="small")(image)
    large = layers.Rescaling(50.0, name="large")(layers.Conv2D(4, 1, name="wide")(image))
    x = layers.Concatenate(name="joined")([small, large])
    x = layers.MaxPooling2D(name="pooled")(x)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(x), name="concatenated")


def _shared() -> Any:
    image = keras.Input((8, 8, 4), name="image")
    twice = layers.Conv2D(4, 3, padding="same", activation="relu", name="twice")
    x = layers.GlobalAveragePooling2D()(twice(twice(image)))
    return keras.Model(image, layers.Dense(3, name="scores")(x), name="shared")


def _decoder() -> Any:
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="swish", name="down")(image)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="hard_swish", name="up")(x)
    x = layers.UpSampling2D(name="larger")(x)
    return keras.Model(image, layers.Conv2D(2, 1, activation="sigmoid", name="mask")(x), name="decoder")
