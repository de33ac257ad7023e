"""Keras models that convert in a moment; the dense layers have the 1,024 weights that `dynamic` begins at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers


def dense(**options: Any) -> Any:
    """``features`` [8] to ``scores`` [3]."""
    keras.utils.set_random_seed(0)
    features = keras.Input((8,), name="features", **options)
    hidden = layers.Dense(160, activation="relu")(features)
    return keras.Model(features, layers.Dense(3, name="scores")(hidden), name="dense")


def difference(swapped: bool = False) -> Any:
    """``a`` and ``b``, both [8], to ``difference`` [3]: one layer of a minus twice that layer of b."""
    keras.utils.set_random_seed(0)
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    shared = keras.Sequential([layers.Dense(160), layers.Dense(3)])
    twice = layers.Rescaling(2.0)(shared(b))
    result = layers.Subtract(name="difference")([shared(a), twice])
    return keras.Model([b, a] if swapped else [a, b], result, name="subtract")


def difference_data(count: int = 150) -> dict[str, Any]:
    """Items of `difference` whose inputs have very different ranges, in an order that is nobody's."""
    generator = np.random.default_rng(0)
    return {
        "b": generator.uniform(-10, 10, (count, 8)).astype(np.float32),
        "a": generator.uniform(-1, 1, (count, 8)).astype(np.float32),
    }


def recurrent(layer: Any, steps: int | None = 6) -> Any:
    """``sequence`` [steps, 4] through a recurrent layer to ``scores`` [3]."""
    keras.utils.set_random_seed(0)
    sequence = keras.Input((steps, 4), name="sequence")
    hidden = layers.Dense(64, activation="tanh")(layer(sequence))
    return keras.Model(sequence, layers.Dense(3, name="scores")(hidden), name="recurrent")


def image(**options: Any) -> Any:
    """``image`` of any size, or the one given, to ``scores`` [2]."""
    keras.utils.set_random_seed(0)
    shape = options.pop("shape", (None, None, 3))
    pixels = keras.Input(shape, name="image", **options)
    hidden = layers.GlobalAveragePooling2D()(layers.DepthwiseConv2D(3, name="depthwise")(pixels))
    return keras.Model(pixels, layers.Dense(2, name="scores")(hidden), name="image")


def outputs(model: Any, inputs: dict[str, Any]) -> Any:
    """What the model itself computes, for one output."""
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(inputs[tensor.name]) for tensor in model.inputs]
    return np.asarray(model(tensors if len(tensors) > 1 else tensors[0], training=False))


def legacy_depthwise(path: Path) -> None:
    """Writes an .h5 as Keras 2 did: ``groups=1`` in a depthwise layer, and a slash in its name."""
    import json

    import h5py

    image(shape=(8, 8, 3)).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "DepthwiseConv2D":
                layer["config"]["groups"] = 1
        file.attrs["model_config"] = json.dumps(config).replace('"depthwise"', '"block1/depthwise"')
