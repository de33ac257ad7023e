"""Real ``.tflite`` files: tiny Keras models with random weights, converted once a test session."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

DATA = Path(__file__).parent / "data"


@pytest.fixture
def signed() -> bytes:
    """int8, two inputs ``left`` and ``right`` of the same shape, outputs ``hidden`` and ``total``."""
    return (DATA / "two_inputs.int8.tflite").read_bytes()


@pytest.fixture
def unsigned() -> bytes:
    """The same network frozen first, which loses the signature: tensor names are all it has."""
    return (DATA / "frozen.int8.tflite").read_bytes()


@pytest.fixture(scope="session")
def convert() -> Callable[[str, str], bytes]:
    """Converts a Keras model by its name and the variant's; each pair once."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    pytest.importorskip("tensorflow")
    return functools.cache(_converted)


@functools.cache
def _keras_model(name: str) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    if name == "convolutions":
        return keras.Sequential(
            [
                keras.Input((16, 16, 3), name="image"),
                layers.Conv2D(16, 3, strides=2, activation="relu"),
                layers.DepthwiseConv2D(3, depth_multiplier=8, activation="relu"),
                layers.Conv2D(16, 1),
                layers.GlobalAveragePooling2D(),
                layers.Dense(10, activation="softmax", name="scores"),
            ]
        )
    if name == "dense":
        return keras.Sequential(
            [
                keras.Input((32,), name="features"),
                layers.Dense(64, activation="relu"),
                layers.Dense(4, name="scores"),
            ]
        )
    if name == "two_inputs":
        left, right = keras.Input((32,), name="left"), keras.Input((32,), name="right")
        difference = layers.Dense(64, activation="relu")(left) - layers.Dense(64)(right)
        total = layers.Dense(3, name="total")(difference)
        return keras.Model([left, right], {"total": total, "hidden": layers.Activation("tanh")(difference)})
    if name == "recurrent":
        # With a fixed batch the layer becomes a WHILE with two subgraphs.
        return keras.Sequential(
            [
                keras.Input((6, 16), batch_size=1, name="sequence"),
                layers.LSTM(24),
                layers.Dense(64),
                layers.Dense(3, name="scores"),
            ]
        )
    if name == "unrolled":
        return keras.Sequential(
            [
                keras.Input((3, 16), name="sequence"),
                layers.LSTM(24, unroll=True),
                layers.Dense(3, name="scores"),
            ]
        )
    if name == "embedding":
        return keras.Sequential(
            [
                keras.Input((8,), name="tokens"),
                layers.Embedding(200, 32),
                layers.GlobalAveragePooling1D(),
                layers.Dense(3, name="scores"),
            ]
        )
    if name == "normalized":
        # The converter has no int8 kernel for the NEG in a layer normalization.
        return keras.Sequential(
            [
                keras.Input((32,), name="features"),
                layers.Dense(64),
                layers.LayerNormalization(),
                layers.Dense(3, name="scores"),
            ]
        )
    if name == "no_weights":
        return keras.Sequential([keras.Input((8,), name="features"), layers.ReLU()])
    if name == "only_reshape":
        return keras.Sequential([keras.Input((8,), name="features"), layers.Reshape((2, 4))])
    raise KeyError(name)


def _converted(name: str, variant: str) -> bytes:
    import tensorflow as tf

    if name == "frozen":
        model = _keras_model("two_inputs")
        converter = tf.lite.TFLiteConverter.from_concrete_functions([_frozen(model)])
    else:
        model = _keras_model(name)
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
    calibrated = 0 if variant.endswith("-uncalibrated") else 4
    _set_options(converter, variant.removesuffix("-uncalibrated"), _samples(model, calibrated))
    return bytes(converter.convert())


def _frozen(model: Any) -> Any:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [tf.TensorSpec((1, *tensor.shape[1:]), name=tensor.name) for tensor in model.inputs]
    traced = tf.function(lambda *inputs: model(list(inputs))).get_concrete_function(*specs)
    return convert_variables_to_constants_v2(traced)


def _samples(model: Any, count: int) -> Callable[[], Iterator[list[Any]]]:
    def samples() -> Iterator[list[Any]]:
        random = np.random.default_rng(0)
        for _ in range(count):
            yield [random.normal(size=(1, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]

    return samples


def _set_options(converter: Any, variant: str, samples: Callable[[], Iterator[list[Any]]]) -> None:
    import tensorflow as tf

    scheme, _, io = variant.partition("-io-")
    if scheme != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if scheme in ("int8", "int16x8"):
        ops = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            ops.TFLITE_BUILTINS_INT8
            if scheme == "int8"
            else ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.representative_dataset = samples
        converter.inference_input_type = getattr(tf, io or scheme.removesuffix("x8"))
        converter.inference_output_type = converter.inference_input_type
