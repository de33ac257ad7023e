"""Keras models: .keras, legacy .h5, or in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeq.errors import ModelError
from edgeq.files import sha256_file
from edgeq.sources import keras_file
from edgeq.sources.dimensions import fix_inputs
from edgeq.sources.graph import Array, Dimensions, Frozen, SourceGraph, as_outputs, freeze, import_keras
from edgeq.sources.keras_interface import interface_of
from edgeq.sources.recurrent import unroller

_SCALING_LAYERS = ("Rescaling", "Normalization")


def from_file(path: Path, dimensions: Dimensions, *, allow_lambda: bool = False) -> SourceGraph:
    """Reads a .keras or legacy .h5 file.

    Args:
        path: the file.
        dimensions: what fixes free dimensions.
        allow_lambda: loads Lambda layers, which run code that the file carries.

    Raises:
        ModelError: the file is damaged, no model, or needs `allow_lambda` or a converter script.
        UsageError: dimensions are missing or too many.
    """
    model = keras_file.load(path, allow_lambda=allow_lambda)
    return from_model(model, dimensions, name=path.stem, digest=sha256_file(path))


def from_model(
    model: Any, dimensions: Dimensions, *, name: str | None = None, digest: str | None = None
) -> SourceGraph:
    """Takes a ``keras.Model`` in memory.

    Args:
        model: a built model.
        dimensions: what fixes free dimensions.
        name: for files and reports; the model's own by default.
        digest: of the file that it came from; of its weights by default.

    Raises:
        ModelError: it is no Keras model, was never built, or cannot be traced.
        UsageError: dimensions are missing or too many.
    """
    _require_model(model)
    interface = interface_of(model)
    inputs = fix_inputs(interface.inputs, dimensions)

    def call(tensors: list[Any]) -> list[Any]:
        import tensorflow as tf

        # A model of half precision is fed float32 like any other.
        own = [
            tf.cast(tensor, declared.dtype)
            for tensor, declared in zip(tensors, interface.inputs, strict=True)
        ]
        return interface.flatten(model(interface.pack(own), training=False))

    def predict(arrays: Mapping[str, Array]) -> dict[str, Array]:
        import tensorflow as tf

        tensors = [tf.convert_to_tensor(arrays[spec.name], spec.dtype) for spec in inputs]
        return as_outputs(interface.outputs, call(tensors))

    def traced() -> Frozen:
        return freeze(call, inputs, interface.outputs)

    layers = _all_layers(model)
    return SourceGraph(
        name=name or model.name,
        kind="keras",
        digest=digest or _weights_digest(model),
        inputs=inputs,
        outputs=interface.outputs,
        frozen=traced(),
        predict=predict,
        scales_input=any(type(layer).__name__ in _SCALING_LAYERS for layer in layers),
        unroll=unroller(layers, inputs, traced),
    )


def _require_model(model: Any) -> None:
    keras = import_keras()
    if isinstance(model, keras.Model):
        return
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if any(base.__module__.startswith("tf_keras") for base in type(model).__mro__):
        raise ModelError(
            f"expected a model of Keras 3, found {kind} of Keras 2: write it with model.export('FOLDER') and "
            "convert that SavedModel"
        )
    raise ModelError(f"expected a path or a keras.Model, found {kind}")


def _all_layers(model: Any) -> list[Any]:
    flatten = getattr(model, "_flatten_layers", None)
    return list(flatten()) if flatten is not None else list(getattr(model, "layers", ()))


def _weights_digest(model: Any) -> str:
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()
