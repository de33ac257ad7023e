"""From what a user names to one graph."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from edgeq.data.script import Script, is_script, read_script
from edgeq.errors import ModelError, UsageError
from edgeq.schemes import BASELINE
from edgeq.sources import keras_file, keras_model, saved_model, tflite_file
from edgeq.sources.graph import Dimensions, SourceGraph
from edgeq.sources.script import from_script

KINDS = ".keras, legacy .h5, a SavedModel folder, a float .tflite, or a converter script (.py)"

_OTHER_KINDS = {
    ".onnx": "an ONNX model: onnx2tf makes a SavedModel of it, which edgeq takes",
    ".pt": "a PyTorch file: litert-torch makes a float .tflite of the model, which edgeq takes",
    ".pth": "a PyTorch file: litert-torch makes a float .tflite of the model, which edgeq takes",
    ".pb": "one file of a TensorFlow model: name the SavedModel folder that holds saved_model.pb and variables/",
    ".json": "a model's architecture without weights: save the whole model with model.save('NAME.keras')",
    ".ckpt": "a checkpoint, which holds weights only: save the whole model with model.save('NAME.keras')",
    ".index": "a checkpoint, which holds weights only: save the whole model with model.save('NAME.keras')",
    ".litertlm": "a LiteRT-LM bundle: edgeq takes float .tflite files",
    ".task": "a MediaPipe bundle: edgeq takes the float .tflite in it",
}


def open_source(
    source: Any, dimensions: Dimensions, *, allow_lambda: bool = False, signature: str | None = None
) -> SourceGraph:
    """Opens any source.

    Args:
        source: a path, a ``keras.Model``, or a `edgeq.data.script.Script` that was read already.
        dimensions: what fixes free dimensions.
        allow_lambda: loads Lambda layers of Keras files, which run code that the file carries.
        signature: of a SavedModel; its serving signature by default.

    Raises:
        ModelError: there is no such file, or it is no model that edgeq reads.
        UsageError: options that do not fit the source.
    """

    def opened(found: Any) -> SourceGraph:
        return open_source(found, dimensions, allow_lambda=allow_lambda, signature=signature)

    if isinstance(source, Script):
        return from_script(source, opened)
    if isinstance(source, str | Path) and is_script(Path(source)):
        return from_script(read_script(Path(source)), opened)
    if not isinstance(source, str | Path):
        _refuse_signature(signature, "a Keras model")
        return keras_model.from_model(source, dimensions)
    graph = _open_path(Path(source), dimensions, allow_lambda=allow_lambda, signature=signature)
    return dataclasses.replace(graph, name=name_of(source) or graph.name)


def _open_path(
    path: Path, dimensions: Dimensions, *, allow_lambda: bool, signature: str | None
) -> SourceGraph:
    if not path.exists():
        raise ModelError(f"{path} does not exist: expected {KINDS}")
    if saved_model.is_saved_model(path):
        return saved_model.from_folder(path, dimensions, signature=signature)
    if path.is_file() and path.suffix == ".tflite":
        return tflite_file.from_file(path, dimensions, signature=signature)
    if path.is_file() and path.suffix in keras_file.SUFFIXES:
        _refuse_signature(signature, path)
        return keras_model.from_file(path, dimensions, allow_lambda=allow_lambda)
    raise ModelError(f"{path} is {_what(path)}")


def name_of(source: Any) -> str | None:
    """The name that a model gets from its file; None for one in memory, which has its own."""
    if isinstance(source, Script):
        return source.path.stem
    if not isinstance(source, str | Path):
        return None
    path = Path(source)
    if path.is_dir():
        return path.resolve().name
    return path.stem.removesuffix(f".{BASELINE}") if path.suffix == ".tflite" else path.stem


def _refuse_signature(signature: str | None, found: object) -> None:
    if signature is not None:
        raise UsageError(f"--signature is for SavedModels, found {found}")


def _what(path: Path) -> str:
    if path.is_dir():
        if (path / "bundle.json").is_file():
            return f"a bundle already: edgeq benchmark {path}"
        return "a folder without saved_model.pb, so that it is no SavedModel: expected " + KINDS
    return _OTHER_KINDS.get(path.suffix.lower(), f"no model that edgeq reads: expected {KINDS}")
