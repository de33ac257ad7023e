"""SavedModel folders, through one of their signatures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeq.errors import ModelError, UsageError
from edgeq.files import sha256_file
from edgeq.sources.dimensions import OpenInput, batches, fix_inputs
from edgeq.sources.graph import (
    Array,
    Dimensions,
    SourceGraph,
    as_outputs,
    first_line,
    freeze,
    import_tensorflow,
)

SERVING = "serving_default"
"""The signature that exporters write for inference."""

_GRAPH_FILES = ("saved_model.pb", "saved_model.pbtxt")


def is_saved_model(folder: Path) -> bool:
    """Whether a folder has what TensorFlow loads."""
    return any((folder / name).is_file() for name in _GRAPH_FILES)


def from_folder(folder: Path, dimensions: Dimensions, *, signature: str | None = None) -> SourceGraph:
    """Opens a SavedModel.

    Args:
        folder: with saved_model.pb in it.
        dimensions: what fixes free dimensions.
        signature: which one; ``serving_default``, or the only one, by default.

    Raises:
        ModelError: the folder is damaged, has no signature, or several and no serving one.
        UsageError: there is no signature of that name, or dimensions are missing or too many.
    """
    tf = import_tensorflow()
    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, tf.errors.OpError) as error:
        raise ModelError(
            f"{folder} cannot be loaded as a SavedModel: {first_line(error)}; is the folder complete?"
        ) from error
    function = _signature(folder, loaded.signatures, signature)
    specs = function.structured_input_signature[1]
    names = sorted(specs)
    outputs = tuple(sorted(function.structured_outputs))
    shapes = {name: _shape(specs[name]) for name in names}
    batched = batches(shapes, dimensions)
    inputs = fix_inputs(
        [OpenInput(name, shapes[name], specs[name].dtype.name, batched[name]) for name in names], dimensions
    )

    def call(tensors: list[Any]) -> list[Any]:
        own = {
            spec.name: tf.cast(tensor, specs[spec.name].dtype)
            for spec, tensor in zip(inputs, tensors, strict=True)
        }
        results = function(**own)
        return [results[name] for name in outputs]

    def predict(arrays: Mapping[str, Array]) -> dict[str, Array]:
        # What was loaded owns the variables: it must live as long as its functions are called.
        _ = loaded
        return as_outputs(
            outputs, call([tf.convert_to_tensor(arrays[spec.name], spec.dtype) for spec in inputs])
        )

    return SourceGraph(
        name=folder.resolve().name,
        kind="savedmodel",
        digest=folder_digest(folder),
        inputs=inputs,
        outputs=outputs,
        frozen=freeze(call, inputs, outputs),
        predict=predict,
    )


def folder_digest(folder: Path) -> str:
    """SHA-256 of the names and contents of all files in a folder, whatever their order on disk."""
    digest = hashlib.sha256()
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _signature(folder: Path, signatures: Mapping[str, Any], asked: str | None) -> Any:
    # TensorFlow's own entry for initialisation is no signature of the model.
    names = [name for name in signatures if not name.startswith("__saved_model_")]
    shown = ", ".join(names)
    if not names:
        raise ModelError(
            f"{folder} has no signature, so that its inputs have no names: export it with "
            "model.export('FOLDER') or tf.saved_model.save(…, signatures=…)"
        )
    if asked is not None and asked not in names:
        raise UsageError(f"{folder} has no signature {asked!r}: expected one of {shown}")
    if asked is None and SERVING not in names and len(names) > 1:
        raise ModelError(f"{folder} has no signature {SERVING!r}: add --signature with one of {shown}")
    chosen = asked or (SERVING if SERVING in names else names[0])
    if not signatures[chosen].structured_input_signature[1]:
        raise ModelError(
            f"the signature {chosen!r} of {folder} has no inputs: choose another with --signature"
        )
    return signatures[chosen]


def _shape(spec: Any) -> tuple[int | None, ...]:
    if spec.shape.rank is None:
        raise ModelError(
            f"input {spec.name!r} has no shape, not even a number of dimensions: export the model with an "
            "input signature (tf.TensorSpec)"
        )
    return tuple(spec.shape.as_list())
