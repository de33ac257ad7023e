"""Tiny Keras models with one fault each, and good ones beside them; what the rules on models say of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.data.dataset import ArrayDataset
from edgeq.doctor.examination import Diagnosis, examine
from edgeq.doctor.model_rules import MODEL_RULES
from edgeq.doctor.opening import open_files_case
from edgeq.doctor.rule import TRIALS


def diagnosed(model: Any, path: Path, data: Any = None, codes: str = "", **options: Any) -> list[Diagnosis]:
    """What the rules on models find in a Keras model.

    Args:
        model: to examine.
        path: of the .keras file that it is saved as.
        data: items of its one input, or None.
        codes: of the rules, separated by spaces; all without.
        options: of `open_model_case`.
    """
    from edgeq.convert.model_case import open_model_case

    dataset = None if data is None else ArrayDataset({"": data}, source="items")
    rules = [rule for rule in MODEL_RULES if not codes or rule.code in codes.split()]
    if codes and not any(TRIALS in rule.needs for rule in rules) and not options:
        # The float32 file is all that these look at, and this process has TensorFlow already.
        found = examine(open_files_case(float32_file(model, path), data=dataset), rules)
    else:
        model.save(path)
        with open_model_case(path, data=dataset, **options) as case:
            found = examine(case, rules)
    assert not found.failed, found.failed
    return list(found.diagnoses)


def float32_file(model: Any, path: Path) -> Path:
    """Converts a Keras model in this process."""
    from edgeq.convert.check import sign
    from edgeq.convert.converter import Converter, Recipe
    from edgeq.schemes import BASELINE, VariantSpec, find
    from edgeq.sources.graph import Dimensions
    from edgeq.sources.keras_model import from_model

    graph = from_model(model, Dimensions(), name=path.stem)
    content = Converter(graph.frozen).make(Recipe.of(VariantSpec(find(BASELINE), "float32")))
    file = path.with_suffix(".float32.tflite")
    file.write_bytes(sign(content, graph))
    return file


def codes(found: list[Diagnosis]) -> list[str]:
    """The rules that found something."""
    return sorted({diagnosis.rule.code for diagnosis in found})


def features(count: int = 64, size: int = 16) -> Any:
    """Standard normal float32 items."""
    return np.random.default_rng(0).normal(size=(count, size)).astype(np.float32)


def images(count: int = 64, size: int = 16) -> Any:
    """Standard normal float32[n, size, size, 3] items."""
    return np.random.default_rng(0).normal(size=(count, size, size, 3)).astype(np.float32)


def convolutional(change: Callable[[Any, Any], Any] | None = None) -> Any:
    """Convolutions with batch normalization where it belongs; `change` puts in something between two of them.

    Args:
        change: takes keras.layers and the tensor [8, 8, 16] between two blocks.
    """
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    pixels = x = keras.Input((16, 16, 3), name="image")
    x = block(layers, x, 16, "first", strides=2)
    x = x if change is None else change(layers, x)
    x = block(layers, x, 16, "second")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(pixels, layers.Dense(4, activation="softmax", name="scores")(x), name="small")


def block(layers: Any, x: Any, channels: int, name: str, strides: int = 1) -> Any:
    """Convolution, batch normalization, ReLU."""
    x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def trained_statistics(model: Any) -> Any:
    """Gives batch normalizations values as training leaves them, so that nothing in them is 0, 1 or equal."""
    random = np.random.default_rng(1)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights(
                [
                    random.uniform(0.5, 1.5, layer.gamma.shape),
                    random.normal(0, 0.3, layer.beta.shape),
                    random.normal(0, 0.2, layer.moving_mean.shape),
                    random.uniform(0.5, 1.5, layer.moving_variance.shape),
                ]
            )
    return model
