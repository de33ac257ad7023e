"""Mistakes in models, before they are converted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from patient import Mistake, Patient, keras_model
from projects import Project


def ending(change: Callable[[Any, Any], Any]) -> Callable[[Project, Path], Patient]:
    """Puts something behind the model's output."""

    def make(project: Project, folder: Path) -> Patient:
        import keras

        def extended(model: Any) -> Any:
            return keras.Model(model.inputs, change(keras, model.outputs[0]))

        return keras_model(project, folder, extended)

    return make


def normalized(keras: Any, x: Any) -> Any:
    return keras.layers.LayerNormalization(name="norm")(x)


def inverted(keras: Any, x: Any) -> Any:
    flat = keras.layers.Dense(9, name="flat")(keras.layers.Flatten()(x))
    square = keras.layers.Reshape((3, 3))(flat)
    return keras.ops.linalg.inv(keras.ops.matmul(square, keras.ops.transpose(square, (0, 2, 1))) + np.eye(3))


def batch_norm_behind_relu(keras: Any, x: Any) -> Any:
    x = keras.layers.Dense(24, activation="relu", name="more")(keras.layers.Flatten()(x))
    late = keras.layers.BatchNormalization(name="late_bn")
    x = late(x)
    random = np.random.default_rng(0)
    late.set_weights([random.uniform(low, 1.5, 24) for low in (0.5, 0.1, 0.1, 0.5)])
    return keras.layers.Dense(4, name="end")(x)


def batch_norm_behind_pooling(keras: Any, x: Any) -> Any:
    x = keras.layers.MaxPooling2D(name="pooled")(keras.layers.Conv2D(24, 3, name="more")(x))
    late = keras.layers.BatchNormalization(name="late_bn")
    x = late(x)
    random = np.random.default_rng(0)
    late.set_weights([random.uniform(low, 1.5, 24) for low in (0.5, 0.1, 0.1, 0.5)])
    return keras.layers.Conv2D(4, 1, name="end")(x)


def sine(keras: Any, x: Any) -> Any:
    return keras.ops.sin(keras.layers.Dense(8, name="phase")(x))


def inverse_error(keras: Any, x: Any) -> Any:
    return keras.ops.erfinv(keras.layers.Dense(4, activation="tanh", name="inside")(x))


def beyond_all_bounds(keras: Any, x: Any) -> Any:
    wide = keras.layers.Rescaling(1000.0, name="loud")(keras.layers.Dense(4, name="more")(x))
    return keras.ops.exp(wide)


def hundred_thousands(keras: Any, x: Any) -> Any:
    return keras.layers.Rescaling(1e6, name="loud")(x)


def with_tails(project: Project, folder: Path) -> Patient:
    """An unbounded exponential behind the last hidden layer, of logits that spread by 5 nats."""

    def spoil(model: Any) -> Any:
        import keras

        last = [layer for layer in model.layers if getattr(layer, "kernel", None) is not None][-1]
        hidden = keras.layers.Flatten()(last.input)
        items = [project.arrays()[one.name][:64].astype(np.float32) for one in model.inputs]
        spread = float(
            np.sqrt(np.mean(np.square(keras.Model(model.inputs, hidden).predict(items, verbose=0))))
        )
        deviation = 5.0 / (spread * np.sqrt(hidden.shape[-1]))
        initial = keras.initializers.RandomNormal(stddev=deviation, seed=0)
        logits = keras.layers.Dense(512, kernel_initializer=initial, name="logits")(hidden)
        weights = keras.layers.Activation("exponential", name="tails")(logits)
        return keras.Model(model.inputs, keras.layers.Dense(4, name="end")(weights))

    return keras_model(project, folder, spoil)


def pixels_beside_scores(keras: Any, x: Any) -> Any:
    x = keras.layers.Flatten()(x)
    scores = keras.layers.Dense(4, activation="sigmoid", name="score")(x)
    pixels = keras.layers.Rescaling(640.0, name="pixels")(
        keras.layers.Dense(4, activation="sigmoid", name="place")(x)
    )
    return keras.layers.Concatenate(name="joined")([pixels, scores])


def of_free_size(project: Project, folder: Path) -> Patient:
    def freed(model: Any) -> Any:
        import keras

        *size, channels = model.inputs[0].shape[1:]
        free = keras.Input((*(None for _ in size), channels), name=model.inputs[0].name)
        fresh = keras.models.clone_model(model, input_tensors=free)
        fresh.set_weights(model.get_weights())
        return fresh

    return keras_model(project, folder, freed)


def kernel_changed(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Project, Path], Patient]:
    """Changes the largest kernel of the model."""

    def make(project: Project, folder: Path) -> Patient:
        def spoil(model: Any) -> None:
            variables = [
                one
                for one in model.trainable_weights
                if one.path.endswith("kernel") and len(one.shape) in (2, 4)
            ]
            variable = max(variables, key=lambda one: int(np.prod(one.shape)))
            variable.assign(change(variable.numpy().copy()))

        return keras_model(project, folder, spoil)

    return make


def one_large_channel(kernel: np.ndarray) -> np.ndarray:
    kernel[..., 1] *= 200
    return kernel


def one_large_input_channel(kernel: np.ndarray) -> np.ndarray:
    kernel[..., 1, :] *= 200
    return kernel


def beyond_float16(kernel: np.ndarray) -> np.ndarray:
    kernel.flat[0] = 3e5
    return kernel


def below_float16(kernel: np.ndarray) -> np.ndarray:
    return kernel * 1e-7


def one_nan(kernel: np.ndarray) -> np.ndarray:
    kernel.flat[3] = np.nan
    return kernel


def root_of_negative_numbers(keras: Any, x: Any) -> Any:
    return keras.ops.sqrt(keras.layers.Dense(8, name="before_root")(x))


MODEL = (
    Mistake("layer normalization", "M201", ending(normalized), ("keywords", "fashion", "pair"), usual=1),
    Mistake("a sine", "M201", ending(sine), ("gestures", "fashion", "pair"), usual=1),
    Mistake("a matrix inverse", "M202", ending(inverted), ("pair", "fashion", "gestures"), usual=1),
    Mistake("free height and width", "M203", of_free_size, ("segmentation", "fashion"), usual=2),
    Mistake(
        "batch normalization behind ReLU",
        "M204",
        ending(batch_norm_behind_relu),
        ("keywords", "fashion", "pair"),
        usual=1,
    ),
    Mistake(
        "batch normalization behind a pooling",
        "M204",
        ending(batch_norm_behind_pooling),
        ("segmentation",),
    ),
    Mistake(
        "an unbounded exponential", "M205", with_tails, ("fashion", "keywords", "gestures", "pair"), usual=2
    ),
    Mistake(
        "pixels beside scores",
        "M206",
        ending(pixels_beside_scores),
        ("detection", "fashion", "pair"),
        usual=1,
    ),
    Mistake(
        "one large channel",
        "M207",
        kernel_changed(one_large_channel),
        ("fashion", "segmentation", "pair"),
        usual=1,
    ),
    Mistake(
        "one large input channel",
        "M207",
        kernel_changed(one_large_input_channel),
        ("detection", "keywords", "pair"),
        usual=1,
    ),
    Mistake(
        "weights beyond float16",
        "M208",
        kernel_changed(beyond_float16),
        ("gestures", "keywords", "detection"),
        usual=1,
    ),
    Mistake(
        "weights below float16",
        "M208",
        kernel_changed(below_float16),
        ("keywords", "fashion", "segmentation"),
        usual=1,
    ),
    Mistake(
        "outputs beyond float16", "M208", ending(hundred_thousands), ("pair", "fashion", "gestures"), usual=1
    ),
    Mistake("layer normalization, 16 bits", "M209", ending(normalized), ("pair", "fashion"), usual=1),
    Mistake(
        "an inverse error function", "M210", ending(inverse_error), ("gestures", "fashion", "pair"), usual=1
    ),
    Mistake(
        "outputs that overflow", "M210", ending(beyond_all_bounds), ("pair", "fashion", "keywords"), usual=1
    ),
    Mistake(
        "a NaN among the weights",
        "M211",
        kernel_changed(one_nan),
        ("gestures", "keywords", "detection"),
        usual=1,
    ),
    Mistake(
        "a root of negative numbers", "M211", ending(root_of_negative_numbers), ("pair", "fashion"), usual=1
    ),
)
