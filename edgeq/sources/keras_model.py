"""Keras models: .keras, legacy .h5, or in memory."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.errors import ModelError
from edgeq.files import sha256_file
from edgeq.sources.graph import (
    Array,
    Dimensions,
    GraphInput,
    SourceGraph,
    as_outputs,
    first_line,
    freeze,
    import_tensorflow,
)

_SCALING_LAYERS = ("Rescaling", "Normalization")


def from_file(
    path: Path,
    dimensions: Dimensions,
    *,
    allow_lambda: bool = False,
    custom_objects: Mapping[str, Any] | None = None,
) -> SourceGraph:
    """Reads a .keras or legacy .h5 file.

    Args:
        path: the file.
        dimensions: what fixes free dimensions.
        allow_lambda: loads Lambda layers, which run code that the file carries.
        custom_objects: own layers by name, from a converter script.

    Raises:
        ModelError: the file is missing, damaged, no model, or needs `allow_lambda` or custom objects.
    """
    import_tensorflow()
    if not path.is_file():
        raise ModelError(f"{path} does not exist: expected a .keras or .h5 file")
    model = _load(path, allow_lambda, dict(custom_objects or {}))
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
        ModelError: the model was never built, so that its inputs are unknown, or cannot be traced.
    """
    interface = _interface(model)
    inputs = tuple(
        GraphInput(spec.name, dimensions.fix(spec.name, spec.shape), spec.dtype, batched=True)
        for spec in interface.inputs
    )

    def call(tensors: list[Any]) -> list[Any]:
        return interface.flatten(model(interface.pack(tensors), training=False))

    def predict(arrays: Mapping[str, Array]) -> dict[str, Array]:
        import tensorflow as tf

        tensors = [tf.convert_to_tensor(arrays[spec.name], spec.dtype) for spec in inputs]
        return as_outputs(interface.outputs, call(tensors))

    return SourceGraph(
        name=name or model.name,
        kind="keras",
        digest=digest or _weights_digest(model),
        inputs=inputs,
        outputs=interface.outputs,
        frozen=freeze(call, inputs, interface.outputs),
        predict=predict,
        scales_input=any(type(layer).__name__ in _SCALING_LAYERS for layer in _all_layers(model)),
    )


@dataclass(frozen=True)
class _InputSpec:
    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class _Interface:
    """Names of a model's inputs and outputs, and how a flat list becomes what the model is called with."""

    inputs: tuple[_InputSpec, ...]
    outputs: tuple[str, ...]
    input_structure: Any

    def pack(self, tensors: list[Any]) -> Any:
        import keras

        return keras.tree.pack_sequence_as(self.input_structure, tensors)

    def flatten(self, results: Any) -> list[Any]:
        import keras

        return list(keras.tree.flatten(results))


def _interface(model: Any) -> _Interface:
    import keras

    try:
        tensors = list(model.inputs or ())
    except AttributeError:
        tensors = []
    if not tensors:
        return _subclassed_interface(model)
    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        structure = tensors[0]
    names = _structured_names(structure) or [
        _own_name(tensor.name, "input", position, len(tensors)) for position, tensor in enumerate(tensors)
    ]
    ordered = keras.tree.flatten(structure)
    outputs = _structured_names(getattr(model, "_outputs_struct", None)) or _output_names(model)
    return _Interface(
        inputs=tuple(
            _InputSpec(name, tuple(tensor.shape), tensor.dtype)
            for name, tensor in zip(_unique(names), ordered, strict=True)
        ),
        outputs=tuple(_unique(outputs)),
        input_structure=structure,
    )


def _subclassed_interface(model: Any) -> _Interface:
    """A subclassed model that was called once remembers the shapes of its arguments."""
    import keras

    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        raise ModelError(
            f"the inputs of {model.name!r} are unknown: call the subclassed model once on data, "
            "or wrap it in a functional model in a converter script (edgeq init NAME.py)"
        )
    first = next(iter(shapes.values()))
    nested = not all(dimension is None or isinstance(dimension, int) for dimension in first)
    named = dict(first) if isinstance(first, dict) else None
    if named is None:
        named = {f"input_{i}": shape for i, shape in enumerate(first)} if nested else {"input": first}
    # The first axis of a model that was called is its batch, whatever size that call had.
    tensors = {
        name: keras.KerasTensor((None, *shape[1:]), dtype=model.input_dtype, name=name)
        for name, shape in named.items()
    }
    structure: Any = tensors if isinstance(first, dict) else list(tensors.values())
    if not nested:
        (structure,) = tensors.values()
    results = model.compute_output_spec(structure)
    outputs = _structured_names(results) or _numbered("output", len(keras.tree.flatten(results)))
    return _Interface(
        inputs=tuple(_InputSpec(name, tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()),
        outputs=tuple(outputs),
        input_structure=structure,
    )


def _structured_names(structure: Any) -> list[str]:
    """The keys of a dictionary of inputs or outputs in Keras' order; empty for any other structure."""
    if not isinstance(structure, dict):
        return []
    import keras

    keys = {id(tensor): str(key) for key, tensor in structure.items()}
    flat = keras.tree.flatten(structure)
    return [keys[id(tensor)] for tensor in flat] if all(id(tensor) in keys for tensor in flat) else []


def _output_names(model: Any) -> list[str]:
    names = getattr(model, "output_names", None)
    if names:
        return list(names)
    return [model.layers[-1].name] if len(model.outputs) == 1 else _numbered("output", len(model.outputs))


def _own_name(name: str, fallback: str, position: int, count: int) -> str:
    """The tensor's name; a counter that Keras made up differs from run to run and is replaced."""
    return _numbered(fallback, count)[position] if name.startswith("keras_tensor") else name


def _numbered(stem: str, count: int) -> list[str]:
    return [stem] if count == 1 else [f"{stem}_{position}" for position in range(count)]


def _unique(names: list[str]) -> list[str]:
    """Names made different by a number: two outputs may come from one layer."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name] - 1}")
    return result


def _all_layers(model: Any) -> list[Any]:
    flatten = getattr(model, "_flatten_layers", None)
    return list(flatten()) if flatten is not None else list(getattr(model, "layers", ()))


def _weights_digest(model: Any) -> str:
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()


def _load(path: Path, allow_lambda: bool, custom_objects: dict[str, Any]) -> Any:
    import keras

    _require_container(path)
    objects = {**_legacy_objects(path), **custom_objects}
    try:
        # Safe mode: the file's own code (Lambda) is not run unless asked for.
        return keras.models.load_model(
            path, custom_objects=objects, compile=False, safe_mode=not allow_lambda
        )
    except Exception as error:
        raise ModelError(f"{path} cannot be loaded: {_explain(error)}") from error


def _require_container(path: Path) -> None:
    head = path.read_bytes()[:8] if path.stat().st_size < 8 else _head(path)
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise ModelError(
            f"{path} is not a Keras model: expected a zip archive as model.save() writes it, "
            f"found {_describe_head(head, path)}"
        )
    if path.suffix in (".h5", ".hdf5") and head != b"\x89HDF\r\n\x1a\n":
        raise ModelError(
            f"{path} is not a Keras model: expected an HDF5 file, found {_describe_head(head, path)}"
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _describe_head(head: bytes, path: Path) -> str:
    if not head:
        return "an empty file"
    if head.startswith(b"PK"):
        return f"a damaged zip archive of {path.stat().st_size} bytes (was the download complete?)"
    return f"one that begins with {head!r}"


def _explain(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "ambda" in text and ("safe" in text or "unsafe" in text or "deserializ" in text):
        return "it has a Lambda layer, which runs code from the file: add --allow-lambda if you trust it"
    if "Could not locate" in text or "Unknown layer" in text or "custom object" in text:
        return f"{first_line(error)}; give own layers through a converter script (edgeq init NAME.py)"
    return first_line(error)


def _legacy_objects(path: Path) -> dict[str, Any]:
    """Layers as older Keras wrote them into .h5 files.

    Keras 2 stored ``groups=1`` for depthwise convolutions, an argument that Keras 3 refuses.
    """
    if path.suffix == ".keras":
        return {}
    import keras

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
        def __init__(self, *args: Any, groups: int = 1, **kwargs: Any) -> None:
            if groups != 1:
                raise ValueError(f"DepthwiseConv2D with groups={groups} does not exist")
            super().__init__(*args, **kwargs)

    return {"DepthwiseConv2D": DepthwiseConv2D}
