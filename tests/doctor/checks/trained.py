"""Small networks that are trained in seconds, each on values of another range, as float32 .tflite files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

RANGES = {
    "raw": lambda pixels: pixels.astype(np.float32),
    "0..1": lambda pixels: pixels.astype(np.float32) / 255,
    "-1..1": lambda pixels: pixels.astype(np.float32) / 127.5 - 1,
}

CLASSES = 4


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8[n, 16, 16, 3] stripes in four directions on noise, and int64[n]."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    rows, columns = np.mgrid[:16, :16]
    along = np.stack([rows, columns, rows + columns, rows - columns])[labels]
    phase = random.uniform(0, 6.28, (count, 1, 1))
    waves = 0.5 + 0.3 * np.sin(along * 1.2 + phase)
    colour = random.uniform(0.5, 1, (count, 1, 1, 3))
    noisy = waves[..., None] * colour + random.normal(0, 0.12, (count, 16, 16, 3))
    return (255 * np.clip(noisy, 0, 1)).astype(np.uint8), labels.astype(np.int64)


def network(kind: str) -> Any:
    """``image`` [16, 16, 3] to four ``scores``.

    Args:
        kind: ``batch_norm``, ``plain``, or one that rescales pixels itself: ``rescaling`` or ``normalization``.
    """
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    source = x = keras.Input((16, 16, 3), name="image")
    if kind == "rescaling":
        x = layers.Rescaling(1 / 255)(x)
    if kind == "normalization":
        x = layers.Normalization(mean=[95.0] * 3, variance=[3600.0] * 3)(x)
    for filters in (12, 24):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=kind != "batch_norm")(x)
        if kind == "batch_norm":
            x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(source, layers.Dense(CLASSES, activation="softmax", name="scores")(x), name=kind)


def trained_on_pictures(kind: str, values: str, path: Path) -> Path:
    """Trains a network on values of a range, and converts it."""
    pixels, labels = pictures(1600, seed=1)
    model = network(kind)
    _fit(model, RANGES[values](pixels), labels)
    return _converted(model, path)


def pair(unlike: bool, count: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """``speed`` and ``height``, float32[n, 8] each, and int64[n]; of one range or of two."""
    random = np.random.default_rng(seed)
    speed, height = random.normal(0, 1, (2, count, 8)).astype(np.float32)
    labels = (speed.mean(1) > 0) + 2 * (height.max(1) > 1.4)
    return {"speed": speed, "height": height * 20 + 200 if unlike else height}, labels.astype(np.int64)


def trained_on_pair(unlike: bool, path: Path) -> Path:
    """Trains a network of two inputs of one shape; one normalizes its input where they are unlike."""
    import keras

    keras.utils.set_random_seed(0)
    arrays, labels = pair(unlike, 1600, seed=1)
    layers = keras.layers
    inputs = {name: keras.Input((8,), name=name) for name in ("speed", "height")}
    height = (
        layers.Normalization(mean=200.0, variance=400.0)(inputs["height"]) if unlike else inputs["height"]
    )
    sides = [layers.Dense(32, activation="relu")(side) for side in (inputs["speed"], height)]
    hidden = layers.Dense(32, activation="relu")(layers.Concatenate()(sides))
    model = keras.Model(
        list(inputs.values()), layers.Dense(4, activation="softmax", name="scores")(hidden), name="pair"
    )
    _fit(model, [arrays[name] for name in inputs], labels)
    return _converted(model, path)


def _fit(model: Any, inputs: Any, labels: np.ndarray) -> None:
    import keras

    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(inputs, labels, batch_size=64, epochs=6, verbose=0)


def _converted(model: Any, path: Path) -> Path:
    import tensorflow as tf

    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path
